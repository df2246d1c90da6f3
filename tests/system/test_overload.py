"""test_overload.py - honest clients that ask for much: ten thousand idle ones, a pipeline of a million
commands, a value of 512 MB, a reader who is slow.

Memory stays within its bound, and another client of the same worker is answered all the while: how
often is counted, not how fast (bench/bench_neighbours.py measures that).  Clients that hurt on
purpose stand in test_bad_load.py.
"""
import contextlib
import os
import random
import resource
import threading

from harness import (
    FULL, IS_REDIS, Daemon, encode, equal, main, need_measurable_memory, need_ours, note, served, wait_until,
)

KIB = 1024
MIB = 1024 * KIB
IDLE_MAX = 10_000
IDLE_BYTES = 4 * KIB  # each: session, connection, and what libevent keeps; no buffer
SPARE_FILES = 200
PIPELINE = 1_000_000 if not Daemon.sanitizer else 100_000
PIPELINE_SLACK = 8 * MIB  # buffers of both directions, and what a server may take once
LARGE = 512 * MIB if FULL and not Daemon.sanitizer else 64 * MIB
ANSWERS_MIN = 20  # of the other client meanwhile; a worker that does one thing to its end gives 1


def _peak_rss(server):
    """The most that was ever resident, in bytes."""
    with open(f"/proc/{server.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * KIB for line in file if line.startswith("VmHWM"))


def _answers_while(server, busy):
    """Runs busy() in a thread, and counts the PINGs that another client gets answered meanwhile."""
    failures = []

    def run():
        try:
            busy()
        except BaseException as failure:  # told below, in the test's own thread
            failures.append(failure)

    with server.client() as other:
        worker = threading.Thread(target=run)
        worker.start()
        answers = 0
        while worker.is_alive():
            equal(other.command("PING"), "PONG")
            answers += 1
        worker.join()
    if failures:
        raise failures[0]
    return answers


def test_ten_thousand_idle_connections_cost_little_and_nothing_while_idle():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # the server inherits it
    count = min(IDLE_MAX, hard - SPARE_FILES)
    with Daemon("--threads", "1", "--network.max_clients=20000") as server, server.client() as old:
        served(server, old)
        before = server.rss()
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(server.client()) for _ in range(count)]
            for client in clients:
                equal(client.command("PING"), "PONG")
            growth = server.rss() - before
            cpu = server.cpu_ns()
            for _ in range(2000):
                equal(old.command("PING"), "PONG")
            cost = (server.cpu_ns() - cpu) / 2000
            served(server, old, *random.Random(3).sample(clients, 100))
        wait_until(lambda: int(server.info("clients")["connected_clients"]) <= 2, "they are gone", 60)
        note(f"{count} clients, {growth / count:.0f} bytes each, {cost / 1000:.0f} us of CPU for a PING beside them")
        need_measurable_memory()
        assert IS_REDIS or growth <= count * IDLE_BYTES, f"{growth / count:.0f} bytes each"


def test_a_pipeline_of_a_million_commands_is_answered_in_order_and_in_bounds():
    piece = 1000
    with Daemon("--threads", "1") as server, server.client() as client:
        client.command("SET", "k", "v" * 10)
        served(server, client)
        before = server.rss()

        def play():
            commands = b"".join(encode("SET", f"key:{number}", f"{number:08}") + encode("GET", f"key:{number}")
                                for number in range(piece // 2))
            replies = b"".join(b"+OK\r\n$8\r\n%08d\r\n" % number for number in range(piece // 2))
            sender = threading.Thread(target=lambda: client.socket.sendall(commands * (PIPELINE // piece)))
            sender.start()
            for _ in range(PIPELINE // piece):
                equal(client.skip(replies), True)
            sender.join()

        answers = _answers_while(server, play)
        growth = _peak_rss(server) - before
        note(f"{growth / MIB:.1f} MiB, {answers} answers to another client meanwhile")
        assert Daemon.sanitizer or answers >= ANSWERS_MIN, f"{answers} answers"
        need_measurable_memory()
        assert IS_REDIS or growth <= PIPELINE_SLACK, f"{growth / MIB:.1f} MiB"


def test_a_large_value_takes_twice_its_size_at_most_and_holds_up_nobody():
    part = os.urandom(MIB)
    with Daemon("--threads", "1") as server, server.client(timeout_s=200) as client:
        served(server, client)
        before = server.rss()

        def play():
            client.socket.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n" % LARGE)
            for _ in range(LARGE // MIB):
                client.socket.sendall(part)
            client.socket.sendall(b"\r\n")
            equal(client.read(), "OK")
            client.socket.sendall(encode("GET", "k"))
            equal(client.skip(b"$%d\r\n" % LARGE), True)
            for _ in range(LARGE // MIB):
                equal(client.skip(part), True)
            equal(client.skip(b"\r\n"), True)

        answers = _answers_while(server, play)
        growth = _peak_rss(server) - before
        equal(client.command("DEL", "k"), 1)
        served(server, client)
        note(f"{LARGE // MIB} MiB: {growth / LARGE:.2f} times its size, {answers} answers to another client meanwhile")
        assert Daemon.sanitizer or answers >= ANSWERS_MIN, f"{answers} answers"
        need_measurable_memory()
        assert growth <= 2 * LARGE + PIPELINE_SLACK, f"{growth / MIB:.0f} MiB"
        wait_until(lambda: server.rss() - before <= LARGE // 4, "its memory to be given back")


def test_a_slow_reader_holds_its_own_replies_and_nobody_elses():
    need_ours()
    value = os.urandom(256 * KIB)
    with Daemon("--threads", "1") as server, server.client() as other:
        other.command("SET", "v", value)
        equal(other.command("GET", "v"), value)
        before = server.rss()
        with server.client(receive_bytes=4 * KIB) as slow:
            slow.socket.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                for _ in range(1000):
                    slow.socket.send(encode("GET", "v") * 100)
            slow.socket.settimeout(slow.timeout_s)
            for _ in range(1000):
                equal(other.command("PING"), "PONG")
                equal(other.command("STRLEN", "v"), len(value))
            growth = _peak_rss(server) - before
            for _ in range(10):
                equal(slow.read(), value)
            slow.reset()
        note(f"{growth / MIB:.1f} MiB for what it did not read")
        served(server, other)
        need_measurable_memory()
        assert growth <= 8 * MIB, f"{growth / MIB:.1f} MiB"


if __name__ == "__main__":
    main(globals())
