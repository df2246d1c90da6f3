"""test_server.py - what a connection may rely on: handshakes, its own state, limits, several workers."""
import random
import resource
import threading

from harness import (
    IS_REDIS, Closed, Daemon, Error, encode, equal, main, need_ours, note, served, wait_until,
)

KIB = 1024
MIB = 1024 * KIB
HELLO_FIELDS = [b"server", b"version", b"proto", b"id", b"mode", b"role", b"modules"]
NOPROTO = Error("NOPROTO unsupported protocol version")


def _in_threads(count, work):
    """Runs work(0) .. work(count - 1) side by side and raises the first error of any."""
    errors = []

    def run(number):
        try:
            work(number)
        except BaseException as error:  # handed to the test's own thread below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


# ---- handshake ----


def test_hello_3_answers_a_map_with_all_that_clients_read():
    with Daemon() as server, server.client() as client:
        reply = client.command("HELLO", "3")
        equal(type(reply), dict)
        equal(list(reply), HELLO_FIELDS)
        equal(reply[b"server"], b"redis")
        assert reply[b"version"].startswith(b"7."), reply
        equal(reply[b"proto"], 3)
        equal(reply[b"id"], client.command("CLIENT", "ID"))
        equal((reply[b"mode"], reply[b"role"], reply[b"modules"]), (b"standalone", b"master", []))


def test_hello_2_and_hello_alone_answer_a_flat_array_of_14():
    with Daemon() as server, server.client() as client:
        for request in (("HELLO", "2"), ("HELLO",), ("hello", "2")):
            reply = client.command(*request)
            equal(len(reply), 14)
            equal(reply[::2], HELLO_FIELDS)
            equal(reply[5], 2)


def test_hello_switches_both_ways_and_alone_keeps_the_protocol():
    with Daemon() as server, server.client(3) as client:
        equal(client.command("HELLO")[b"proto"], 3)
        equal(client.command("GET", "none"), None)
        equal(type(client.command("CONFIG", "GET", "maxmemory")), dict)
        equal(client.command("HELLO", "2")[5], 2)
        equal(type(client.command("CONFIG", "GET", "maxmemory")), list)


def test_hello_refuses_what_it_does_not_know_and_changes_nothing():
    with Daemon() as server, server.client() as client:
        for version in ("4", "1", "0"):
            equal(client.command("HELLO", version), NOPROTO)
        equal(client.command("HELLO", "abc"), Error("ERR Protocol version is not an integer or out of range"))
        equal(client.command("HELLO", "3", "FOO"), Error("ERR Syntax error in HELLO option 'FOO'"))
        equal(client.command("HELLO", "3", "SETNAME"), Error("ERR Syntax error in HELLO option 'SETNAME'"))
        equal(client.command("HELLO", "3", "AUTH", "default"), Error("ERR Syntax error in HELLO option 'AUTH'"))
        equal(client.command("HELLO", "3", "SETNAME", "two words"),
              Error("ERR Client names cannot contain spaces, newlines or special characters."))
        equal(client.command("HELLO", "3", "AUTH", "nobody", "secret"),
              Error("WRONGPASS invalid username-password pair or user is disabled."))
        equal(client.command("CLIENT", "GETNAME"), None)
        equal(type(client.command("HELLO")), list)


def test_hello_takes_effect_within_the_pipeline_that_carries_it():
    """As node-redis, ioredis and others connect; one refused command must not drop the rest."""
    with Daemon() as server, server.client() as client:
        replies = client.pipeline([
            ("hello", "3", "setname", "me"), ("CLIENT", "SETINFO", "LIB-NAME", "test"),
            ("client", "setinfo", "lib-ver", "1.0"), ("CLIENT", "MAINT_NOTIFICATIONS", "ON"),
            ("SELECT", "1"), ("CONFIG", "GET", "maxmemory"), ("CLIENT", "GETNAME"), ("GET", "none"),
        ])
        equal(replies[0][b"proto"], 3)
        if not IS_REDIS:  # 7.0 has no SETINFO
            equal(replies[1:3], ["OK", "OK"])
        assert isinstance(replies[3], Error), replies[3]
        equal(replies[4], "OK")
        equal(type(replies[5]), dict)
        equal(replies[6:], [b"me", None])
        replies = client.pipeline([("HELLO", "2"), ("CONFIG", "GET", "maxmemory"), ("HELLO", "3"),
                                   ("CONFIG", "GET", "maxmemory"), ("HELLO", "9"), ("CONFIG", "GET", "maxmemory")])
        equal([type(reply) for reply in replies], [list, list, dict, dict, Error, dict])


def test_auth_without_users_says_what_clients_expect():
    with Daemon() as server, server.client() as client:
        equal(client.command("AUTH", "secret"), Error(
            "ERR AUTH <password> called without any password configured for the default user. "
            "Are you sure your configuration is correct?"))
        equal(client.command("AUTH", "nobody", "secret"),
              Error("WRONGPASS invalid username-password pair or user is disabled."))
        equal(client.command("AUTH", "a", "b", "c"), Error("ERR syntax error"))
        equal(client.command("PING"), "PONG")


def test_null_looks_as_each_protocol_has_it():
    with Daemon() as server, server.client() as client:
        client.send(encode("GET", "none") + encode("HELLO", "3") + encode("GET", "none") + encode("QUIT"))
        said = client.read_until_closed()
        assert said.startswith(b"$-1\r\n%7\r\n") and said.endswith(b"_\r\n+OK\r\n"), said


# ---- a connection's own state ----


def test_quit_answers_ok_then_closes_and_runs_nothing_after_it():
    with Daemon() as server, server.client() as client:
        client.send(encode("PING") + encode("QUIT") + encode("SET", "after", "quit"))
        equal(client.read_until_closed(), b"+PONG\r\n+OK\r\n")
        with server.client() as other:
            equal(other.command("EXISTS", "after"), 0)


def test_reset_makes_a_connection_new():
    with Daemon() as server, server.client(3) as client:
        client.pipeline([("SELECT", "3"), ("CLIENT", "SETNAME", "me"), ("SET", "k", "in 3")])
        equal(client.command("RESET"), "RESET")
        equal(client.command("CLIENT", "GETNAME"), None)
        equal(client.command("GET", "k"), None)
        equal(type(client.command("CONFIG", "GET", "maxmemory")), list)


def test_databases_are_isolated():
    with Daemon() as server, server.client() as client:
        for number in range(16):
            equal(client.pipeline([("SELECT", number), ("SET", "k", number), ("SET", f"only {number}", "")]), ["OK"] * 3)
        for number in range(16):
            equal(client.pipeline([("SELECT", number), ("GET", "k"), ("DBSIZE",), ("EXISTS", "only 3")]),
                  ["OK", b"%d" % number, 2, int(number == 3)])
        with server.client() as other:
            equal(other.command("GET", "k"), b"0", "a new connection starts in database 0")
        equal(client.pipeline([("SELECT", 5), ("FLUSHDB",), ("DBSIZE",), ("SELECT", 6), ("DBSIZE",)]),
              ["OK", "OK", 0, "OK", 2])
        info = server.info("keyspace")
        equal(info["db6"].split(",")[:2], ["keys=2", "expires=0"])
        assert "db5" not in info, info
        equal(client.pipeline([("FLUSHALL",), ("DBSIZE",), ("SELECT", 0), ("DBSIZE",)]), ["OK", 0, "OK", 0])


def test_a_refused_select_leaves_the_database():
    with Daemon() as server, server.client() as client:
        equal(client.pipeline([("SELECT", 2), ("SELECT", 16), ("SET", "k", "in 2")])[2], "OK")
        equal(client.pipeline([("SELECT", 2), ("GET", "k")])[1], b"in 2")


def test_client_id_name_info_and_list_tell_who_is_there():
    with Daemon() as server, server.client() as one, server.client() as two:
        first, second = one.command("CLIENT", "ID"), two.command("CLIENT", "ID")
        assert 0 < first != second > 0
        equal(one.command("CLIENT", "GETNAME"), None)
        equal(one.command("CLIENT", "SETNAME", "alice"), "OK")
        equal(one.command("CLIENT", "GETNAME"), b"alice")
        equal(one.command("CLIENT", "SETNAME", "a b"),
              Error("ERR Client names cannot contain spaces, newlines or special characters."))
        equal(two.command("SELECT", 4), "OK")
        lines = one.command("CLIENT", "LIST").decode().splitlines()
        rows = {int(row["id"]): row for row in (dict(word.split("=", 1) for word in line.split(" ")) for line in lines)}
        equal((rows[first]["name"], rows[second]["name"], rows[second]["db"]), ("alice", "", "4"))
        port = one.socket.getsockname()[1]
        equal((rows[first]["addr"], rows[first]["laddr"]), (f"127.0.0.1:{port}", f"127.0.0.1:{server.port}"))
        equal(rows[first]["cmd"], "client|list")
        for field in ("fd", "age", "idle", "flags", "sub", "psub", "multi", "qbuf", "user", "resp"):
            if not (IS_REDIS and field == "resp"):
                assert field in rows[first], (field, rows[first])
        info = two.command("CLIENT", "INFO").decode()
        assert info.startswith(f"id={second} ") and "cmd=client|info" in info, info
        listed = one.command("CLIENT", "LIST", "ID", second, 999999).decode().splitlines()
        equal([line.split()[0] for line in listed], [f"id={second}"])
        equal(len(one.command("CLIENT", "LIST", "TYPE", "normal").decode().splitlines()), 2)
        equal(one.command("CLIENT", "SETNAME", ""), "OK")
        equal(one.command("CLIENT", "GETNAME"), None)


def test_a_client_that_leaves_leaves_the_list():
    with Daemon() as server, server.client() as client:
        with server.client() as guest:
            guest.command("CLIENT", "SETNAME", "guest")
            assert b"name=guest" in client.command("CLIENT", "LIST")
        wait_until(lambda: b"name=guest" not in client.command("CLIENT", "LIST"), "the guest is off the list")


# ---- what the server tells about itself ----

INFO_FIELDS = [  # design: read by some client or framework
    "redis_version", "redis_mode", "run_id", "arch_bits", "tcp_port", "role", "master_repl_offset",
    "connected_clients", "loading", "cluster_enabled", "maxmemory_policy", "used_memory", "maxmemory",
    "uptime_in_seconds", "process_id", "total_connections_received", "total_commands_processed",
    "instantaneous_ops_per_sec", "expired_keys", "evicted_keys", "keyspace_hits", "keyspace_misses",
    "used_memory_rss", "used_memory_human", "used_cpu_sys", "used_cpu_user",
]


def test_info_has_every_field_that_clients_read():
    with Daemon() as server, server.client() as client:
        client.pipeline([("SET", "a", "1"), ("SET", "b", "1", "EX", "1000"), ("GET", "a"), ("GET", "none")])
        info = server.info()
        equal([field for field in INFO_FIELDS if field not in info], [])
        assert info["redis_version"].startswith("7."), info["redis_version"]
        equal((info["redis_mode"], info["role"], info["loading"], info["cluster_enabled"]),
              ("standalone", "master", "0", "0"))
        equal((info["tcp_port"], info["process_id"]), (str(server.port), str(server.pid)))
        equal((info["keyspace_hits"], info["keyspace_misses"]), ("1", "1"))
        equal(info["db0"].split(",")[:2], ["keys=2", "expires=1"])
        for line in client.command("INFO").decode().split("\r\n"):
            assert line == "" or line[0] == "#" or ":" in line, line


def test_info_takes_sections_several_and_in_any_case():
    with Daemon() as server, server.client() as client:
        one = client.command("INFO", "Clients").decode()
        assert one.startswith("# Clients\r\n") and "connected_clients:" in one and "# Memory" not in one, one
        two = client.command("INFO", "memory", "server").decode()
        assert "# Server" in two and "# Memory" in two and "# Clients" not in two, two
        equal(client.command("INFO", "nosuch"), b"")
        assert b"# Server" in client.command("INFO", "everything")


def test_config_get_answers_to_the_names_clients_ask_for():
    with Daemon() as server, server.client() as client:
        for name in ("maxmemory", "maxmemory-policy", "save", "appendonly", "timeout", "databases", "port", "maxclients"):
            reply = client.command("CONFIG", "GET", name)
            equal((len(reply), reply[0]), (2, name.encode()))
        equal(client.command("CONFIG", "GET", "nosuch"), [])
        equal(client.command("CONFIG", "GET", "databases"), [b"databases", b"16"])
        names = client.command("CONFIG", "GET", "max*", "port")[::2]
        assert {b"maxmemory", b"maxmemory-policy", b"maxclients", b"port"} <= set(names), names
        equal(len(names), len(set(names)))


def test_config_set_changes_all_or_nothing():
    with Daemon() as server, server.client() as client:
        equal(client.command("CONFIG", "SET", "maxmemory", "64mb"), "OK")
        equal(client.command("CONFIG", "GET", "maxmemory"), [b"maxmemory", b"67108864"])
        reply = client.command("CONFIG", "SET", "maxmemory", "32mb", "nosuch", "1")
        equal(reply, Error("ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'"))
        equal(client.command("CONFIG", "GET", "maxmemory"), [b"maxmemory", b"67108864"])
        for value in ("abc", "-1", "1zb"):
            reply = client.command("CONFIG", "SET", "maxmemory", value)
            assert isinstance(reply, Error) and reply.startswith("ERR CONFIG SET failed"), reply
        equal(client.command("CONFIG", "GET", "maxmemory"), [b"maxmemory", b"67108864"])


def test_command_describes_each_command_in_ten_elements():
    with Daemon() as server, server.client() as client:
        commands = client.command("COMMAND")
        equal(len(commands), client.command("COMMAND", "COUNT"))
        equal({len(one) for one in commands}, {10})
        rows = {one[0]: one for one in commands}
        assert {b"get", b"set", b"mget", b"hello", b"client", b"config", b"scan"} <= set(rows)
        equal(rows[b"get"][1:6], [2, rows[b"get"][2], 1, 1, 1])
        assert {"readonly", "fast"} <= set(rows[b"get"][2]), rows[b"get"]
        equal(rows[b"mset"][1:6], [-3, rows[b"mset"][2], 1, -1, 2])
        equal(client.command("COMMAND", "INFO", "GeT", "nosuch"), [rows[b"get"], None])
        docs = client.command("COMMAND", "DOCS", "get", "nosuch")
        equal((len(docs), docs[0]), (2, b"get"))
        assert b"summary" in docs[1] and b"group" in docs[1], docs


# ---- limits ----


def test_one_client_too_many_is_told_so():
    allowed = 20
    with Daemon(f"--network.max_clients={allowed}") as server:
        wait_until(lambda: server.info("clients")["connected_clients"] == "1", "the starting probe is gone")
        clients = []
        for _ in range(allowed - 1):
            clients.append(server.client())
            equal(clients[-1].command("PING"), "PONG")
        wait_until(lambda: len(clients[0].command("CLIENT", "LIST").splitlines()) == allowed - 1, "INFO's is gone")
        clients.append(server.client())
        equal(clients[-1].command("PING"), "PONG")
        for _ in range(3):
            with server.client() as refused:
                equal(refused.read_until_closed(), b"-ERR max number of clients reached\r\n")
        for client in clients:
            equal(client.command("PING"), "PONG")
        clients.pop().close()
        wait_until(lambda: len(clients[0].command("CLIENT", "LIST").splitlines()) == allowed - 1, "one has gone")
        served(server, *clients)
        for client in clients:
            client.close()


def test_a_pipeline_of_ten_thousand_commands_is_answered_in_order():
    with Daemon() as server, server.client() as client:
        commands, wanted = [], []
        for number in range(2500):
            commands += [("SET", f"k{number}", number), ("GET", f"k{number}"), ("INCR", "n"), ("NOSUCH",)]
            wanted += ["OK", b"%d" % number, number + 1, Error("ERR unknown command 'NOSUCH', with args beginning with: ")]
        equal(client.pipeline(commands), wanted)
        equal(client.pipeline([("MGET", *[f"k{number}" for number in range(2500)])])[0],
              [b"%d" % number for number in range(2500)])
        equal(client.pipeline([("DEL", *[f"k{number}" for number in range(2500)]), ("DBSIZE",)]), [2500, 1])


def test_a_command_may_have_a_hundred_thousand_keys():
    count = 100_000
    with Daemon() as server, server.client() as client:
        pairs = [word for number in range(count) for word in (b"%d" % number, b"v%d" % number)]
        equal(client.command("MSET", *pairs), "OK")
        equal(client.command("DBSIZE"), count)
        equal(client.command("MGET", *pairs[::2]), pairs[1::2])
        equal(client.command("EXISTS", *pairs[::2], "none"), count)
        equal(client.command("UNLINK", *pairs[::2]), count)


def test_values_of_1_byte_to_64_mib_come_back_whole():
    seed = 64
    choice = random.Random(seed)
    sizes = [0, 1, 2, 100, 4095, 4096, 16 * KIB + 1, 64 * KIB - 100, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1,
             MIB - 1, MIB, MIB + 1, 16 * MIB + 3, 64 * MIB]
    with Daemon() as server, server.client() as client:
        for size in sizes:
            value = choice.randbytes(size)
            equal(client.command("SET", f"k{size}", value), "OK", f"{size} bytes, seed {seed}")
            equal(client.command("GET", f"k{size}"), value, f"{size} bytes, seed {seed}")
            equal(client.command("STRLEN", f"k{size}"), size)
            equal(client.command("APPEND", f"k{size}", "tail"), size + 4)
            equal(client.command("GETDEL", f"k{size}"), value + b"tail", f"{size} bytes, seed {seed}")
        equal(client.command("DBSIZE"), 0)


def test_a_value_of_many_megabytes_changes_size_in_place():
    with Daemon() as server, server.client() as client:
        for size in (10, 3 * MIB, 100, 70_000, 5 * MIB, 0, 64 * KIB, 1):
            equal(client.command("SET", "k", b"v" * size), "OK")
            equal(client.command("GET", "k"), b"v" * size)
        equal(client.command("SET", "k", b"w" * (2 * MIB), "GET"), b"v")
        equal(client.command("GETSET", "k", b"x"), b"w" * (2 * MIB))


# ---- many connections, several workers ----


def test_a_thousand_connections_are_served_side_by_side():
    count = 1000
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with Daemon() as server:
        clients = [server.client() for _ in range(count)]
        for turn in range(5):
            for number, client in enumerate(clients):
                client.socket.sendall(encode("SET", f"k{number}", turn) + encode("GET", f"k{number}"))
            for client in clients:
                equal([client.read(), client.read()], ["OK", b"%d" % turn])
        equal(clients[0].command("DBSIZE"), count)
        assert int(server.info("clients")["connected_clients"]) >= count
        for client in clients:
            client.close()
        wait_until(lambda: int(server.info("clients")["connected_clients"]) <= 2, "all are gone")


def test_all_workers_serve():
    need_ours()
    workers = 2
    with Daemon("--threads", str(workers)) as server:
        clients = [server.client() for _ in range(64)]
        before = server.threads_cpu_ns()
        for _ in range(20):
            for client in clients:
                client.socket.sendall(encode("SET", "k", "v" * 100) * 100)
            for client in clients:
                for _ in range(100):
                    equal(client.read(), "OK")
        after = server.threads_cpu_ns()
        spent = sorted((after[thread] - before.get(thread, 0) for thread in after), reverse=True)
        note(f"{[round(one / 1e6) for one in spent[:workers + 1]]} ms of CPU")
        assert spent[workers - 1] > spent[0] / 8, spent
        for client in clients:
            client.close()


def test_increments_from_many_connections_are_neither_lost_nor_doubled():
    connections, turns, depth = 16, 20, 100
    with Daemon("--threads", "2") as server:
        seen = [[] for _ in range(connections)]

        def count_up(number):
            with server.client() as client:
                for _ in range(turns):
                    seen[number] += client.pipeline([("INCR", "n")] * depth)

        _in_threads(connections, count_up)
        total = connections * turns * depth
        equal(sorted(value for values in seen for value in values), list(range(1, total + 1)))
        for values in seen:
            equal(values, sorted(values), "one connection sees the counter rise")
        with server.client() as client:
            equal(client.command("GET", "n"), b"%d" % total)


def test_mset_is_seen_whole_or_not_at_all():
    keys = [f"key:{number}" for number in range(16)]  # spread over the shards
    turns = 1500 if not Daemon.sanitizer else 300
    with Daemon("--threads", "2") as server:
        with server.client() as client:
            client.command("MSET", *[word for key in keys for word in (key, "w0-0")])

        def write(number):
            with server.client() as client:
                for turn in range(turns):
                    value = f"w{number}-{turn}" + "x" * (turn % 50)
                    equal(client.command("MSET", *[word for key in keys for word in (key, value)]), "OK")

        def read():
            with server.client() as client:
                for _ in range(turns // 10):
                    for values in client.pipeline([("MGET", *keys)] * 10):
                        assert len(set(values)) == 1, f"a torn MSET: {values}"

        _in_threads(6, lambda number: write(number) if number < 3 else read())


def test_a_delete_of_several_keys_is_seen_whole_or_not_at_all():
    keys = [f"key:{number}" for number in range(16)]
    turns = 1500 if not Daemon.sanitizer else 300
    with Daemon("--threads", "2") as server:

        def write():
            with server.client() as client:
                for turn in range(turns):
                    equal(client.command("MSET", *[word for key in keys for word in (key, turn)]), "OK")
                    equal(client.command("DEL", *keys), len(keys))

        def read():
            with server.client() as client:
                for _ in range(turns // 5):
                    for values in client.pipeline([("MGET", *keys)] * 10):
                        assert len(set(values)) == 1, f"half deleted: {values}"

        _in_threads(4, lambda number: write() if number == 0 else read())


def test_set_nx_has_one_winner_among_many():
    rounds, contenders = 200, 8
    with Daemon("--threads", "2") as server:
        won = [0] * contenders

        def contend(number):
            with server.client() as client:
                for turn in range(rounds):
                    won[number] += client.command("SET", f"lock{turn}", number, "NX") == "OK"

        _in_threads(contenders, contend)
        equal(sum(won), rounds)


def test_appends_from_many_connections_all_arrive():
    connections, turns = 8, 500
    with Daemon("--threads", "2") as server:

        def append(number):
            with server.client() as client:
                client.pipeline([("APPEND", "text", f"<{number}>")] * turns)

        _in_threads(connections, append)
        with server.client() as client:
            text = client.command("GET", "text").decode()
            equal(len(text), connections * turns * 3)
            equal([text.count(f"<{number}>") for number in range(connections)], [turns] * connections)


def test_shutdown_ends_the_server_with_exit_0():
    with Daemon() as server, server.client() as client, server.client() as other:
        client.send(encode("SHUTDOWN", "NOSAVE"))
        equal(client.read_until_closed(), b"")
        equal(other.read_until_closed(), b"")
        server.wait_exit()
    try:
        server.client()
    except (OSError, Closed):
        return
    raise AssertionError("something still listens")


if __name__ == "__main__":
    main(globals())
