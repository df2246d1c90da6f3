"""network.py - a network namespace for each node, and cuts between them, with nothing but iproute2.

    with Network(3) as network:                 or Skip, with the reason
        network.address(0), network.prefix(0)   where node 0 listens; what its command starts with
        network.cut(0, 1)                       what 0 sends to 1 is lost; the other way it is not
        network.heal()

A bridge in the test's namespace joins them, so that clients outside reach all nodes whatever is cut.
A cut is a neighbour entry with a hardware address that nobody has: frames leave and arrive nowhere, and
neither side is told, as with a broken cable.
"""
import os
import random
import subprocess

from harness import Skip

COMMAND_S_MAX = 30


def _run(*words):
    return subprocess.run(words, capture_output=True, text=True, timeout=COMMAND_S_MAX, check=False)


def _ip(*words):
    done = _run("ip", *words)
    if done.returncode != 0:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")


class Network:
    def __init__(self, count):
        self.count = count
        self.name = f"hc{os.getpid() % 100000:x}{random.randrange(256):02x}"
        self.net = f"10.{random.randrange(100, 250)}.{random.randrange(250)}"
        self.cuts = set()

    def __enter__(self):
        try:
            self._make()
        except (OSError, subprocess.TimeoutExpired) as error:
            self._unmake()
            raise Skip(f"no network namespaces here: {error}") from None
        return self

    def __exit__(self, *_):
        self._unmake()

    def space(self, number):
        return f"{self.name}n{number}"

    def address(self, number):
        return f"{self.net}.{number + 2}"

    def prefix(self, number):
        return ["ip", "netns", "exec", self.space(number)]

    @staticmethod
    def _hardware(number):
        return f"02:48:43:00:00:{number + 2:02x}"

    def _outside(self, number):
        return f"{self.name}v{number}"

    def _make(self):
        _ip("link", "add", self.name, "type", "bridge")
        _ip("addr", "add", f"{self.net}.1/24", "dev", self.name)
        _ip("link", "set", self.name, "up")
        for number in range(self.count):
            space, outside = self.space(number), self._outside(number)
            _ip("netns", "add", space)
            _ip("link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", space)
            _ip("link", "set", outside, "master", self.name, "up")
            _ip("-n", space, "link", "set", "lo", "up")
            _ip("-n", space, "link", "set", "eth0", "address", self._hardware(number), "up")
            _ip("-n", space, "addr", "add", f"{self.address(number)}/24", "dev", "eth0")
        for number in range(self.count):
            for other in range(self.count):
                if other != number:
                    self._tell(number, other, self._hardware(other))

    def _unmake(self):
        # The ends outside first: a namespace with unsent bytes stays, and would keep its end.
        for number in range(self.count):
            _run("ip", "link", "del", self._outside(number))
            _run("ip", "netns", "del", self.space(number))
        _run("ip", "link", "del", self.name)

    def _tell(self, number, other, hardware):
        _ip("-n", self.space(number), "neigh", "replace", self.address(other), "lladdr", hardware,
            "dev", "eth0", "nud", "permanent")

    def cut(self, number, other):
        self._tell(number, other, "02:48:43:ff:ff:ff")
        self.cuts.add((number, other))

    def split(self, *sides):
        """Nobody hears anybody of another side."""
        for side in sides:
            for other_side in sides:
                if other_side is not side:
                    for number in side:
                        for other in other_side:
                            self.cut(number, other)

    def heal(self):
        for number, other in sorted(self.cuts):
            self._tell(number, other, self._hardware(other))
        self.cuts.clear()
