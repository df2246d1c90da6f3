"""durable_daemon.py - a node that keeps its data in a folder, can be killed and started again there,
and writers that remember what they were told.

A writer owns its keys, so what the node must have after a crash follows from the writer's own
history: the state after the last acknowledged step, or after any later step that was sent (a step
is one command or one EXEC: all or none).  With `always` nothing acknowledged may be missing; after
a crash of the process alone the other policies may lose the last moments, but what is there must
still be the state after one of the steps.
"""
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading

from daemon import PROGRAM, Daemon, _die_with_parent, free_port, wait_until
from resp_client import Client, Closed, Error

START_S_MAX = 60.0
LOSS_MS_MAX = 1000.0  # a busy machine's share in the 10 ms of a process crash


class Durable:
    """`start()`, `kill()`, `stop()` as often as one likes; the folder lives as long as the object."""

    def __init__(self, *flags, folder=None, prefix=(), environment=None, host="127.0.0.1"):
        self.folder = folder or tempfile.mkdtemp(prefix="hypercached-test-")
        self.owns_folder = folder is None
        self.data = os.path.join(self.folder, "data")
        self.log_path = os.path.join(tempfile.gettempdir(), os.path.basename(self.folder) + ".log")
        self.host, self.port = host, free_port()
        self.flags = flags
        self.prefix = list(prefix)
        self.environment = environment or {}
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.kill()
        if self.owns_folder:
            shutil.rmtree(self.folder, ignore_errors=True)
        if kind is None and os.path.exists(self.log_path):
            os.unlink(self.log_path)

    def launch(self, *flags, prefix=None):
        environ = {k: v for k, v in os.environ.items() if not k.startswith("HYPERCACHE_")}
        environ.setdefault("UBSAN_OPTIONS", "halt_on_error=1:print_stacktrace=1")
        environ["HYPERCACHE_NETWORK_HTTP_PORT"] = "0"
        environ.update(self.environment)
        command = [*(self.prefix if prefix is None else prefix), PROGRAM, "--resp-port", str(self.port),
                   "--bind", self.host, "--data-dir", self.data, *self.flags, *flags]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=environ, preexec_fn=_die_with_parent)
        return self

    def start(self, *flags, prefix=None):
        """Starts and waits until the data is there."""
        self.launch(*flags, prefix=prefix)
        wait_until(self.serves, "the node has loaded its data", START_S_MAX)
        return self

    def serves(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the node ended with {self.process.returncode}: {self.said()}")
        try:
            with self.client(timeout_s=START_S_MAX) as client:
                return not isinstance(client.command("GET", "is it there"), Error)
        except (OSError, Closed):
            return False

    def client(self, **options):
        return Client(self.port, host=self.host, **options)

    def info(self):
        with self.client() as client:
            text = client.command("INFO", "everything").decode()
        return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line and line[0] != "#")

    def said(self, chars=4000):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()[-chars:]

    def kill(self):
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        self._judge()

    def stop(self):
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self._judge()
        return code

    def _judge(self):
        said = self.said(1 << 20)
        at = max(said.find("Sanitizer"), said.find("runtime error:"))
        assert at < 0, f"a sanitizer spoke: {said[at:at + 4000]}"


class Writer(threading.Thread):
    """Steps of one client, each noted before it is sent and again when it is acknowledged.  Keys
    that two share are none.  `states[n]` is what its keys hold after n steps."""

    KEYS = 8

    def __init__(self, server, number, seed):
        super().__init__(daemon=True)
        self.server = server
        self.name = f"w{number}"
        self.database = number % 3
        self.choice = random.Random(f"{seed}:{number}")
        self.states = [{}]
        self.acknowledged = 0
        self.errors = []
        self.step = 0

    def key(self, number):
        return f"{self.name}:{number}"

    def _commands(self):
        """One step: the commands, and the state after it."""
        self.step += 1
        state = dict(self.states[-1])
        value = f"{self.step}." + "x" * self.choice.choice((0, 10, 100, 3000))
        keys = [self.key(n) for n in self.choice.sample(range(self.KEYS), 3)]
        kind = self.choice.randrange(6)
        if kind == 0:
            commands = [("SET", keys[0], value)]
            state[keys[0]] = value
        elif kind == 1:
            commands = [tuple(["MSET"] + [part for key in keys for part in (key, value)])]
            state.update((key, value) for key in keys)
        elif kind == 2:
            commands = [("DEL", *keys)]
            for key in keys:
                state.pop(key, None)
        elif kind == 3:
            commands = [("SET", keys[0], value, "EX", "10000")]
            state[keys[0]] = value
        elif kind == 4:
            commands = [("MULTI",), ("SET", keys[0], value), ("DEL", keys[1]), ("APPEND", keys[2], "+"), ("EXEC",)]
            state[keys[0]] = value
            state.pop(keys[1], None)
            state[keys[2]] = state.get(keys[2], "") + "+"
        else:
            commands = [("INCR", self.key("count"))]
            state[self.key("count")] = str(int(state.get(self.key("count"), "0")) + 1)
        return commands, state

    def load(self, states):
        """Goes on from what the node has."""
        self.states = [states]
        self.acknowledged = 0

    def run(self):
        try:
            with self.server.client(timeout_s=120) as client:
                client.command("SELECT", str(self.database))
                while True:
                    batch = [self._commands() for _ in range(1)]
                    for _ in range(self.choice.choice((0, 0, 3, 15))):
                        self.states.append(batch[-1][1])
                        batch.append(self._commands())
                    self.states.append(batch[-1][1])
                    flat = [command for commands, _ in batch for command in commands]
                    client.send(b"".join(self._encode(command) for command in flat))
                    for commands, _ in batch:
                        for command in commands:
                            reply = client.read()
                            if isinstance(reply, Error):
                                self.errors.append(f"{command}: {reply}")
                                return
                        self.acknowledged += 1
        except (OSError, Closed):
            return

    @staticmethod
    def _encode(command):
        parts = [part.encode() for part in command]
        return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)

    def check(self, client, may_lose):
        """The node's keys are the state after a step, no earlier than the last acknowledged one.
        Returns how many acknowledged steps are missing."""
        assert not self.errors, self.errors[:3]
        client.command("SELECT", str(self.database))
        keys = [self.key(n) for n in range(self.KEYS)] + [self.key("count")]
        values = client.command("MGET", *keys)
        found = {key: value.decode() for key, value in zip(keys, values) if value is not None}
        for at in range(len(self.states) - 1, -1, -1):
            if self.states[at] == found:
                missing = max(self.acknowledged - at, 0)
                assert may_lose or missing == 0, (
                    f"{self.name}: {missing} acknowledged steps are lost ({at} of {self.acknowledged})")
                self.load(found)
                return missing
        raise AssertionError(f"{self.name}: not the state after any step: "
                             f"{ {key: value[:12] for key, value in found.items()} }, acknowledged "
                             f"{self.acknowledged}, last { {k: v[:12] for k, v in self.states[-1].items()} }")
