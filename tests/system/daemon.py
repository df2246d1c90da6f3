"""daemon.py - one server under test: started on a free port, watched, ended and judged.

    with Daemon("--threads", "2") as server:        a block that ends well stops it with SIGTERM and
        with server.client() as client: ...         asserts exit 0, a log of JSON lines only, and no
                                                    word from a sanitizer; one that fails kills it

$HYPERCACHED names the program.  When its name is redis-server, our flags are translated, so that
the same tests run against the original and prove that they ask for what Redis does.
"""
import ctypes
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from resp_client import Client, Closed

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(ROOT, "build")))
PROGRAM = os.path.abspath(os.environ.get("HYPERCACHED", os.path.join(BUILD, "hypercached")))
IS_REDIS = os.path.basename(PROGRAM).startswith("redis-server")

POLL_S = 0.004
START_S_MAX = 30.0
STOP_S_MAX = 30.0
LOG_TAIL_BYTES = 4000
PORTS = range(20000, 32000)  # below the kernel's range for outgoing connections
# Nobody gets the default port of the HTTP API: several servers run at once.
os.environ.setdefault("HYPERCACHE_NETWORK_HTTP_PORT", "0")
SANITIZER_WORDS = (b"Sanitizer", b"runtime error:")


def wait_until(condition, what, timeout_s=20.0):
    """Polls until `condition()` is true and returns its value; fails after `timeout_s`.  The only
    place of the system tests that lets time pass."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{timeout_s:g} s passed, and still not so: {what}")
        time.sleep(POLL_S)


def rss(pid):
    """Resident bytes of a process."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def threads_cpu_ns(pid):
    """Nanoseconds of CPU that each thread of a process has used."""
    spent = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            spent[task] = int(file.read().split()[0])
    return spent


def cpu_ns(pid):
    """Nanoseconds of CPU that a process has used."""
    return sum(threads_cpu_ns(pid).values())


def free_port():
    """A port that nobody listens on."""
    for port in random.sample(PORTS, 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError("no free port among 100 tried")


def _sanitizer():
    """'address', 'thread' or '' - what the program under test was built with."""
    with open(PROGRAM, "rb") as file:
        program = file.read()
    return "address" if b"__asan_init" in program else "thread" if b"__tsan_init" in program else ""


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: no server outlives its test


def _redis_flags(flags):
    """Our flags in redis-server's words; those without a counterpart are left out."""
    given = dict(flag.split("=", 1) if "=" in flag else (flag, None) for flag in flags)
    for name, value in zip(flags, flags[1:]):
        if name in given and given[name] is None:
            given[name] = value
    policy = "noeviction" if given.get("--eviction") == "noeviction" else "allkeys-lru"
    result = ["--save", "", "--maxmemory-policy", policy]
    for ours, theirs in (("--max-memory", "--maxmemory"), ("--network.max_clients", "--maxclients")):
        if ours in given:
            result += [theirs, given[ours]]
    return result


class Daemon:
    """A running server.  `port`, `pid`; `client()` connects; `stop()` and `kill()` end it."""

    sanitizer = _sanitizer() if os.path.exists(PROGRAM) else ""

    def __init__(self, *flags, port=None, environment=None):
        self.port = port or free_port()
        self.folder = tempfile.mkdtemp(prefix="hypercached-test-")
        self.log_path = os.path.join(self.folder, "stderr")
        environ = {k: v for k, v in os.environ.items() if not k.startswith("HYPERCACHE_")}
        environ.setdefault("UBSAN_OPTIONS", "halt_on_error=1:print_stacktrace=1")
        environ["HYPERCACHE_NETWORK_HTTP_PORT"] = "0"
        environ["HYPERCACHE_PERSISTENCE_ENABLED"] = "false"  # a flag of the test says otherwise
        environ.update(environment or {})
        if IS_REDIS:
            command = [PROGRAM, "--port", str(self.port), "--bind", "127.0.0.1"] + _redis_flags(flags)
        else:
            command = [PROGRAM, "--resp-port", str(self.port), "--bind", "127.0.0.1", *flags]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if IS_REDIS else log,
                stderr=log,
                cwd=self.folder,
                env=environ,
                preexec_fn=_die_with_parent,
            )
        self.pid = self.process.pid
        try:
            wait_until(self._answers, f"the server answers on port {self.port}", START_S_MAX)
        except BaseException:
            self.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None and self.process.returncode is None:
            self.stop()
        else:
            self.kill()

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}: {self.tail()}")
        try:
            with Client(self.port, timeout_s=START_S_MAX) as client:
                return client.command("PING") == "PONG"
        except (OSError, Closed):
            return False

    def client(self, protocol=2, **options):
        """A new connection."""
        return Client(self.port, protocol, **options)

    @property
    def http_port(self):
        """The port of the HTTP API, which the system chose."""
        return int(self.info("server")["http_port"])

    def rss(self):
        return rss(self.pid)

    def cpu_ns(self):
        return cpu_ns(self.pid)

    def threads_cpu_ns(self):
        return threads_cpu_ns(self.pid)

    def info(self, section="everything"):
        """INFO as a dictionary of strings."""
        with self.client() as client:
            text = client.command("INFO", section).decode()
        lines = [line.split(":", 1) for line in text.split("\r\n") if ":" in line and line[0] != "#"]
        return dict(lines)

    def unread_bytes(self):
        """Bytes that wait in the kernel for the server to read, over all its connections."""
        port = f":{self.port:04X}"
        unread = 0
        with open("/proc/net/tcp", encoding="ascii") as file:
            for line in file:
                fields = line.split()
                if fields[1].endswith(port) and fields[3] == "01":  # established
                    unread += int(fields[4].split(":")[1], 16)
        return unread

    def tail(self):
        """The end of what the server wrote to stderr."""
        return self._stderr()[-LOG_TAIL_BYTES:].decode(errors="backslashreplace")

    def _stderr(self):
        with open(self.log_path, "rb") as file:
            return file.read()

    def log(self):
        """The log records written so far, each a dictionary; fails if a line is not JSON."""
        records = []
        for line in self._stderr().splitlines():
            try:
                records.append(json.loads(line))
            except ValueError:
                raise AssertionError(f"not a JSON log line: {line[:LOG_TAIL_BYTES]!r}") from None
        return records

    def stop(self):
        """SIGTERM; asserts that the server drains and exits 0 and that its log is sound."""
        self.process.send_signal(signal.SIGTERM)
        self.wait_exit()

    def wait_exit(self):
        """Waits for an exit that something else has asked for, and judges it as stop() does."""
        try:
            code = self.process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the server still ran {STOP_S_MAX:g} s after it was told to end") from None
        try:
            said = self._stderr()
            at = min((said.find(word) for word in SANITIZER_WORDS if word in said), default=-1)
            if at >= 0:
                raise AssertionError(f"a sanitizer spoke: {said[at:at + LOG_TAIL_BYTES].decode()}")
            if code != 0:
                raise AssertionError(f"the server exited with {code}: {self.tail()}")
            self.log()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self):
        """SIGKILL, whatever state it is in."""
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
