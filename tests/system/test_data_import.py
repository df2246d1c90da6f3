"""test_data_import.py - Redis's files come in, ours go out, with equal values and times to live.

The other side is the real redis-server: it writes the dumps and append-only files that are imported,
and loads what is exported.  TEST: 20,000 keys; with FULL=1 a million.
"""
import json
import os
import pty
import random
import shutil
import tempfile

from daemon import PROGRAM
from harness import FULL, Client, Daemon, equal, main, need_ours, need_program, note, run_program, wait_until
from redis_server import Redis

KEYS = 1_000_000 if FULL else 20_000
HOUR_MS = 3_600_000
DATABASES = 16


def data(*arguments, code=0, timeout_s=600):
    """Runs `hypercached data`; returns its standard output and error."""
    need_ours()
    got, out, err = run_program(PROGRAM, "data", *arguments, timeout_s=timeout_s)
    equal(got, code, f"data {arguments} printed {out}{err}")
    return out, err


class Folder:
    """A temporary folder, with `path` of names in it."""

    def __enter__(self):
        self.root = tempfile.mkdtemp(prefix="data-test-")
        return self

    def __exit__(self, *exception):
        shutil.rmtree(self.root, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.root, *names)

    def write(self, name, content):
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def read(self, *names):
        with open(self.path(*names), "rb") as file:
            return file.read()


def commands(*all_words):
    """RESP, as an append-only file has it."""
    out = b""
    for words in all_words:
        words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        out += b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in words)
    return out


# ---- what is where ----


def values(client, count):
    """Strings of every encoding of an RDB file: 8, 16, 32 bit numbers, plain, packed, long, binary."""
    rand = random.Random(7)
    kinds = [
        lambda i: b"%d" % (i % 100), lambda i: b"%d" % (-i - 200), lambda i: b"%d" % (i + 70000),
        lambda i: b"%d" % (i + (1 << 40)), lambda i: b"value %d" % i, lambda i: b"a" * (i % 500),
        lambda i: (b"%d " % i) * (20 + i % 50), lambda i: rand.randbytes(i % 200), lambda i: b"",
        lambda i: b"007", lambda i: b"-0", lambda i: b" 1",
    ]
    for start in range(0, count, 1000):
        batch = []
        for i in range(start, min(start + 1000, count)):
            batch.append(("SET", b"key:%d" % i, kinds[i % len(kinds)](i),
                          *(("PXAT", 4_000_000_000_000 + i) if i % 3 == 0 else ())))
        equal({*client.pipeline(batch)}, {"OK"})


def contents(client, databases=range(DATABASES)):
    """{(database, key): (value, time at which it expires)}"""
    found = {}
    for database in databases:
        equal(client.command("SELECT", str(database)), "OK")
        cursor = b"0"
        while True:
            cursor, keys = client.command("SCAN", cursor, "COUNT", "1000")
            for key, value, at in zip(keys, client.pipeline([("GET", key) for key in keys]),
                                      client.pipeline([("PEXPIRETIME", key) for key in keys])):
                found[database, key] = value, at
            if cursor == b"0":
                break
    return found


def same(got, want):
    """Compares two contents without printing a million keys."""
    if got == want:
        return
    missing, more = want.keys() - got.keys(), got.keys() - want.keys()
    other = [key for key in want.keys() & got.keys() if got[key] != want[key]]
    shown = [(key, got[key], want[key]) for key in other[:3]]
    raise AssertionError(f"{len(missing)} missing {sorted(missing)[:3]}, {len(more)} more {sorted(more)[:3]}, "
                         f"{len(other)} other {shown}")


def served_from(directory, databases=range(DATABASES)):
    """What a daemon serves that starts on a data directory."""
    with Daemon("--data-dir", directory, "--persistence.enabled=true") as server, server.client() as client:
        return contents(client, databases)


# ---- RDB ----


def test_a_dump_of_redis_is_served_with_equal_values_and_times():
    with Folder() as folder, Redis(folder.root) as redis, Client(redis.port, timeout_s=300) as client:
        values(client, KEYS)
        for database in (1, 7, 15):
            equal(client.pipeline([("SELECT", str(database)), ("SET", "here", "in %d" % database)]), ["OK", "OK"])
        client.command("SELECT", "0")
        client.pipeline([("SET", "big", b"big" * 1_000_000), ("SET", "packed", b"".join(b"%d " % i for i in range(60_000)))])
        equal(client.command("SAVE"), "OK")
        want = contents(client)
        out, _ = data("import", folder.path("dump.rdb"), "--data-dir", folder.path("d"), "--json")
        report = json.loads(out)
        equal((report["keys"], report["expiring"], report["expired"]),
              (KEYS + 5, sum(at > 0 for _, at in want.values()), 0))
        note(f"{KEYS} keys in {report['seconds']} s")
        same(served_from(folder.path("d")), want)


def test_old_and_uncompressed_dumps_are_read():
    for version in (b"0002", b"0005", b"0006", b"0009", b"0012"):
        with Folder() as folder:
            body = b"REDIS" + version + b"\xfe\x03\x00\x03abc\x02hi\xff" + (b"\0" * 8 if version > b"0004" else b"")
            path = folder.write("dump.rdb", body)
            data("import", path, "--data-dir", folder.path("d"))
            equal(served_from(folder.path("d")), {(3, b"abc"): (b"hi", -1)})


def test_other_types_are_refused_with_their_names_or_skipped():
    with Folder() as folder, Redis(folder.root) as redis, Client(redis.port) as client:
        client.pipeline([("SET", "s", "1"), ("RPUSH", "a list", "1"), ("HSET", "a hash", "f", "v"),
                         ("SADD", "a set", "m"), ("ZADD", "z", "1", "m"), ("XADD", "x", "*", "f", "v"), ("SAVE",)])
        _, err = data("import", folder.path("dump.rdb"), "--data-dir", folder.path("d"), code=1)
        for word in ('"a list"', '"a hash"', "stream", "--skip"):
            assert word in err, err
        assert not os.path.exists(folder.path("d"))
        out, _ = data("import", folder.path("dump.rdb"), "--data-dir", folder.path("d"), "--skip", "--json")
        equal((json.loads(out)["keys"], json.loads(out)["skipped"]["count"]), (1, 5))
        equal(served_from(folder.path("d")), {(0, b"s"): (b"1", -1)})


def test_a_damaged_dump_is_refused_before_a_key_is_applied():
    with Folder() as folder, Redis(folder.root) as redis, Client(redis.port) as client:
        values(client, 300)
        client.command("SAVE")
        whole, rand = folder.read("dump.rdb"), random.Random(11)
        for _ in range(25):
            at = rand.randrange(len(whole))
            flipped = whole[:at] + bytes([whole[at] ^ 1 << rand.randrange(8)]) + whole[at + 1:]
            cut = whole[:rand.randrange(len(whole))]
            for content in (flipped, cut, whole + b"x"):
                path = folder.write("bad.rdb", content)
                _, err = data("import", path, "--data-dir", folder.path("d"), "--skip", "--truncate", code=1)
                assert "bad.rdb" in err
                assert not os.path.exists(folder.path("d")), f"flip or cut at {at}"


def test_keys_whose_time_is_over_are_left_out_and_counted():
    with Folder() as folder:
        body = (b"REDIS0009\xfe\x00" + b"\xfc" + (1_000_000).to_bytes(8, "little") + b"\x00\x04gone\x01x" +
                b"\xfc" + (4_000_000_000_000).to_bytes(8, "little") + b"\x00\x04here\x01y\xff" + bytes(8))
        out, _ = data("import", folder.write("a.rdb", body), "--data-dir", folder.path("d"))
        assert "imported 1 key, 1 of them" in out and "left out 1 key whose time was over" in out, out
        equal(served_from(folder.path("d")), {(0, b"here"): (b"y", 4_000_000_000_000)})


def test_one_database_alone_can_be_imported():
    with Folder() as folder:
        body = commands(("SELECT", 0), ("SET", "a", 1), ("SELECT", 2), ("SET", "b", 2))
        data("import", folder.write("a.aof", body), "--data-dir", folder.path("d"), "--database", "2")
        equal(served_from(folder.path("d")), {(2, b"b"): (b"2", -1)})


def test_a_directory_that_holds_keys_is_refused_or_merged():
    with Folder() as folder:
        first = folder.write("a.aof", commands(("SET", "a", 1), ("SET", "b", 1)))
        second = folder.write("b.aof", commands(("FLUSHALL",), ("SET", "b", 2), ("SET", "c", 2)))
        data("import", first, "--data-dir", folder.path("d"))
        _, err = data("import", second, "--data-dir", folder.path("d"), code=1)
        assert "holds 2 keys already" in err and "--merge" in err, err
        data("import", second, "--data-dir", folder.path("d"), "--merge")
        equal(served_from(folder.path("d")),
              {(0, b"a"): (b"1", -1), (0, b"b"): (b"2", -1), (0, b"c"): (b"2", -1)})


def test_a_directory_in_use_is_refused():
    with Folder() as folder, Daemon("--data-dir", folder.path("d"), "--persistence.enabled=true"):
        path = folder.write("a.aof", commands(("SET", "a", 1)))
        for verb in (("import", path, "--data-dir", folder.path("d")), ("verify", folder.path("d")),
                     ("export", "--data-dir", folder.path("d"), "--to", folder.path("x.rdb"))):
            _, err = data(*verb, code=2)
            assert "has it open" in err, err


# ---- append-only files ----


def rewrite(client):
    """BGREWRITEAOF, and waits until it is done."""
    wait_until(lambda: b"aof_rewrite_in_progress:0" in client.command("INFO", "persistence"), "no rewrite runs")
    client.command("BGREWRITEAOF")
    wait_until(lambda: b"aof_rewrite_in_progress:0" in client.command("INFO", "persistence") and
               b"aof_last_bgrewrite_status:ok" in client.command("INFO", "persistence"), "the file was rewritten")


def test_append_only_files_of_redis_after_rewrites():
    for preamble in ("yes", "no"):
        with Folder() as folder:
            options = ("--appendonly", "yes", "--aof-use-rdb-preamble", preamble,
                       "--aof-timestamp-enabled", preamble)
            with Redis(folder.root, options) as redis, Client(redis.port, timeout_s=60) as client:
                values(client, 3000)
                rewrite(client)
                for database in (0, 5):
                    client.command("SELECT", str(database))
                    client.pipeline([
                        ("SET", "n", "41"), ("INCR", "n"), ("APPEND", "text", "ab"), ("APPEND", "text", "cd"),
                        ("MULTI",), ("SET", "in", "multi"), ("DEL", "key:1"), ("EXEC",), ("SETEX", "ex", "1000", "v"),
                        ("EXPIRE", "key:2", "5000"), ("PERSIST", "key:3"), ("GETEX", "key:4", "EX", "900"),
                        ("SETRANGE", "range", "5", "x"), ("MSET", "m1", "1", "m2", "2"), ("RENAME", "key:7", "moved"),
                        ("COPY", "key:8", "copied"), ("SETBIT", "bits", "9", "1"), ("INCRBYFLOAT", "f", "1.5"),
                        ("GETDEL", "key:10"), ("MOVE", "key:11", "9"), ("UNLINK", "key:12")])
                client.pipeline([("SWAPDB", "5", "6"), ("SELECT", "8"), ("SET", "x", "1"), ("FLUSHDB",)])
                want = contents(client)
            out, _ = data("import", folder.root, "--data-dir", folder.path("d"))
            assert f"imported {len(want)} keys" in out, out
            same(served_from(folder.path("d")), want)
            data("import", folder.path("appendonlydir", "appendonly.aof.manifest"), "--data-dir", folder.path("e"))
            same(served_from(folder.path("e")), want)


def test_an_expiry_that_was_made_longer_in_time_is_alive():
    """At the time of the import the first expiry is past, the last one is not."""
    with Folder() as folder:
        body = commands(("SET", "k", "v", "PXAT", 1_000), ("PEXPIREAT", "k", 4_000_000_000_000),
                        ("SET", "p", "v", "PXAT", 1_000), ("PERSIST", "p"),
                        ("SET", "over", "v", "PXAT", 1_000), ("SET", "soon", "v", "EX", 1000))
        data("import", folder.write("a.aof", body), "--data-dir", folder.path("d"))
        found = served_from(folder.path("d"))
        soon = found.pop((0, b"soon"))
        assert soon[1] > 1_700_000_000_000, soon
        equal(found, {(0, b"k"): (b"v", 4_000_000_000_000), (0, b"p"): (b"v", -1)})


def test_an_old_file_with_a_preamble_is_read_and_its_flips_are_refused():
    with Folder() as folder, Redis(folder.root) as redis, Client(redis.port) as client:
        values(client, 200)
        client.command("SAVE")
        whole = folder.read("dump.rdb") + commands(("SELECT", 0), ("SET", "tail", 1), ("DEL", "key:1"))
        want = contents(client)
        want[0, b"tail"] = b"1", -1
        del want[0, b"key:1"]
        data("import", folder.write("appendonly.aof", whole), "--data-dir", folder.path("d"))
        same(served_from(folder.path("d")), want)
        rand = random.Random(3)
        for _ in range(20):
            at = rand.randrange(len(whole) - 100)
            path = folder.write("bad.aof", whole[:at] + bytes([whole[at] ^ 0x20]) + whole[at + 1:])
            data("import", path, "--data-dir", folder.path("e"), code=1)
            assert not os.path.exists(folder.path("e"))


def test_commands_that_are_not_here_are_listed_and_refused_or_skipped():
    with Folder() as folder:
        body = commands(("SELECT", 0), ("SET", "a", 1), ("RPUSH", "l", 1), ("HSET", "h", "f", "v"),
                        ("RPUSH", "l", 2), ("SELECT", 40), ("SET", "far", 1), ("SELECT", 0), ("EVAL", "x", 0),
                        ("SHUTDOWN",), ("SET", "b"), ("SET", "c", 3))
        path = folder.write("a.aof", body)
        _, err = data("import", path, "--data-dir", folder.path("d"), code=1)
        assert "2 rpush, 1 hset, 1 select, 2 set, 1 eval, 1 shutdown" in err and '"l"' in err, err
        assert not os.path.exists(folder.path("d"))
        out, _ = data("import", path, "--data-dir", folder.path("d"), "--skip", "--json")
        equal(json.loads(out)["skipped"]["count"], 8)
        equal(served_from(folder.path("d")), {(0, b"a"): (b"1", -1), (0, b"c"): (b"3", -1)})


def test_a_command_that_fails_stops_the_import_and_names_its_place():
    with Folder() as folder:
        first = commands(("SET", "a", "text"))
        path = folder.write("a.aof", first + commands(("INCR", "a"), ("SET", "b", 1)))
        _, err = data("import", path, "--data-dir", folder.path("d"), code=1)
        assert f"offset {len(first)} failed: ERR value is not an integer" in err, err
        assert not os.path.exists(folder.path("d"))


def test_a_truncated_end_is_refused_or_cut():
    with Folder() as folder:
        whole = commands(("SET", "a", 1), ("SET", "b", 2))
        ends = [commands(("SET", "c", 3))[:-4], commands(("MULTI",), ("SET", "c", 3)), b"*3\r\n$3\r\nSET\r\n" + bytes(5000),
                bytes(100), b"*", b"#TS:1"]
        for end in ends:
            path = folder.write("a.aof", whole + end)
            _, err = data("import", path, "--data-dir", folder.path("d"), code=1)
            assert "--truncate" in err and f"up to offset {len(whole)}" in err, err
            assert not os.path.exists(folder.path("d"))
            out, _ = data("import", path, "--data-dir", folder.path("d"), "--truncate")
            assert f"left out {len(end)} bytes" in out, out
            equal(served_from(folder.path("d"), [0]), {(0, b"a"): (b"1", -1), (0, b"b"): (b"2", -1)})
            shutil.rmtree(folder.path("d"))


def test_damage_before_the_end_is_no_truncated_end():
    with Folder() as folder:
        good = commands(("SET", "a", 1))
        for bad in (b"*3\r\n$3\r\nSET\r\n$9\r\na\r\n$1\r\n1\r\n", b"GET a\r\n", b"*0\r\n", b"*1\r\n$-1\r\n",
                    b"#" + b"x" * 200 + b"\r\n", b"\0\0\0\0", commands(("EXEC",)), commands(("MULTI",), ("MULTI",))):
            path = folder.write("a.aof", good + bad + good)
            data("import", path, "--data-dir", folder.path("d"), "--truncate", "--skip", code=1)
            assert not os.path.exists(folder.path("d")), bad


def test_files_of_a_manifest_come_in_its_order_and_only_the_last_may_be_cut():
    with Folder() as folder:
        os.mkdir(folder.path("aof"))
        folder.write("aof/x.manifest", b"file one seq 1 type i\nfile base seq 1 type b\nfile 'two words' seq 2 type i\n"
                                       b"file old seq 9 type h\n# a note\n")
        folder.write("aof/base", b"")
        folder.write("aof/one", commands(("SET", "a", 1)))
        folder.write("aof/two words", commands(("INCR", "a")))
        data("import", folder.path("aof"), "--data-dir", folder.path("d"))
        equal(served_from(folder.path("d"), [0]), {(0, b"a"): (b"2", -1)})
        folder.write("aof/one", commands(("SET", "a", 1))[:-1])
        data("import", folder.path("aof"), "--data-dir", folder.path("e"), "--truncate", code=1)
        for text in (b"file ../one seq 1 type i\n", b"file one seq 1\n", b"file one seq x type i\n", b"", b"file one",
                     b"file a seq 2 type i\nfile b seq 1 type i\n", b"file 'one seq 1 type i\n"):
            folder.write("aof/x.manifest", text)
            _, err = data("import", folder.path("aof"), "--data-dir", folder.path("e"), code=1)
            assert "x.manifest: line" in err, err
        assert not os.path.exists(folder.path("e"))


# ---- export ----


def test_our_export_is_loaded_by_redis_with_equal_values_and_times():
    with Folder() as folder:
        with Daemon("--data-dir", folder.path("d"), "--persistence.enabled=true") as server, server.client() as client:
            values(client, KEYS)
            for database in (3, 15):
                client.pipeline([("SELECT", str(database)), ("SET", "here", str(database)), ("SET", "ex", "1", "PXAT",
                                                                                              "4000000000001")])
            want = contents(client)
        out, _ = data("export", "--data-dir", folder.path("d"), "--to", folder.path("dump.rdb"))
        assert f"exported {len(want)} keys" in out, out
        with Redis(folder.root) as redis, Client(redis.port, timeout_s=60) as client:
            same(contents(client), want)
        equal(run_program(need_program("redis-check-rdb"), folder.path("dump.rdb"))[0], 0)
        same(served_from(folder.path("d")), want)


def test_an_export_leaves_out_what_redis_has_nothing_for_only_when_told():
    with Folder() as folder:
        with Daemon("--data-dir", folder.path("d"), "--persistence.enabled=true") as server, server.client() as client:
            client.pipeline([("SET", "a", "1"), ("CF.ADD", "f", "x"), ("STORE", "CREATE", "users"), ("SELECT", "users"),
                             ("SET", "u", "2")])
        _, err = data("export", "--data-dir", folder.path("d"), "--to", folder.path("x.rdb"), code=1)
        assert '"users"' in err and 'filter "f"' in err, err
        equal(sorted(name for name in os.listdir(folder.root) if name.startswith("x")), [])
        for flags, want in ((("--skip",), {(0, b"a"): (b"1", -1)}), (("--store", "users"), {(0, b"u"): (b"2", -1)})):
            data("export", "--data-dir", folder.path("d"), "--to", folder.path("x.rdb"), *flags)
            data("import", folder.path("x.rdb"), "--data-dir", folder.path("e"))
            equal(served_from(folder.path("e")), want)
            os.unlink(folder.path("x.rdb"))
            shutil.rmtree(folder.path("e"))


# ---- directories ----


def test_backup_restore_and_verify_of_a_directory():
    with Folder() as folder:
        path = folder.write("a.aof", commands(*[("SET", b"k%d" % i, b"v%d" % i) for i in range(500)]))
        data("import", path, "--data-dir", folder.path("d"))
        data("backup", folder.path("d"), folder.path("b"))
        data("restore", folder.path("b"), folder.path("r"))
        _, err = data("restore", folder.path("b"), folder.path("r"), code=2)
        assert "something in it already" in err, err
        equal(len(served_from(folder.path("r"))), 500)
        checked = json.loads(data("verify", folder.path("b"), "--json")[0])
        equal((checked["status"], checked["damages"]), ("good", []))
        assert checked["uuid"] in data("info", folder.path("b"))[0]
        _, err = data("verify", folder.path("nothing"), code=2)
        assert "nothing" in err


def test_damage_is_named_and_salvage_brings_the_rest():
    with Folder() as folder:
        body = commands(*[("SET", b"k%d" % i, random.Random(i).randbytes(3000)) for i in range(800)])
        data("import", folder.write("a.aof", body), "--data-dir", folder.path("d"))
        name = next(name for name in os.listdir(folder.path("d")) if name.startswith("snap-"))
        content = bytearray(folder.read("d", name))
        content[len(content) // 2] ^= 1
        folder.write(os.path.join("d", name), content)
        out, _ = data("verify", folder.path("d"), code=1)
        assert f"damaged: {name} at offset" in out, out
        damage = json.loads(data("verify", folder.path("d"), "--json", code=1)[0])["damages"][0]
        equal(damage["file"], name)
        for verb in (("import", folder.path("a.aof"), "--merge", "--data-dir", folder.path("d")),
                     ("backup", folder.path("d"), folder.path("b")),
                     ("export", "--data-dir", folder.path("d"), "--to", folder.path("x.rdb"))):
            data(*verb, code=1)
        data("salvage", folder.path("d"), folder.path("s"))
        found = len(served_from(folder.path("s"), [0]))
        assert 400 <= found < 800, found
        note(f"{found} of 800 keys left")


def on_a_terminal(*arguments):
    """What `hypercached data` writes when a person looks."""
    said = b""
    child, terminal = pty.fork()
    if child == 0:
        os.execv(PROGRAM, [PROGRAM, "data", *arguments])
    try:
        while piece := os.read(terminal, 65536):
            said += piece
    except OSError:  # EIO: it has ended
        pass
    os.close(terminal)
    equal(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0, f"the exit status of {arguments}")
    return said


def test_a_bar_is_shown_on_a_terminal_alone():
    need_ours()
    with Folder() as folder:
        path = folder.write("a.aof", commands(*[("SET", b"k%d" % i, b"x" * 1000) for i in range(2000)]))
        said = on_a_terminal("import", path, "--data-dir", folder.path("d"))
        assert b"\rchecking [" in said and b"\rimporting [" in said and b"100 %" in said, said
        assert said.endswith(b"s\r\n"), said
        assert b"\rverify [" in on_a_terminal("verify", folder.path("d"))
        for arguments in (("verify", folder.path("d")), ("import", path, "--data-dir", folder.path("e"))):
            out, err = data(*arguments)
            equal(err, "")
            assert "[" not in out, out


def test_wrong_arguments_are_refused_with_the_usage():
    for words, said in ((("import",), "usage: "), (("import", "x", "y", "z"), "one word too many"), (("what",), "usage:"), ((), "usage:"),
                        (("verify", "d", "--skip"), "--skip: unknown flag"), (("import", "x", "--data-dir"), "needs a value"),
                        (("import", "x", "--data-dir", "d", "--database", "16"), "from 0 to 15"),
                        (("import", "/nowhere", "--data-dir", "/tmp/nowhere"), "No such file"),
                        (("import", "/dev/null", "--data-dir", "/nowhere/d"), "is to be in is not there"),
                        (("import", "/dev/null", "--data-dir", "/tmp/nowhere"), "Invalid argument")):
        _, err = data(*words, code=2)
        assert said in err, (words, err)
    assert "hypercached data import" in data("help")[0]


if __name__ == "__main__":
    main(globals())
