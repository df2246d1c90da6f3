"""test_python_redis.py - Debian's python3-redis (4.3) as a program uses it."""
import threading

from harness import Daemon, Skip, equal, main, wait_until

try:
    import redis
except ImportError:
    redis = None


def _connect(server, **options):
    if redis is None:
        raise Skip("python3-redis is not installed")
    return redis.Redis(host="127.0.0.1", port=server.port, socket_timeout=30, **options)


def test_set_get_delete_and_counters():
    with Daemon() as server, _connect(server) as client:
        assert client.ping()
        assert client.set("k", "v")
        equal(client.get("k"), b"v")
        equal(client.get("none"), None)
        equal((client.incr("n"), client.incrby("n", 41), client.decr("n")), (1, 42, 41))
        equal(client.mset({"a": "1", "b": "2"}), True)
        equal(client.mget("a", "none", "b"), [b"1", None, b"2"])
        equal((client.append("k", "w"), client.strlen("k"), client.exists("k", "none")), (2, 2, 1))
        equal((client.delete("k", "none"), client.dbsize()), (1, 3))
        equal((client.set("k", "v", nx=True), client.set("k", "w", nx=True), client.set("k", "x", xx=True, get=True)),
              (True, None, b"v"))
        equal((client.getdel("k"), client.get("k")), (b"x", None))
        equal(client.type("a"), b"string")


def test_binary_keys_and_values():
    every_byte = bytes(range(256))
    with Daemon() as server, _connect(server) as client:
        for key, value in [(every_byte, every_byte[::-1]), (b"", b""), (b"\r\n", b"\x00" * 1000), (b"big", every_byte * 40_000)]:
            client.set(key, value)
            equal(client.get(key), value)
        equal(client.echo(every_byte), every_byte)


def test_decoded_responses():
    with Daemon() as server, _connect(server, decode_responses=True) as client:
        client.set("schlüssel", "größe 世界")
        equal(client.get("schlüssel"), "größe 世界")
        equal(client.keys("schl*"), ["schlüssel"])
        equal(client.mget(["schlüssel", "none"]), ["größe 世界", None])


def test_pipelines_return_every_reply_and_every_error():
    with Daemon() as server, _connect(server) as client:
        with client.pipeline(transaction=False) as pipeline:
            for number in range(5000):
                pipeline.set(f"key:{number}", number).get(f"key:{number}")
            replies = pipeline.execute()
        equal(replies, [value for number in range(5000) for value in (True, b"%d" % number)])
        with client.pipeline(transaction=False) as pipeline:
            pipeline.set("text", "abc").incr("text").get("text")
            replies = pipeline.execute(raise_on_error=False)
        equal((replies[0], replies[2]), (True, b"abc"))
        equal(str(replies[1]), "value is not an integer or out of range")


def test_scan_iter_sees_every_key():
    with Daemon() as server, _connect(server) as client:
        client.mset({f"key:{number}": "v" for number in range(3000)})
        client.set("other", "v")
        equal(sorted(client.scan_iter("key:*", count=100)), sorted(b"key:%d" % number for number in range(3000)))
        equal(len(list(client.scan_iter())), 3001)
        equal(len(list(client.scan_iter(_type="string"))), 3001)


def test_expiry():
    with Daemon() as server, _connect(server) as client:
        client.set("goes", "v", px=20)
        client.setex("stays", 100, "v")
        assert 0 < client.ttl("stays") <= 100 and 0 < client.pttl("stays") <= 100_000
        wait_until(lambda: client.get("goes") is None, "the key has expired")
        equal((client.ttl("goes"), client.persist("stays"), client.ttl("stays")), (-2, True, -1))
        equal((client.expire("stays", 50), client.getex("stays", persist=True), client.ttl("stays")), (True, b"v", -1))


def test_errors_are_the_exceptions_that_programs_catch():
    with Daemon() as server, _connect(server) as client:
        client.set("text", "abc")
        for call, message in [
            (lambda: client.incr("text"), "value is not an integer or out of range"),
            (lambda: client.execute_command("NOSUCH"), "unknown command 'NOSUCH', with args beginning with: "),
            (lambda: client.execute_command("GET"), "wrong number of arguments for 'get' command"),
        ]:
            try:
                call()
            except redis.ResponseError as error:
                equal(str(error), message)
            else:
                raise AssertionError(f"no exception, want {message}")


def test_databases_names_and_server_calls():
    with Daemon() as server, _connect(server, db=3, client_name="tester") as client, _connect(server) as zero:
        client.set("k", "in 3")
        equal((zero.get("k"), client.get("k")), (None, b"in 3"))
        equal(client.client_getname(), "tester")
        assert any(row["name"] == "tester" and row["db"] == "3" for row in zero.client_list())
        info = zero.info()
        equal((info["redis_mode"], info["db3"]["keys"], info["cluster_enabled"]), ("standalone", 1, 0))
        equal(zero.config_get("databases"), {"databases": "16"})
        zero.config_set("maxmemory", "100mb")
        equal(zero.config_get("maxmemory"), {"maxmemory": str(100 << 20)})
        equal((zero.flushall(), client.dbsize()), (True, 0))
        assert len(zero.time()) == 2 and zero.command_count() > 50


def test_a_pool_of_threads_shares_a_client():
    with Daemon() as server, _connect(server, max_connections=20) as client:
        def count():
            for _ in range(200):
                client.incr("n")

        threads = [threading.Thread(target=count) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        equal(client.get("n"), b"2000")


def test_a_client_reconnects_after_its_connection_was_killed():
    with Daemon() as server, _connect(server) as client, _connect(server) as other:
        number = str(client.client_id())
        address = next(row["addr"] for row in other.client_list() if row["id"] == number)
        try:
            other.client_kill(address)
        except redis.ResponseError as error:
            raise Skip(f"CLIENT KILL: {error}") from None
        equal(client.set("k", "v"), True)
        equal(client.get("k"), b"v")


def test_a_client_reconnects_after_a_restart():
    server = Daemon()
    try:
        with _connect(server, health_check_interval=1) as client:
            client.set("k", "v")
            server.kill()
            try:
                client.get("k")
            except redis.ConnectionError:
                pass
            else:
                raise AssertionError("a killed server answered")
            with Daemon(port=server.port):
                equal(client.set("k", "again"), True)
                equal(client.get("k"), b"again")
    finally:
        if server.process.poll() is None:
            server.kill()


if __name__ == "__main__":
    main(globals())
