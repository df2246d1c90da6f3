"""test_stores.py - named stores and cuckoo filters, as a program with Debian's python3-redis uses them."""
import threading

from harness import Daemon, Skip, equal, main

try:
    import redis
except ImportError:
    redis = None


def _connect(server, **options):
    if redis is None:
        raise Skip("python3-redis is not installed")
    return redis.Redis(host="127.0.0.1", port=server.port, socket_timeout=30, single_connection_client=True, **options)


def _pairs(reply):
    return dict(zip(reply[::2], reply[1::2]))


def _refused(client, *command):
    try:
        client.execute_command(*command)
    except redis.ResponseError as error:
        return str(error)
    raise AssertionError(f"{command} was not refused")


def test_a_store_is_made_used_described_and_dropped():
    with Daemon() as server, _connect(server) as client:
        assert client.execute_command("STORE CREATE", "users", "MAXMEMORY", "64mb", "EVICTION", "lru", "TTL", "60000")
        client.set("k", "database")
        assert client.execute_command("SELECT", "users")
        equal(client.get("k"), None)
        client.set("k", "named")
        assert 0 < client.pttl("k") <= 60000
        equal(client.execute_command("STORES"), [b"0", b"users"])
        info = _pairs(client.execute_command("STORE INFO", "users"))
        equal((info[b"keys"], info[b"eviction"], info[b"default_ttl_ms"]), (1, b"allkeys-lru", 60000))
        keyspace = client.info("keyspace")
        equal((keyspace["db0"]["keys"], keyspace["store0"]["name"], keyspace["store0"]["keys"]), (1, "users", 1))
        assert client.execute_command("SELECT", "0")
        equal(client.get("k"), b"database")
        assert client.execute_command("STORE DROP", "users")
        equal(client.execute_command("STORE LIST"), [b"0"])
        equal(_refused(client, "SELECT", "users"), "no store 'users', see STORES")
        equal(_refused(client, "STORE DROP", "0"), "a database cannot be dropped, FLUSHDB empties it")


def test_max_stores_is_kept():
    with Daemon("--cache.max_stores", "2") as server, _connect(server) as client:
        for name in ("a", "b"):
            assert client.execute_command("STORE CREATE", name)
        equal(_refused(client, "STORE CREATE", "c"), "there are 2 stores already, see cache.max_stores")


def test_clients_of_a_dropped_store_are_told():
    with Daemon() as server, _connect(server) as client, _connect(server) as other:
        client.execute_command("STORE CREATE", "jobs")
        other.execute_command("SELECT", "jobs")
        other.set("k", "v")
        client.execute_command("STORE DROP", "jobs")
        equal(_refused(other, "GET", "k"), "store 'jobs' was dropped; SELECT another")
        other.execute_command("SELECT", "0")
        equal(other.get("k"), None)


def _work(server, rounds, errors):
    with _connect(server) as client:
        for _ in range(rounds):
            try:
                client.execute_command("SELECT", "busy")
                client.set("k", "v" * 100)
                client.get("k")
            except redis.ResponseError as error:
                if "was dropped" not in str(error) and "no store" not in str(error):
                    errors.append(error)


def test_stores_are_dropped_under_load():
    errors = []
    with Daemon() as server, _connect(server) as client:
        threads = [threading.Thread(target=_work, args=(server, 200, errors)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(100):
            client.execute_command("STORE CREATE", "busy")
            client.execute_command("STORE DROP", "busy")
        for thread in threads:
            thread.join()
        equal(errors, [])
        equal(client.execute_command("STORES"), [b"0"])


def test_cuckoo_filters_work_as_in_redisbloom():
    with Daemon() as server, _connect(server) as client:
        run = client.execute_command
        assert run("CF.RESERVE", "cf", 1000)
        equal((run("CF.ADD", "cf", "k1"), run("CF.ADD", "cf", "k1"), run("CF.ADDNX", "cf", "k1")), (1, 1, 0))
        equal((run("CF.COUNT", "cf", "k1"), run("CF.EXISTS", "cf", "k1"), run("CF.EXISTS", "cf", "none")), (2, 1, 0))
        equal((run("CF.DEL", "cf", "k1"), run("CF.DEL", "cf", "k1"), run("CF.DEL", "cf", "k1")), (1, 1, 0))
        equal(run("CF.INSERT", "f", "CAPACITY", 100, "ITEMS", "a", "b"), [1, 1])
        equal(run("CF.INSERTNX", "f", "ITEMS", "a", "c"), [0, 1])
        equal(run("CF.MEXISTS", "f", "a", "b", "c", "d"), [1, 1, 1, 0])
        info = _pairs(run("CF.INFO", "f"))
        equal((info[b"Number of filters"], info[b"Number of items inserted"]), (1, 3))
        equal((client.type("f"), client.expire("f", 100), client.delete("f", "cf")), (b"MBbloomCF", True, 2))
        equal(_refused(client, "CF.INSERT", "f", "NOCREATE", "ITEMS", "a"), "not found")


def test_python_redis_cuckoo_calls():
    with Daemon() as server, _connect(server) as client:
        filters = client.cf()
        assert filters.create("f", 10_000)
        items = [f"item{number}" for number in range(5000)]
        equal(set(filters.insert("f", items)), {1})
        assert all(filters.exists("f", item) for item in items[:200])
        wrong = sum(client.execute_command("CF.MEXISTS", "f", *(f"other{number}" for number in range(5000))))
        assert wrong < 50, wrong  # 0.2 % are expected when full, this one is half full
        equal(filters.info("f").insertedNum, 5000)


if __name__ == "__main__":
    main(globals())
