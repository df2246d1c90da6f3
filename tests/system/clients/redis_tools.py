"""redis_tools.py - redis-cli and redis-benchmark: python3 redis_tools.py cli|benchmark PORT PROTOCOL.

README.md says what each scenario promises.  What the two can do besides is tested in
test_redis_cli.py and test_redis_benchmark.py.
"""
import subprocess
import sys
import traceback

TOOL, PORT, PROTOCOL = sys.argv[1], sys.argv[2], int(sys.argv[3])
RUN_S_MAX = 60.0
EVERY_BYTE = bytes(range(256))


def equal(got, want):
    assert got == want, f"got {got!r:.300}, want {want!r:.300}"


def run(*arguments, stdin=b""):
    """Runs the tool to its end; returns what it printed, errors too."""
    command = [f"redis-{TOOL}", "-p", PORT] + (["-3"] if PROTOCOL == 3 else []) + list(arguments)
    done = subprocess.run(command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=RUN_S_MAX, check=False)
    return done.stdout


class Piped:
    """A redis-cli that gets its lines one by one."""

    def __init__(self, *arguments):
        command = ["redis-cli", "-p", PORT, "-n", "1"] + (["-3"] if PROTOCOL == 3 else []) + list(arguments)
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.wait()

    def send(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def read(self):
        return self.process.stdout.readline().decode().rstrip("\n")

    def ask(self, line):
        self.send(line)
        said = self.read()
        return self.read() if said.startswith("Reading messages") else said

    def reconnect(self):
        """The first command after the end says so, and the next connects again."""
        equal(self.ask("PING"), "Error: Server closed the connection")
        equal(self.ask("PING"), "PONG")


def fresh():
    run("FLUSHALL")


# ---- redis-cli ----


def cli_connect():
    fresh()
    equal([run("SET", "k", "v w"), run("GET", "k"), run("GET", "none"), run("INCR", "n")], [b"OK\n", b"v w\n", b"\n", b"1\n"])
    equal(run("INCR", "k"), b"ERR value is not an integer or out of range\n\n")
    equal(run("NOSUCH").strip(), b"ERR unknown command 'NOSUCH', with args beginning with:")


def cli_auth():
    said = run("--user", "nobody", "--pass", "wrong", "--no-auth-warning", "PING")
    assert b"WRONGPASS invalid username-password pair" in said, said


def cli_select():
    fresh()
    equal([run("-n", "2", "SET", "k", "v"), run("-n", "2", "GET", "k"), run("-n", "1", "GET", "k")], [b"OK\n", b"v\n", b"\n"])
    equal(run("SELECT", "16").strip(), b"ERR DB index is out of range")


def cli_binary():
    fresh()
    equal(run("-x", "SET", "k", stdin=EVERY_BYTE), b"OK\n")
    equal(run("GET", "k"), EVERY_BYTE + b"\n")
    equal(run(stdin=b'SET "\\x00\\xff\\r\\n" "\\x01\\xfe"\nGET "\\x00\\xff\\r\\n"\n'), b"OK\n\x01\xfe\n")
    large = EVERY_BYTE * 12_288
    equal(run("-x", "SET", "large", stdin=large), b"OK\n")
    equal(run("GET", "large"), large + b"\n")


def cli_pipeline():
    fresh()
    words = [(b"SET", b"key:%d" % number, b"v%d" % number) for number in range(5000)] + [(b"NOSUCH",), (b"GET", b"key:7")]
    data = b"".join(b"*%d\r\n" % len(w) + b"".join(b"$%d\r\n%b\r\n" % (len(x), x) for x in w) for w in words)
    said = run("--pipe", stdin=data)
    assert b"errors: 1, replies: 5002" in said, said
    equal(run("DBSIZE"), b"5000\n")


def cli_transaction():
    fresh()
    equal(run(stdin=b"MULTI\nSET a 1\nINCR a\nEXEC\nMULTI\nSET a lost\nDISCARD\nGET a\n"),
          b"OK\nQUEUED\nQUEUED\nOK\n2\nOK\nQUEUED\nOK\n2\n")
    with Piped() as cli:
        equal(cli.ask("WATCH a"), "OK")
        run("-n", "1", "SET", "a", "10")
        equal([cli.ask("MULTI"), cli.ask("SET a lost"), cli.ask("EXEC")], ["OK", "QUEUED", ""])
    said = run(stdin=b"MULTI\nNOSUCH\nEXEC\n")
    assert b"EXECABORT Transaction discarded because of previous errors." in said, said


def cli_pubsub():
    fresh()
    with Piped("--csv") as cli:
        equal(cli.ask("SUBSCRIBE news"), '"subscribe","news",1')
        equal(run("PUBLISH", "news", "one"), b"1\n")
        equal(cli.read(), '"message","news","one"')
    with Piped("--csv") as cli:
        equal(cli.ask("PSUBSCRIBE n?ws"), '"psubscribe","n?ws",1')
        equal(run("PUBLISH", "nows", "two"), b"1\n")
        equal(cli.read(), '"pmessage","n?ws","nows","two"')
    equal(run("PUBSUB", "NUMSUB", "none"), b"none\n0\n")


def cli_scan():
    fresh()
    run("MSET", "other", "v", *[word for number in range(3000) for word in (f"key:{number}", "v")])
    equal(len(set(run("--scan", "--pattern", "key:*").split())), 3000)
    equal(len(set(run("--scan").split())), 3001)


def cli_killed():
    fresh()
    with Piped() as cli:
        equal(run("CLIENT", "KILL", "ID", cli.ask("CLIENT ID")), b"1\n")
        cli.reconnect()
        equal([cli.ask("SET k v"), cli.ask("GET k")], ["OK", "v"])


def cli_restart():
    with Piped() as cli:
        equal(cli.ask("PING"), "PONG")
        print("restart", flush=True)
        sys.stdin.readline()
        cli.reconnect()
        equal([cli.ask("SET k again"), cli.ask("GET k")], ["OK", "again"])


def cli_invalidate():
    fresh()
    if PROTOCOL == 2:
        return cli_invalidate_2()
    run("-n", "1", "SET", "k", "v")
    with Piped("--show-pushes", "yes") as cli:
        equal([cli.ask("CLIENT TRACKING ON"), cli.ask("GET k")], ["OK", "v"])
        run("-n", "1", "SET", "k", "w")
        equal([cli.ask("GET k"), cli.read(), cli.read()], ["invalidate", "k", "w"])


def cli_invalidate_2():
    run("-n", "1", "SET", "k", "v")
    with Piped("--csv") as listener, Piped() as cli:
        number = listener.ask("CLIENT ID")
        equal(listener.ask("SUBSCRIBE __redis__:invalidate"), '"subscribe","__redis__:invalidate",1')
        equal([cli.ask(f"CLIENT TRACKING ON REDIRECT {number}"), cli.ask("GET k")], ["OK", "v"])
        run("-n", "1", "SET", "k", "w")
        equal(listener.read(), '"message","__redis__:invalidate","k"')


# ---- redis-benchmark ----


def benchmark(*arguments):
    said = run("-c", "20", "-n", "2000", "-q", *arguments).decode()
    assert "rror" not in said and "ARNING" not in said and said.count("requests per second"), said
    return said


def benchmark_connect():
    run("-t", "ping")
    equal(benchmark("-t", "ping,set,get,incr,mset").count("requests per second"), 6)


def benchmark_auth():
    said = run("-n", "10", "-c", "1", "-q", "--user", "nobody", "-a", "wrong", "-t", "ping")
    assert b"WRONGPASS" in said, said


def benchmark_select():
    benchmark("--dbnum", "2", "-t", "set")
    subprocess.run(["redis-cli", "-p", PORT, "-n", "2", "GET", "key:__rand_int__"], check=True, stdout=subprocess.DEVNULL)


def benchmark_pipeline():
    benchmark("-P", "64", "-t", "set,get,incr,mset")


def main():
    said = subprocess.run([f"redis-{TOOL}", "--version"], capture_output=True, check=True).stdout
    print(f"version {said.decode().split()[1]}")
    for name, scenario in list(globals().items()):
        if not name.startswith(TOOL + "_") or name.endswith("_2"):
            continue
        word = name[len(TOOL) + 1 :]
        try:
            scenario()
            print(f"pass {word}", flush=True)
        except Exception as error:  # one that fails does not end the others
            where = traceback.extract_tb(error.__traceback__)[-2]
            print(f"fail {word}: {error} at line {where.lineno}".replace("\n", "|"), flush=True)


main()
