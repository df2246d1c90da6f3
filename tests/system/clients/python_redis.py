"""python_redis.py - redis-py: python3 python_redis.py PORT PROTOCOL.  README.md says what each scenario promises.

Debian's redis-py (4.3) speaks RESP2.  With PROTOCOL 3 it is given a connection that opens with
HELLO 3, as redis-py 8 does, and a parser of RESP3's types, pushes among them.
"""
import os
import sys
import threading
import traceback

try:
    import redis
    from redis.connection import Connection, PythonParser
except ImportError:
    sys.exit("python3-redis is not installed")

PORT, PROTOCOL = int(sys.argv[1]), int(sys.argv[2])
EVERY_BYTE = bytes(range(256))


def equal(got, want):
    assert got == want, f"got {got!r:.300}, want {want!r:.300}"


# ---- RESP3 ----


class Parser3(PythonParser):
    """Sets, maps, null, doubles, booleans, verbatim strings; a push is kept aside in `pushes`."""

    pushes = []

    def read_response(self, disable_decoding=False):
        peek = self._buffer.readline()
        kind, rest = peek[:1], peek[1:]
        if kind == b">":
            self.pushes.append([self.read_response(True) for _ in range(int(rest))])
            return self.read_response(disable_decoding)
        if kind in b"%~":
            count = int(rest) * (2 if kind == b"%" else 1)
            return [self.read_response(disable_decoding) for _ in range(count)]
        simple = {b"_": lambda: None, b",": lambda: rest, b"#": lambda: int(rest == b"t")}
        if kind in simple:
            return simple[kind]()
        if kind == b"=":
            return self._buffer.read(int(rest))[4:]
        return self._again(peek, disable_decoding)

    def _again(self, line, disable_decoding):
        """Lets redis-py parse a reply whose first line was read already."""
        buffer = self._buffer

        class Replayed:
            def readline(self):
                self.readline = buffer.readline
                return line

            def __getattr__(self, name):
                return getattr(buffer, name)

        if line[:1] == b"*":  # its items may be of RESP3
            return [self.read_response(disable_decoding) for _ in range(int(line[1:]))]
        self._buffer = Replayed()
        try:
            return super().read_response(disable_decoding)
        finally:
            self._buffer = buffer


class Connection3(Connection):
    """HELLO 3 first, and all of redis-py's own handshake behind it."""

    def __init__(self, **options):
        super().__init__(parser_class=Parser3, **options)

    def on_connect(self):
        self._parser.on_connect(self)
        self.send_command("HELLO", "3")
        hello = self.read_response()
        flat = dict(zip(hello[::2], hello[1::2]))
        equal(int(flat.get(b"proto", flat.get("proto"))), 3)
        super().on_connect()


def connect(**options):
    options = {"host": "127.0.0.1", "port": PORT, "db": 1, "socket_timeout": 30, **options}
    if PROTOCOL == 2:
        return redis.Redis(**options)
    return redis.Redis(connection_pool=redis.ConnectionPool(connection_class=Connection3, **options))


def fresh():
    client = connect()
    client.flushall()
    return client


# ---- scenarios ----


def raises(kind, message, call):
    try:
        call()
    except kind as error:
        equal(str(error), message)
    else:
        raise AssertionError(f"no exception, want {message}")


def scenario_connect():
    client = fresh()
    assert client.ping() and client.set("k", "v")
    equal((client.get("k"), client.get("none")), (b"v", None))
    equal((client.incr("n"), client.incrby("n", 41), client.decr("n")), (1, 42, 41))
    equal((client.mset({"a": "1", "b": "2"}), client.mget("a", "none", "b")), (True, [b"1", None, b"2"]))
    equal((client.append("k", "w"), client.strlen("k"), client.exists("k", "none")), (2, 2, 1))
    equal((client.delete("k", "none"), client.dbsize()), (1, 3))
    equal((client.set("k", "v", nx=True), client.set("k", "w", nx=True), client.set("k", "x", xx=True, get=True)),
          (True, None, b"v"))
    equal((client.getdel("k"), client.get("k"), client.type("a")), (b"x", None, b"string"))
    equal((client.setex("stays", 100, "v"), client.persist("stays"), client.ttl("stays")), (True, True, -1))
    equal((client.expire("stays", 50), client.getex("stays", persist=True), client.ttl("stays")), (True, b"v", -1))
    raises(redis.ResponseError, "value is not an integer or out of range", lambda: (client.set("t", "abc"), client.incr("t")))
    raises(redis.ResponseError, "unknown command 'NOSUCH', with args beginning with: ",
           lambda: client.execute_command("NOSUCH"))
    raises(redis.ResponseError, "wrong number of arguments for 'get' command", lambda: client.execute_command("GET"))
    named = connect(client_name="tester", decode_responses=True)
    equal(named.client_getname(), "tester")
    assert any(row["name"] == "tester" and row["db"] == "1" for row in client.client_list())
    named.set("schlüssel", "größe 世界")
    equal((named.get("schlüssel"), named.keys("schl*")), ("größe 世界", ["schlüssel"]))
    info = client.info()
    equal((info["redis_mode"], info["db1"]["keys"], info["cluster_enabled"]), ("standalone", client.dbsize(), 0))
    if PROTOCOL == 2:
        equal(client.config_get("databases"), {"databases": "16"})
    assert client.config_set("maxmemory", "100mb") and len(client.time()) == 2 and client.command_count() > 50


def scenario_auth():
    raises(redis.ResponseError, "WRONGPASS invalid username-password pair or user is disabled.",
           lambda: connect(username="nobody", password="wrong").ping())


def scenario_select():
    client, elsewhere = fresh(), connect(db=2)
    client.set("k", "in 1")
    equal(elsewhere.get("k"), None)
    elsewhere.set("k", "in 2")
    equal((client.get("k"), elsewhere.get("k")), (b"in 1", b"in 2"))
    raises(redis.ResponseError, "DB index is out of range", lambda: connect(db=16).ping())


def scenario_binary():
    client = fresh()
    for key, value in [(EVERY_BYTE, EVERY_BYTE[::-1]), (b"", b""), (b"\r\n", b"\x00" * 1000), (b"big", EVERY_BYTE * 12_288)]:
        client.set(key, value)
        equal(client.get(key), value)
    equal(client.echo(EVERY_BYTE), EVERY_BYTE)


def scenario_pipeline():
    client = fresh()
    with client.pipeline(transaction=False) as pipeline:
        for number in range(5000):
            pipeline.set(f"key:{number}", number).get(f"key:{number}")
        equal(pipeline.execute(), [value for number in range(5000) for value in (True, b"%d" % number)])
    with client.pipeline(transaction=False) as pipeline:
        replies = pipeline.set("text", "abc").incr("text").get("text").execute(raise_on_error=False)
    equal((replies[0], replies[2]), (True, b"abc"))
    equal(str(replies[1]), "value is not an integer or out of range")
    threads = [threading.Thread(target=lambda: [client.incr("n") for _ in range(200)]) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(client.get("n"), b"2000")


def scenario_transaction():
    client, other = fresh(), connect()
    equal(client.pipeline().set("a", "1").incr("a").get("a").execute(), [True, 2, b"2"])
    replies = client.pipeline().set("t", "abc").incr("t").get("t").execute(raise_on_error=False)
    equal((replies[0], str(replies[1]), replies[2]), (True, "value is not an integer or out of range", b"abc"))
    with client.pipeline() as pipeline:
        pipeline.watch("a")
        other.set("a", "10")
        pipeline.multi()
        pipeline.set("a", "lost")
        raises(redis.WatchError, "Watched variable changed.", pipeline.execute)
    equal(client.transaction(lambda pipe: (pipe.multi(), pipe.incr("a")), "a"), [11])
    with client.pipeline() as pipeline:
        try:
            pipeline.execute_command("NOSUCH").set("a", "lost").execute()
        except redis.ResponseError as error:
            assert "unknown command 'NOSUCH'" in str(error), error
    equal(client.get("a"), b"11")


def scenario_pubsub():
    if PROTOCOL == 3:
        return pubsub_3()
    client = fresh()
    listener = client.pubsub()
    listener.subscribe("news", "bytes")
    listener.psubscribe("n?ws")
    for count in (1, 2, 3):
        equal(listener.get_message(timeout=30)["data"], count)
    equal([client.publish("news", "one"), client.publish("nows", "two"), client.publish("none", "x")], [2, 1, 0])
    equal(client.publish("bytes", EVERY_BYTE), 1)
    heard = [listener.get_message(timeout=30) for _ in range(4)]
    equal([(message["type"], message["channel"], message["data"]) for message in heard],
          [("message", b"news", b"one"), ("pmessage", b"news", b"one"), ("pmessage", b"nows", b"two"),
           ("message", b"bytes", EVERY_BYTE)])
    equal(client.pubsub_numsub("news", "none"), [(b"news", 1), (b"none", 0)])
    equal((client.pubsub_channels("n*"), client.pubsub_numpat()), ([b"news"], 1))
    listener.unsubscribe()
    listener.punsubscribe()
    equal([listener.get_message(timeout=30)["type"] for _ in range(3)], ["unsubscribe", "unsubscribe", "punsubscribe"])
    equal(client.publish("news", "x"), 0)


def until_push(connection, kind):
    """Commands go on until a push of that kind was among what arrived; returns it."""
    for _ in range(10_000):
        connection.execute_command("PING")
        found = [push for push in Parser3.pushes if push[0] == kind]
        if found:
            return found[0]
    raise AssertionError(f"no push {kind}, only {Parser3.pushes}")


def pubsub_3():
    """On RESP3 a subscribed connection goes on with commands, and messages come between replies."""
    client = fresh()
    Parser3.pushes.clear()
    with connect().client() as listener:
        listener.connection.send_command("SUBSCRIBE", "news")
        equal(until_push(listener, b"subscribe"), [b"subscribe", b"news", 1])
        equal(client.publish("news", "one"), 1)
        equal(until_push(listener, b"message"), [b"message", b"news", b"one"])


def scenario_scan():
    client = fresh()
    client.mset({f"key:{number}": "v" for number in range(3000)})
    client.set("other", "v")
    equal(sorted(client.scan_iter("key:*", count=100)), sorted(b"key:%d" % number for number in range(3000)))
    equal((len(list(client.scan_iter())), len(list(client.scan_iter(_type="string")))), (3001, 3001))


def scenario_killed():
    client, other = fresh(), connect()
    equal(other.client_kill_filter(_id=str(client.client_id())), 1)
    equal((client.set("k", "v"), client.get("k"), other.get("k")), (True, b"v", b"v"))


def scenario_restart():
    client = fresh()
    client.set("k", "v")
    print("restart", flush=True)
    sys.stdin.readline()
    equal((client.set("k", "again"), client.get("k")), (True, b"again"))


def scenario_invalidate():
    client = fresh()
    client.set("k", "v")
    if PROTOCOL == 3:
        Parser3.pushes.clear()
        with connect().client() as reader:
            equal(reader.execute_command("CLIENT", "TRACKING", "ON"), b"OK")
            equal(reader.get("k"), b"v")
            client.set("k", "w")
            equal(until_push(reader, b"invalidate"), [b"invalidate", [b"k"]])
            equal(reader.get("k"), b"w")
        return
    with connect().client() as reader:
        listener = client.pubsub()
        listener.execute_command("CLIENT", "ID")
        number = listener.connection.read_response()
        listener.subscribe("__redis__:invalidate")
        equal(listener.get_message(timeout=30)["type"], "subscribe")
        equal(reader.execute_command("CLIENT", "TRACKING", "ON", "REDIRECT", number), b"OK")
        equal(reader.get("k"), b"v")
        client.set("k", "w")
        equal(listener.get_message(timeout=30)["data"], [b"k"])
        equal(reader.get("k"), b"w")


def main():
    print(f"version {redis.__version__}")
    for name, scenario in list(globals().items()):
        if not name.startswith("scenario_"):
            continue
        try:
            scenario()
            print(f"pass {name[9:]}", flush=True)
        except Exception as error:  # whatever a client library may raise
            where = traceback.extract_tb(error.__traceback__)[1 if len(traceback.extract_tb(error.__traceback__)) > 1 else 0]
            print(f"fail {name[9:]}: {type(error).__name__}: {error} at line {where.lineno}".replace("\n", "|"), flush=True)
    os._exit(0)


main()
