#!/usr/bin/env python3
"""bench_cluster.py - three nodes of one cluster on this machine, and a Redis cluster of three beside them.

    load       requests a second and p99, SET and GET, at ONE and at QUORUM: by clients that know of slots and
               go to the owner (direct), by clients that ask any node (any), and by those that ask a node
               which never is the owner (proxied).  Redis: three masters without replicas, so nothing is
               copied there; ours keep three copies.  SETs first, in turns.
    kill       a node is killed -9: how long its keys fail at the others, and how many requests
    silent     a node stands still (SIGSTOP): until both others hold it for dead
    lag        of replication under 70 % of the load above, as INFO tells it, sampled
    away       a node stands still while others write, then goes on: until nothing is owed to it
    join       a fourth node: bytes a second that it takes in, until it is a member with all its data
    memory     bytes a key, 16-byte keys and 32-byte values, more than in a node alone
    spread     slots, keys and requests of the busiest node over the mean
    bytes      sent between nodes for a SET, of 16 + 32 bytes, that goes to two more nodes
    idle       CPU and bytes over the loop-back device of a cluster that nobody uses

Each figure is a line "name = value".  Processes are not pinned: three nodes and the load share the cores.

    bench_cluster.py [--parts=load,kill,...] [--ms=1500] [--clients=48] [--pipelines=1,16] [--keys=100000]
                     [--trials=5] [--redis=yes]
"""
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from servers import BUILD, LOAD, ROOT, arguments, machine

os.environ.setdefault("HYPERCACHED", os.path.join(BUILD, "hypercached"))
sys.path.insert(0, os.path.join(ROOT, "tests/system"))
from cluster import Cluster, members_of  # noqa: E402
from daemon import Daemon, cpu_ns, free_port, rss, wait_until  # noqa: E402
from resp_client import Client, Closed, Error  # noqa: E402

PARTS = ("load", "kill", "silent", "lag", "away", "join", "memory", "spread", "bytes", "idle")
SLOTS = 16384
JOIN_VALUE_BYTES = 1000
AWAY_KEYS = 20000
LOOK_S = 0.01
IDLE_S = 5.0
KILL_LOOK_S = 3.0
SLOW_S, HURT_S_MAX = 0.05, 1.0  # a request that takes longer, begun so soon after the kill, is one of its window
LIMIT_S = 60.0


def tell(name, value, unit=""):
    print(f"{name} = {value}{' ' + unit if unit else ''}", flush=True)


def quantile(values, at):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(at * len(ordered)))] if ordered else 0


class RedisCluster:
    """Three masters, all slots, no replicas."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="bench-redis-")
        self.ports, self.processes = [], []
        for _ in range(3):
            port = free_port()
            folder = os.path.join(self.folder, str(port))
            os.mkdir(folder)
            self.ports.append(port)
            self.processes.append(subprocess.Popen(
                ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--cluster-enabled", "yes", "--save", "",
                 "--appendonly", "no", "--dir", folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        wait_until(lambda: all(self._ask(port, "PING") == "PONG" for port in self.ports), "redis answers")
        addresses = [f"127.0.0.1:{port}" for port in self.ports]
        subprocess.run(["redis-cli", "--cluster", "create", *addresses, "--cluster-yes"], check=True,
                       stdout=subprocess.DEVNULL)
        wait_until(lambda: all(b"cluster_state:ok" in self._ask(port, "CLUSTER", "INFO") for port in self.ports), "ok")

    @staticmethod
    def _ask(port, *words):
        try:
            with Client(port) as client:
                return client.command(*words)
        except (OSError, Closed):
            return b""

    def end(self, _well=True):
        for process in self.processes:
            process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def ours(level="eventual", count=3, persistence=False):
    nodes = Cluster(count, f"--cluster.consistency_level={level}", "--cache.max_memory=0", persistence=persistence)
    nodes.settle()
    return nodes


def answer_of(done, command):
    """What bench_load printed; UNCERTAIN and the like end the run, with a word on which."""
    if done.returncode != 0:
        raise SystemExit(f"bench: {' '.join(command)}: {done.stdout[-200:]} {done.stderr[-300:]}")
    return {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", done.stdout)}


def ports_of(cluster):
    return cluster.ports if isinstance(cluster, RedisCluster) else [node.port for node in cluster]


def slots_file(cluster, folder, shift=0):
    """Which of the ports, by index, owns each slot; `shift` 1: the one after the owner."""
    ports = ports_of(cluster)
    if isinstance(cluster, Cluster):
        cluster.settle()
    with Client(ports[0]) as client:
        ranges = client.command("CLUSTER", "SLOTS")
    lanes = bytearray(b"0" * SLOTS)
    for first, last, node, *_ in ranges:
        lane = (ports.index(node[1]) + shift) % len(ports)
        lanes[first:last + 1] = bytes([ord("0") + lane]) * (last - first + 1)
    path = os.path.join(folder, f"slots-{shift}-{ports[0]}")
    with open(path, "wb") as file:
        file.write(lanes)
    return path


def load(cluster, *words):
    command = [LOAD, "--port=" + ",".join(map(str, ports_of(cluster))), *words]
    return answer_of(subprocess.run(command, capture_output=True, text=True, check=False), command)


# ---- parts ----

def part_load(options, folder):
    kinds = [("one", lambda: ours("eventual")), ("quorum", lambda: ours("quorum"))]
    if options.redis == "yes":
        kinds.append(("redis", RedisCluster))
    clusters = {}
    try:
        for name, make in kinds:
            clusters[name] = make()
            load(clusters[name], f"--fill={options.keys}", "--slots=" + slots_file(clusters[name], folder))
        for pipeline in options.pipelines.split(","):
            for test in ("set", "get"):
                for way, shift in (("direct", 0), ("any", None), ("proxied", 1)):
                    for name, cluster in clusters.items():
                        if name == "redis" and way != "direct":
                            continue
                        words = [] if shift is None else ["--slots=" + slots_file(cluster, folder, shift)]
                        got = load(cluster, f"--test={test}", f"--pipeline={pipeline}", f"--clients={options.clients}",
                                   f"--keys={options.keys}", f"--ms={options.ms}", *words)
                        label = f"load.{name}.{test}.P{pipeline}.{way}"
                        tell(label, f"{got['ops_per_s']:.0f}", f"requests/s, p50 {got['p50_us'] / 1000:.2f} ms, "
                             f"p99 {got['p99_us'] / 1000:.2f} ms")
    finally:
        for cluster in clusters.values():
            cluster.end(True)


def keys_of(nodes, number, count=20):
    """Keys that a node acts for."""
    port, found = nodes[number].port, []
    with nodes[0].client() as client:
        ranges = [(a, b) for a, b, node, *_ in client.command("CLUSTER", "SLOTS") if node[1] == port]
        for i in range(100000):
            key = f"k:{i}"
            slot = client.command("CLUSTER", "KEYSLOT", key)
            if any(first <= slot <= last for first, last in ranges):
                found.append(key)
            if len(found) == count:
                return found
    raise SystemExit("bench: a node acts for nothing")


class Prober(threading.Thread):
    """SETs one key after the other at one node, and remembers when one failed."""

    def __init__(self, node, keys):
        super().__init__(daemon=True)
        self.node, self.keys = node, keys
        self.ended = False
        self.failed, self.done = [], []

    def run(self):
        with self.node.client() as client:
            at = 0
            while not self.ended:
                began = time.monotonic()
                reply = client.command("SET", self.keys[at % len(self.keys)], str(at))
                (self.failed if isinstance(reply, Error) else self.done).append((began, time.monotonic()))
                at += 1
                time.sleep(0.001)


def part_kill(options, _folder):
    for level in ("eventual", "quorum"):
        windows, failures = [], []
        for _ in range(options.trials):
            nodes = ours(level)
            try:
                prober = Prober(nodes[0], keys_of(nodes, 1))
                prober.start()
                wait_until(lambda: len(prober.done) > 50, "writes go on")
                killed = time.monotonic()
                nodes[1].kill()
                wait_until(lambda: prober.done[-1][0] > killed + KILL_LOOK_S, "writes go on", LIMIT_S)
                prober.ended = True
                prober.join()
                slow = [end for begin, end in prober.done if end - begin > SLOW_S and begin < killed + HURT_S_MAX]
                hurt = [end for _, end in prober.failed] + slow
                windows.append(max((end - killed for end in hurt if end > killed), default=0.0))
                failures.append(len(prober.failed))
            finally:
                nodes.end(True)
        tell(f"kill.{level}.window_p50", f"{statistics.median(windows) * 1000:.0f}", "ms")
        tell(f"kill.{level}.window_max", f"{max(windows) * 1000:.0f}", "ms")
        tell(f"kill.{level}.failed_requests_max", max(failures))


def part_silent(options, _folder):
    times = []
    nodes = ours()
    try:
        for _ in range(options.trials):
            still = nodes[2].port
            nodes[2].process.send_signal(signal.SIGSTOP)
            began = time.monotonic()

            def all_know():
                return all(m["state"] == "dead" for seer in (0, 1) for m in members_of(nodes[seer].info())
                           if m["port"] == str(still))

            wait_until(all_know, "it is found", LIMIT_S)
            times.append(time.monotonic() - began)
            nodes[2].process.send_signal(signal.SIGCONT)
            nodes.settle()
    finally:
        nodes.end(True)
    tell("silent.known_to_all_p50", f"{statistics.median(times):.2f}", "s")
    tell("silent.known_to_all_max", f"{max(times):.2f}", "s")


def peers_of(info):
    return [dict(part.split("=", 1) for part in text.split(",")) for name, text in info.items()
            if re.fullmatch(r"peer\d+", name)]


def part_lag(options, folder):
    nodes = ours()
    try:
        slots = slots_file(nodes, folder)
        words = ("--test=set", "--keys=100000", "--slots=" + slots)
        full = load(nodes, *words, f"--clients={options.clients}", "--ms=1000")["ops_per_s"]
        clients = max(1, int(options.clients * 0.2))
        found, lags = {}, []
        worker = threading.Thread(target=lambda: found.update(load(nodes, *words, f"--clients={clients}", "--ms=4000")))
        worker.start()
        while worker.is_alive():
            lags += [int(peer["lag_ms"]) for node in nodes for peer in peers_of(node.info())]
            time.sleep(LOOK_S)
        worker.join()
        tell("lag.load", f"{found['ops_per_s']:.0f}", f"SET/s, {100 * found['ops_per_s'] / full:.0f} % of {full:.0f}")
        tell("lag.p50", quantile(lags, .5), "ms")
        tell("lag.p99", quantile(lags, .99), f"ms, of {len(lags)} samples")
    finally:
        nodes.end(True)


def part_away(_options, _folder):
    nodes = ours()
    try:
        nodes[2].process.send_signal(signal.SIGSTOP)
        still = str(nodes[2].port)
        wait_until(lambda: all(m["state"] == "dead" for m in members_of(nodes[0].info()) if m["port"] == still), "found", LIMIT_S)
        with nodes[0].client() as client:
            for at in range(0, AWAY_KEYS, 500):
                client.pipeline([("SET", f"a:{i}", "v" * 32) for i in range(at, at + 500)])
        nodes[2].process.send_signal(signal.SIGCONT)
        began = time.monotonic()
        nodes.settle()

        def nothing_owed():
            return all(int(peer["hinted_slots"]) == 0 and int(peer["queue_bytes"]) == 0
                       for node in (nodes[0], nodes[1]) for peer in peers_of(node.info()))

        wait_until(nothing_owed, "all is handed over", LIMIT_S)
        tell("away.back_in_sync", f"{time.monotonic() - began:.2f}", f"s, with {AWAY_KEYS} keys written meanwhile")
    finally:
        nodes.end(True)


def part_join(options, folder):
    nodes = ours()
    try:
        load(nodes, f"--fill={options.keys}", f"--value-bytes={JOIN_VALUE_BYTES}", "--slots=" + slots_file(nodes, folder))
        nodes.replicated()
        began = time.monotonic()
        nodes.add()
        nodes.settle()
        seconds = time.monotonic() - began
        held = [int(m["held"]) for m in members_of(nodes[3].info())][0]
        taken = held / SLOTS * options.keys
        tell("join.seconds", f"{seconds:.2f}", "s, start of the process included")
        tell("join.keys", f"{taken / seconds:.0f}", f"keys/s, {taken:.0f} keys of {JOIN_VALUE_BYTES} bytes")
        tell("join.bytes", f"{taken * JOIN_VALUE_BYTES / seconds / 1e6:.1f}", "MB/s")
    finally:
        nodes.end(True)


def part_memory(options, folder):
    keys = max(options.keys, 500000)
    with Daemon("--threads", "1") as alone:
        before = alone.rss()
        load_alone = subprocess.run([LOAD, f"--port={alone.port}", f"--fill={keys}"], check=True)
        assert load_alone.returncode == 0
        single = (alone.rss() - before) / keys
    nodes = ours()
    try:
        before = [rss(node.process.pid) for node in nodes]
        load(nodes, f"--fill={keys}", "--slots=" + slots_file(nodes, folder))
        nodes.replicated()
        grown = [(rss(node.process.pid) - was) / keys for node, was in zip(nodes, before)]
    finally:
        nodes.end(True)
    tell("memory.alone", f"{single - 48:.1f}", f"bytes a key beyond 16 + 32, {keys} keys")
    tell("memory.cluster", f"{statistics.mean(grown) - 48:.1f}", "bytes a key and copy beyond 16 + 32")


def part_spread(options, folder):
    nodes = ours()
    try:
        slots = "--slots=" + slots_file(nodes, folder)
        load(nodes, f"--fill={options.keys}", slots)
        served = [int(m["slots"]) for m in members_of(nodes[0].info())]
        keys = [nodes.ask(i, "DBSIZE") for i in range(3)]
        tell("spread.slots", f"{max(served) / statistics.mean(served):.3f}", "of the busiest over the mean")
        tell("spread.keys", f"{max(keys) / statistics.mean(keys):.3f}", "likewise")
        for way, words in (("direct", [slots]), ("any", [])):
            before = [int(node.info()["cluster_requests"]) for node in nodes]
            load(nodes, "--test=get", f"--clients={options.clients}", f"--keys={options.keys}", "--ms=500", *words)
            asked = [int(node.info()["cluster_requests"]) - was for node, was in zip(nodes, before)]
            tell(f"spread.requests.{way}", f"{max(asked) / statistics.mean(asked):.3f}", "likewise; run by closed-loop clients")
    finally:
        nodes.end(True)


def part_bytes(options, folder):
    nodes = ours()
    try:
        slots = slots_file(nodes, folder)

        def sent():
            return sum(int(peer["sent_bytes"]) for node in nodes for peer in peers_of(node.info()))

        nodes.replicated()
        before = sent()
        load(nodes, f"--fill={options.keys}", "--slots=" + slots)
        nodes.replicated()
        tell("bytes.per_write", f"{(sent() - before) / options.keys:.1f}", "bytes to both other nodes together, with their acknowledgements")
    finally:
        nodes.end(True)


def loopback_bytes():
    with open("/proc/net/dev", encoding="ascii") as file:
        line = next(line for line in file if line.strip().startswith("lo:"))
    return int(line.split(":")[1].split()[8])


def part_idle(_options, _folder):
    nodes = ours()
    try:
        before, began, cpu = loopback_bytes(), time.monotonic(), [cpu_ns(node.process.pid) for node in nodes]
        time.sleep(IDLE_S)
        seconds = time.monotonic() - began
        spent = [cpu_ns(node.process.pid) - was for node, was in zip(nodes, cpu)]
        tell("idle.cpu", f"{statistics.mean(spent) / seconds / 1e7:.2f}", "% of a core, a node")
        tell("idle.bytes", f"{(loopback_bytes() - before) / seconds / 3:.0f}", "bytes/s a node, with what else uses the device")
    finally:
        nodes.end(True)


def main():
    options = arguments(sys.argv, parts=",".join(PARTS), ms=1500, clients=48, pipelines="1,16", keys=100000, trials=5,
                        redis="yes")
    print(machine())
    failed = False
    with tempfile.TemporaryDirectory(prefix="bench-cluster-") as folder:
        for part in options.parts.split(","):
            if part not in PARTS:
                raise SystemExit(f"bench: unknown part {part}; known: {', '.join(PARTS)}")
            try:
                globals()[f"part_{part}"](options, folder)
            except (AssertionError, OSError, Closed, SystemExit) as error:
                tell(f"{part}.failed", str(error)[:300])
                failed = True
    print(f"afterwards: {machine()}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
