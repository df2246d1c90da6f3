"""recorder.py - clients at every node that note all they do, while a test does things to the nodes.

    with Recorder(nodes) as recorder:       clients at work, at QUORUM
        nodes[1].kill() ...
    recorder.judge()                        all nodes answer alike, and history.py finds no fault

Each client keeps to one node, as far as that runs; a request that was sent and not answered is one of
which nobody can tell.  Nothing is asked again: what a node refused is noted as refused.
"""
import os
import random
import threading
import time

from harness import BUILD, Error, equal, wait_until
from history import DONE, NOTHING, UNKNOWN, History
from resp_client import Closed

REFUSALS = ("NOREPLICAS", "TRYAGAIN", "CLUSTERDOWN", "LOADING", "CLOCKSKEW")
ANSWER_S_MAX = 10.0
READ_S_MAX = 120.0
PAUSE_S = 0.001  # between two requests: other clients, and the nodes, are to have the processor as well
AWAY_S = 0.02    # before a node that is not there is tried again
KEYS = {"r": 16, "d": 12, "c": 4}
KINDS = [("r", "set")] * 4 + [("r", "get")] * 5 + [("d", "set")] * 4 + [("d", "get")] * 4 + [("d", "del")] * 2 + [("c", "incr")] * 2
COMMANDS = {"set": "SET", "get": "GET", "del": "DEL", "incr": "INCR"}

def outcome_of(reply):
    if not isinstance(reply, Error):
        return DONE
    if str(reply).startswith(REFUSALS):
        return NOTHING
    if str(reply).startswith("UNCERTAIN"):
        return UNKNOWN
    raise AssertionError(f"an answer that no client expects: {reply}")

def value_of(reply):
    return reply.decode() if isinstance(reply, bytes) else reply

class Worker(threading.Thread):
    """One client of one node.  With patience it asks again what was refused, for so many seconds, and
    counts a request as failed only then."""

    def __init__(self, recorder, node, number):
        super().__init__(daemon=True)
        self.recorder, self.node, self.number = recorder, node, number
        self.choice = random.Random(f"{recorder.seed}:{number}")
        self.count = self.done = 0
        self.requests = []  # (began, ended, tries, outcome), if the recorder has patience
        self.failure = None
        self.connection = None

    def run(self):
        try:
            while not self.recorder.ended.is_set():
                self.step()
        except BaseException as error:  # reported by the recorder
            self.failure = error
        finally:
            self.disconnect()

    def disconnect(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def connect(self):
        try:
            self.connection = self.node.client(timeout_s=ANSWER_S_MAX)
        except OSError:
            self.recorder.ended.wait(AWAY_S)

    def step(self):
        if self.connection is None:
            self.connect()
        if self.connection is None:
            return
        letter, kind = self.choice.choice(KINDS)
        key = f"{letter}:{self.recorder.round}:{self.choice.randrange(KEYS[letter])}"
        self.count += 1
        value = f"{self.number}.{self.count}" if kind == "set" else None
        began, tries = time.monotonic(), 0
        outcome = NOTHING
        while outcome == NOTHING and (tries == 0 or time.monotonic() - began < self.recorder.patience_s):
            outcome = self.ask(kind, key, value)
            tries += 1
        if self.recorder.patience_s > 0:
            self.requests.append((began, time.monotonic(), tries, outcome))

    def ask(self, kind, key, value):
        """Once; the outcome."""
        history = self.recorder.history
        operation = history.begin(kind, key, value)
        operation.client = f"{self.number} at {self.node.name}"
        try:
            reply = self.connection.command(COMMANDS[kind], key, *([value] if value else []))
        except (OSError, Closed):
            self.disconnect()
            return UNKNOWN
        outcome = outcome_of(reply)
        answer = value_of(reply) if kind in ("get", "incr") and outcome == DONE else None
        history.end(operation, outcome, answer)
        self.done += outcome == DONE
        self.recorder.ended.wait(PAUSE_S if outcome == DONE else AWAY_S)
        return outcome


class Recorder:
    def __init__(self, nodes, clients_per_node=2, seed=None, patience_s=0.0):
        self.nodes = nodes
        self.patience_s = patience_s
        self.seed = seed if seed is not None else random.randrange(1 << 32)
        self.clients_per_node = clients_per_node
        self.round = 0
        self.history = History()
        self.ended = threading.Event()
        self.workers = []

    def __enter__(self):
        self.ended.clear()
        for node in self.nodes:
            self.attach(node)
        return self

    def attach(self, node):
        """Clients of one more node."""
        for _ in range(self.clients_per_node):
            worker = Worker(self, node, len(self.workers))
            self.workers.append(worker)
            worker.start()

    def __exit__(self, kind, value, trace):
        self.ended.set()
        for worker in self.workers:
            worker.join(2 * ANSWER_S_MAX)
        failures = [worker.failure for worker in self.workers if worker.failure]
        if kind is None and failures:
            raise failures[0]

    def done(self):
        """Requests answered as asked, by all clients together."""
        return sum(worker.done for worker in self.workers)

    def goes_on(self, count=200):
        """Until so many more requests were answered as asked."""
        target = self.done() + count
        wait_until(lambda: self.done() >= target or any(w.failure for w in self.workers), "clients are answered", READ_S_MAX)

    def read(self, node, key):
        """What one node answers for a key, in the end; a part of the history."""
        def answered():
            operation = self.history.begin("get", key)
            reply = client.command("GET", key)
            outcome = outcome_of(reply)
            self.history.end(operation, outcome, value_of(reply) if outcome == DONE else None)
            return (value_of(reply),) if outcome == DONE else None

        with node.client(timeout_s=READ_S_MAX) as client:
            return wait_until(answered, f"{node.name} answers GET {key}", READ_S_MAX)[0]

    def judge(self):
        """To be called when the nodes have settled; a line of what was seen."""
        keys = self.history.keys()
        running = [node for node in self.nodes if node.runs()]
        found = [{key: self.read(node, key) for key in keys} for node in running]
        for node, values in zip(running, found):
            differ = {key: (found[0][key], values[key]) for key in keys if found[0][key] != values[key]}
            equal(differ, {}, f"{running[0].name} and {node.name} differ, seed {self.seed}")
        faults = self.history.faults()
        if faults:
            path = os.path.join(BUILD, f"history-{self.seed}.txt")
            with open(path, "w", encoding="utf-8") as file:
                file.writelines(f"{operation}\n" for operation in self.history.operations)
            raise AssertionError(f"{len(faults)} faults, all told in {path}: " + "; ".join(faults[:5]))
        counts = [self.history.count(outcome) for outcome in (DONE, NOTHING, UNKNOWN)]
        return "{} requests done, {} refused, {} unknown".format(*counts)

    def next_round(self):
        """New keys and an empty history: what was judged is forgotten."""
        self.round += 1
        self.history = History()
