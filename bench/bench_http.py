#!/usr/bin/env python3
"""bench_http.py - GETs over HTTP beside nginx serving a file of the same bytes, and Redis over RESP.

wrk with 50 keep-alive connections and one thread on its own CPU; each server has one thread or
worker on another.  The servers take turns in one run, so that what else the machine does meets all of
them alike; told are medians over the turns, of requests a second and of the server's CPU time a
request (user and system, of all its threads), and the ratio to nginx within a turn.

    bench_http.py [--turns=5] [--seconds=3] [--bytes=32] [--quick]
"""
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time

import sys

from servers import Server, arguments, connect, free_port, machine

SERVER_CPU, LOAD_CPU, CONNECTIONS = 0, 1, 50
NGINX = """
worker_processes 1; daemon off; pid %(folder)s/pid; error_log %(folder)s/error.log; worker_cpu_affinity 01;
events { worker_connections 1024; }
http {
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
    open_file_cache max=100; client_body_temp_path %(folder)s/b; proxy_temp_path %(folder)s/p;
    fastcgi_temp_path %(folder)s/f; uwsgi_temp_path %(folder)s/u; scgi_temp_path %(folder)s/s;
    server { listen 127.0.0.1:%(port)d; root %(folder)s; }
}
"""


class Nginx:
    """nginx with one worker, serving a file `k`."""

    def __init__(self, value):
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        if not os.path.exists(program):
            raise SystemExit("bench: nginx is not installed (apt-get install nginx-light)")
        self.folder = tempfile.TemporaryDirectory(prefix="bench-nginx-")
        os.chmod(self.folder.name, 0o755)
        self.port = free_port()
        with open(os.path.join(self.folder.name, "k"), "wb") as file:
            file.write(value)
        path = os.path.join(self.folder.name, "conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(NGINX % {"folder": self.folder.name, "port": self.port})
        self.process = subprocess.Popen([program, "-c", path], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while True:
            try:
                connect(self.port).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise SystemExit("bench: nginx does not start") from None
                time.sleep(0.01)

    def pids(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
            return [self.process.pid, *map(int, file.read().split())]

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()


def cpu_ns(pids):
    """What all threads of these processes have used, exact."""
    spent = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
                spent += int(file.read().split()[0])
    return spent


def wrk(url, pids, seconds, headers=()):
    """(requests a second, CPU ns of the server a request, p99 in ms)"""
    words = ["taskset", "-c", str(LOAD_CPU), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency"]
    for header in headers:
        words += ["-H", header]
    before = cpu_ns(pids)
    said = subprocess.run([*words, url], capture_output=True, text=True, check=True).stdout
    used = cpu_ns(pids) - before
    count = int(re.search(r"(\d+) requests in", said).group(1))
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"bench: wrk met errors:\n{said}")
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", said).groups()
    p99 = float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1)), used / count, p99


def resp(port, pid, seconds, rate):
    """The same of GETs over RESP, one at a time on each of 50 connections, for about as long."""
    count = max(10000, int(rate * seconds))
    before = cpu_ns([pid])
    said = subprocess.run(["taskset", "-c", str(LOAD_CPU), "redis-benchmark", "-p", str(port), "-c", str(CONNECTIONS),
                           "-n", str(count), "--csv", "GET", "k"], capture_output=True, text=True, check=True).stdout
    row = [word.strip('"') for word in said.splitlines()[-1].split(",")]
    return float(row[1]), (cpu_ns([pid]) - before) / count, float(row[6])


def main():
    options = arguments(sys.argv, turns=5, seconds=3, bytes=32, quick=False)
    if options.quick:
        options.turns, options.seconds = 3, 1
    value = (b"0123456789abcdef" * (options.bytes // 16 + 1))[:options.bytes]
    ours = Server("hypercached", SERVER_CPU)
    redis = Server("redis", SERVER_CPU)
    nginx = Nginx(value)
    found = {}
    try:
        for server in (ours, redis):
            subprocess.run(["redis-cli", "-p", str(server.port), "set", "k", value.decode()], check=True, stdout=subprocess.DEVNULL)
        info = subprocess.run(["redis-cli", "-p", str(ours.port), "info", "server"], capture_output=True, text=True, check=True).stdout
        http = int(re.search(r"http_port:(\d+)", info).group(1))
        url = f"http://127.0.0.1:{http}/api/cache/k"
        rows = {
            "nginx, file": lambda: wrk(f"http://127.0.0.1:{nginx.port}/k", nginx.pids(), options.seconds),
            "hypercached, raw": lambda: wrk(url, [ours.pid], options.seconds, ["Accept: application/octet-stream"]),
            "hypercached, JSON": lambda: wrk(url, [ours.pid], options.seconds),
            "hypercached, RESP": lambda: resp(ours.port, ours.pid, options.seconds, 30000),
            "redis, RESP": lambda: resp(redis.port, redis.pid, options.seconds, 30000),
        }
        for _ in range(options.turns):
            for name, measure in rows.items():
                found.setdefault(name, []).append(measure())
    finally:
        nginx.stop()
        redis.stop()
        ours.stop()
    print(machine())
    print(f"{CONNECTIONS} connections, {options.bytes} bytes, {options.turns} turns of {options.seconds} s; medians")
    print(f"{'':20} {'req/s':>9} {'of nginx':>9} {'CPU ns/req':>11} {'p99 ms':>8}")
    first = found["nginx, file"]
    for name, turns in found.items():
        ratio = statistics.median(turn[0] / one[0] for turn, one in zip(turns, first))
        rate, cpu, p99 = (statistics.median(turn[i] for turn in turns) for i in range(3))
        print(f"{name:20} {rate:9.0f} {ratio:9.2f} {cpu:11.0f} {p99:8.2f}")


if __name__ == "__main__":
    main()
