"""test_pubsub.py - publish and subscribe across workers: order, slow readers, clients that die, and
the events of keys beside redis-server's."""
import random
import threading

from harness import Client, Daemon, Push, encode, equal, main, need_measurable_memory, need_ours, note, together, wait_until
from redis_server import Redis

WORKERS = ("--threads", "4")
SLOW = bool(Daemon.sanitizer)


def _subscribed(client, *words):
    """Sends one (P|S)SUBSCRIBE and reads its answers."""
    client.send(encode(*words))
    for name in words[1:]:
        equal(client.read()[1], name.encode() if isinstance(name, str) else name)


def _listener(server, *words, protocol=2, **options):
    client = server.client(protocol, **options)
    _subscribed(client, *words)
    return client


def _numsub(client, name):
    return client.command("PUBSUB", "NUMSUB", name)[1]


# ---- order ----


def test_all_subscribers_of_all_workers_see_one_order():
    listeners, publishers, each = 24, 3, 400 if not SLOW else 100
    with Daemon(*WORKERS) as server:
        clients = [_listener(server, "SUBSCRIBE", "news", protocol=2 + i % 2) for i in range(listeners)]
        patterns = [_listener(server, "PSUBSCRIBE", "n[e]w*") for i in range(4)]
        with server.client() as looker:
            equal(_numsub(looker, "news"), listeners)
            equal(looker.command("PUBSUB", "NUMPAT"), 1)

        def publish(who):
            with server.client() as client:
                for start in range(0, each, 20):
                    replies = client.pipeline(["PUBLISH", "news", f"{who}:{n}"] for n in range(start, start + 20))
                    equal(replies, [listeners + 4] * 20)

        together([lambda who=who: publish(who) for who in range(publishers)])
        seen = []
        for client in clients:
            messages = [client.read() for _ in range(publishers * each)]
            assert all(message[:2] == [b"message", b"news"] for message in messages)
            seen.append([message[2] for message in messages])
        for client in patterns:
            seen.append([client.read()[3] for _ in range(publishers * each)])
        assert all(order == seen[0] for order in seen), "two subscribers saw two orders"
        for who in range(publishers):
            own = [int(text.split(b":")[1]) for text in seen[0] if text.startswith(b"%d:" % who)]
            equal(own, list(range(each)))
        assert isinstance(clients[1].command("PING"), str)
        for client in clients + patterns:
            client.close()
        with server.client() as looker:
            wait_until(lambda: _numsub(looker, "news") == 0, "the subscriptions of clients that left are gone")


def test_a_thousand_channels_each_get_their_own():
    names = [f"channel:{i}" for i in range(1000)]
    with Daemon(*WORKERS) as server, server.client() as publisher:
        with server.client(3) as plain, server.client(3) as sharded:
            _subscribed(plain, "SUBSCRIBE", *names)
            _subscribed(sharded, "SSUBSCRIBE", *names)
            equal(sorted(publisher.command("PUBSUB", "CHANNELS")), sorted(name.encode() for name in names))
            equal(len(publisher.command("PUBSUB", "CHANNELS", "channel:1??")), 100)
            order = random.Random(7).sample(names, len(names))
            equal(publisher.pipeline(["PUBLISH", name, name] for name in order), [1] * len(order))
            equal(publisher.pipeline(["SPUBLISH", name, name] for name in order), [1] * len(order))
            for client, kind in ((plain, b"message"), (sharded, b"smessage")):
                for name in order:
                    equal(client.read(), Push([kind, name.encode(), name.encode()]))
            fields = server.info()
            equal((fields["pubsub_channels"], fields["pubsubshard_channels"], fields["pubsub_clients"]),
                  ("1000", "1000", "2"))
            plain.send(encode("UNSUBSCRIBE"))
            equal([plain.read()[2] for _ in names], list(range(999, -1, -1)))
            equal(publisher.command("PUBSUB", "CHANNELS"), [])


def test_own_messages_come_behind_the_reply():
    with Daemon() as server, server.client(3) as client:
        need_ours()  # Redis does so since 7.2
        _subscribed(client, "SUBSCRIBE", "a")
        client.send(encode("PUBLISH", "a", "1") + encode("PING") + encode("MULTI") + encode("PUBLISH", "a", "2")
                    + encode("PING") + encode("EXEC"))
        equal([client.read() for _ in range(7)],
              [1, Push([b"message", b"a", b"1"]), "PONG", "OK", "QUEUED", "QUEUED", [1, "PONG"]])
        equal(client.read(), Push([b"message", b"a", b"2"]))


def test_a_resp2_client_that_left_gets_replies_only():
    rounds = 200 if not SLOW else 40
    with Daemon(*WORKERS) as server, server.client() as client:
        stop = threading.Event()

        def publish():
            with server.client() as publisher:
                while not stop.is_set():
                    publisher.pipeline([["PUBLISH", "a", "x"]] * 20)

        def come_and_go():
            try:
                for turn in range(rounds):
                    _subscribed(client, "SUBSCRIBE", "a")
                    client.send(encode("UNSUBSCRIBE", "a") + encode("ECHO", str(turn)))
                    reply = client.read()
                    while reply[0] == b"message":
                        reply = client.read()
                    equal(reply, [b"unsubscribe", b"a", 0])
                    equal(client.read(), b"%d" % turn)
            finally:
                stop.set()

        together([publish, publish, come_and_go])


# ---- clients that do not behave ----


def test_a_slow_subscriber_is_closed_and_harms_nobody():
    payload, turns, per_turn = b"p" * 10000, 120 if not SLOW else 60, 100
    with Daemon(*WORKERS) as server, server.client() as publisher, server.client() as other:
        slow = [_listener(server, "SUBSCRIBE", "news", receive_bytes=4096) for _ in range(3)]
        before = server.rss()
        peak = 0
        with server.client() as quick:
            _subscribed(quick, "SUBSCRIBE", "news")
            for _ in range(turns):
                replies = publisher.pipeline([["PUBLISH", "news", payload]] * per_turn)
                assert all(1 <= count <= 4 for count in replies)
                equal([quick.read()[2] for _ in range(per_turn)], [payload] * per_turn)
                equal(other.command("PING"), "PONG")
                peak = max(peak, server.rss())
            wait_until(lambda: _numsub(other, "news") == 1, "the slow subscribers are closed")
        for client in slow:
            client.read_until_closed()
            client.close()
        note(f"{turns * per_turn * len(payload) >> 20} MiB published, {(peak - before) >> 20} MiB more in use at most")
        equal(server.info()["client_output_buffer_limit_disconnections"], "3")
        need_measurable_memory()
        # What waits is shared: one time 32 MiB, and what each connection may have unsent.
        assert peak - before < 96 << 20, f"{(peak - before) >> 20} MiB more"


def test_clients_that_die_while_told_harm_nobody():
    rounds = 60 if not SLOW else 15
    with Daemon(*WORKERS) as server:
        stop = threading.Event()

        def publish():
            with server.client() as client:
                while not stop.is_set():
                    client.pipeline([["PUBLISH", f"c{i % 7}", b"x" * (i * 40)] for i in range(50)])

        def live_shortly(seed):
            dice = random.Random(seed)
            for _ in range(rounds):
                client = server.client(dice.choice((2, 3)))
                names = [f"c{i}" for i in range(dice.randrange(1, 8))]
                _subscribed_roughly(client, dice.choice(("SUBSCRIBE", "PSUBSCRIBE")), names)
                if dice.random() < 0.5:
                    client.reset()
                else:
                    client.close()

        def live_all():
            try:
                together([lambda seed=seed: live_shortly(seed) for seed in range(4)])
            finally:
                stop.set()

        together([publish, publish, live_all])
        with server.client() as client:
            wait_until(lambda: client.command("PUBSUB", "CHANNELS") == [], "no channel has subscribers")
            wait_until(lambda: client.command("PUBSUB", "NUMPAT") == 0, "no pattern has subscribers")


def _subscribed_roughly(client, word, names):
    """Messages of the first names may come between the answers."""
    client.send(encode(word, *names))
    answers = 0
    while answers < len(names):
        if client.read()[0] == word.lower().encode():
            answers += 1


def test_a_killed_server_of_subscribers_comes_back():
    server = Daemon(*WORKERS)
    clients = [_listener(server, "SUBSCRIBE", "news") for _ in range(8)]
    with server.client() as publisher:
        publisher.command("PUBLISH", "news", "m")
        server.kill()
    for client in clients:
        client.read_until_closed()
        client.close()
    with Daemon(*WORKERS, port=server.port) as again, again.client() as publisher:
        with _listener(again, "SUBSCRIBE", "news") as client:
            equal(publisher.command("PUBLISH", "news", "m"), 1)
            equal(client.read(), [b"message", b"news", b"m"])


def test_a_server_that_drains_sends_what_was_published():
    with Daemon(*WORKERS) as server:
        client = _listener(server, "SUBSCRIBE", "news")
        with server.client() as publisher:
            equal(publisher.pipeline([["PUBLISH", "news", "m"]] * 50), [1] * 50)
        server.stop()
        for _ in range(50):
            equal(client.read(), [b"message", b"news", b"m"])
        client.close()


# ---- events of keys ----

EVENT_COMMANDS = """SET a 1|SET a 2 EX 100|SET a 3 PX 100000 NX|SET b 3 NX|SET b 4 XX KEEPTTL|SET c 1 GET
SET c 2 GET EX 50|SETNX a 1|SETNX d 1|SETEX e 100 1|PSETEX e 100000 1|GETSET e 2|GETSET nog 2|MSET m1 1 m2 2 m1 3
MSETNX m1 1 m9 2|MSETNX m8 1 m9 2|APPEND a x|APPEND newap x|SETRANGE a 1 zz|SETRANGE sr2 3 x|INCR n1|INCR a|DECR n1
INCRBY n1 4|DECRBY n1 4|INCRBYFLOAT n1 1.5|INCRBYFLOAT nf 1.5|GET nope|GET a|MGET a nope nope2|STRLEN nope
GETRANGE nope 0 1|SUBSTR nope 0 1|EXISTS nope a|TYPE nope|TTL nope|PTTL nope|EXPIRETIME nope|PEXPIRETIME nope
TOUCH nope a|OBJECT ENCODING nope|MEMORY USAGE nope|DUMP nope|GETDEL a|GETDEL nope|GETEX b|GETEX b EX 100
GETEX b PERSIST|GETEX b PERSIST|GETEX b PXAT 1|GETEX nope|GETEX nope EX 100|DEL nope c d c|SET x 1|SET y 2
UNLINK x nope y|SET x 1|EXPIRE x 100|EXPIRE x 100 NX|EXPIRE nope 100|PEXPIRE x 100000|EXPIREAT x 99999999999
PEXPIREAT x 99999999999999|PERSIST x|PERSIST x|EXPIRE x -1|SET x 1|EXPIRE x 0|SET x 1|RENAME x y|RENAME y y
RENAME nope z|SET z 1|RENAMENX y z|RENAMENX y w|COPY w w2|COPY w w2|COPY w w2 REPLACE|COPY nope w3|COPY w w2 DB 1
MOVE w 1|MOVE nope 1|SELECT 1|SET in1 1|DEL in1 w|SELECT 0|SETBIT bit 7 1|SETBIT bit 7 1|SETBIT bit2 7 0
SETBIT bit2 70 0|GETBIT bit 7|GETBIT nope 7|BITCOUNT nope|BITPOS nope 1|BITOP AND dst bit nope
BITOP AND dst nope nope2|BITOP AND dst nope nope2|BITOP NOT dst bit|BITFIELD bf SET u8 0 255|BITFIELD bf SET u8 0 255
BITFIELD bf GET u8 0|BITFIELD nope GET u8 0|BITFIELD bf INCRBY u8 0 1|BITFIELD bf OVERFLOW FAIL INCRBY u8 0 255
BITFIELD bf GET u8 0 SET u8 800 0|BITFIELD bf INCRBY u8 0 0|BITFIELD_RO nope GET u8 0|LCS nope bit|MULTI|SET tx 1
INCR tx|DEL tx|EXEC|MULTI|DEL tx2|EXEC|FLUSHDB|SET ff 1|FLUSHALL"""


def _events_of(port, letters):
    """The events of each command, from a server's keyspace channels."""
    found = []
    with Client(port) as client, Client(port) as listener:
        client.command("FLUSHALL")
        equal(client.command("CONFIG", "SET", "notify-keyspace-events", letters), "OK")
        _subscribed(listener, "PSUBSCRIBE", "__key*")
        for number, line in enumerate(EVENT_COMMANDS.replace("\n", "|").split("|")):
            client.command(*line.split())
            client.command("ECHO", "queued while in MULTI")
            with Client(port) as marker:  # what the command raised comes before it
                marker.command("PUBLISH", "__key__", str(number))
            events = []
            while (message := listener.read())[2] != b"__key__":
                events.append((message[2], message[3]))
            found.append((line, events))
        equal(client.command("CONFIG", "SET", "notify-keyspace-events", ""), "OK")
    return found


def test_commands_raise_the_events_that_redis_raises():
    with Daemon() as server, Redis() as redis:
        for letters in ("KEA", "Km", "E$"):
            events = 0
            for ours, theirs in zip(_events_of(server.port, letters), _events_of(redis.port, letters)):
                equal(ours, theirs, f"with {letters}")
                events += len(ours[1])
            note(f"{letters}: {events} events")


def test_what_expires_and_is_evicted_is_told():
    with Daemon("--max-memory", "8mb") as server, server.client() as client:
        need_ours()
        equal(client.command("CONFIG", "SET", "notify-keyspace-events", "Exe"), "OK")
        with _listener(server, "PSUBSCRIBE", "__keyevent@*") as listener:
            equal(client.command("SET", "short", "1", "PX", "20"), "OK")
            equal(listener.read(), [b"pmessage", b"__keyevent@*", b"__keyevent@0__:expired", b"short"])
            equal(client.command("STORE", "CREATE", "users"), "OK")
            equal(client.command("SELECT", "users"), "OK")
            equal(client.command("SET", "short", "1", "PX", "20"), "OK")
            equal(listener.read(), [b"pmessage", b"__keyevent@*", b"__keyevent@users__:expired", b"short"])
            equal(client.command("SELECT", "0"), "OK")
            client.pipeline(["SET", f"k{i}", b"v" * 1000] for i in range(20000))
            evicted = int(server.info()["evicted_keys"])
            assert evicted > 1000
            told = {listener.read()[3] for _ in range(evicted)}
            equal(len(told), evicted)
            equal(client.command("EXISTS", *told), 0)


def test_events_are_off_unless_asked_for():
    with Daemon() as server, server.client() as client:
        with _listener(server, "PSUBSCRIBE", "*") as listener:
            client.pipeline([["SET", "k", "1"], ["DEL", "k"], ["GET", "k"]])
            client.command("PUBLISH", "end", "m")
            equal(listener.read(), [b"pmessage", b"*", b"end", b"m"])


if __name__ == "__main__":
    main(globals())
