"""servers.py - the servers that benchmarks compare, each started on a port of its own.

    with Server("redis", cpu=0) as server:
        server.port, server.pid, server.rss()

Kinds: hypercached (build/hypercached, one worker thread), redis (redis-server of the system, no
snapshots, no append log), echo (build/bench/echo_server, which understands nothing).
"""
import contextlib
import ctypes
import os
import re
import signal
import socket
import struct
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(ROOT, "build")))
LOAD = os.path.join(BUILD, "bench", "bench_load")
START_S_MAX = 10.0
KINDS = ("hypercached", "redis", "echo")


def _command(kind, port, flags):
    if kind == "hypercached":
        program = os.path.join(BUILD, "hypercached")
        return [program, "--bind=127.0.0.1", f"--resp-port={port}", "--threads=1",
                "--persistence.enabled=false", "--http-port=0", *flags]
    if kind == "redis":
        return ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "",
                "--appendonly", "no", *flags]
    return [os.path.join(BUILD, "bench", "echo_server"), str(port), *flags]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def connect(port):
    """A connection to a server of this machine; OSError while there is none.  A port nobody listens
    at may be drawn as our own, and then TCP connects us to ourselves."""
    made = socket.create_connection(("127.0.0.1", port))
    if made.getsockname() == made.getpeername():
        made.close()
        raise ConnectionRefusedError(port)
    return made


def preloaded(name):
    """A library made of bench/NAME.c, for LD_PRELOAD."""
    made, source = os.path.join(BUILD, "bench", f"{name}.so"), os.path.join(ROOT, "bench", f"{name}.c")
    if not os.path.exists(made) or os.path.getmtime(made) < os.path.getmtime(source):
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", made, source], check=True)
    return made


def session_first():
    """All that we start goes before what other sessions run, where the kernel groups tasks by session."""
    with contextlib.suppress(FileNotFoundError):
        with contextlib.suppress(PermissionError):  # we lead one
            os.setsid()
        with open("/proc/self/autogroup", "w", encoding="ascii") as file:
            file.write("-20")


def run_first(nice=-20):
    """This process goes before others on its CPU, as on a machine that has nothing else to do: by its
    niceness, and by short slices, which let it in as soon as it wants to.  Needs privileges.  Not by a
    real-time class: one that spins there takes the machine with it."""
    slice_ns = 100000
    attributes = struct.pack("IIQiIQQQ", 48, os.SCHED_OTHER, 0, nice, 0, slice_ns, 0, 0)
    if ctypes.CDLL(None, use_errno=True).syscall(314, 0, attributes, 0) != 0:  # sched_setattr
        raise OSError(ctypes.get_errno(), "sched_setattr")


class Server:
    """One running server.  `cpu` pins it; `nice` asks for a better share of a busy machine;
    `first`: runs whenever it can; `environment` is added to ours."""

    def __init__(self, kind, cpu=None, nice=0, flags=(), environment=None, first=False):
        self.kind = kind
        self.port = free_port()
        self.folder = tempfile.TemporaryDirectory(prefix="bench-")

        def prepare():
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: never outlives us
            if cpu is not None:
                os.sched_setaffinity(0, {cpu})
            if nice:
                os.nice(nice)
            if first:
                run_first()

        command = _command(kind, self.port, flags)
        with open(os.path.join(self.folder.name, "log"), "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, cwd=self.folder.name, preexec_fn=prepare,
                                            env={**os.environ, **(environment or {})})
        self.pid = self.process.pid
        deadline = time.monotonic() + START_S_MAX
        while True:
            try:
                connect(self.port).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    raise SystemExit(f"bench: {kind} does not start: {' '.join(command)}") from None
                time.sleep(0.01)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.stop()

    def rss(self):
        """Resident bytes, exact."""
        with open(f"/proc/{self.pid}/smaps_rollup", encoding="ascii") as file:
            return int(re.search(r"^Rss:\s+(\d+) kB", file.read(), re.M).group(1)) * 1024

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.folder.cleanup()


def machine():
    """One line about this machine and how busy it is."""
    with open("/proc/cpuinfo", encoding="ascii") as file:
        model = re.search(r"model name\s*: (.*)", file.read()).group(1)
    with open("/proc/loadavg", encoding="ascii") as file:
        load = file.read().split()[0]
    return f"{model}, {os.cpu_count()} CPUs, Linux {os.uname().release}; load average {load}"


def arguments(argv, **defaults):
    """--name=value words as an object; a default's type is the value's type; --name alone is True."""
    class Options:
        pass

    options = Options()
    for name, value in defaults.items():
        setattr(options, name, value)
    for word in argv[1:]:
        match = re.fullmatch(r"--([a-z-]+)(?:=(.*))?", word)
        name = match and match.group(1).replace("-", "_")
        if not match or name not in defaults:
            raise SystemExit(f"bench: unknown word {word}; known: {', '.join(defaults)}")
        setattr(options, name, True if match.group(2) is None else type(defaults[name])(match.group(2)))
    return options
