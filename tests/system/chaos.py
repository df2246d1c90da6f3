#!/usr/bin/python3
"""chaos.py - three nodes at QUORUM under load, one fault after the other, each judged: `make chaos DURATION=1h`.

A round: clients at every node work and note all they see; something happens to a node, or to two, or to the
network between them; it is undone; the nodes settle; all answer alike, and history.py finds an order that
explains what was seen.  The next round has new keys.

    killed      kill -9; comes back with its disk          emptied   kill -9; comes back without it
    restarted   SIGTERM; comes back                        stopped   SIGSTOP for some seconds
    cut off     hears nobody, and nobody hears it          deaf      it is heard and hears nobody
    mute        it hears and is not heard                  majority  kill -9 of two: a declared loss

A request counts for availability when its node had no fault at that time and no majority was lost: a client
whose node is gone goes to another.  It has failed when it is not answered as asked within a second, though
the client asks again what was refused; what nobody can tell has failed.  Node 0 is never killed: its memory and
descriptors at the end are compared with those of the first rounds.

    chaos.py [DURATION [SEED [SECONDS_BETWEEN_FAULTS]]]      60s, 10m, 1h; exit status 1: something was wrong
"""
import contextlib
import os
import random
import re
import signal
import sys
import threading
import time

from cluster import Cluster
from harness import Skip, rss, wait_until
from history import DONE
from network import Network
from recorder import Recorder

PATIENCE_S = 1.0
EVERY_S = 20.0
STOPPED_S_MAX = 5.0
LEAK_BYTES_MAX = 48 << 20
LEAK_DESCRIPTORS_MAX = 16
WARM_ROUNDS = 2
UNITS = {"s": 1, "m": 60, "h": 3600}
_never = threading.Event()


def seconds_of(text):
    match = re.fullmatch(r"([\d.]+)([smh]?)", text)
    if not match:
        raise SystemExit(f"chaos: {text} is no time; 90s, 10m, 1h")
    return float(match.group(1)) * UNITS.get(match.group(2) or "s")


def pause(seconds):
    _never.wait(seconds)


class Chaos:
    def __init__(self, nodes, network, seed, every_s):
        self.nodes, self.network, self.every_s = nodes, network, every_s
        self.choice = random.Random(seed)
        self.recorder = Recorder(nodes, seed=seed, patience_s=PATIENCE_S)
        self.counts = {}
        self.hurt = []  # (node's name, or None for all, began, ended)
        self.asked = self.failed = self.late = self.operations = 0
        self.first_size = None
        self.kinds = [self.killed, self.emptied, self.restarted, self.stopped, self.majority]
        if network is not None:
            self.kinds += [self.cut_off, self.deaf, self.mute]

    # ---- faults: each ends with everything undone ----

    def victim(self, first=1):
        return self.choice.randrange(first, 3)

    def killed(self, number):
        self.nodes[number].kill()
        pause(self.choice.uniform(0, STOPPED_S_MAX))
        self.nodes.start(number)

    def emptied(self, number):
        self.nodes[number].kill()
        self.nodes.settle(dead=1)
        self.nodes.empty(number)
        self.nodes.start(number)

    def restarted(self, number):
        assert self.nodes[number].stop() == 0, "SIGTERM is followed by exit status 0"
        self.nodes.start(number)

    def stopped(self, number):
        self.nodes[number].process.send_signal(signal.SIGSTOP)
        try:
            pause(self.choice.uniform(0.2, STOPPED_S_MAX))
        finally:
            self.nodes[number].process.send_signal(signal.SIGCONT)

    def majority(self, _number):
        for number in (1, 2):
            self.nodes[number].kill()
        pause(self.choice.uniform(0, STOPPED_S_MAX))
        for number in (1, 2):
            self.nodes.start(number)

    def _cut(self, pairs):
        for one, other in pairs:
            self.network.cut(one, other)
        pause(self.choice.uniform(1, 2 * STOPPED_S_MAX))
        self.network.heal()

    def cut_off(self, number):
        self._cut([pair for other in range(3) if other != number for pair in ((number, other), (other, number))])

    def deaf(self, number):
        self._cut([(other, number) for other in range(3) if other != number])

    def mute(self, number):
        self._cut([(number, other) for other in range(3) if other != number])

    # ---- rounds ----

    def round(self):
        kind = self.choice.choice(self.kinds)
        alive_only = kind in (self.stopped, self.cut_off, self.deaf, self.mute)
        number = self.victim(0 if alive_only else 1)
        name = kind.__name__
        self.counts[name] = self.counts.get(name, 0) + 1
        with self.recorder:
            self.recorder.goes_on(100)
            began = time.monotonic()
            kind(number)
            self.nodes.settle()
            self.hurt.append((None if kind == self.majority else self.nodes[number].name, began, time.monotonic()))
            self.recorder.goes_on(100)
            pause(max(0.0, self.every_s - (time.monotonic() - began)))
        self.count()
        said = self.recorder.judge()
        self.operations += len(self.recorder.history.operations)
        print(f"{name} {self.nodes[number].name}: {time.monotonic() - began:.1f} s, {said}", flush=True)
        self.recorder.next_round()
        self.look()

    def count(self):
        """Requests of this round, less those of nodes with a fault."""
        for worker in self.recorder.workers:
            windows = [(a, b) for name, a, b in self.hurt if name in (None, worker.node.name)]
            for began, ended, tries, outcome in worker.requests:
                if any(began < b and ended > a for a, b in windows):
                    continue
                self.asked += 1
                self.failed += outcome != DONE
                self.late += outcome == DONE and tries > 1
        self.recorder.workers.clear()
        self.hurt.clear()

    def size(self):
        pid = self.nodes[0].process.pid
        return rss(pid), len(os.listdir(f"/proc/{pid}/fd"))

    def look(self):
        if sum(self.counts.values()) == WARM_ROUNDS:
            self.first_size = self.size()

    def leaks(self):
        if self.first_size is None:
            return None
        def is_small():
            grown = [now - first for now, first in zip(self.size(), self.first_size)]
            return grown[0] <= LEAK_BYTES_MAX and grown[1] <= LEAK_DESCRIPTORS_MAX
        wait_until(is_small, f"node 0 is as large as it was: {self.first_size}, now {self.size()}")
        now = self.size()
        return f"node 0: {self.first_size[0] >> 20} MB, {self.first_size[1]} descriptors, then {now[0] >> 20} MB, {now[1]}"

    def report(self):
        print("faults: " + ", ".join(f"{name} {count}" for name, count in sorted(self.counts.items())))
        share = 100.0 * (1 - self.failed / max(1, self.asked))
        print(f"availability = {share:.3f} % of {self.asked} requests; {self.late} of them at a later try, {self.failed} failed")
        print(f"history = {self.operations} operations, all explained")
        print(f"leaks = none; {self.leaks() or 'too few rounds to tell'}", flush=True)
        return share


@contextlib.contextmanager
def network_or_none():
    try:
        network = Network(3).__enter__()
    except Skip as skip:
        print(f"skip  cuts between nodes: {skip}", flush=True)
        network = None
    try:
        yield network
    finally:
        if network is not None:
            network.__exit__()


def run(duration_s, seed, every_s):
    """Rounds for so long, two at least; the availability in percent."""
    print(f"seed {seed}", flush=True)
    with network_or_none() as network:
        with Cluster(3, "--cluster.consistency_level=quorum", persistence=True, network=network) as nodes:
            nodes.settle()
            chaos = Chaos(nodes, network, seed, every_s)
            ends = time.monotonic() + duration_s
            while time.monotonic() < ends or sum(chaos.counts.values()) < 2:
                chaos.round()
            return chaos.report()


if __name__ == "__main__":
    words = sys.argv[1:]
    run(seconds_of(words[0] if words else "60s"), int(words[1]) if len(words) > 1 else random.randrange(1 << 32),
        float(words[2]) if len(words) > 2 else EVERY_S)
