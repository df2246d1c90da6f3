"""test_clients.py - real client libraries and tools against a running server: client x scenario.

A client is a driver in clients/ (README.md there: its protocol, and what each scenario promises),
started once; each of its scenarios is one test.  At the end stands the table.  Every run takes the
clients that most programs use; FULL=1 (`make test-clients`) takes all.  What a client needs and is
not there makes its cells SKIP, with the reason.

npm packages are installed by exact version into $BUILD/clients/node, once.
"""
import os
import shlex
import subprocess
import threading

from harness import BUILD, FULL, ROOT, Daemon, Skip, equal, main, need_program, run_program, wait_until
from node_modules import npm

FOLDER = os.path.join(ROOT, "tests/system/clients")
SCENARIOS = ("connect", "auth", "select", "binary", "pipeline", "transaction", "pubsub", "scan", "killed",
             "restart", "invalidate")
DRIVER_S_MAX = 240.0 if not Daemon.sanitizer else 1000.0
PYTHON = "/usr/bin/python3"


# ---- what a client needs ----


def _hiredis():
    """Compiles the C driver; returns its path."""
    code, flags, _ = run_program(need_program("pkg-config"), "--cflags", "--libs", "hiredis")
    if code != 0:
        raise Skip("hiredis is not installed")
    folder = os.path.join(BUILD, "clients")
    os.makedirs(folder, exist_ok=True)
    program = os.path.join(folder, "hiredis_client")
    code, out, err = run_program(
        need_program(os.environ.get("CC", "cc")), "-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Wshadow", "-Werror",
        os.path.join(FOLDER, "hiredis_client.c"), "-o", program, *flags.split())
    equal(code, 0, out + err)
    return program


def _answers(*command):
    """Skips unless that command succeeds."""
    need_program(command[0])
    if run_program(*command)[0] != 0:
        raise Skip(f"`{shlex.join(command)}` fails")


def _node(script, package, protocol):
    return lambda port: ["node", os.path.join(FOLDER, script), npm(package), port, protocol]


def _tool(name, protocol):
    def command(port):
        need_program(f"redis-{name}")
        return [PYTHON, os.path.join(FOLDER, "redis_tools.py"), name, port, protocol]
    return command


def _python(protocol):
    def command(port):
        _answers(PYTHON, "-c", "import redis")
        return [PYTHON, os.path.join(FOLDER, "python_redis.py"), port, protocol]
    return command


def _php(port):
    _answers("php", "-r", "exit(class_exists('Redis') ? 0 : 1);")
    return ["php", os.path.join(FOLDER, "php_redis.php"), port]


def _ruby(port):
    _answers("ruby", "-e", "require 'redis'")
    return ["ruby", os.path.join(FOLDER, "ruby_redis.rb"), port]


# name: (the command that runs its driver, whether it is a part of every run)
CLIENTS = {
    "redis-cli RESP2": (_tool("cli", "2"), True),
    "redis-cli RESP3": (_tool("cli", "3"), True),
    "redis-benchmark RESP2": (_tool("benchmark", "2"), True),
    "redis-benchmark RESP3": (_tool("benchmark", "3"), False),
    "hiredis RESP2": (lambda port: [_hiredis(), port], True),
    "redis-py RESP2": (_python("2"), True),
    "redis-py RESP3": (_python("3"), True),
    "node-redis 6 RESP3": (_node("node_redis.js", "redis@6.3.1", "3"), True),
    "node-redis 6 RESP2": (_node("node_redis.js", "redis@6.3.1", "2"), False),
    "node-redis 5 RESP3": (_node("node_redis.js", "redis@5.12.1", "3"), False),
    "node-redis 5 RESP2": (_node("node_redis.js", "redis@5.12.1", "2"), False),
    "node-redis 4 RESP2": (_node("node_redis.js", "redis@4.7.1", "2"), False),
    "ioredis 6 RESP3": (_node("ioredis.js", "ioredis@6.0.0", "3"), True),
    "ioredis 6 RESP2": (_node("ioredis.js", "ioredis@6.0.0", "2"), False),
    "ioredis 5 RESP2": (_node("ioredis.js", "ioredis@5.11.1", "2"), False),
    "phpredis RESP2": (_php, False),
    "redis-rb RESP2": (_ruby, False),
}
ABSENT = {name: set(SCENARIOS[3:4] + SCENARIOS[5:]) for name in CLIENTS if "benchmark" in name}  # it has no such thing


# ---- running a driver ----


class Run:
    """One client's driver and the server it talks to.  `results`: scenario -> (word, reason)."""

    def __init__(self, command):
        self.results = {}
        self.server = Daemon()
        try:
            self.driver = subprocess.Popen(command(str(self.server.port)), stdin=subprocess.PIPE, text=True,
                                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="backslashreplace")
            alarm = threading.Timer(DRIVER_S_MAX, self.driver.kill)
            alarm.start()
            other = [line for line in self.driver.stdout if not self._understood(line.rstrip("\n"))]
            code = self.driver.wait()
            alarm.cancel()
        except BaseException:
            self.server.kill()
            raise
        self.server.stop()
        for scenario in SCENARIOS:
            self.results.setdefault(scenario, ("fail", f"the driver ended with {code} before it: {''.join(other)[-1500:]}"))

    def _understood(self, line):
        word, _, rest = line.partition(" ")
        if word in ("pass", "skip", "fail"):
            scenario, _, reason = rest.partition(": ")
            self.results[scenario] = word, reason
        elif word == "restart":
            self._restart()
        elif word == "later":
            self._later(*rest.split(" "))
        else:
            return word == "version"
        return True

    def _restart(self):
        self.server.kill()
        self.server = Daemon(port=self.server.port)
        self.driver.stdin.write("restarted\n")
        self.driver.stdin.flush()

    def _later(self, channel, *command):
        """Runs a command as soon as somebody listens to `channel` ("*": to any pattern)."""
        with self.server.client() as client:
            client.command("SELECT", "1")
            question = ("PUBSUB", "NUMPAT") if channel == "*" else ("PUBSUB", "NUMSUB", channel)

            def listened():
                answer = client.command(*question)
                return (answer[1] if isinstance(answer, list) else answer) == 1

            try:
                wait_until(listened, f"somebody listens to {channel}")
            except AssertionError:
                self.driver.kill()  # it would wait for a message for ever
            client.command(*command)


_runs = {}  # of a client: its Run, or what kept it from running


def _run(name):
    if name not in _runs:
        command, always = CLIENTS[name]
        try:
            _runs[name] = Run(command) if always or FULL else Skip("make test-clients runs it")
        except (Skip, AssertionError, OSError) as error:
            _runs[name] = error
    if isinstance(_runs[name], Exception):
        raise _runs[name]
    return _runs[name]


def _cell(name, scenario):
    if scenario in ABSENT.get(name, ()):
        return "-", ""
    try:
        word, reason = _run(name).results[scenario]
        return word.upper(), reason
    except Skip as skip:
        return "SKIP", str(skip)
    except Exception as error:  # shown in its place
        return "FAIL", str(error)


def _test(name, scenario):
    def test():
        word, reason = _cell(name, scenario)
        if word == "SKIP":
            raise Skip(reason)
        assert word == "PASS", reason
    return test


def print_table():
    print("\n" + " ".join([f"{'':<22}"] + [f"{scenario:<11}" for scenario in SCENARIOS]))
    for name in CLIENTS:
        print(" ".join([f"{name:<22}"] + [f"{_cell(name, scenario)[0]:<11}" for scenario in SCENARIOS]))
    print(flush=True)


def test_the_table_is_whole():
    """Prints it; the cells were judged one by one before."""
    print_table()


def _tests():
    """One test for each cell; one alone for a client that this run leaves out."""
    tests = {}
    for name in CLIENTS:
        if not CLIENTS[name][1] and not FULL:
            tests[f"test {name}"] = _test(name, "connect")  # one line that says where it runs
            continue
        for scenario in SCENARIOS:
            if scenario not in ABSENT.get(name, ()):
                tests[f"test {name}: {scenario}"] = _test(name, scenario)
    tests["test_the_table_is_whole"] = test_the_table_is_whole
    return {name.replace("test ", "test_", 1): test for name, test in tests.items()}


if __name__ == "__main__":
    main(_tests())
