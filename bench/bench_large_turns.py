#!/usr/bin/env python3
"""bench_large_turns.py - the longest turn of the server's loop that each command on a large value takes.

A neighbour of one worker waits for as long as the longest turn that another client's command makes it
take.  Each row runs its command several times, beside a client that PINGs once a millisecond, and tells
the p99.9 and the longest of the turns meanwhile, in microseconds of CPU time (turn_time.c), so that a
busy machine shows the same figures.  Turns that only prepare the value are not counted.

    bench_large_turns.py [--mb=64] [--times=3] [--only=GETRANGE,MULTI] [--servers=hypercached,redis]
"""
import contextlib
import os
import signal
import socket
import sys
import tempfile
import time

from bench_neighbours import LOAD_CPU, SERVER_CPU, Turns, encode
from servers import Server, arguments, connect, machine, preloaded

PIECE_BYTES = 64 << 10
HALF = b"-half-"  # stands for a value of half the size, VALUE for a whole one
VALUE = b"-value-"
FLAGS = {"hypercached": ("--cache.max_memory=0",), "redis": ("--proto-max-bulk-len", "1gb")}

# Name, what comes before each time, what is measured.  The key "large" holds a value at first.
ROWS = (
    ("SET", (), ((b"SET", b"large", VALUE),)),
    ("GET", (), ((b"GET", b"large"),)),
    ("DEL", (), ((b"DEL", b"large"),)),
    ("GETDEL", (), ((b"GETDEL", b"large"),)),
    ("GETEX", (), ((b"GETEX", b"large", b"EX", b"1000"),)),
    ("SET GET", (), ((b"SET", b"large", b"small", b"GET"),)),
    ("GETRANGE, half", (), ((b"GETRANGE", b"large", b"0", b"-2"),)),
    ("GETRANGE, 10 bytes", (), ((b"GETRANGE", b"large", b"1000", b"1009"),)),
    ("SETRANGE, 1 byte inside", (), ((b"SETRANGE", b"large", b"1000", b"x"),)),
    ("SETRANGE, a new key", (), ((b"SETRANGE", b"other", b"%d", b"x"),)),
    ("APPEND, 1 byte", (), ((b"APPEND", b"large", b"x"),)),
    ("APPEND, half", ((b"SET", b"other", HALF),), ((b"APPEND", b"other", HALF),)),
    ("MSET of two", (), ((b"MSET", b"a", HALF, b"b", HALF),)),
    ("MGET of two", ((b"MSET", b"a", HALF, b"b", HALF),), ((b"MGET", b"a", b"b"),)),
    ("MULTI, SET, EXEC", (), ((b"MULTI",), (b"SET", b"large", VALUE), (b"EXEC",))),
    ("MULTI, GET, PING, EXEC", (), ((b"MULTI",), (b"GET", b"large"), (b"PING",), (b"EXEC",))),
    ("RENAME", (), ((b"RENAME", b"large", b"other"),)),
    ("COPY", (), ((b"COPY", b"large", b"other"),)),
    ("BITCOUNT", (), ((b"BITCOUNT", b"large"),)),
    ("SETBIT", (), ((b"SETBIT", b"large", b"1000", b"1"),)),
    ("DUMP", (), ((b"DUMP", b"large"),)),
)


class Client:
    """Sends a command a piece at a time, and counts the replies without keeping them."""

    def __init__(self, port, megabytes):
        self.socket = connect(port)
        self.file = self.socket.makefile("rb", buffering=PIECE_BYTES)
        self.sizes = {VALUE: megabytes << 20, HALF: megabytes << 19}
        self.piece = b"v" * PIECE_BYTES

    def send(self, *words):
        self.socket.sendall(b"*%d\r\n" % len(words))
        for word in words:
            size = self.sizes.get(word)
            if size is None:
                word = word.replace(b"%d", b"%d" % (self.sizes[VALUE] - 1)) if b"%d" in word else word
                self.socket.sendall(b"$%d\r\n%b\r\n" % (len(word), word))
                continue
            self.socket.sendall(b"$%d\r\n" % size)
            for _ in range(size // PIECE_BYTES):
                self.socket.sendall(self.piece)
            self.socket.sendall(b"\r\n")

    def reply(self):
        line = self.file.readline()
        kind, text = line[:1], line[1:-2]
        if kind == b"-":
            raise SystemExit(f"bench: {line!r}")
        if kind == b"*":
            for _ in range(int(text)):
                self.reply()
        if kind == b"$" and int(text) >= 0:
            left = int(text) + 2
            while left > 0:
                left -= len(self.file.read1(min(left, PIECE_BYTES)))

    def run(self, commands):
        for words in commands:
            self.send(*words)
            self.reply()


@contextlib.contextmanager
def pinging(port):
    """A client who asks for little, in a child process."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            one = socket.create_connection(("127.0.0.1", port))
            while True:
                one.sendall(b"*1\r\n$4\r\nPING\r\n")
                one.recv(100)
                time.sleep(0.001)
        os._exit(0)
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def measure(row, kind, options):
    name, before, commands = row
    with tempfile.NamedTemporaryFile(prefix="bench-") as file:
        environment = {"TURN_TIME_FILE": file.name, "LD_PRELOAD": preloaded("turn_time")}
        with Server(kind, cpu=SERVER_CPU, flags=FLAGS[kind], environment=environment) as server:
            client, turns = Client(server.port, options.mb), Turns(file.name)
            with pinging(server.port):
                for _ in range(options.times):
                    client.run((((b"DEL", b"other"),) + ((b"SET", b"large", VALUE),) + before))
                    time.sleep(0.2)  # what was deleted is given back meanwhile
                    turns.skip()
                    client.run(commands)
                    time.sleep(0.05)
                    turns.add()
    print(f"| {name} | {kind} | {turns.percentile_us(99.9):.0f} | {turns.percentile_us(100):.0f} |", flush=True)


def main():
    options = arguments(sys.argv, mb=64, times=3, only="", servers="hypercached,redis")
    os.sched_setaffinity(0, {LOAD_CPU})
    print(f"{machine()}; values of {options.mb} MB\n")
    print("| command | server | p99.9 of the turns, us | longest |")
    print("|---|---|---|---|")
    for row in ROWS:
        if options.only and not any(row[0].startswith(word) for word in options.only.split(",")):
            continue
        for kind in options.servers.split(","):
            measure(row, kind, options)
    print(f"\nafterwards: {machine()}")


if __name__ == "__main__":
    main()
