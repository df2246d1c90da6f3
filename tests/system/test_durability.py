"""test_durability.py - what is promised in docs/durability.md, by a real process on a real disk.

KILLS=N (make test-crash) says how many kill -9 there are, over all policies; 20 in every run.
"""
import os
import random
import signal
import subprocess
import tempfile
import threading
import time

from daemon import PROGRAM, Daemon
from durable_daemon import Durable, Writer
from harness import Client, Closed, Error, Skip, equal, main, need_ours, need_program, note, run_program, wait_until
from tracer import kill_traced, need_strace, traced

KILLS = int(os.environ.get("KILLS", "20"))
SEED = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 1 << 30)
WRITERS = 6
MIB = 1 << 20


def _patience(chooser, longest_s):
    """Lets the writers write for a random time."""
    end = time.monotonic() + chooser.uniform(0.005, longest_s)
    wait_until(lambda: time.monotonic() >= end, "time passes")


def _admin(server, stop, states):
    """SWAPDB of two databases nobody else uses, FLUSHDB, STORE CREATE and DROP; what was
    acknowledged last, and what was asked for since, is in `states`."""
    try:
        with server.client(timeout_s=120) as client:
            turn = 0
            while not stop.is_set():
                turn += 1
                name = f"store{turn % 3}"
                for command in (("SELECT", "8"), ("SET", "k", str(turn)), ("SWAPDB", "8", "9"), ("SELECT", "10"),
                                ("SET", "flushed", str(turn)), ("FLUSHDB",)):
                    reply = client.command(*command)
                    assert not isinstance(reply, Error), (command, reply)
                states["swap"] = turn
                states["asked"] = ("create", name)
                reply = client.command("STORE", "CREATE", name, "PERSISTENCE", "aof")
                assert reply == "OK", reply
                states["there"] = name
                states["asked"] = ("drop", name)
                reply = client.command("STORE", "DROP", name)
                assert reply == "OK", reply
                states["there"] = None
                states["asked"] = None
    except (OSError, Closed):
        return
    except AssertionError as error:
        states["error"] = str(error)


def _admin_check(client, states, strict):
    assert "error" not in states, states["error"]
    stores = {name.decode() for name in client.command("STORES") if not name.isdigit()}
    if not strict:
        return
    asked, there = states.get("asked"), states.get("there")
    possible = [{there} if there else set()]
    if asked:
        possible.append({asked[1]} if asked[0] == "create" else set())
    assert stores in possible, (stores, possible)
    last = states.get("swap", 0)
    client.command("SELECT", "9")
    nine = int(client.command("GET", "k") or 0)
    client.command("SELECT", "8")
    eight = int(client.command("GET", "k") or 0)
    assert max(eight, nine) >= last and abs(eight - nine) <= 2, (eight, nine, last)


def _kill_loop(policy, kills, seed):
    chooser = random.Random(seed)
    acknowledged = lost = 0
    flags = ("--threads", "2", "--persistence.sync_policy", policy, "--persistence.max_log_size", "1MB",
             "--cache.max_stores", "8")
    with Durable(*flags) as server:
        writers = [Writer(server, number, seed) for number in range(WRITERS)]
        server.start()
        for kill in range(kills):
            stop, states = threading.Event(), {}
            admin = threading.Thread(target=_admin, args=(server, stop, states), daemon=True)
            fresh = []
            for old in writers:
                one = Writer(server, int(old.name[1:]), f"{seed}:{kill}")
                one.load(old.states[-1])
                one.step = old.step
                fresh.append(one)
            writers = fresh
            for one in [*writers, admin]:
                one.start()
            if chooser.randrange(3) == 0:
                _patience(chooser, 0.2)
                with server.client() as client:
                    client.command("BGSAVE")
            _patience(chooser, 0.3)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
            stop.set()
            for one in [*writers, admin]:
                one.join(60)
                assert not one.is_alive(), "a writer does not end"
            while chooser.randrange(3) == 0:  # and again while it comes back
                server.launch()
                _patience(chooser, 0.05)
                server.kill()
            server.start()
            with server.client() as client:
                for one in writers:
                    acknowledged += one.acknowledged
                    lost += one.check(client, policy != "always")
                _admin_check(client, states, policy == "always")
                client.pipeline([("STORE", "DROP", f"store{n}") for n in range(3)])
                for database in (8, 9):
                    client.pipeline([("SELECT", str(database)), ("FLUSHDB",)])
        equal(server.stop(), 0, "the exit status")
    note(f"{kills} kills, {acknowledged} steps acknowledged, {lost} lost, seed {seed}")


def _looped(policy, part):
    need_ours()
    try:
        _kill_loop(policy, max(KILLS * part // 10, 1), SEED)
    except AssertionError as error:
        raise AssertionError(f"SEED={SEED}: {error}") from error


def test_always_loses_nothing_acknowledged_when_killed():
    _looped("always", 5)


def test_everysec_comes_back_as_after_one_of_the_steps():
    _looped("everysec", 3)


def test_no_comes_back_as_after_one_of_the_steps():
    _looped("no", 2)


# ---- faults injected into system calls ----


def _faulty_run(strace, rule, seed):
    """Writers under a rule; then SIGKILL and a start without one."""
    chooser = random.Random(seed)
    with Durable("--threads", "1", "--persistence.sync_policy", "always", "--persistence.max_log_size", "1MB") as server:
        server.start()
        equal(server.stop(), 0)
        server.launch(prefix=traced(strace, rule))
        writers = []
        try:
            wait_until(server.serves, "the node serves under strace", 60)
            writers = [Writer(server, number, f"{seed}:{rule}") for number in range(3)]
            for one in writers:
                one.start()
            _patience(chooser, 0.6)
        except AssertionError:
            if server.process.poll() is None:
                raise  # it ended at the fault: as it may
        kill_traced(server)
        for one in writers:
            one.join(60)
            one.errors = [error for error in one.errors if "MISCONF" not in error]
        acknowledged = sum(one.acknowledged for one in writers)
        server.start()
        with server.client() as client:
            for one in writers:
                one.check(client, False)
        equal(server.stop(), 0)
        return acknowledged


def _faults(outcomes, calls, counts):
    strace = need_strace()
    acknowledged = runs = 0
    for call in calls:
        for outcome in outcomes:
            for count in counts:
                rule = f"{call}:{outcome}:when={count}"
                try:
                    acknowledged += _faulty_run(strace, rule, SEED)
                except AssertionError as error:
                    raise AssertionError(f"SEED={SEED}, {rule}: {error}") from error
                runs += 1
    note(f"{runs} runs, {acknowledged} steps acknowledged, none lost")


def test_a_failing_sync_or_write_loses_nothing_acknowledged():
    counts = ("3+7",) if KILLS < 100 else ("1", "2+3", "5", "20+40")
    _faults(("error=EIO", "error=ENOSPC"), ("fdatasync", "pwrite64"), counts)


def test_death_at_any_call_of_the_disk_loses_nothing_acknowledged():
    counts = ("2", "30") if KILLS < 100 else ("1", "2", "3", "5", "9", "17", "40", "100")
    _faults(("signal=KILL",), ("fdatasync", "pwrite64", "renameat2"), counts)


# ---- a full disk ----


class Tmpfs:
    def __init__(self, size):
        self.size = size

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="hypercached-test-")
        if os.geteuid() != 0:
            raise Skip("mounting a small tmpfs takes root")
        code, _, err = run_program("mount", "-t", "tmpfs", "-o", f"size={self.size}", "tmpfs", self.folder)
        if code != 0:
            os.rmdir(self.folder)
            raise Skip(f"a tmpfs cannot be mounted: {err.strip()[:80]}")
        return self.folder

    def __exit__(self, kind, value, trace):
        run_program("umount", "-l", self.folder)
        os.rmdir(self.folder)


def _occupy(folder, leave):
    """A file that takes all space but `leave` bytes."""
    with open(os.path.join(folder, "ballast"), "ab") as file:

        def taken():
            room = os.statvfs(folder)
            try:
                size = os.fstat(file.fileno()).st_size
                os.posix_fallocate(file.fileno(), size, max(room.f_bavail * room.f_frsize - leave, 1))
            except OSError:  # the node took some of it meanwhile
                return False
            return True

        wait_until(taken, "the disk is full")


def _probe(server):
    """What a write is answered with now; None: nothing yet."""
    with server.client(timeout_s=2) as client:
        try:
            return client.command("SET", "probe", "1")
        except OSError:
            return None


class Pusher(threading.Thread):
    """Writes 64 KiB after 64 KiB, so that the log needs room, until it is told to stop; refusals do
    not matter to it."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server
        self.enough = threading.Event()

    def run(self):
        try:
            with self.server.client(timeout_s=120) as client:
                number = 0
                while not self.enough.is_set():
                    number += 1
                    client.command("SET", f"fill:{number % 40}", "v" * 65536)
        except (OSError, Closed):
            return

    def __exit__(self, kind, value, trace):
        self.enough.set()
        self.join(120)

    def __enter__(self):
        self.start()
        return self


FULL_FLAGS = ("--threads", "1", "--persistence.max_log_size", "1GB", "--max-memory", "64MB")


def _until_refused(server):
    return wait_until(lambda: [reply for reply in [_probe(server)] if isinstance(reply, Error)], "writes are refused", 60)[0]


def test_a_full_disk_refuses_writes_serves_reads_and_works_again_with_room():
    need_ours()
    for policy in ("always", "everysec"):
        with Tmpfs("800m") as folder, Durable(*FULL_FLAGS, "--persistence.sync_policy", policy, folder=folder) as server:
            server.start()
            with server.client() as client:
                equal(client.command("SET", "before", "1"), "OK")
                _occupy(folder, 100 * MIB)
                wait_until(lambda: server.info()["hypercache_low_disk"] == "1", "there is little room", 60)
                _occupy(folder, MIB)
                with Pusher(server):
                    reply = _until_refused(server)
                    assert reply.startswith("MISCONF"), reply
                    equal(client.command("GET", "before"), b"1")
                    client.pipeline([("MULTI",), ("SET", "x", "1")])
                    refused = client.command("EXEC")
                    assert isinstance(refused, Error) and refused.startswith("EXECABORT"), refused
                    equal(server.info()["aof_last_write_status"], "err")
                    os.unlink(os.path.join(folder, "ballast"))
                    wait_until(lambda: _probe(server) == "OK", "writes are taken again", 60)
                equal(client.command("SET", "after", "2"), "OK")
                equal(client.command("WAITAOF", "1", "0", "20000"), [1, 0])
            for words in ("little room is left", "the disk works again"):  # the log's writer may be behind
                wait_until(lambda words=words: words in server.said(1 << 20), f"'{words}' is said", 60)
            server.kill()
            server.start()
            with server.client() as client:
                equal(client.command("MGET", "before", "after"), [b"1", b"2"])


def test_a_full_disk_with_volatile_takes_writes_and_keeps_them_when_there_is_room():
    need_ours()
    for policy in ("always", "everysec"):
        flags = ("--persistence.sync_policy", policy, "--persistence.on_disk_error", "volatile")
        with Tmpfs("800m") as folder, Durable(*FULL_FLAGS, *flags, folder=folder) as server:
            server.start()
            with server.client(timeout_s=60) as client:
                equal(client.command("SET", "before", "1"), "OK")
                _occupy(folder, MIB)
                with Pusher(server):
                    wait_until(lambda: server.info()["aof_last_write_status"] == "err", "the disk fails", 60)
                    for number in range(100):
                        equal(client.command("SET", "during", str(number)), "OK")
                    os.unlink(os.path.join(folder, "ballast"))
                wait_until(lambda: server.info()["aof_last_write_status"] == "ok", "the disk works", 60)
                # one that makes up for the failure may be under way by itself
                wait_until(lambda: client.command("SAVE") == "OK", "a snapshot is written", 60)
                equal(client.command("SET", "after", "2"), "OK")
                equal(client.command("WAITAOF", "1", "0", "20000"), [1, 0])
            server.kill()
            server.start()
            with server.client() as client:
                equal(client.command("MGET", "before", "during", "after"), [b"1", b"99", b"2"])


def test_a_full_disk_with_abort_ends_the_node_which_starts_again_with_room():
    need_ours()
    flags = ("--persistence.sync_policy", "always", "--persistence.on_disk_error", "abort", "--network.drain_timeout", "1s")
    with Tmpfs("800m") as folder, Durable(*FULL_FLAGS, *flags, folder=folder) as server:
        server.start()
        with server.client() as client:
            equal(client.command("SET", "before", "1"), "OK")
        _occupy(folder, MIB)
        with Pusher(server):
            wait_until(lambda: server.process.poll() is not None, "the node has ended", 60)
        assert server.process.returncode == 1, (server.process.returncode, server.said())
        os.unlink(os.path.join(folder, "ballast"))
        server.start()
        with server.client() as client:
            equal(client.command("GET", "before"), b"1")


# ---- a file system that goes away ----


def _between_calls(server):
    """Stops it when none of its threads is in a call of the disk.  An fsync that is under way while the
    file system shuts down may say "good" though it lost (seen here with XFS of Linux 6.18: the frame was
    on the disk, the note that its extent was written was not), and then nobody can keep the promise."""
    os.kill(server.process.pid, signal.SIGSTOP)
    tasks = f"/proc/{server.process.pid}/task"

    def all_stopped():
        states = []
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/stat", encoding="ascii") as file:
                states.append(file.read().rsplit(")", 1)[1].split()[0])
        return set(states) == {"T"}

    wait_until(all_stopped, "all threads have stopped", 30)


def test_a_file_system_that_shuts_down_loses_nothing_acknowledged():
    need_ours()
    if os.geteuid() != 0:
        raise Skip("mounting a loop device takes root")
    xfs_io, mkfs = need_program("xfs_io"), need_program("mkfs.xfs")
    with tempfile.TemporaryDirectory(prefix="hypercached-test-") as folder:
        image, mounted = os.path.join(folder, "image"), os.path.join(folder, "mounted")
        os.mkdir(mounted)
        with open(image, "wb") as file:
            file.truncate(1200 * MIB)
        code, _, err = run_program(mkfs, "-q", image)
        if code != 0:
            raise Skip(f"mkfs.xfs: {err.strip()[:80]}")

        def mount():
            code, _, err = run_program("mount", "-o", "loop", image, mounted)
            if code != 0:
                raise Skip(f"a loop device cannot be mounted: {err.strip()[:80]}")

        mount()
        try:
            with Durable(*FULL_FLAGS, "--persistence.sync_policy", "always", folder=mounted) as server:
                for turn in range(3):
                    server.start()
                    writers = [Writer(server, number, f"{SEED}:{turn}") for number in range(3)]
                    with server.client() as client:
                        for database in range(3):
                            client.pipeline([("SELECT", str(database)), ("FLUSHDB",)])
                    for one in writers:
                        one.start()
                    _patience(random.Random(SEED + turn), 0.5)
                    _between_calls(server)
                    equal(run_program(xfs_io, "-x", "-c", "shutdown", mounted)[0], 0, "the shutdown")
                    os.kill(server.process.pid, signal.SIGCONT)
                    _until_refused(server)
                    server.kill()
                    for one in writers:
                        one.join(60)
                        one.errors = [error for error in one.errors if "MISCONF" not in error]
                    wait_until(lambda: run_program("umount", mounted)[0] == 0, "nobody uses the file system", 60)
                    mount()
                    server.start()
                    with server.client() as client:
                        for one in writers:
                            one.check(client, False)
                    equal(server.stop(), 0)
        finally:
            run_program("umount", "-l", mounted)


# ---- a start ----


def _refused_start(server, *flags):
    """What the node says when it does not start."""
    server.launch(*flags)
    code = server.process.wait(60)
    assert code == 1, (code, server.said())
    return server.said()


def test_two_processes_do_not_share_a_directory():
    need_ours()
    with Durable("--threads", "1") as server, Durable("--threads", "1") as other:
        server.start()
        other.data = server.data
        assert "in use by another process" in _refused_start(other), other.said()
        with server.client() as client:
            equal(client.command("SET", "k", "1"), "OK")


def test_damage_is_refused_by_file_and_offset():
    need_ours()
    with Durable("--threads", "1", "--persistence.sync_policy", "always") as server:
        server.start()
        with server.client() as client:
            for number in range(2000):
                client.command("SET", f"k:{number}", "v" * 100)
        server.kill()
        log = min(name for name in os.listdir(server.data) if name.startswith("log-"))
        with open(os.path.join(server.data, log), "r+b") as file:
            file.seek(20_000)
            byte = file.read(1)
            file.seek(20_000)
            file.write(bytes([byte[0] ^ 1]))
        said = _refused_start(server)
        assert log in said and "offset" in said and "data salvage" in said, said


def test_a_directory_that_cannot_be_written_is_named():
    need_ours()
    with Durable("--threads", "1") as server:
        with open(server.data, "w", encoding="ascii") as file:
            file.write("no directory")
        assert server.data in _refused_start(server), server.said()


def test_databases_stores_and_strategies_come_back():
    need_ours()
    with Durable("--threads", "2", "--persistence.sync_policy", "always") as server:
        server.start()
        with server.client() as client:
            equal(client.pipeline([
                ("SET", "k", "zero"), ("SELECT", "3"), ("SET", "k", "three"), ("SWAPDB", "0", "3"), ("SWAPDB", "3", "5"),
                ("STORE", "CREATE", "users", "MAXMEMORY", "8mb", "EVICTION", "allkeys-lru", "PERSISTENCE", "aof"),
                ("STORE", "CREATE", "brief", "PERSISTENCE", "disabled"), ("STORE", "CREATE", "gone"),
                ("STORE", "DROP", "gone"), ("SELECT", "users"), ("SET", "u", "1"), ("SELECT", "brief"),
                ("SET", "b", "1")]), ["OK"] * 13)
        for turn in range(3):
            server.kill()
            server.start()
            with server.client() as client:
                equal(client.pipeline([("GET", "k"), ("SELECT", "3"), ("GET", "k"), ("SELECT", "5"), ("GET", "k"),
                                       ("SELECT", "users"), ("GET", "u"), ("SELECT", "brief"), ("GET", "b")]),
                      [b"three", "OK", None, "OK", b"zero", "OK", b"1", "OK", None])
                assert isinstance(client.command("SELECT", "gone"), Error)
                info = client.command("STORE", "INFO", "users")
                told = dict(zip(info[::2], info[1::2]))
                equal([told[b"persistence"], told[b"max_memory_bytes"], told[b"eviction"]],
                      [b"aof", 8 * MIB, b"allkeys-lru"])
                if turn == 0:
                    equal(client.command("SAVE"), "OK")
        server.kill()
        said = _refused_start(server, "--cache.databases", "2")
        assert "cache.databases" in said, said


def test_the_files_strategy_of_a_store_holds_over_what_was_kept():
    need_ours()
    with Durable("--threads", "1") as server:
        path = os.path.join(server.folder, "hypercache.yaml")
        for strategy in ("snapshot", "aof", "disabled", "hybrid"):
            with open(path, "w", encoding="ascii") as file:
                file.write(f"stores:\n  - {{name: one, persistence: {strategy}}}\n")
            server.start("--config", path)
            with server.client() as client:
                info = client.command("STORE", "INFO", "one")
                equal(dict(zip(info[::2], info[1::2]))[b"persistence"], strategy.encode())
            server.kill()


def test_appendonly_can_be_turned_off_and_on_while_it_runs():
    need_ours()
    with Durable("--threads", "1", "--persistence.sync_policy", "always") as server:
        server.start()
        with server.client() as client:
            equal(client.pipeline([("CONFIG", "SET", "appendonly", "no"), ("SET", "a", "1"),
                                   ("CONFIG", "GET", "appendonly")]), ["OK", "OK", [b"appendonly", b"no"]])
            equal(client.command("CONFIG", "SET", "appendonly", "yes"), "OK")
            wait_until(lambda: client.command("SAVE") == "OK", "a snapshot after that")
            equal(client.command("SET", "b", "2"), "OK")
        server.kill()
        server.start()
        with server.client() as client:
            equal(client.command("MGET", "a", "b"), [b"1", b"2"])


def test_without_persistence_nothing_can_be_asked_of_it():
    need_ours()
    with Durable("--persistence.enabled", "false") as server:
        server.start()
        with server.client() as client:
            for command in (("SAVE",), ("BGSAVE",), ("BGREWRITEAOF",), ("WAITAOF", "1", "0", "0"),
                            ("CONFIG", "SET", "appendonly", "yes"), ("SHUTDOWN", "SAVE")):
                reply = client.command(*command)
                assert isinstance(reply, Error), (command, reply)
            equal(client.command("CONFIG", "GET", "appendonly"), [b"appendonly", b"no"])


# ---- replies that wait ----


def test_replies_keep_their_order_while_they_wait_for_the_log():
    need_ours()
    with Durable("--threads", "2", "--persistence.sync_policy", "always") as server:
        server.start()
        with server.client(timeout_s=60) as client:
            wanted, commands = [], []
            for number in range(1000):
                commands += [("SET", "k", str(number)), ("GET", "k"), ("WAITAOF", "1", "0", "0"), ("PING",)]
                wanted += ["OK", str(number).encode(), [1, 0], "PONG"]
            equal(client.pipeline(commands), wanted)
            client.send(b"SET inline 1\r\nWAITAOF 1 0 0\r\n\r\nGET inline\r\nMULTI\r\nWAITAOF 1 0 0\r\nEXEC\r\n")
            equal([client.read() for _ in range(6)], ["OK", [1, 0], b"1", "OK", "QUEUED", [[1, 0]]])


def test_waitaof_waits_for_the_sync_or_its_time():
    need_ours()
    with Durable("--threads", "1") as server:
        server.start()
        with server.client(timeout_s=60) as client:
            equal(client.pipeline([("SET", "k", "1"), ("WAITAOF", "1", "0", "0"), ("WAITAOF", "0", "0", "0")]),
                  ["OK", [1, 0], [1, 0]])
            client.send(b"SET k 2\r\nWAITAOF 1 0 0\r\nGET k\r\n")  # inline, and parsed again
            equal([client.read() for _ in range(3)], ["OK", [1, 0], b"2"])
            equal(client.command("CONFIG", "SET", "appendfsync", "no"), "OK")
            said = client.pipeline([("SET", "k", "2"), ("WAITAOF", "1", "0", "5")])
            assert said in (["OK", [0, 0]], ["OK", [1, 0]]), said


def test_several_saves_at_once_all_answer_and_clients_that_leave_do_no_harm():
    need_ours()
    with Durable("--threads", "2", "--persistence.sync_policy", "always") as server:
        server.start()
        with server.client(timeout_s=60) as client:
            for start in range(0, 20_000, 500):
                client.pipeline([("SET", f"k:{number}", "v" * 200) for number in range(start, start + 500)])
            clients = [server.client(timeout_s=60) for _ in range(8)]
            for one in clients:
                one.send(b"SET x 1\r\nSAVE\r\n")
            for one in clients[::2]:
                one.close()
            for one in clients[1::2]:
                equal(one.read(), "OK")
                reply = one.read()
                assert reply == "OK" or "in progress" in reply, reply
                one.close()
            equal(client.command("DBSIZE"), 20_001)
        for _ in range(20):  # writers that leave without their replies
            with server.client() as client:
                client.send(b"SET x 2\r\n" * 100)
        equal(server.stop(), 0)


def test_shutdown_save_and_nosave():
    need_ours()
    with Durable("--threads", "1", "--persistence.strategy", "snapshot") as server:
        for word, value, kept in (("SAVE", "1", b"1"), ("NOSAVE", "2", b"1"), ("", "3", b"3")):
            server.start()
            with server.client() as client:
                client.command("SET", "k", value)
                client.send(f"SHUTDOWN {word}\r\n".encode())
                equal(server.process.wait(60), 0, word)
            server.start()
            with server.client() as client:
                equal(client.command("GET", "k"), kept, word)
            server.kill()


NO_NAMES = ("", ".", "..", ".hidden", "a/b", "../a", "/tmp/a", "-rf", "a b", "a\nb", "x" * 64)


def test_a_backup_of_a_node_under_load_is_as_of_one_moment_and_comes_back():
    need_ours()
    with Durable("--threads", "2") as server, Durable() as copy:
        place = os.path.join(server.folder, "backups")
        server.start("--persistence.backup_dir", place)
        writers = [Writer(server, number, SEED) for number in range(WRITERS)]
        for one in writers:
            one.start()
        wait_until(lambda: all(one.acknowledged >= 20 for one in writers), "all write", 60)
        with server.client(timeout_s=60) as client:
            for name in NO_NAMES:
                assert client.command("HC.BACKUP", name).startswith("ERR a backup's name"), name
            before = [one.acknowledged for one in writers]
            equal(client.command("HC.BACKUP", "monday"), "Background backup started")
            wait_until(lambda: server.info()["hypercache_last_backup_status"] != "none", "the backup ends", 60)
            info = server.info()
            equal(info["hypercache_last_backup_status"], "ok")
            equal(info["hypercache_backup_name"], "monday")
            equal(info["hypercache_backup_in_progress"], "0")
            assert int(info["hypercache_backup_bytes"]) > 4096, info
            equal(client.command("HC.BACKUP", "monday"), Error("ERR there is a backup of that name"))
        server.kill()
        for one in writers:
            one.join()
        equal(sorted(os.listdir(place)), ["monday"])
        code, said, error = run_program(PROGRAM, "data", "restore", os.path.join(place, "monday"), copy.data)
        equal(code, 0, said + error)
        copy.start()
        with copy.client(timeout_s=60) as client:
            for one, least in zip(writers, before):
                acknowledged = one.acknowledged
                missing = one.check(client, True)
                assert acknowledged - missing >= least, f"{one.name}: {least} steps were before the backup"
    note(f"seed {SEED}, {sum(before)} steps acknowledged before it")


def test_backups_are_off_without_a_place_for_them():
    need_ours()
    with Durable() as server:
        server.start()
        with server.client() as client:
            equal(client.command("HC.BACKUP", "a"), Error("ERR backups are off: persistence.backup_dir is not set"))
        server.kill()
        server.start("--persistence.backup_dir", os.path.join(server.folder, "not", "there"))
        with server.client() as client:
            reply = client.command("HC.BACKUP", "a")
            assert reply.startswith("ERR cannot create persistence.backup_dir"), reply
            equal(server.info()["hypercache_last_backup_status"], "none")


if __name__ == "__main__":
    main(globals())
