#!/usr/bin/env python3
"""bench_neighbours.py - what one client notices of another that asks for much, hypercached beside redis-server.

The neighbour (bench_load, GETs one at a time) is measured alone and beside each burden, in turns of
one run; what counts is the ratio of its p99 within a turn.  The server has one thread, so both are
served by the same one.  Burdens: a slow reader (1 MB values asked for and not read), 10000 idle
clients, an endless pipeline of SET and GET, SET and GET of a 512 MB value.

The burden is a process of its own on the neighbour's CPU, at lower priority: part of what the
neighbour notices is that CPU, which is why Redis stands beside it.  On a busy machine the rest
drowns in what others do; so the last columns tell how long the turns of the server's loop were in CPU
time (turn_time.c), which is what a neighbour waits for and a server answers for: the p99, the p99.9
and the longest, alone and beside the burden, of all turns of the run, in microseconds.

    bench_neighbours.py [--turns=3] [--ms=1500] [--value-mb=512] [--idle=10000] [--quick]
                        [--servers=hypercached,redis] [--burdens=pipeline,"large value"]
"""
import contextlib
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

from servers import LOAD, Server, arguments, machine, preloaded

SERVER_CPU, LOAD_CPU = 0, 1
BURDENS = ("slow reader", "idle clients", "pipeline", "large value")
SLOW_REPLIES = 200  # of 1 MB; a server without a bound keeps them all
TURN_BUCKETS = 1024  # as in turn_time.c
FLAGS = {"hypercached": ("--network.max_clients=20000",), "redis": ("--maxclients", "20000")}
SETTLE_S = 0.3  # a burden runs this long before the neighbour is measured


def encode(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


def slow_reader(port, options):
    with socket.create_connection(("127.0.0.1", port)) as one:
        one.sendall(encode(b"SET", b"slow", b"v" * (1 << 20)))
        one.recv(5)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.sendall(encode(b"GET", b"slow") * SLOW_REPLIES)
        while one.recv(4096):
            time.sleep(0.01)


def idle_clients(port, options):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(min(options.idle, hard - 100))]
    while clients:
        time.sleep(1)


def pipeline(port, options):
    piece = b"".join(encode(b"SET", b"p:%d" % n, b"v" * 32) + encode(b"GET", b"p:%d" % n) for n in range(500))
    with socket.create_connection(("127.0.0.1", port)) as one:
        one.setblocking(False)
        at = 0
        while True:
            with contextlib.suppress(BlockingIOError):
                at = (at + one.send(piece[at:])) % len(piece)
            with contextlib.suppress(BlockingIOError):
                one.recv(1 << 20)


def large_value(port, options):
    part, size = b"v" * (1 << 20), options.value_mb << 20
    with socket.create_connection(("127.0.0.1", port)) as one:
        while True:
            one.sendall(b"*3\r\n$3\r\nSET\r\n$5\r\nlarge\r\n$%d\r\n" % size)
            for _ in range(options.value_mb):
                one.sendall(part)
            one.sendall(b"\r\n" + encode(b"GET", b"large"))
            left = 5 + len("$%d\r\n" % size) + size + 2
            while left > 0:
                left -= len(one.recv(1 << 20))


@contextlib.contextmanager
def burden(name, port, options):
    """That burden on the server, in a child process."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.sched_setaffinity(0, {LOAD_CPU})
            os.nice(10)
            globals()[name.replace(" ", "_")](port, options)
        os._exit(0)
    time.sleep(SETTLE_S)
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def neighbour(port, options):
    """p99 in microseconds of GETs, one at a time."""
    done = subprocess.run([LOAD, f"--port={port}", "--test=get", "--clients=1", "--keys=10000", f"--ms={options.ms}"],
                          capture_output=True, text=True, check=True,
                          preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CPU}))
    return float(re.search(r"p99_us=([\d.]+)", done.stdout).group(1))


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


def measure(name, kind, options):
    """A row of the table."""
    with tempfile.NamedTemporaryFile(prefix="bench-") as file:
        environment = {"TURN_TIME_FILE": file.name, "LD_PRELOAD": preloaded("turn_time")}
        with Server(kind, cpu=SERVER_CPU, flags=FLAGS[kind], environment=environment) as server:
            subprocess.run([LOAD, f"--port={server.port}", "--fill=10000"], check=True)
            turns = Turns(file.name), Turns(file.name)
            alone, beside = [], []
            for _ in range(options.turns):
                turns[0].skip()
                alone.append(neighbour(server.port, options))
                turns[0].add()
                with burden(name, server.port, options):
                    turns[1].skip()
                    beside.append(neighbour(server.port, options))
                    turns[1].add()
    ratio = statistics.median(b / max(a, 1.0) for a, b in zip(alone, beside))
    print(f"| {name} | {kind} | {statistics.median(alone):.0f} | {statistics.median(beside):.0f} | {ratio:.2f} | "
          f"{turns[0].text()} | {turns[1].text()} |", flush=True)


def main():
    options = arguments(sys.argv, turns=0, ms=0, value_mb=0, idle=10000, quick=False, servers="hypercached,redis",
                        burdens=",".join(BURDENS))
    options.turns = options.turns or (1 if options.quick else 3)
    options.ms = options.ms or (500 if options.quick else 1500)
    options.value_mb = options.value_mb or (64 if options.quick else 512)
    print(f"{machine()}; {options.turns} turns of {options.ms} ms, values of {options.value_mb} MB\n")
    print("| burden | server | p99 alone us | p99 beside it us | ratio | turns alone | turns beside it |")
    print("|---|---|---|---|---|---|---|")
    for name in options.burdens.split(","):
        for kind in options.servers.split(","):
            measure(name, kind, options)
    print(f"\nafterwards: {machine()}")


if __name__ == "__main__":
    main()
