"""test_handshakes.py - what client libraries send first, as they send it: in one write, in any letter case.

Each script is a library's opening as seen on the wire or read in its source; libraries that run in
the matrix (test_clients.py) are here too, since they change.  One error must not drop what follows,
and HELLO changes the protocol of the replies behind it.  Then come faults that other servers had
and their users reported, each as a test.
"""
from harness import IS_REDIS, Daemon, Error, encode, equal, main, need_ours

ERROR = object()  # any error
ANY = object()


def hello(protocol):
    """A reply of HELLO with all that Lettuce, node-redis and others read, of the right types."""
    def check(reply):
        fields = reply if protocol == 3 else dict(zip(reply[::2], reply[1::2]))
        assert isinstance(fields, dict), reply
        equal(list(fields), [b"server", b"version", b"proto", b"id", b"mode", b"role", b"modules"])
        equal((fields[b"server"], fields[b"mode"], fields[b"role"]), (b"redis", b"standalone", b"master"))
        equal((fields[b"proto"], fields[b"modules"]), (protocol, []))
        assert isinstance(fields[b"id"], int) and fields[b"version"].startswith(b"7."), fields
    return check


def contains(*words):
    def check(reply):
        assert all(word.encode() in reply for word in words), reply
    return check


SETINFO = "OK" if not IS_REDIS else ERROR  # of Redis 7.2

# library: [(command, reply)]
HANDSHAKES = {
    "node-redis 6": [
        (("HELLO", "3", "SETNAME", "app"), hello(3)), (("SELECT", "1"), "OK"),
        (("CLIENT", "SETINFO", "LIB-VER", "6.3.1"), SETINFO), (("CLIENT", "SETINFO", "LIB-NAME", "node-redis"), SETINFO),
        (("CLIENT", "MAINT_NOTIFICATIONS", "ON", "moving-endpoint-type", "external-ip"), ERROR),
        (("CLIENT", "TRACKING", "ON"), "OK"), (("GET", "k"), None)],
    "ioredis 6": [
        (("hello", "3"), hello(3)), (("select", "2"), "OK"), (("client", "setname", "app"), "OK"),
        (("client", "SETINFO", "LIB-NAME", "ioredis"), SETINFO), (("client", "SETINFO", "LIB-VER", "6.0.0"), SETINFO),
        (("info",), contains("redis_version:7.", "loading:0"))],
    "redis-py 8": [
        (("HELLO", 3), hello(3)), (("CLIENT", "MAINT_NOTIFICATIONS", "ON", "moving-endpoint-type", "none"), ERROR),
        (("CLIENT", "SETNAME", "app"), "OK"), (("CLIENT", "SETINFO", "LIB-NAME", "redis-py"), SETINFO),
        (("CLIENT", "SETINFO", "LIB-VER", "8.0.0"), SETINFO), (("SELECT", 1), "OK")],
    "go-redis 9": [
        (("hello", "3", "setname", "app"), hello(3)), (("select", "1"), "OK"), (("readonly",), ERROR),
        (("client", "setname", "app"), "OK"), (("client", "maint_notifications", "on"), ERROR),
        (("client", "setinfo", "lib-name", "go-redis(,go1.23)"), SETINFO), (("client", "setinfo", "lib-ver", "9.7.0"), SETINFO)],
    "Jedis, which knows no HELLO 4": [
        (("HELLO", "4"), "NOPROTO unsupported protocol version"), (("HELLO", "2"), hello(2)),
        (("CLIENT", "SETNAME", "app"), "OK"), (("CLIENT", "SETINFO", "LIB-NAME", "jedis"), SETINFO), (("SELECT", "1"), "OK"),
        (("PING",), "PONG")],
    "Lettuce": [
        (("HELLO", "3", "SETNAME", "app"), hello(3)), (("SELECT", "1"), "OK"), (("CLIENT", "SETINFO", "lib-name", "Lettuce"), SETINFO),
        (("CLIENT", "SETINFO", "lib-ver", "6.5.0"), SETINFO), (("CLIENT", "MAINT_NOTIFICATIONS", "on"), ERROR),
        (("INFO",), contains("connected_clients:", "redis_mode:standalone"))],
    "rueidis": [
        (("HELLO", "3", "SETNAME", "app"), hello(3)), (("CLIENT", "TRACKING", "ON", "OPTIN"), "OK"), (("SELECT", "1"), "OK"),
        (("CLIENT", "SETINFO", "LIB-NAME", "rueidis"), SETINFO), (("CLIENT", "CACHING", "YES"), "OK"), (("GET", "k"), None)],
    "StackExchange.Redis": [
        (("HELLO", "3", "AUTH", "default", ""), ANY), (("CLIENT", "SETNAME", "app"), "OK"),
        (("CLIENT", "SETINFO", "lib-name", "SE.Redis"), SETINFO), (("CLIENT", "ID"), ANY),
        (("CONFIG", "GET", "timeout"), ANY), (("CONFIG", "GET", "replica-read-only"), ANY), (("CONFIG", "GET", "databases"), ANY),
        (("SENTINEL", "MASTERS"), ERROR), (("INFO", "replication"), contains("role:master")),
        (("INFO", "server"), contains("redis_version:7.")), (("CLUSTER", "NODES"), ERROR),
        (("GET", "__Booksleeve_TieBreak"), None), (("ECHO", bytes(range(240, 256))), bytes(range(240, 256)))],
    "predis 3": [
        (("HELLO", "2", "SETNAME", "predis"), hello(2)), (("CLIENT", "SETINFO", "LIB-NAME", "predis"), SETINFO), (("SELECT", "1"), "OK")],
    "redis-rb 4.8": [(("select", "1"), "OK"), (("client", "setname", "app"), "OK")],
    "phpredis, kept alive": [(("SELECT", "1"), "OK"), (("ECHO", "phpredis 7f3a"), b"phpredis 7f3a")],
    "redis-benchmark": [
        (("CONFIG", "GET", "save"), [b"save", b""]), (("CONFIG", "GET", "appendonly"), [b"appendonly", b"no"])],
}


def _judge(reply, want, about):
    if want is ERROR:
        assert isinstance(reply, Error), f"{about}: {reply!r:.200}"
    elif callable(want):
        want(reply)
    elif want is not ANY:
        equal(str(reply) if isinstance(reply, Error) else reply, want, about)


def test_each_handshake_in_one_write_is_answered_in_order():
    with Daemon() as server:
        for library, script in HANDSHAKES.items():
            with server.client() as client:
                replies = client.pipeline([command for command, _ in script])
                for (command, want), reply in zip(script, replies):
                    _judge(reply, want, f"{library}: {command}")
                equal(client.command("PING"), "PONG", library)


def test_each_handshake_byte_by_byte_is_answered_alike():
    with Daemon() as server:
        for library, script in HANDSHAKES.items():
            with server.client() as client:
                for byte in b"".join(encode(*command) for command, _ in script):
                    client.socket.send(bytes([byte]))
                for command, want in script:
                    _judge(client.read(), want, f"{library}: {command}")


def test_hello_3_changes_the_replies_behind_it_in_the_same_write():
    """kvrocks#753, kvrocks#2150: no HELLO, or one without the fields that Lettuce casts."""
    with Daemon() as server, server.client() as client:
        client.send(encode("GET", "none") + encode("HELLO", "3") + encode("GET", "none") + encode("HELLO", "2") + encode("GET", "none"))
        before = client.read()
        hello(3)(client.read())
        while not client.buffer.startswith(b"_\r\n", client.at):
            client._receive()
        equal((before, client.read()), (None, None))
        hello(2)(client.read())
        equal(client.read(), None)


def test_readonly_is_answered_and_harms_nothing():
    """dragonfly#1003: a client that reads from replicas sends READONLY to every node."""
    with Daemon() as server, server.client() as client:
        replies = client.pipeline([("READONLY",), ("PING",), ("READWRITE",), ("SET", "k", "v")])
        assert isinstance(replies[0], Error) and isinstance(replies[2], Error), replies
        equal((replies[1], replies[3]), ("PONG", "OK"))


def test_tracking_and_caching_are_there():
    """dragonfly#2454: clients with a cache of their own could not connect."""
    with Daemon() as server, server.client(3) as client, server.client() as other:
        equal(client.pipeline([("CLIENT", "TRACKING", "ON", "OPTIN"), ("CLIENT", "CACHING", "yes"), ("GET", "k")]), ["OK", "OK", None])
        other.command("SET", "k", "v")
        equal(client.read(), [b"invalidate", [b"k"]])
        equal(client.command("CLIENT", "GETREDIR"), 0)


def test_command_docs_is_a_map_that_redis_cli_takes():
    """dragonfly#4200: redis-cli was stuck at its start."""
    with Daemon() as server, server.client(3) as client:
        docs = client.command("COMMAND", "DOCS")
        assert isinstance(docs, dict) and len(docs) > 50, repr(docs)[:200]
        for name, text in docs.items():
            assert {b"summary", b"since", b"group"} <= set(text), (name, text)


def test_the_mode_is_told_alike_everywhere():
    """dragonfly#2400: INFO, HELLO and CLUSTER disagreed about being a cluster."""
    with Daemon() as server, server.client(3) as client:
        info = server.info()
        equal((info["redis_mode"], info["cluster_enabled"], client.hello[b"mode"]), ("standalone", "0", b"standalone"))


def test_a_server_without_any_setting_serves_and_says_its_settings():
    """olric#120: nobody found out how to configure it."""
    need_ours()
    with Daemon() as server, server.client(3) as client:
        settings = client.command("CONFIG", "GET", "*")
        assert len(settings) > 20 and b"maxmemory" in settings and b"cache.max_memory" in settings, list(settings)
        equal(client.command("CONFIG", "SET", "no-such-setting", "1"),
              Error("ERR Unknown option or number of arguments for CONFIG SET - 'no-such-setting'"))


if __name__ == "__main__":
    main(globals())
