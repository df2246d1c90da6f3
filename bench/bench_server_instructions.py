#!/usr/bin/env python3
"""bench_server_instructions.py - instructions of hypercached's worker per command, counted by valgrind.

Time on a shared machine wavers by tens of percent, instructions do not: this tells whether a change
made the way of a request shorter.  It says nothing about cache misses nor about the kernel, which
bench_server.py measures.

One run a row: the keys are set, the counters zeroed, the same requests sent twice, from the same
connections in turns, and each half counted on its own.  What is printed is the worker thread's
count, less what it does between two dumps in which nothing is sent, over the requests.  The second
half is the cell, the first stands behind it: they differ by how replies and readiness fell together.

    bench_server_instructions.py [--tests=get,set,incr,mget] [--pipelines=1,16,64] [--keys=5000]
                                 [--clients=20] [--value-bytes=32] [--requests=8000] [--program=PATH]
                                 [--flags="--cache.max_memory=1GB ..."] [--top=0]   most costly functions
"""
import collections
import glob
import os
import random
import re
import selectors
import socket
import subprocess
import sys
import tempfile
import time

from servers import BUILD, arguments, connect, free_port

START_S_MAX = 60.0


def encode(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


def key(number):
    return b"key:%012d" % number


def request(test, pick, options):
    """One command, and how many bytes its reply has."""
    value = b"v" * options.value_bytes
    bulk = len(b"$%d\r\n" % len(value)) + len(value) + 2
    if test == "get":
        return encode(b"GET", key(pick.randrange(options.keys))), bulk
    if test == "set":
        return encode(b"SET", key(pick.randrange(options.keys)), value), 5
    if test == "incr":
        return encode(b"INCRBY", b"number:%d" % pick.randrange(options.keys), b"0"), 4
    if test == "ping":
        return encode(b"PING"), 7
    keys = [key(pick.randrange(options.keys)) for _ in range(10)]
    if test == "mget":
        return encode(b"MGET", *keys), 5 + 10 * bulk
    if test == "mset":
        return encode(b"MSET", *[word for k in keys for word in (k, value)]), 5
    raise SystemExit(f"bench: unknown test {test}")


class Counted:
    """A server under callgrind, with connections to it."""

    def __init__(self, options):
        self.folder = tempfile.TemporaryDirectory(prefix="bench-")
        self.port = free_port()
        program = os.path.abspath(options.program or os.path.join(BUILD, "hypercached"))
        command = ["valgrind", "--tool=callgrind", "--separate-threads=yes",
                   f"--callgrind-out-file={self.folder.name}/out", program, "--bind=127.0.0.1",
                   f"--resp-port={self.port}", "--threads=1", "--persistence.enabled=false",
                   *options.flags.split()]
        with open(os.path.join(self.folder.name, "log"), "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.folder.name)
        deadline = time.monotonic() + START_S_MAX
        self.clients = []
        while len(self.clients) < options.clients:
            try:
                self.clients.append(connect(self.port))
                self.clients[-1].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"bench: does not start: {' '.join(command)}") from None
                time.sleep(0.05)
        self.dumps = 0

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()

    def run(self, batches):
        """Sends each (bytes, bytes of replies), a client a batch, and waits for the replies."""
        waiting = selectors.DefaultSelector()
        left = {}
        todo = iter(batches)

        def begin(client):
            batch = next(todo, None)
            if batch is None:
                waiting.unregister(client)
                return
            left[client] = batch[1]
            client.sendall(batch[0])

        for client in self.clients:
            waiting.register(client, selectors.EVENT_READ)
            begin(client)
        while waiting.get_map():
            for ready, _ in waiting.select():
                got = len(ready.fileobj.recv(1 << 20))
                if got == 0:
                    raise SystemExit("bench: the server closed a connection")
                left[ready.fileobj] -= got
                if left[ready.fileobj] <= 0:
                    begin(ready.fileobj)

    def dump(self):
        """Instructions by thread since the last dump, and their files."""
        subprocess.run(["callgrind_control", "--dump", str(self.process.pid)], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.dumps += 1
        counts = {}
        for path in glob.glob(f"{self.folder.name}/out.{self.dumps}-*"):
            with open(path, encoding="ascii", errors="replace") as file:
                counts[path.rsplit("-", 1)[1]] = (int(re.search(r"^(?:summary|totals): (\d+)", file.read(),
                                                                re.M).group(1)), path)
        return counts


def top(path, count, requests):
    """Own instructions of each function, what was inlined into it included."""
    text = subprocess.run(["callgrind_annotate", "--threshold=100", path], capture_output=True, text=True,
                          check=True).stdout
    costs = collections.Counter()
    for number, name in re.findall(r"^\s*([\d,]+) \(.*?\)\s+\S+?:([\w@.]+)(?: \[.*)?$", text, re.M):
        costs[re.sub(r"[.@].*", "", name)] += int(number.replace(",", ""))
    whole = max(costs.values())  # the thread's start, which is open while the file is written
    for name, cost in [(n, c) for n, c in costs.most_common() if c < whole][:count]:
        print(f"    {cost / requests:8.1f}  {name}")


def measure(test, pipeline, options):
    pick = random.Random(7)
    batches = []
    for _ in range(max(options.requests // pipeline, 2 * options.clients)):
        made = [request(test, pick, options) for _ in range(pipeline)]
        batches.append((b"".join(text for text, _ in made), sum(size for _, size in made)))
    fill = [(encode(b"SET", key(n), b"v" * options.value_bytes), 5) for n in range(options.keys)]
    fill += [(encode(b"SET", b"number:%d" % n, b"0"), 5) for n in range(options.keys if test == "incr" else 0)]
    each = [(b"".join(text for text, _ in fill[at:at + 64]), sum(size for _, size in fill[at:at + 64]))
            for at in range(0, len(fill), 64)]
    with Counted(options) as server:
        server.run(each)
        server.run(batches)  # what a first time needs is not counted
        server.dump()
        idle = server.dump()
        halves = []
        for _ in range(2):
            server.run(batches)
            halves.append(server.dump())
        worker = max(halves[1], key=lambda thread: halves[1][thread][0])
        requests = len(batches) * pipeline
        cells = [(half[worker][0] - idle.get(worker, (0,))[0]) / requests for half in halves]
        print(f"| {test.upper()} | {pipeline} | {cells[1]:.0f} ({cells[0]:.0f}) |", flush=True)
        if options.top:
            top(halves[1][worker][1], options.top, requests)


def main():
    options = arguments(sys.argv, tests="get,set,incr,mget", pipelines="1,16,64", keys=5000, clients=20,
                        value_bytes=32, requests=8000, program="", flags="", top=0)
    print("| test | P | instructions a request |\n|---|---|---|")
    for test in options.tests.split(","):
        for pipeline in map(int, options.pipelines.split(",")):
            measure(test, pipeline, options)


if __name__ == "__main__":
    main()
