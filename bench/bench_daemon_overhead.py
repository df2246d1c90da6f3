#!/usr/bin/env python3
"""bench_daemon_overhead.py - bytes per key of a whole daemon, beside redis-server.

    overhead = (resident bytes with the keys - resident bytes before - 48 * keys) / keys

Before means: started, one client connected, and that client's buffers used as the fill will use
them (as many requests in one write), with lookups that store nothing.  Keys have 16 bytes, values
32.  The client stays connected, so what it costs counts.

    bench_daemon_overhead.py [--keys=1000000,5000000,10000000] [--pipeline=64]
                             [--servers=hypercached,redis] [--ttl] [--filter]
"""
import os
import socket
import sys
import tempfile

from servers import Server, arguments, machine

PAYLOAD_BYTES = 16 + 32


def encode(*words):
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(parts)


class Client:
    """One connection; `ask` sends a batch and waits until as many bytes came back."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))

    def ask(self, requests, reply, count):
        self.socket.sendall(requests)
        left = len(reply) * count
        while left > 0:
            got = self.socket.recv(65536)
            if not got or got[:1] == b"-":
                raise SystemExit(f"bench: the server answered {got[:80]!r}")
            left -= len(got)


def fill(client, keys, options):
    words = (b"SET", b"key:%012d", b"%032d") + ((b"PX", b"3600000") if options.ttl else ())
    sizes = (3, 16, 32, 2, 7)
    parts = [b"$%d\r\n%s\r\n" % (size, word) for word, size in zip(words, sizes)]
    template = b"*%d\r\n" % len(words) + b"".join(parts)
    for first in range(0, keys, options.pipeline):
        last = min(first + options.pipeline, keys)
        batch = [template % (i, i) for i in range(first, last)]
        client.ask(b"".join(batch), b"+OK\r\n", last - first)


def flags_of(kind, folder, options):
    """Where database 0 shall have a filter, a file says so: stores are listed there only."""
    if kind != "hypercached" or not options.filter:
        return ()
    path = os.path.join(folder, "filter.yaml")
    with open(path, "w", encoding="ascii") as file:
        file.write("stores:\n  - {name: default, cuckoo_filter: true}\n")
    return ("--config", path)


def warm(server, options):
    client = Client(server.port)
    missing = encode(b"GET", b"absent" * 6) * options.pipeline
    for _ in range(100):
        client.ask(missing, b"$-1\r\n", options.pipeline)
    return client


def measure(kind, keys, options):
    before = None
    if options.filter:  # a filter takes memory from the start, so compare with a server without one
        with Server(kind) as server:
            warm(server, options)
            before = server.rss()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, \
            Server(kind, flags=flags_of(kind, folder, options)) as server:
        client = warm(server, options)
        before = before or server.rss()
        fill(client, keys, options)
        after = server.rss()
        client.socket.sendall(encode(b"DBSIZE"))
        count = int(client.socket.recv(64)[1:])
        if count != keys:
            raise SystemExit(f"bench: {kind} holds {count} keys")
    return before, after


def main():
    options = arguments(sys.argv, keys="1000000", pipeline=64, servers="hypercached,redis", ttl=False,
                        filter=False)
    about = " with expiry" if options.ttl else ""
    about += " behind a filter" if options.filter else ""
    print(f"{machine()}{about}\n\n"
          "| server | keys | before MiB | growth MiB | B/key over 48 |\n|---|---|---|---|---|")
    for keys in map(int, str(options.keys).split(",")):
        for kind in options.servers.split(","):
            before, after = measure(kind, keys, options)
            overhead = (after - before) / keys - PAYLOAD_BYTES
            print(f"| {kind} | {keys} | {before / 2**20:.1f} | {(after - before) / 2**20:.1f} | "
                  f"{overhead:.2f} |", flush=True)


if __name__ == "__main__":
    main()
