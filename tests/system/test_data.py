"""test_data.py - what becomes of data over time: expiry, scans of a changing store, the memory limit."""
import random
import threading

from harness import (
    IS_REDIS, Daemon, Error, equal, main, need_measurable_memory, note, served, wait_until,
)

KIB = 1024
MIB = 1024 * KIB
OOM = Error("OOM command not allowed when used memory > 'maxmemory'.")


def _fill(client, count, name=lambda number: b"key:%d" % number, value=b"v"):
    """SETs `count` keys in pipelines; returns how many were refused."""
    refused = 0
    tail = b"\r\n$%d\r\n%b\r\n" % (len(value), value)
    for start in range(0, count, 1000):
        keys = [name(number) for number in range(start, min(start + 1000, count))]
        client.send(b"".join([b"*3\r\n$3\r\nSET\r\n$%d\r\n%b%b" % (len(key), key, tail) for key in keys]))
        if not client.skip(b"+OK\r\n" * len(keys)):
            replies = [client.read() for _ in keys]
            equal({reply for reply in replies if reply != "OK"}, {OOM})
            refused += sum(reply != "OK" for reply in replies)
    return refused


# ---- expiry ----


def test_a_key_lives_until_its_time_and_not_longer():
    with Daemon() as server, server.client() as client:
        client.pipeline([("SET", "stays", "1"), ("SET", "goes", "1", "PX", "30"), ("SET", "later", "1", "EX", "100")])
        wait_until(lambda: client.command("GET", "goes") is None, "the key has expired")
        equal(client.pipeline([("EXISTS", "goes"), ("TTL", "goes"), ("PTTL", "goes"), ("TYPE", "goes"), ("DEL", "goes"),
                               ("STRLEN", "goes"), ("GETDEL", "goes"), ("PERSIST", "goes"), ("EXPIRE", "goes", "10")]),
              [0, -2, -2, "none", 0, 0, None, 0, 0])
        equal(client.command("MGET", "goes", "stays", "later"), [None, b"1", b"1"])
        equal(sorted(client.command("KEYS", "*")), [b"later", b"stays"])
        equal(client.command("DBSIZE"), 2)
        ttl, pttl = client.pipeline([("TTL", "later"), ("PTTL", "later")])
        assert 90 <= ttl <= 100 and 90_000 <= pttl <= 100_000, (ttl, pttl)


def test_a_key_is_never_served_late():
    """A GET sent after the deadline, by the server's own clock, must miss."""
    with Daemon() as server, server.client() as client:
        def now_ms():
            seconds, micros = client.command("TIME")
            return int(seconds) * 1000 + int(micros) // 1000

        for _ in range(20):
            deadline = now_ms() + 5
            client.command("SET", "k", "v", "PXAT", deadline)
            hit = True
            while hit:
                before = now_ms()
                hit = client.command("GET", "k") is not None
                assert not hit or before <= deadline, f"served {before - deadline} ms late"


def test_an_expired_key_can_be_written_anew():
    with Daemon() as server, server.client() as client:
        for write, reply in [(("SET", "k", "new", "NX"), "OK"), (("SETNX", "k", "new"), 1), (("INCR", "k"), 1),
                             (("APPEND", "k", "new"), 3), (("GETSET", "k", "new"), None),
                             (("SET", "k", "new", "GET"), None), (("SET", "k", "new", "XX"), None)]:
            client.command("SET", "k", "old", "PX", "1")
            wait_until(lambda: client.command("PTTL", "k") == -2, "the key has expired")
            equal(client.command(*write), reply, repr(write))
            equal(client.command("TTL", "k"), -2 if write[-1] == "XX" else -1, repr(write))
            client.command("DEL", "k")


def test_what_keeps_and_what_drops_a_time_to_live():
    with Daemon() as server, server.client() as client:
        for change, kept in [(("SET", "k", "2"), False), (("SET", "k", "2", "KEEPTTL"), True), (("INCR", "k"), True),
                             (("APPEND", "k", "0"), True), (("GETSET", "k", "2"), False), (("MSET", "k", "2"), False),
                             (("GETEX", "k"), True), (("GETEX", "k", "PERSIST"), False), (("PERSIST", "k"), False)]:
            client.command("SET", "k", "1", "EX", "100")
            client.command(*change)
            equal(client.command("TTL", "k") > 0, kept, repr(change))
        equal(client.pipeline([("SET", "k", "1"), ("EXPIRE", "k", "100"), ("GETEX", "k", "PX", "50000")]), ["OK", 1, b"1"])
        assert 0 < client.command("PTTL", "k") <= 50_000


def test_expired_keys_go_without_being_read():
    count = 5000
    with Daemon() as server, server.client() as client:
        _fill(client, count, value=b"v" * 100, name=lambda number: b"brief:%d" % number)
        _fill(client, 100)
        for start in range(0, count, 1000):
            client.pipeline([("PEXPIRE", b"brief:%d" % number, "50") for number in range(start, start + 1000)])
        wait_until(lambda: client.command("DBSIZE") == 100, "the sweep has taken what expired", 60)
        equal(server.info()["db0"].split(",")[:2], ["keys=100", "expires=0"])
        assert int(server.info()["expired_keys"]) >= count


# ---- scans ----


def _scan(client, *options):
    """All keys of one full scan, as often as they came."""
    cursor, keys = b"0", []
    while True:
        cursor, part = client.command("SCAN", cursor, *options)
        keys += part
        if cursor == b"0":
            return keys


def test_scan_of_a_still_store_returns_each_key_once():
    count = 20_000
    with Daemon() as server, server.client() as client:
        equal(_scan(client), [])
        _fill(client, count)
        wanted = sorted(b"key:%d" % number for number in range(count))
        for options in ((), ("COUNT", "1000"), ("COUNT", "100000"), ("TYPE", "string")):
            equal(sorted(_scan(client, *options)), wanted, repr(options))
        equal(sorted(_scan(client, "MATCH", "key:1999?", "COUNT", "500")), [b"key:1999%d" % digit for digit in range(10)])
        equal(_scan(client, "TYPE", "hash", "COUNT", "5000"), [])
        equal(sorted(client.command("KEYS", "*:7")), [b"key:7"])
        assert client.command("RANDOMKEY").startswith(b"key:")


def _scan_beside(change, stable=20_000, scans=3):
    """Scans while change(client, stop) works on other keys from a second connection; every key that
    is there throughout must be returned, and none that was never written."""
    with Daemon("--threads", "2") as server, server.client() as client, server.client() as other:
        _fill(client, stable, lambda number: b"stable:%d" % number)
        stop = threading.Event()
        errors = []

        def work():
            try:
                change(other, stop)
            except BaseException as error:  # handed to the test's own thread below
                errors.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            for count in [10, 100, 1000][:scans]:
                seen = set(_scan(client, "COUNT", str(count)))
                missed = [number for number in range(stable) if b"stable:%d" % number not in seen]
                assert not missed, f"COUNT {count}: missed {len(missed)} keys, the first stable:{missed[0]}"
                strange = [key for key in seen if not key.startswith((b"stable:", b"moving:"))]
                assert not strange, strange[:5]
        finally:
            stop.set()
            thread.join()
        if errors:
            raise errors[0]


def test_scan_misses_no_key_while_the_store_grows_and_shrinks():
    def grow_and_shrink(client, stop):
        count = 60_000
        while not stop.is_set():
            for word, extra in (("SET", ("v",)), ("DEL", ())):
                for start in range(0, count, 500):
                    if not stop.is_set():
                        client.pipeline([(word, b"moving:%d" % number, *extra) for number in range(start, start + 500)])

    _scan_beside(grow_and_shrink)


def test_scan_misses_no_key_while_values_are_overwritten_with_other_sizes():
    def overwrite(client, stop):
        choice = random.Random(5)
        while not stop.is_set():
            client.pipeline([("SET", b"stable:%d" % choice.randrange(20_000), b"v" * choice.randrange(300))
                             for _ in range(500)])

    _scan_beside(overwrite)


def test_scan_misses_no_key_while_most_keys_are_deleted():
    count = 50_000
    with Daemon() as server, server.client() as client:
        _fill(client, count)
        kept = {b"key:%d" % number for number in range(0, count, 50)}
        cursor, seen, deleted = b"0", set(), 0
        while True:
            cursor, part = client.command("SCAN", cursor, "COUNT", "200")
            seen.update(part)
            if cursor == b"0":
                break
            if deleted < count:
                client.pipeline([("DEL", b"key:%d" % number) for number in range(deleted, deleted + 1000) if number % 50])
                deleted += 1000
        assert kept <= seen, f"missed {len(kept - seen)} keys"


def test_scan_ends_and_the_store_is_empty_after_a_flush_in_between():
    with Daemon() as server, server.client() as client:
        for flush in ("FLUSHALL", "FLUSHDB"):
            _fill(client, 30_000)
            cursor, _ = client.command("SCAN", "0", "COUNT", "100")
            equal(client.command(flush), "OK")
            turns = 0
            while cursor != b"0":
                cursor, keys = client.command("SCAN", cursor, "COUNT", "1000")
                equal(keys, [])
                turns += 1
                assert turns < 10_000, "the scan does not end"
            equal(client.pipeline([("DBSIZE",), ("GET", "key:1"), ("RANDOMKEY",)]), [0, None, None])
            served(server)


def test_flushall_beside_readers_writers_and_scans_leaves_a_sound_store():
    with Daemon("--threads", "2") as server:
        stop = threading.Event()
        errors = []

        def run(work):
            try:
                with server.client() as client:
                    while not stop.is_set():
                        work(client)
            except BaseException as error:  # handed to the test's own thread below
                errors.append(error)

        def write(client):
            _fill(client, 5000, value=b"v" * 50)

        def read(client):
            for value in client.pipeline([("GET", b"key:%d" % number) for number in range(0, 5000, 10)]):
                assert value in (None, b"v" * 50), value

        threads = [threading.Thread(target=run, args=(work,)) for work in (write, read, lambda client: _scan(client))]
        for thread in threads:
            thread.start()
        with server.client() as client:
            for _ in range(100):
                equal(client.command("FLUSHALL"), "OK")
        stop.set()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]
        with server.client() as client:
            equal(client.pipeline([("FLUSHALL", "SYNC"), ("DBSIZE",)]), ["OK", 0])
            equal(_fill(client, 1000), 0)
            equal(len(set(_scan(client))), 1000)


# ---- memory ----


def test_eviction_keeps_resident_memory_at_the_limit():
    limit, value, count = 64 * MIB, b"v" * 200, 600_000  # about twice what fits
    with Daemon("--max-memory", "64mb") as server, server.client() as client:
        before = server.rss()
        highest = before
        for part in range(6):
            equal(_fill(client, count // 6, lambda number, part=part: b"key:%d:%d" % (part, number), value), 0)
            highest = max(highest, server.rss())
        info = server.info()
        note(f"{(highest - before) / MIB:.1f} MiB above the start, {info['evicted_keys']} evicted")
        equal(info["maxmemory"], str(limit))
        assert int(info["evicted_keys"]) > 0, info["evicted_keys"]
        assert int(info["used_memory"]) <= limit * 1.02, info["used_memory"]
        kept = client.command("DBSIZE")
        assert kept > limit / 400, f"only {kept} keys are kept"
        equal(client.command("GET", b"key:5:%d" % (count // 6 - 1)), value, "the newest key")
        need_measurable_memory()
        assert highest - before <= limit * 1.05 + 4 * MIB, f"{(highest - before) / MIB:.1f} MiB"


def test_a_lower_limit_at_run_time_shrinks_the_store():
    with Daemon("--max-memory", "128mb") as server, server.client() as client:
        before = server.rss()
        equal(_fill(client, 300_000, value=b"v" * 200), 0)
        equal(client.command("CONFIG", "SET", "maxmemory", str(32 * MIB)), "OK")

        def shrunk():
            client.command("SET", "key", "v" * 200)
            return int(server.info("memory")["used_memory"]) <= 33 * MIB

        wait_until(shrunk, "the store is within its new limit", 60)
        assert client.command("DBSIZE") > 10_000
        served(server, client)
        note(f"{(server.rss() - before) / MIB:.1f} MiB above the start")
        if not IS_REDIS:
            need_measurable_memory()
            wait_until(lambda: server.rss() - before <= 40 * MIB, "resident memory has followed", 60)


def test_noeviction_refuses_writes_and_serves_the_rest():
    with Daemon("--max-memory", "16mb", "--eviction", "noeviction") as server, server.client() as client:
        refused = _fill(client, 150_000, value=b"v" * 200)
        assert refused > 0, "nothing was refused"
        equal(client.command("SET", "one more", "v" * 200_000), OOM)
        equal(client.command("MSET", "a", "v" * 200_000, "b", "v" * 200_000), OOM)
        equal(client.pipeline([("EXISTS", "a"), ("EXISTS", "b"), ("EXISTS", "one more")]), [0, 0, 0])
        equal(client.command("GET", "key:0"), b"v" * 200)
        equal(server.info()["evicted_keys"], "0")
        kept = client.command("DBSIZE")
        note(f"{kept} keys kept")
        for start in range(0, 40_000, 1000):
            client.pipeline([("DEL", b"key:%d" % number) for number in range(start, start + 1000)])
        wait_until(lambda: client.command("SET", "one more", "v" * 200_000) == "OK", "there is room again")
        equal(client.command("STRLEN", "one more"), 200_000)
        served(server, client)


def test_size_changing_overwrites_at_the_limit_lose_no_write():
    seed = 9
    choice = random.Random(seed)
    last = {}
    with Daemon("--max-memory", "32mb") as server, server.client() as client:
        before = server.rss()
        for _ in range(100):
            part = [(b"key:%d" % choice.randrange(60_000), choice.randrange(1, 800)) for _ in range(1000)]
            equal(client.pipeline([("SET", key, b"%d:" % size + b"x" * size) for key, size in part]), ["OK"] * 1000)
            last.update(part)
        keys = list(last)
        hits = 0
        for start in range(0, len(keys), 1000):
            part = keys[start : start + 1000]
            for key, value in zip(part, client.command("MGET", *part)):
                hits += value is not None
                assert value in (None, b"%d:" % last[key] + b"x" * last[key]), f"{key!r} is stale or torn (seed {seed})"
        note(f"{hits} of {len(keys)} keys kept, {(server.rss() - before) / MIB:.1f} MiB above the start")
        assert hits > len(keys) / 4, hits
        need_measurable_memory()
        assert server.rss() - before <= 32 * MIB * (1.05 if not IS_REDIS else 2) + 4 * MIB


def test_flushall_gives_memory_back():
    with Daemon() as server, server.client() as client:
        before = server.rss()
        equal(_fill(client, 300_000, value=b"v" * 200), 0)
        client.command("SET", "large", b"v" * (32 * MIB))
        full = server.rss() - before
        equal(client.command("FLUSHALL"), "OK")
        equal(client.command("DBSIZE"), 0)
        equal(_fill(client, 1000), 0)
        need_measurable_memory()
        wait_until(lambda: server.rss() - before <= full / 4, "three quarters of the memory are back", 30)
        note(f"{full / MIB:.0f} MiB, then {(server.rss() - before) / MIB:.0f} MiB")


def test_values_that_grow_and_go_leave_no_memory_behind():
    with Daemon() as server, server.client() as client:
        before = server.rss()
        for turn in range(30):
            client.command("SET", "large", bytes([turn]) * (16 * MIB))
            equal(client.command("STRLEN", "large"), 16 * MIB)
        client.command("DEL", "large")
        need_measurable_memory()
        wait_until(lambda: server.rss() - before <= 40 * MIB, "the memory of large values is back", 30)
        note(f"{(server.rss() - before) / MIB:.0f} MiB above the start")


if __name__ == "__main__":
    main(globals())
