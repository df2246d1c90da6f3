"""test_redis_cli.py - redis-cli works as people use it: one-shot, piped, typed, and with its tools."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

from harness import (
    Daemon, Error, Skip, encode, equal, main, need_program, run_program, wait_until,
)

PROMPT_S_MAX = 20.0


def _cli(server, *arguments, stdin=b""):
    """Runs redis-cli to its end; returns its standard output."""
    code, out, err = run_program(need_program("redis-cli"), "-p", str(server.port), *arguments, stdin=stdin)
    equal((code, err), (0, ""), out)
    return out


def test_one_shot_commands_print_their_reply():
    with Daemon() as server:
        for protocol in ((), ("-3",)):
            for command, printed in [
                (("SET", "k", "v with blanks"), "OK\n"), (("GET", "k"), "v with blanks\n"), (("GET", "none"), "\n"),
                (("PING",), "PONG\n"), (("DEL", "k", "none"), "1\n"), (("MGET", "a", "b"), "\n\n"),
                (("INCR", "n"), None), (("ECHO", "\u00e9\u4e16"), "\u00e9\u4e16\n"),
            ]:
                out = _cli(server, *protocol, *command)
                assert printed is None or out == printed, (protocol, command, out)
        equal(_cli(server, "--no-raw", "GET", "none"), "(nil)\n")
        equal(_cli(server, "--no-raw", "GET", "n"), '"2"\n')
        equal(_cli(server, "-n", "3", "SET", "k", "in 3"), "OK\n")
        equal(_cli(server, "-n", "3", "GET", "k"), "in 3\n")
        equal(_cli(server, "EXISTS", "k"), "0\n")


def test_an_error_is_printed_and_e_makes_it_the_exit_code():
    with Daemon() as server:
        cli = need_program("redis-cli")
        equal(_cli(server, "NOSUCH").strip(), "ERR unknown command 'NOSUCH', with args beginning with:")
        code, _, err = run_program(cli, "-p", str(server.port), "-e", "NOSUCH")
        assert code != 0 and "unknown command" in err, (code, err)
        code, _, _ = run_program(cli, "-p", str(server.port), "-e", "PING")
        equal(code, 0)


def test_resp3_maps_are_printed_as_such():
    with Daemon() as server:
        out = _cli(server, "-3", "--no-raw", "CONFIG", "GET", "databases")
        equal(out, '1# "databases" => "16"\n')
        assert '"proto" => (integer) 3' in _cli(server, "-3", "--no-raw", "HELLO")


def test_commands_from_a_pipe_run_in_order():
    with Daemon() as server:
        lines = "".join(f'SET "key {number}" "line\\n{number}"\nGET "key {number}"\n' for number in range(200))
        out = _cli(server, stdin=lines.encode())
        equal(out, "".join(f"OK\nline\n{number}\n" for number in range(200)))
        equal(_cli(server, "-x", "SET", "from stdin", stdin=b"\x00\xff\r\n"), "OK\n")
        with server.client() as client:
            equal(client.command("GET", "from stdin"), b"\x00\xff\r\n")


def test_mass_insertion_by_pipe():
    count = 50_000
    with Daemon() as server, server.client() as client:
        data = b"".join(encode("SET", f"key:{number}", f"value {number}") for number in range(count))
        out = _cli(server, "--pipe", stdin=data)
        assert f"errors: 0, replies: {count}" in out, out
        equal(client.command("DBSIZE"), count)
        equal(client.command("GET", "key:4711"), b"value 4711")


def test_mass_insertion_by_pipe_counts_errors():
    with Daemon() as server:
        data = encode("SET", "a", "1") + encode("NOSUCH") + encode("INCR", "a")
        code, out, _ = run_program(need_program("redis-cli"), "-p", str(server.port), "--pipe", stdin=data)
        assert code == 1 and "errors: 1, replies: 3" in out, (code, out)


def test_scan_lists_the_keys():
    with Daemon() as server, server.client() as client:
        client.command("MSET", *[word for number in range(5000) for word in (f"key:{number}", "v")])
        equal(sorted(_cli(server, "--scan").split()), sorted(f"key:{number}" for number in range(5000)))
        equal(sorted(_cli(server, "--scan", "--pattern", "key:*99").split()),
              sorted(f"key:{number}" for number in range(5000) if number % 100 == 99))


def test_bigkeys_finds_the_biggest():
    with Daemon() as server, server.client() as client:
        client.command("MSET", *[word for number in range(1000) for word in (f"key:{number}", "v" * (number % 100))])
        client.command("SET", "the big one", "v" * 100_000)
        out = _cli(server, "--bigkeys")
        assert re.search(r"Biggest string found [\"']+the big one[\"']+ has 100000 bytes", out), out
        assert "Sampled 1001 keys in the keyspace" in out, out


def test_memkeys_finds_the_heaviest():
    with Daemon() as server, server.client() as client:
        client.command("MSET", *[word for number in range(100) for word in (f"key:{number}", "v" * number)])
        client.command("SET", "the big one", "v" * 100_000)
        if isinstance(client.command("MEMORY", "USAGE", "the big one"), Error):
            raise Skip("MEMORY USAGE is not there yet")
        out = _cli(server, "--memkeys")
        assert re.search(r"Biggest string found [\"']+the big one[\"']+ has \d{6} bytes", out), out


class Terminal:
    """redis-cli on a pseudo-terminal, as someone sits before it."""

    def __init__(self, server, *arguments):
        self.process, self.descriptor = pty.fork()
        if self.process == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 150, 0, 0))
            os.environ.update(TERM="xterm", HOME=server.folder)  # no history of whoever runs this
            os.execvp("redis-cli", ["redis-cli", "-p", str(server.port), *arguments])
        self.said = ""

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        try:
            os.kill(self.process, signal.SIGKILL)
        except ProcessLookupError:
            pass
        if self.process:
            os.waitpid(self.process, 0)
        os.close(self.descriptor)

    def until(self, pattern):
        """Reads on until `pattern` appears in what was not matched yet; returns all up to its end."""
        deadline = time.monotonic() + PROMPT_S_MAX
        while True:
            found = re.search(pattern, self.said)
            if found:
                text, self.said = self.said[: found.end()], self.said[found.end() :]
                return text
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.descriptor], [], [], left)[0]:
                raise AssertionError(f"waited for {pattern!r}, got {self.said[-800:]!r}")
            try:
                data = os.read(self.descriptor, 65536)
            except OSError:
                data = b""
            if not data:
                raise AssertionError(f"redis-cli ended; waited for {pattern!r}, got {self.said!r}")
            self.said += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", data.decode(errors="replace"))

    def type(self, line, reply):
        """Types a line and reads until its reply and the next prompt have appeared."""
        os.write(self.descriptor, line.encode() + b"\r")
        return self.until(reply + r"\n(.*\n)*?.*> ")


def _session(*arguments):
    with Daemon() as server, Terminal(server, *arguments) as terminal:
        terminal.until(f"127.0.0.1:{server.port}> ")
        terminal.type('set greeting "hello there"', "OK")
        terminal.type("get greeting", '"hello there"')
        terminal.type("get none", r"\(nil\)")
        terminal.type("incr n", r"\(integer\) 1")
        terminal.type("nosuch", r"\(error\) ERR unknown command 'nosuch', with args beginning with: ")
        terminal.type("select 3", "OK")
        terminal.type("dbsize", r"\(integer\) 0")
        os.write(terminal.descriptor, b"quit\r")
        wait_until(lambda: int(server.info("clients")["connected_clients"]) == 1, "redis-cli is gone")


def test_typed_commands_on_a_terminal():
    _session()


def test_typed_commands_on_a_terminal_resp3():
    _session("-3")


def test_a_terminal_gets_hints_and_help_from_command_docs():
    with Daemon() as server, server.client() as client, Terminal(server) as terminal:
        docs = client.command("COMMAND", "DOCS", "get")[1]
        summary = docs[docs.index(b"summary") + 1].decode()
        terminal.until(f"127.0.0.1:{server.port}> ")
        assert f"summary: {summary}" in terminal.type("help get", "GET key")
        os.write(terminal.descriptor, b"GETE")
        terminal.until("GETE")
        os.write(terminal.descriptor, b"\t")
        terminal.until("GETEX")


def _watch(server, *arguments, until):
    """Runs a redis-cli that does not end by itself until its output matches, then interrupts it."""
    with Terminal(server, *arguments) as terminal:
        terminal.until(until)


def test_latency_samples_appear():
    with Daemon() as server:
        _watch(server, "--latency", until=r"min: \d+, max: \d+, avg: [0-9.]+ \(\d\d+ samples\)")


def test_stat_rows_appear():
    with Daemon() as server, server.client() as client:
        client.command("SET", "k", "v")
        _watch(server, "--stat", "-i", "0.05",
               until=r"keys\s+mem\s+clients\s+blocked\s+requests\s+connections\s+\n1\s+[0-9.]+[BKMG]\s+2 ")


def test_the_cli_reconnects_after_a_restart():
    server = Daemon()
    try:
        with Terminal(server) as terminal:
            terminal.until("> ")
            terminal.type("ping", "PONG")
            port = server.port
            server.kill()
            with Daemon(port=port):
                terminal.type("ping", "(Error: .*|PONG)")
                terminal.type("ping", "PONG")
    finally:
        if server.process.poll() is None:
            server.kill()


if __name__ == "__main__":
    main(globals())
