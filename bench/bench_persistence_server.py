#!/usr/bin/env python3
"""bench_persistence_server.py - what keeping the data costs hypercached, and redis-server beside it.

    throughput   SET by bench_load (one thread, CPU 1) on a server of one worker, for persistence off,
                 everysec and always.  The modes of both servers take turns; a ratio is the median of
                 the ratios to `off` within turns, so that a neighbour's load cancels out.
    slow disk    the same with 1 and 5 ms more for each fsync and fdatasync (slow_sync.c), and once more
                 with many clients: as long as a reply waits for a sync, `always` cannot answer more than
                 clients x pipeline commands a sync, which is the column `bound`
    snapshot     keys a second of BGSAVE idle and under SET; what memory it adds (PSS of the process and
                 its children over the RSS before); the longest batch of a client, with and without
    recovery     keys a second of a start from the snapshot, and from the log; size of both files
    bytes        written to the disk (/proc/PID/io) for each byte of key and value set

Values are base64 of nothing, which a codec takes a quarter off.  The servers' threads are not pinned:
their log and snapshot threads need the second core, which they share with the load.

    bench_persistence_server.py [--keys=5000000] [--value-bytes=64] [--clients=50] [--pipelines=1,16]
                                [--many-clients=1000] [--turns=5] [--ms=1000] [--delays-us=0,1000,5000]
                                [--quick]   all parts in a minute, 200000 keys
                                [--parts=throughput,snapshot,recovery] [--servers=hypercached,redis]
                                [--folder=DIR]   on the disk to be measured; default: the build folder
"""
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from servers import BUILD, LOAD, arguments, machine, preloaded

LOAD_CPU = 1
START_S_MAX = 300.0
SNAPSHOT_S_MAX = 600.0
LOOK_S = 0.02
MODES = ("off", "everysec", "always")


def command_of(kind, port, folder, mode):
    if kind == "redis":
        return ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", folder,
                "--save", "", "--appendonly", "no" if mode == "off" else "yes",
                "--appendfsync", "always" if mode == "always" else "everysec",
                "--auto-aof-rewrite-percentage", "0"]
    return [os.path.join(BUILD, "hypercached"), "--bind=127.0.0.1", f"--resp-port={port}",
            "--threads=1", "--http-port=0", f"--node.data_dir={folder}/data",
            f"--persistence.enabled={'false' if mode == 'off' else 'true'}",
            f"--persistence.sync_policy={'always' if mode == 'always' else 'everysec'}",
            "--persistence.max_log_size=64GB"]


class Daemon:
    """One server in a folder that outlives it."""

    def __init__(self, kind, mode, folder, delay_us=0):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        environment = dict(os.environ)
        if delay_us:
            environment.update(LD_PRELOAD=preloaded("slow_sync"), SLOW_SYNC_US=str(delay_us))
        os.makedirs(folder, exist_ok=True)
        self.kind, self.mode, self.folder = kind, mode, folder
        self.log = open(os.path.join(folder, "server.log"), "ab")
        begun = time.monotonic()
        self.process = subprocess.Popen(command_of(kind, self.port, folder, mode), cwd=folder,
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        env=environment)
        self.pid = self.process.pid
        self.wait_ready(begun)
        self.start_s = time.monotonic() - begun

    def wait_ready(self, begun):
        while True:
            try:
                if self.ask("DBSIZE").isdigit():
                    return
            except (OSError, RuntimeError):
                pass
            if self.process.poll() is not None or time.monotonic() - begun > START_S_MAX:
                raise SystemExit(f"bench: {self.kind} {self.mode} does not start; see its log in "
                                 f"{self.folder}")
            time.sleep(0.005)

    def ask(self, *words):
        """One command; a simple reply's text, a bulk's bytes as text."""
        text = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall(text.encode())
            stream = connection.makefile("rb")
            line = stream.readline().decode().rstrip()
            if line.startswith("-"):
                raise RuntimeError(line)
            if line.startswith("$"):
                return stream.read(int(line[1:])).decode()
            return line[1:]

    def info(self, name):
        found = re.search(rf"^{name}:(.*?)\r?$", self.ask("INFO", "persistence"), re.M)
        return found.group(1) if found else ""

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()
        self.log.close()

    def cpu_s(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            words = file.read().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def written_bytes(self):
        with open(f"/proc/{self.pid}/io", encoding="ascii") as file:
            return int(re.search(r"^write_bytes: (\d+)", file.read(), re.M).group(1))

    def saved_bytes(self):
        """Of the last snapshot."""
        if self.kind == "redis":
            return folder_bytes(self.folder, ".rdb")
        return int(self.info("hypercache_snapshot_bytes"))

    def pss_bytes(self):
        """Of the process and its children: what a fork copies counts once."""
        pids = [self.pid]
        with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="ascii") as file:
            pids += map(int, file.read().split())
        total = 0
        for pid in pids:
            try:
                with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                    total += int(re.search(r"^Pss:\s+(\d+) kB", file.read(), re.M).group(1)) * 1024
            except (OSError, AttributeError):
                pass
        return total


def load(server, options, pipeline=1, fill=False, ms=0, clients=0):
    command = [LOAD, f"--port={server.port}", f"--value-bytes={options.value_bytes}", "--random-values"]
    if fill:
        command.append(f"--fill={options.keys}")
    else:
        command += ["--test=set", f"--pid={server.pid}", f"--pipeline={pipeline}",
                    f"--clients={clients or options.clients}", f"--keys={options.keys}", f"--ms={ms or options.ms}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CPU}))
    if done.returncode != 0:
        raise SystemExit(f"bench: {' '.join(command)}: {done.stdout[-200:]} {done.stderr[-200:]}")
    return {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", done.stdout)}


def median(turns, key, name):
    return statistics.median(turn[key][name] for turn in turns)


def throughput(options, base):
    print("| server | sync + us | clients | P | mode | K/s | x off | bound, K/s | ns CPU a SET | x off | p50/p99 us |\n"
          "|---|---|---|---|---|---|---|---|---|---|---|")
    for kind in options.servers.split(","):
        for delay_us in map(int, options.delays_us.split(",")):
            servers = {mode: Daemon(kind, mode, os.path.join(base, f"{kind}-{mode}-{delay_us}"), delay_us)
                       for mode in MODES}
            try:
                for clients in (options.clients, options.many_clients) if delay_us else (options.clients,):
                    for pipeline in map(int, options.pipelines.split(",")):
                        turns = [{mode: load(servers[mode], options, pipeline, clients=clients) for mode in MODES}
                                 for _ in range(options.turns)]
                        for mode in MODES:
                            print(throughput_row(kind, delay_us, clients, pipeline, mode, turns), flush=True)
            finally:
                for server in servers.values():
                    server.stop()


def throughput_row(kind, delay_us, clients, pipeline, mode, turns):
    def cpu(result):
        return max(result["user_ns"] + result["system_ns"], 0.1)

    speed = statistics.median(t[mode]["ops_per_s"] / t["off"]["ops_per_s"] for t in turns)
    cost = statistics.median(cpu(t[mode]) / cpu(t["off"]) for t in turns)
    own = statistics.median(cpu(t[mode]) for t in turns)
    bound = f"{clients * pipeline / delay_us * 1e3:.0f}" if mode == "always" and delay_us else ""
    return (f"| {kind} | {delay_us} | {clients} | {pipeline} | {mode} | {median(turns, mode, 'ops_per_s') / 1e3:.0f} "
            f"| {speed:.2f} | {bound} | {own:.0f} | {cost:.2f} "
            f"| {median(turns, mode, 'p50_us'):.0f}/{median(turns, mode, 'p99_us'):.0f} |")


class Pinger(threading.Thread):
    """One client that asks all the time: the longest answer is the pause."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.ends, self.longest_s = threading.Event(), 0.0
        self.connection = socket.create_connection(("127.0.0.1", port))
        self.start()

    def run(self):
        while not self.ends.is_set():
            begun = time.monotonic()
            self.connection.sendall(b"PING\r\n")
            self.connection.recv(64)
            self.longest_s = max(self.longest_s, time.monotonic() - begun)
            time.sleep(0.0002)

    def stop(self):
        self.ends.set()
        self.join()
        self.connection.close()
        return self.longest_s * 1e3


def bgsave(server, options, pipeline):
    """Saves once, idle or under SET; returns what it took."""
    ends, rates, saving = threading.Event(), {False: [], True: []}, threading.Event()

    def load_on():
        while not ends.is_set():
            before = saving.is_set()
            rate = load(server, options, pipeline, ms=300)["ops_per_s"]
            if before == saving.is_set():
                rates[before].append(rate)

    loader = threading.Thread(target=load_on)
    if pipeline:
        loader.start()
        time.sleep(1)
    pinger = Pinger(server.port)
    time.sleep(2)
    calm_ms = pinger.stop()
    before, peak, cpu = server.pss_bytes(), 0, server.cpu_s()
    pinger = Pinger(server.port)
    begun = time.monotonic()
    server.ask("BGSAVE")
    saving.set()
    while time.monotonic() - begun < SNAPSHOT_S_MAX:
        peak = max(peak, server.pss_bytes())
        time.sleep(LOOK_S)
        if server.info("rdb_bgsave_in_progress") == "0":
            break
    took = time.monotonic() - begun
    pause_ms = pinger.stop()
    ends.set()
    if pipeline:
        loader.join()
    kept = statistics.mean(rates[True]) / statistics.mean(rates[False]) if rates[True] and rates[False] else 0
    return (kept, took, int(server.ask("DBSIZE")) / took / 1e6, server.cpu_s() - cpu,
            (peak - before) / before * 100, (peak - before) / 1048576, calm_ms, pause_ms)


def folder_bytes(folder, ending):
    return sum(os.path.getsize(os.path.join(path, name)) for path, _, names in os.walk(folder)
               for name in names if name.endswith(ending))


def snapshot(options, base):
    print("\n| server | load | s | M keys/s | CPU s of the server | memory + % | + MiB "
          "| longest PING before, ms | during, ms "
          "| speed kept | MB |\n|---|---|---|---|---|---|---|---|---|---|---|")
    for kind in options.servers.split(","):
        server = Daemon(kind, "everysec", os.path.join(base, f"{kind}-snapshot"))
        try:
            load(server, options, fill=True)
            for pipeline in (0, 1, 16):
                kept, took, speed, cpu, percent, mib, calm, pause = bgsave(server, options, pipeline)
                name = f"SET P={pipeline}" if pipeline else "idle"
                print(f"| {kind} | {name} | {took:.2f} | {speed:.2f} | {cpu:.2f} | {percent:+.1f} "
                      f"| {mib:+.0f} | {calm:.1f} | {pause:.1f} | {f'{kept:.2f}' if kept else ''} "
                      f"| {server.saved_bytes() / 1e6:.0f} |", flush=True)
        finally:
            server.stop()


def recovery(options, base):
    print("\n| server | from | s | M keys/s | CPU s | MB on disk | bytes written a byte set |\n"
          "|---|---|---|---|---|---|---|")
    for kind in options.servers.split(","):
        folder = os.path.join(base, f"{kind}-recovery")
        log_end, snapshot_end = (".aof", ".rdb") if kind == "redis" else (".hcl", ".hcs")
        server = Daemon(kind, "everysec", folder)
        load(server, options, fill=True)
        time.sleep(2)  # everysec: the rest is written
        factor = server.written_bytes() / (options.keys * (16 + options.value_bytes))
        server.stop()
        server = Daemon(kind, "everysec", folder)
        print(recovery_row(server, "log", folder_bytes(folder, log_end), f"{factor:.2f}"), flush=True)
        server.ask("BGSAVE" if kind != "redis" else "SAVE")
        while server.info("rdb_bgsave_in_progress") != "0":
            time.sleep(LOOK_S)
        server.stop()
        mode = "off" if kind == "redis" else "everysec"  # redis reads its log if it has one
        server = Daemon(kind, mode, folder)
        print(recovery_row(server, "snapshot", folder_bytes(folder, snapshot_end), ""), flush=True)
        server.stop()


def recovery_row(server, source, size, factor):
    keys = int(server.ask("DBSIZE"))
    return (f"| {server.kind} | {source} | {server.start_s:.2f} | {keys / server.start_s / 1e6:.2f} "
            f"| {server.cpu_s():.2f} | {size / 1e6:.0f} | {factor} |")


def main():
    options = arguments(sys.argv, keys=0, value_bytes=64, clients=50, pipelines="1,16", turns=0, ms=0, many_clients=1000,
                        delays_us="0,1000,5000", quick=False, folder=BUILD,
                        parts="throughput,snapshot,recovery", servers="hypercached,redis")
    options.keys = options.keys or (200000 if options.quick else 5000000)
    options.turns = options.turns or (1 if options.quick else 5)
    options.ms = options.ms or (200 if options.quick else 1000)
    print(f"{machine()}; {options.clients} clients, {options.keys} keys, values of "
          f"{options.value_bytes} bytes\n")
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.folder) as base:
        for part in options.parts.split(","):
            {"throughput": throughput, "snapshot": snapshot, "recovery": recovery}[part](options, base)
    print(f"\nafterwards: {machine()}")


if __name__ == "__main__":
    main()
