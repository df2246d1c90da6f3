#!/usr/bin/env python3
"""bench_daemon_overhead.py - bytes per key of a whole daemon, beside redis-server.

    overhead = (resident bytes with the keys - resident bytes before - 48 * keys) / keys

Before means: started, one client connected, and that client's buffers used as the fill will use
them (as many requests in one write), with lookups that store nothing.  Keys have 16 bytes, values
32.  The client stays connected, so what it costs counts.

    bench_daemon_overhead.py [--keys=1000000] [--pipeline=64] [--servers=hypercached,redis] [--ttl]
"""
import socket
import sys

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


def key(index):
    return b"key:%012d" % index


def fill(client, options):
    tail = (b"PX", b"3600000") if options.ttl else ()
    for first in range(0, options.keys, options.pipeline):
        last = min(first + options.pipeline, options.keys)
        batch = [encode(b"SET", key(i), b"%032d" % i, *tail) for i in range(first, last)]
        client.ask(b"".join(batch), b"+OK\r\n", last - first)


def measure(kind, options):
    with Server(kind) as server:
        client = Client(server.port)
        missing = encode(b"GET", b"absent" * 6) * options.pipeline
        for _ in range(100):
            client.ask(missing, b"$-1\r\n", options.pipeline)
        before = server.rss()
        fill(client, options)
        after = server.rss()
        client.socket.sendall(encode(b"DBSIZE"))
        count = int(client.socket.recv(64)[1:])
        if count != options.keys:
            raise SystemExit(f"bench: {kind} holds {count} keys")
    return before, after


def main():
    options = arguments(sys.argv, keys=1000000, pipeline=64, servers="hypercached,redis", ttl=False)
    print(f"{machine()}; {options.keys} keys{' with expiry' if options.ttl else ''}\n\n"
          "| server | before MiB | growth MiB | B/key over 48 |\n|---|---|---|---|")
    for kind in options.servers.split(","):
        before, after = measure(kind, options)
        overhead = (after - before) / options.keys - PAYLOAD_BYTES
        print(f"| {kind} | {before / 2**20:.1f} | {(after - before) / 2**20:.1f} | {overhead:.2f} |",
              flush=True)


if __name__ == "__main__":
    main()
