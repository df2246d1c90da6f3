#!/usr/bin/env python3
"""bench_server.py - hypercached beside redis-server and an echo server, in one run.

Each server runs one thread, pinned to CPU 0; the load comes from CPU 1.  For each test and depth of
pipeline the servers take turns, several times.  A cell shows the median of the turns, a ratio the
median of the ratios within turns.  CPU per operation is user + system time of the server's process
(/proc/PID/stat) during the measured interval, over the operations answered in it: it stays
meaningful when something else limits the throughput.

The echo server parses nothing: it counts bytes and, for each request's worth of them, sends as many
bytes as a real reply has (MGET: it sends back what it reads).  It is what kernel and load leave
possible.

    bench_server.py [--tests=set,get,incr,mget,mget100,mset10,mset100] [--pipelines=1,16,64] [--clients=50]
                    [--keys=1000000] [--value-bytes=32] [--turns=5] [--ms=2000] [--nice=0] [--quick]
                    [--generator=load]    or redis-benchmark, which then limits at P=64
                    [--servers=hypercached,redis,echo]
"""
import os
import re
import statistics
import subprocess
import sys

from servers import KINDS, LOAD, Server, arguments, machine

SERVER_CPU, LOAD_CPU = 0, 1


def echo_flags(test, options):
    """Bytes of a request of bench_load, and a line as long as its reply."""
    if options.generator != "load" or test.startswith(("mget", "mset")):
        return ()
    value = len(f"${options.value_bytes}") + 2 + options.value_bytes + 2
    name, key = len("$3") + 2 + len("GET") + 2, len("$16") + 2 + 16 + 2
    request = len("*2") + 2 + name + key
    words = {"set": (request + value, "+OK"), "get": (request, "+" + "v" * (value - 3)),
             "incr": (request + 1, ":1"), "ping": (14, "+PONG")}
    return tuple(map(str, words[test]))


def run(command, options):
    """Runs a load generator on its CPU; returns what it printed."""
    def prepare():
        os.sched_setaffinity(0, {LOAD_CPU})
        if options.nice:
            os.nice(options.nice)

    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=prepare, check=False)
    if done.returncode != 0:
        raise SystemExit(f"bench: {' '.join(command)}: {done.stdout[-200:]} {done.stderr[-200:]}")
    return done.stdout


def measure_load(server, test, pipeline, options):
    text = run([LOAD, f"--port={server.port}", f"--pid={server.pid}", f"--test={test}",
                f"--pipeline={pipeline}", f"--clients={options.clients}", f"--keys={options.keys}",
                f"--value-bytes={options.value_bytes}", f"--ms={options.ms}"], options)
    return {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", text)}


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        words = file.read().rsplit(")", 1)[1].split()
    ticks = os.sysconf("SC_CLK_TCK")
    return int(words[11]) / ticks, int(words[12]) / ticks


def measure_redis_benchmark(server, test, pipeline, options):
    """As above with Redis's own generator; its MGET is not built in, so it is given as a command."""
    requests = int(options.ms / 1000 * min(60000 * pipeline, 600000))
    command = ["redis-benchmark", "-p", str(server.port), "-P", str(pipeline), "-c",
               str(options.clients), "-r", str(options.keys), "-n", str(requests), "-d",
               str(options.value_bytes), "--csv"]
    many = re.fullmatch(r"(mget|mset)(\d*)", test)
    if many:
        words = ["key:__rand_int__"] + ["v" * options.value_bytes] * (many.group(1) == "mset")
        command += [many.group(1)] + words * int(many.group(2) or 10)
    before = cpu_s(server.pid)
    text = run(command + ([] if many else ["-t", test]), options)
    after = cpu_s(server.pid)
    rows = [line.strip('"').split('","') for line in text.splitlines() if line.startswith('"')]
    cells = dict(zip(rows[0], rows[-1]))
    return {"ops_per_s": float(cells["rps"]),
            "user_ns": (after[0] - before[0]) / requests * 1e9,
            "system_ns": (after[1] - before[1]) / requests * 1e9,
            "p50_us": float(cells["p50_latency_ms"]) * 1e3,
            "p99_us": float(cells["p99_latency_ms"]) * 1e3, "p999_us": 0,
            "generator_busy": 0, "server_busy": 0}


def median(turns, kind, name):
    return statistics.median(turn[kind][name] for turn in turns)


def ratio(turns, first, kind):
    return statistics.median(turn[first]["ops_per_s"] / turn[kind]["ops_per_s"] for turn in turns)


def cpu_ratio(turns, first, kind):
    """How many times the CPU per operation of the first server this one takes."""
    def cost(result):
        return max(result["user_ns"] + result["system_ns"], 0.1)

    return statistics.median(cost(turn[kind]) / cost(turn[first]) for turn in turns)


def row(test, pipeline, turns, kinds):
    cells = [test.upper(), str(pipeline)]
    for kind in kinds:
        cells.append(f"{median(turns, kind, 'ops_per_s') / 1e3:.0f}")
    for kind in kinds[1:]:
        cells.append(f"{ratio(turns, kinds[0], kind):.2f}")
    for kind in kinds:
        cells.append(f"{median(turns, kind, 'user_ns'):.0f}+{median(turns, kind, 'system_ns'):.0f}")
    for kind in kinds[1:]:
        cells.append(f"{cpu_ratio(turns, kinds[0], kind):.2f}")
    for kind in kinds:
        cells.append(f"{median(turns, kind, 'p50_us'):.0f}/{median(turns, kind, 'p99_us'):.0f}")
    busy = [median(turns, kind, "server_busy") for kind in kinds]
    cells.append("/".join(f"{share * 100:.0f}" for share in busy))
    return "| " + " | ".join(cells) + " |"


def heading(kinds):
    words = ["test", "P"] + [f"{kind} K/s" for kind in kinds]
    words += [f"x {kind}" for kind in kinds[1:]]
    words += [f"{kind} ns user+sys" for kind in kinds]
    words += [f"CPU of {kind} / ours" for kind in kinds[1:]]
    words += [f"{kind} p50/p99 us" for kind in kinds] + ["server busy %"]
    return "| " + " | ".join(words) + " |\n|" + "---|" * len(words)


def main():
    options = arguments(sys.argv, tests="set,get,incr,mget", pipelines="1,16,64", clients=50,
                        keys=1000000, value_bytes=32, turns=0, ms=0, nice=0, quick=False,
                        generator="load", servers=",".join(KINDS))
    options.turns = options.turns or (2 if options.quick else 5)
    options.ms = options.ms or (500 if options.quick else 2000)
    measure = measure_load if options.generator == "load" else measure_redis_benchmark
    kinds = options.servers.split(",")
    print(f"{machine()}; {options.clients} clients, {options.keys} keys, values of "
          f"{options.value_bytes} bytes, {options.turns} turns of {options.ms} ms, "
          f"load by {options.generator}\n")
    servers = {}
    try:
        for kind in filter(lambda kind: kind != "echo", kinds):
            servers[kind] = Server(kind, cpu=SERVER_CPU, nice=options.nice)
            run([LOAD, f"--port={servers[kind].port}", f"--fill={options.keys}",
                 f"--value-bytes={options.value_bytes}"], options)
        print(heading(kinds), flush=True)
        for test in options.tests.split(","):
            if "echo" in kinds:
                if "echo" in servers:
                    servers["echo"].stop()
                servers["echo"] = Server("echo", cpu=SERVER_CPU, nice=options.nice,
                                         flags=echo_flags(test, options))
            for pipeline in map(int, options.pipelines.split(",")):
                turns = [{kind: measure(servers[kind], test, pipeline, options) for kind in kinds}
                         for _ in range(options.turns)]
                print(row(test, pipeline, turns, kinds), flush=True)
        print(f"\nafterwards: {machine()}")
    finally:
        for server in servers.values():
            server.stop()


if __name__ == "__main__":
    main()
