"""test_golden.py - a data directory that an earlier version wrote is served by this one, for ever.

tests/golden/data-N holds one for each version of the format, as `data backup` copies it.

    GOLDEN_MAKE=1 tests/system/test_golden.py      writes the newest anew, for a new format
"""
import os
import shutil
import tempfile

import format_reader
from daemon import PROGRAM
from harness import ROOT, Daemon, equal, main, need_ours, run_program, wait_until

FORMATS = (1,)
FAR_MS = 4_102_444_800_000  # in 2100


def _golden(version):
    return os.path.join(ROOT, f"tests/golden/data-{version}")


def _value(number):
    return b"%d" % (number * 7) if number % 4 == 0 else b"value %d " % number * (number % 9 + 1)


def _writes():
    """What was done before the snapshot, and after it."""
    before = [("SELECT", "0"), *[("SET", "key:%d" % i, _value(i)) for i in range(60)],
              *[("PEXPIREAT", "key:%d" % i, str(FAR_MS + i)) for i in range(0, 60, 5)],
              ("SET", "binary", bytes(range(256))), ("SET", "empty", ""), ("SET", "large", b"x" * 10000),
              ("SELECT", "7"), ("SET", "seven", "7"), ("SELECT", "1"), ("SET", "from", "one"),
              ("STORE", "CREATE", "users", "MAXMEMORY", "64mb", "EVICTION", "lru", "TTL", "864000000"),
              ("STORE", "CREATE", "gone"), ("SELECT", "users"), ("SET", "u", "named", "PXAT", str(FAR_MS))]
    after = [("SELECT", "0"), ("APPEND", "key:1", "+"), ("DEL", "key:2"), ("INCR", "key:4"), ("PERSIST", "key:5"),
             ("MULTI",), ("SET", "a", "1"), ("SET", "b", "2"), ("EXEC",), ("SETRANGE", "large", "5000", "patched"),
             ("SWAPDB", "1", "2"), ("STORE", "DROP", "gone"), ("CF.ADD", "filter", "item"), ("MSET", "m", "1", "n", "2")]
    return before, after


def _expected():
    """Commands that ask for all of it, and their replies."""
    value = {i: _value(i) for i in range(60) if i != 2}
    value[1] += b"+"
    value[4] = b"29"
    asked = [("SELECT", "0"), ("DBSIZE",)] + [("GET", "key:%d" % i) for i in range(60)]
    told = ["OK", 67] + [value.get(i) for i in range(60)]
    asked += [("PEXPIRETIME", "key:%d" % i) for i in range(3, 60)]
    told += [FAR_MS + i if i % 5 == 0 and i != 5 else -1 for i in range(3, 60)]
    asked += [("GET", "binary"), ("GET", "empty"), ("GET", "large"), ("MGET", "a", "b", "m", "n")]
    told += [bytes(range(256)), b"", b"x" * 5000 + b"patched" + b"x" * 4993, [b"1", b"2", b"1", b"2"]]
    asked += [("CF.EXISTS", "filter", "item"), ("SELECT", "7"), ("GET", "seven"), ("SELECT", "2"), ("GET", "from"),
              ("SELECT", "1"), ("DBSIZE",), ("SELECT", "users"), ("GET", "u"), ("PEXPIRETIME", "u")]
    told += [1, "OK", b"7", "OK", b"one", "OK", 0, "OK", b"named", FAR_MS]
    return asked, told


def _make(version):
    with tempfile.TemporaryDirectory(prefix="golden-test-") as folder:
        data = os.path.join(folder, "d")
        with Daemon("--data-dir", data, "--persistence.enabled=true") as server, server.client() as client:
            before, after = _writes()
            client.pipeline(before)
            equal(client.command("BGSAVE"), "Background saving started")
            wait_until(lambda: b"rdb_bgsave_in_progress:0" in client.command("INFO", "persistence"), "the snapshot is there")
            client.pipeline(after)
        shutil.rmtree(_golden(version), ignore_errors=True)
        equal(run_program(PROGRAM, "data", "backup", data, _golden(version))[0], 0)


def test_a_directory_of_each_format_is_good_and_served_whole():
    need_ours()
    if os.environ.get("GOLDEN_MAKE"):
        _make(FORMATS[-1])
    for version in FORMATS:
        with tempfile.TemporaryDirectory(prefix="golden-test-") as folder:
            data = os.path.join(folder, "d")
            equal(run_program(PROGRAM, "data", "restore", _golden(version), data)[0], 0)
            asked, told = _expected()
            for _ in range(2):  # and again, from what this version made of it
                with Daemon("--data-dir", data, "--persistence.enabled=true") as server, server.client() as client:
                    for question, got, want in zip(asked, client.pipeline(asked), told):
                        equal(got, want, f"format {version}, {question}")
                    info = client.command("STORE", "INFO", "users")
                    info = dict(zip(info[::2], info[1::2]))
                    equal([info[name] for name in (b"eviction", b"default_ttl_ms", b"max_memory_bytes")],
                          [b"allkeys-lru", 864_000_000, 64 << 20])
                    equal(sorted(name for name in client.command("STORES") if not name.isdigit()), [b"users"])


def test_what_docs_format_says_is_enough_to_read_it():
    stores = format_reader.read(os.path.join(ROOT, "tests/golden/persistence-1"))
    equal(list(stores), ["golden"])
    golden = stores["golden"]
    equal(len(golden), 200)
    for number in range(200):
        value = b"value %d " % number + b"." * (number % 100) + (b"!" if number == 1 else b"")
        equal(golden[b"key %d" % number], (value, FAR_MS + number if number % 3 == 0 else None))
    stores = format_reader.read(_golden(1))
    zero = stores["0"]
    equal([len(zero), zero[b"large"], zero[b"key:1"], zero[b"key:4"][0]],
          [67, (b"x" * 5000 + b"patched" + b"x" * 4993, None), (_value(1) + b"+", None), b"29"])
    equal([stores["7"], stores["users"], "gone" in stores], [{b"seven": (b"7", None)}, {b"u": (b"named", FAR_MS)}, False])


def test_a_directory_of_this_version_reads_as_docs_format_says():
    """Large values in pieces, a part for each core, compressed blocks, several log files."""
    need_ours()
    with tempfile.TemporaryDirectory(prefix="golden-test-") as folder:
        data = os.path.join(folder, "d")
        wanted = {b"k%d" % i: (b"%d" % i * (i % 50 + 1), None) for i in range(5000)}
        wanted[b"big"] = (bytes(range(256)) * 2000, None)
        with Daemon("--data-dir", data, "--persistence.enabled=true") as server, server.client() as client:
            client.pipeline([("SET", key, value) for key, (value, _) in wanted.items()])
            equal(client.command("SAVE"), "OK")
            client.pipeline([("APPEND", key, "!") for key in list(wanted)[:100]])
            client.command("SETRANGE", "big", "600000", b"end")
            client.pipeline([("MULTI",), ("DEL", "k200"), ("SET", "k201", "x" * 100000), ("EXEC",)])
            equal(client.command("WAITAOF", "1", "0", "0"), [1, 0])
            equal(run_program("cp", "-r", data, data + "-copy")[0], 0)
        for key in list(wanted)[:100]:
            wanted[key] = (wanted[key][0] + b"!", None)
        wanted[b"big"] = (wanted[b"big"][0].ljust(600000, b"\0") + b"end", None)
        del wanted[b"k200"]
        wanted[b"k201"] = (b"x" * 100000, None)
        found = format_reader.read(data + "-copy")["0"]
        wrong = [key for key in {**wanted, **found} if found.get(key) != wanted.get(key)]
        equal(wrong, [])


if __name__ == "__main__":
    main(globals())
