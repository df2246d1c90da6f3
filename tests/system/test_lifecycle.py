"""test_lifecycle.py - a node is configured, started, changed while it runs, and ended."""
import json
import os
import signal
import socket
import subprocess
import tempfile

from daemon import PROGRAM
from harness import (ROOT, Client, Daemon, Error, encode, equal, free_port, main, need_ours,
                     need_program, run_program, wait_until)

DRAIN_COMMANDS = 2000


def hypercached(*arguments, environment=None, cwd=None):
    """Runs the program to its end: (exit code, stdout, stderr)."""
    return run_program(PROGRAM, *arguments, environment=environment, cwd=cwd)


def refused(*arguments, environment=None):
    """What is said on a refused configuration; its first line."""
    code, out, err = hypercached(*arguments, environment=environment)
    equal((code, out), (2, ""), f"exit code and stdout for {arguments}")
    return err.splitlines()[0]


class ConfigFile:
    """A configuration file that lives as long as the block."""

    def __init__(self, text):
        self.folder = tempfile.TemporaryDirectory(prefix="hypercached-test-")
        self.path = os.path.join(self.folder.name, "hypercache.yaml")
        self.write(text)

    def write(self, text):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()


def answers(port):
    try:
        with Client(port) as client:
            return client.command("PING") == "PONG"
    except OSError:
        return False


def setting(server, name):
    """One value of CONFIG GET, as text."""
    with server.client() as client:
        return client.command("CONFIG", "GET", name)[1].decode()


def has_logged(server, text):
    return lambda: any(text in json.dumps(record) for record in server.log())


def test_later_sources_win():
    need_ours()
    with ConfigFile("cache: {max_memory: 10MB, databases: 3}\nnode: {id: from-file}\n") as file:
        environment = {"HYPERCACHE_CACHE_MAX_MEMORY": "20MB", "HYPERCACHE_NODE_ID": "from-env"}
        with Daemon("--config", file.path, "--max-memory=30MB", environment=environment) as server:
            equal(setting(server, "maxmemory"), str(30 << 20), "a flag")
            equal(setting(server, "node.id"), "from-env", "a variable")
            equal(setting(server, "databases"), "3", "the file")
            wait_until(has_logged(server, '"nodeId": "from-env"'), "the log has the node's name")


def test_a_wrong_configuration_is_refused_with_its_place():
    need_ours()
    with ConfigFile("network:\n  resp_prot: 1\n") as file:
        equal(refused("--config", file.path),
              f"{file.path}:2: unknown key network.resp_prot; did you mean network.resp_port?")
        file.write("network:\n\tresp_port: 1\n")
        said = refused("--config", file.path)
        assert said.startswith(f"{file.path}:2: not YAML") and "tabs" in said, said
    equal(refused("--max-memory", "10 parsec"),
          "--max-memory: cache.max_memory: '10 parsec': unknown unit 'parsec', use B, KB, MB, GB or TB")
    equal(refused("--resp-prot=1"), "--resp-prot: unknown flag; did you mean --resp-port?")
    equal(refused(environment={"HYPERCACHE_NETWORK_RESP_PORT": "70000"}),
          "HYPERCACHE_NETWORK_RESP_PORT: network.resp_port: '70000' is out of range, 1 to 65535")
    equal(refused("--persistence=both"), "--persistence: persistence.strategy: 'both' is none of: hybrid, aof, snapshot, disabled")
    equal(refused("--config", "/nonexistent.yaml"), "/nonexistent.yaml: No such file or directory")


def test_an_outside_address_needs_protected_mode_off():
    need_ours()
    said = refused("--bind", "0.0.0.0")
    assert "0.0.0.0, which other machines reach" in said and "security.protected_mode" in said, said
    with Daemon("--bind=0.0.0.0", "--security.protected_mode=false") as server:
        with server.client() as client:
            equal(client.command("PING"), "PONG")


def test_a_port_in_use_is_named_with_its_key():
    need_ours()
    with Daemon() as server:
        code, _, err = hypercached("--resp-port", str(server.port), "--bind", "127.0.0.1")
        equal(code, 1, err)
        said = err.splitlines()[-1]
        equal(said, f"hypercached: port {server.port} is in use by another process; choose another "
                    "network.resp_port (now from --network.resp_port)")
    with socket.socket() as other:  # not one of ours, and without SO_REUSEPORT
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        code, _, err = hypercached("--resp-port", str(port), "--bind", "127.0.0.1")
        equal(code, 1, err)
        assert f"port {port} is in use" in err, err


def test_config_default_is_the_file_in_deploy():
    need_ours()
    code, out, err = hypercached("config", "default")
    equal((code, err), (0, ""))
    path = os.path.join(ROOT, "server/deploy/hypercache.yaml")
    with open(path, encoding="utf-8") as file:
        equal(out, file.read())
    equal(hypercached("config", "validate", path), (0, "the configuration is valid\n", ""))


def test_config_show_tells_values_and_origins():
    need_ours()
    code, out, err = hypercached("config", "show", "--threads=3",
                                 environment={"HYPERCACHE_LOGGING_LEVEL": "warn"})
    equal((code, err), (0, ""))
    lines = [line.strip() for line in out.splitlines()]
    for line in ("threads: 3  # --network.threads", "level: warn  # HYPERCACHE_LOGGING_LEVEL",
                 "resp_port: 6379  # default"):
        assert line in lines, (line, out)


def test_help_and_version():
    need_ours()
    code, out, _ = hypercached("--version")
    assert code == 0 and out.startswith("hypercached "), out
    code, out, _ = hypercached("--help")
    assert code == 0 and "--network.resp_port, --resp-port" in out, out


def test_sigint_ends_with_exit_0():
    need_ours()
    server = Daemon()
    server.process.send_signal(signal.SIGINT)
    server.wait_exit()


def test_sigterm_answers_what_was_received():
    server = Daemon()
    with server.client() as client:
        client.command("SET", "counter", "0")
        client.send(encode("INCR", "counter") * DRAIN_COMMANDS)
        equal(client.read(), 1, "the first reply, so the rest has been sent")
        server.process.send_signal(signal.SIGTERM)
        replies = [client.read() for _ in range(DRAIN_COMMANDS - 1)]
        equal(replies, list(range(2, DRAIN_COMMANDS + 1)))
    server.wait_exit()


def test_a_client_that_does_not_read_cannot_hold_up_the_end():
    need_ours()
    server = Daemon("--network.drain_timeout=100ms")
    with server.client() as client:
        client.command("SET", "big", "x" * (8 << 20))
        client.send(encode("GET", "big") * 8)
        server.stop()


def test_sighup_changes_what_can_change():
    need_ours()
    with ConfigFile("cache: {max_memory: 16MB}\nlogging: {level: info}\n") as file:
        with Daemon("--config", file.path) as server:
            file.write("cache: {max_memory: 32MB, databases: 2}\nlogging: {level: info}\n")
            server.process.send_signal(signal.SIGHUP)
            wait_until(has_logged(server, "read again"), "the file was read again")
            equal(setting(server, "maxmemory"), str(32 << 20))
            equal(setting(server, "databases"), "16", "it waits for a restart")
            assert has_logged(server, "waits for a restart")()

            with server.client() as client:
                equal(client.command("CONFIG", "SET", "maxmemory", "64mb"), "OK")
            file.write("cache: {max_memory: 32MB}\nlogging: {level: warn}\n")
            server.process.send_signal(signal.SIGHUP)
            wait_until(lambda: setting(server, "logging.level") == "warn", "the level changed")
            equal(setting(server, "maxmemory"), str(64 << 20), "CONFIG SET outlives the signal")

            file.write("cache: {max_memory: 5 parsec}\n")
            server.process.send_signal(signal.SIGHUP)
            wait_until(has_logged(server, "parsec"), "the mistake is in the log")
            equal(setting(server, "maxmemory"), str(64 << 20), "what held still holds")


def test_a_rotated_log_file_is_opened_anew():
    need_ours()
    with Daemon("--logging.output=file,stderr", "--logging.file=node.log",
                "--data-dir=logs") as server:
        path = os.path.join(server.folder, "logs", "node.log")
        wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > 0, "lines in the file")
        wait_until(has_logged(server, "serving"), "all that is said at the start")
        os.rename(path, path + ".1")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > 0, "lines in the new file")
        with open(path + ".1", encoding="utf-8") as old:
            assert "serving" in old.read()


def test_levels_change_while_it_runs():
    need_ours()
    with Daemon() as server:
        with server.client() as client:
            equal(client.command("CONFIG", "SET", "logging.level", "debug"), "OK")
        with server.client() as client:
            client.command("PING")
        wait_until(has_logged(server, '"level": "DEBUG"'), "debug lines")
        with server.client() as client:
            equal(client.command("CONFIG", "SET", "logging.components", "RESP_SERVER=error"), "OK")
            said = client.command("CONFIG", "SET", "logging.components", "NOTHING=error")
            assert isinstance(said, Error) and "NOTHING=error" in str(said), said
        equal(setting(server, "logging.components"), "RESP_SERVER=error")


def test_more_clients_than_descriptors_are_told_at_the_start():
    need_ours()
    unprivileged = [need_program("setpriv"), "--bounding-set=-sys_resource", "--inh-caps=-sys_resource"]
    script = (f"ulimit -n 200; exec '{PROGRAM}' --resp-port {free_port()} --bind 127.0.0.1 "
              "--threads 1 --network.max_clients 1000000")
    with subprocess.Popen([*unprivileged, "sh", "-c", script], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE) as process:
        records = [json.loads(process.stderr.readline()) for _ in range(4)]
        process.terminate()
        process.communicate()
        equal(process.returncode, 0)
    told = [record for record in records if "limit of open files" in record["message"]]
    equal([(r["level"], r["asked"], r["possible"]) for r in told], [("WARN", 1000000, 128)])


def test_standard_output_tells_how_to_talk_to_it():
    need_ours()
    port = free_port()
    with subprocess.Popen([PROGRAM, "--resp-port", str(port), "--bind", "127.0.0.1"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        lines = [process.stdout.readline().decode() for _ in range(3)]
        process.terminate()
        equal(process.wait(30), 0)
    assert f"port {port}" in lines[0], lines
    assert f"redis-cli -p {port} set greeting hello" in lines[1], lines


def test_it_serves_without_standard_streams():
    need_ours()
    port = free_port()
    script = f"exec '{PROGRAM}' --resp-port {port} --bind 127.0.0.1 <&- >&- 2>&-"
    with subprocess.Popen(["sh", "-c", script]) as process:
        wait_until(lambda: answers(port), "the server answers")
        process.terminate()
        equal(process.wait(30), 0)


def test_a_stuck_log_does_not_stop_the_service():
    need_ours()
    port = free_port()
    read_end, write_end = os.pipe()
    process = subprocess.Popen([PROGRAM, "--resp-port", str(port), "--bind", "127.0.0.1",
                                "--log-level", "debug"], stdout=subprocess.DEVNULL, stderr=write_end)
    os.close(write_end)
    try:
        wait_until(lambda: answers(port), "the server answers")
        for _ in range(2000):  # each connection is two debug lines; nobody reads them
            assert answers(port)
        process.terminate()
        equal(process.wait(30), 0)
    finally:
        process.kill()
        process.wait()
        os.close(read_end)


if __name__ == "__main__":
    main(globals())
