"""test_tshark.py - Wireshark's dissector, which others wrote, finds no fault in what we send.

A real connection is recorded byte by byte and handed to tshark as a pcap file (capture.py).  tshark
4.0 knows RESP2 alone, so that is what is spoken.
"""
import os
import tempfile

from capture import Capture
from harness import Client, Daemon, encode, equal, main, need_program, note, run_program

FAULTS = "_ws.malformed || resp.malformed_length || resp.partial || resp.array_recursion_too_deep"
LARGE = b"x" * 100_000  # many segments, which the dissector has to put together

COMMANDS = [
    ("PING",), ("SET", "k", "v"), ("SET", b"\x00bin\r\n$5\r\nary", b"\r\n*1\r\n\xff"), ("GET", "k"),
    ("GET", "none"), ("GET", b"\x00bin\r\n$5\r\nary"), ("SET", "empty", ""), ("GET", "empty"),
    ("INCR", "n"), ("INCRBYFLOAT", "f", "1.5"), ("DECR", "n"), ("MGET", "k", "none", "n"),
    ("MSET", "a", "1", "b", "2"), ("DEL", "a", "b", "none"), ("SET", "large", LARGE), ("GET", "large"),
    ("APPEND", "large", LARGE), ("STRLEN", "large"), ("TYPE", "k"), ("EXPIRE", "k", "100"),
    ("TTL", "k"), ("SCAN", "0", "COUNT", "100"), ("KEYS", "*"), ("NOPE",), ("GET",), ("HELLO", "2"),
    ("CLIENT", "LIST"), ("COMMAND", "INFO", "get", "mset", "nope"), ("COMMAND", "DOCS", "set"),
    ("COMMAND",), ("CONFIG", "GET", "max*"), ("INFO", "everything"), ("SLOWLOG", "GET", "2"),
    ("LATENCY", "HISTOGRAM"), ("MEMORY", "STATS"), ("OBJECT", "HELP"), ("TIME",), ("DBSIZE",),
    ("RESET",), ("SELECT", "1"), ("FLUSHALL",), ("QUIT",),
]


class Recorded(Client):
    """A client whose bytes are written down as they pass."""

    def __init__(self, port, talk):
        self.talk = talk
        super().__init__(port)

    def send(self, data):
        self.talk.add(True, bytes(data))
        super().send(data)

    def _receive(self):
        before = len(self.buffer)
        super()._receive()
        self.talk.add(False, bytes(self.buffer[before:]))


def tshark(folder, talk, *options):
    path = os.path.join(folder, "talk.pcap")
    talk.write(path)
    code, out, err = run_program(need_program("tshark"), "-r", path, "-d", "tcp.port==6379,resp", *options,
                                 environment={"HOME": folder})
    equal(code, 0, err)
    return [line for line in out.splitlines() if line]


def requests_seen(folder, talk):
    """How many whole arrays tshark saw come from the client."""
    lines = tshark(folder, talk, "-Y", "tcp.dstport == 6379 && resp.array && !resp.reassembled_in_next_frame", "-T", "fields", "-e",
                   "resp.array.length")
    return sum(len(line.split(",")) for line in lines)


def test_every_reply_is_dissected_without_a_fault():
    with tempfile.TemporaryDirectory(prefix="hypercached-test-") as folder, Daemon() as server:
        talk = Capture()
        with Recorded(server.port, talk) as client:
            for command in COMMANDS:
                client.command(*command)
        equal(tshark(folder, talk, "-Y", FAULTS), [], "frames at fault")
        equal(requests_seen(folder, talk), len(COMMANDS), "requests seen")
        note(f"{len(talk.packets)} packets")


def test_a_pipeline_is_dissected_without_a_fault():
    with tempfile.TemporaryDirectory(prefix="hypercached-test-") as folder, Daemon() as server:
        talk = Capture()
        with Recorded(server.port, talk) as client:
            for _ in range(20):
                client.pipeline([("SET", "k", "v"), ("GET", "k"), ("MGET", "k", "none"), ("NOPE",)] * 10)
        equal(tshark(folder, talk, "-Y", FAULTS), [], "frames at fault")
        equal(requests_seen(folder, talk), 20 * 40, "requests seen")


def test_a_fault_would_be_seen():
    """The judge is awake: the same filter finds a reply that breaks its own length."""
    with tempfile.TemporaryDirectory(prefix="hypercached-test-") as folder:
        talk = Capture()
        talk.add(True, encode("GET", "k"))
        talk.add(False, b"$-7\r\nabc\r\n")
        assert tshark(folder, talk, "-Y", FAULTS), "no fault seen"


if __name__ == "__main__":
    main(globals())
