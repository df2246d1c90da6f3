"""test_observe.py - what several threads do at once is seen whole: MONITOR, SLOWLOG, CLIENT KILL."""
import re

from harness import Closed, Daemon, equal, main, need_ours, wait_until

LINE = re.compile(r'\d+\.\d{6} \[0 127\.0\.0\.1:(\d+)\] "SET" "(\w+):(\d+)" "v"')
CLIENTS, COMMANDS = 4, 500


def is_closed(client):
    try:
        client.command("PING")
        return False
    except (Closed, OSError):
        return True


def test_a_monitor_hears_every_command_of_every_thread_in_its_clients_order():
    need_ours()
    with Daemon("--threads", "4") as server, server.client() as monitor:
        clients = [server.client() for _ in range(CLIENTS)]
        equal(monitor.command("MONITOR"), "OK")
        for client in clients:
            client.send(b"".join(b"*3\r\n$3\r\nSET\r\n$%d\r\nk:%d\r\n$1\r\nv\r\n" % (len(str(i)) + 2, i)
                                 for i in range(COMMANDS)))
        heard = {}
        for _ in range(CLIENTS * COMMANDS):
            port, _, number = LINE.fullmatch(monitor.read()).groups()
            heard.setdefault(port, []).append(int(number))
        equal(len(heard), CLIENTS, "clients heard")
        for numbers in heard.values():
            equal(numbers, list(range(COMMANDS)))
        for client in clients:
            for _ in range(COMMANDS):
                equal(client.read(), "OK")
            client.close()


def test_a_monitor_that_does_not_read_is_closed_and_harms_nobody():
    need_ours()
    with Daemon("--threads", "2") as server, server.client() as client:
        monitor = server.client(receive_bytes=4096)
        equal(monitor.command("MONITOR"), "OK")
        value = b"x" * 60_000
        for _ in range(40):
            equal(client.pipeline([("ECHO", value)] * 50), [value] * 50)
        wait_until(lambda: b"flags=O" not in client.command("CLIENT", "LIST"), "the monitor is closed")
        equal(server.info()["client_output_buffer_limit_disconnections"], "1")
        monitor.close()


def test_kill_closes_all_that_are_meant_on_every_thread():
    with Daemon("--threads", "4") as server, server.client() as killer:
        clients = [server.client() for _ in range(100)]
        for client in clients:
            equal(client.command("PING"), "PONG")  # accepted, not only connected
        equal(killer.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"), 100)
        equal(len(killer.command("CLIENT", "LIST").splitlines()), 1, "clients listed")
        assert all(is_closed(client) for client in clients)
        equal(killer.command("PING"), "PONG")


def test_a_slow_command_is_noted_with_its_time():
    need_ours()
    with Daemon("--security.debug_commands", "local") as server, server.client() as client:
        client.command("CONFIG", "SET", "latency-monitor-threshold", "10")
        replies = client.pipeline([("PING",), ("DEBUG", "SLEEP", "0.02"), ("PING",)])
        equal(replies, ["PONG", "OK", "PONG"])
        log = client.command("SLOWLOG", "GET", "-1")
        slept = [entry for entry in log if entry[3] == [b"DEBUG", b"SLEEP", b"0.02"]]
        equal(len(slept), 1, "entries")
        assert slept[0][2] >= 20_000, slept
        events = {event[0]: event for event in client.command("LATENCY", "LATEST")}
        assert events[b"command"][3] >= 20, events
        stats = server.info("commandstats")["cmdstat_debug"]
        assert int(re.search(r"usec=(\d+)", stats).group(1)) >= 20_000, stats


if __name__ == "__main__":
    main(globals())
