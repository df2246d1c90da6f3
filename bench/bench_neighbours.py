#!/usr/bin/env python3
"""bench_neighbours.py - what one client notices of another that asks for much, hypercached beside redis-server.

The neighbour (bench_load, GETs one at a time) is measured alone and beside each burden, in turns of
one run; what counts is the ratio of its p99 within a turn.  The server has one thread, so both are
served by the same one.  Burdens: a slow reader (1 MB values asked for and not read), 10000 idle
clients, an endless pipeline of SET and GET, SET and GET of a 512 MB value.

The burden is a process of its own on the neighbour's CPU, at lower priority: part of what the
neighbour notices is that CPU, and what the kernel does there for the burden's bytes.  "control" tells
how much: there the burden is on a server that understands nothing (echo_server), at low priority on
the server's CPU, and hypercached has the neighbour alone.  No server that shares its CPU can do better.
On a busy machine the rest drowns in what others do; so the last columns tell how long the turns of the
server's loop were in CPU time (turn_time.c), which is what a neighbour waits for and a server answers
for: the p99, the p99.9 and the longest, alone and beside the burden, of all turns while the neighbour
was measured, in microseconds.

    bench_neighbours.py [--turns=3] [--ms=1500] [--value-mb=512] [--idle=10000] [--piece-kb=64] [--first] [--quick]
                        [--servers=hypercached,control,redis] [--burdens=pipeline,"large value"]

--piece-kb: so much of a large value goes in one call of the burden's; what a client moves in one call
keeps the neighbour off their CPU where the kernel does not interrupt it (PREEMPT_NONE).
--first: on a machine that others use, server and neighbour run before them (servers.py); needs privileges,
and costs those others all of both CPUs meanwhile.
"""
import contextlib
import mmap
import os
import re
import resource
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

from servers import LOAD, Server, arguments, machine, preloaded, run_first, session_first

SERVER_CPU, LOAD_CPU = 0, 1
BURDENS = ("slow reader", "idle clients", "pipeline", "large value")
CONTROLLED = ("pipeline", "large value")
SLOW_REPLIES = 200  # of 1 MB; a server without a bound keeps them all
TURN_BUCKETS = 1024  # as in turn_time.c
FLAGS = {"hypercached": ("--network.max_clients=20000",), "redis": ("--maxclients", "20000")}
BURDEN_NICE = 10
SETTLE_S = 0.3  # a burden runs this long before the neighbour is measured


def encode(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


def slow_reader(port, options, moved):
    with socket.create_connection(("127.0.0.1", port)) as one:
        one.sendall(encode(b"SET", b"slow", b"v" * (1 << 20)))
        one.recv(5)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.sendall(encode(b"GET", b"slow") * SLOW_REPLIES)
        while one.recv(4096):
            time.sleep(0.01)


def idle_clients(port, options, moved):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(min(options.idle, hard - 100))]
    while clients:
        time.sleep(1)


def pipeline(port, options, moved):
    piece = b"".join(encode(b"SET", b"p:%d" % n, b"v" * 32) + encode(b"GET", b"p:%d" % n) for n in range(500))
    with socket.create_connection(("127.0.0.1", port)) as one:
        one.setblocking(False)
        at = 0
        while True:
            with contextlib.suppress(BlockingIOError):
                at = (at + (sent := one.send(piece[at:]))) % len(piece)
                moved.add(sent)
            with contextlib.suppress(BlockingIOError):
                moved.add(len(one.recv(1 << 20)))


def large_texts(options):
    """What stands before a large value that is set, and behind it; and how many bytes answer it."""
    size = options.value_mb << 20
    return (b"*3\r\n$3\r\nSET\r\n$5\r\nlarge\r\n$%d\r\n" % size, b"\r\n" + encode(b"GET", b"large"),
            5 + len("$%d\r\n" % size) + size + 2)


def large_value(port, options, moved):
    before, behind, reply_bytes = large_texts(options)
    part, room = b"v" * (options.piece_kb << 10), bytearray(options.piece_kb << 10)
    with socket.create_connection(("127.0.0.1", port)) as one:
        while True:
            one.sendall(before)
            for _ in range((options.value_mb << 10) // options.piece_kb):
                one.sendall(part)
                moved.add(len(part))
            one.sendall(behind)
            left = reply_bytes
            while left > 0:
                left -= (got := one.recv_into(room))
                moved.add(got)


@contextlib.contextmanager
def burden(name, port, options, moved):
    """That burden on the server, in a child process."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.sched_setaffinity(0, {LOAD_CPU})
            os.nice(BURDEN_NICE)
            globals()[name.replace(" ", "_")](port, options, moved)
        os._exit(0)
    time.sleep(SETTLE_S)
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def neighbour_prepare(options):
    os.sched_setaffinity(0, {LOAD_CPU})
    if options.first:
        run_first()


def neighbour(port, options, begin):
    """p99 in microseconds of GETs, one at a time; begin() is called when the warm-up is over."""
    with subprocess.Popen([LOAD, f"--port={port}", "--test=get", "--clients=1", "--keys=10000", f"--ms={options.ms}",
                           "--tell"], stdout=subprocess.PIPE, text=True,
                          preexec_fn=lambda: neighbour_prepare(options)) as load:
        if load.stdout.readline() != "measuring\n":
            raise SystemExit("bench: the neighbour did not start")
        begin()
        return float(re.search(r"p99_us=([\d.]+)", load.stdout.read()).group(1))


class Moved:
    """Bytes that the burden moved, as it counts them in memory shared with us."""

    def __init__(self):
        self.memory = mmap.mmap(-1, 8)
        self.bytes = 0  # of the present child

    def add(self, size):
        self.bytes += size
        self.memory[:] = struct.pack("Q", self.bytes)

    def read(self):
        return struct.unpack("Q", self.memory[:])[0]

    def skip(self):
        self.seen, self.since_s = self.read(), time.monotonic()

    def speed(self):
        """Bytes a second since skip()."""
        return (self.read() - self.seen) / (time.monotonic() - self.since_s)


class Turns:
    """Counters that turn_time.c keeps, as differences between two looks."""

    def __init__(self, path):
        self.path = path
        self.counts = [0] * TURN_BUCKETS
        self.seen = self.read()

    def read(self):
        with open(self.path, "rb") as file:
            return struct.unpack(f"{TURN_BUCKETS}Q", file.read(8 * TURN_BUCKETS))

    def skip(self):
        self.seen = self.read()

    def add(self):
        now = self.read()
        self.counts = [count + after - before for count, after, before in zip(self.counts, now, self.seen)]
        self.seen = now

    def percentile_us(self, percent):
        left = sum(self.counts) * (1 - percent / 100)
        for bucket in reversed(range(TURN_BUCKETS)):
            left -= self.counts[bucket]
            if left < 0 or (left == 0 and self.counts[bucket]):
                shift = max((bucket >> 4) - 1, 0)
                return ((bucket - (shift << 4) + 1) << shift) / 1e3
        return 0.0

    def text(self):
        return " / ".join(f"{self.percentile_us(percent):.0f}" for percent in (99, 99.9, 100))


@contextlib.contextmanager
def control(name, options):
    """A server that moves the same bytes and nothing else, on what is left of the server's CPU."""
    flags = ()
    if name == "large value":
        before, behind, reply_bytes = large_texts(options)
        flags = (str(len(before) + (options.value_mb << 20) + len(behind)), f"@{reply_bytes}")
    with Server("echo", cpu=SERVER_CPU, flags=flags, nice=BURDEN_NICE) as mover:
        yield mover.port


def measure(name, kind, options):
    """A row of the table."""
    is_control = kind == "control"
    if is_control and name not in CONTROLLED:
        return
    served = "hypercached" if is_control else kind
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(tempfile.NamedTemporaryFile(prefix="bench-"))
        environment = {"TURN_TIME_FILE": file.name, "LD_PRELOAD": preloaded("turn_time")}
        server = Server(served, cpu=SERVER_CPU, flags=FLAGS[served], environment=environment,
                        first=options.first)
        stack.enter_context(server)
        port = stack.enter_context(control(name, options)) if is_control else server.port
        subprocess.run([LOAD, f"--port={server.port}", "--fill=10000"], check=True)
        turns = Turns(file.name), Turns(file.name)
        alone, beside, speeds, moved = [], [], [], Moved()
        for _ in range(options.turns):
            alone.append(neighbour(server.port, options, turns[0].skip))
            turns[0].add()
            with burden(name, port, options, moved):
                beside.append(neighbour(server.port, options, lambda: (turns[1].skip(), moved.skip())))
                turns[1].add()
                speeds.append(moved.speed())
    ratio = statistics.median(b / max(a, 1.0) for a, b in zip(alone, beside))
    print(f"| {name} | {kind} | {statistics.median(alone):.0f} | {statistics.median(beside):.0f} | {ratio:.2f} | "
          f"{statistics.median(speeds) / 1e6:.0f} | {turns[0].text()} | {turns[1].text()} |", flush=True)


def main():
    options = arguments(sys.argv, turns=0, ms=0, value_mb=0, idle=10000, piece_kb=64, first=False, quick=False,
                        servers="hypercached,control,redis",
                        burdens=",".join(BURDENS))
    options.turns = options.turns or (1 if options.quick else 3)
    options.ms = options.ms or (500 if options.quick else 1500)
    options.value_mb = options.value_mb or (64 if options.quick else 512)
    if options.first:
        session_first()
        run_first()  # to look at counters in time
    print(f"{machine()}; {options.turns} turns of {options.ms} ms, values of {options.value_mb} MB\n")
    print("| burden | server | p99 alone us | p99 beside it us | ratio | MB/s moved | turns alone | turns beside it |")
    print("|---|---|---|---|---|---|---|---|")
    for name in options.burdens.split(","):
        for kind in options.servers.split(","):
            measure(name, kind, options)
    print(f"\nafterwards: {machine()}")


if __name__ == "__main__":
    main()
