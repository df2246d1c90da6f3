"""test_harness.py - what the other system tests rest on: the client's decoder and the daemon's end."""
import socket
import threading

from harness import Client, Daemon, Error, Push, Set, equal, main, need_ours, served


def _answered_with(data):
    """What a client makes of a server that says `data`, byte by byte."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            peer, _ = listener.accept()
            with peer:
                for at in range(len(data)):
                    peer.sendall(data[at : at + 1])

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with Client(listener.getsockname()[1]) as client:
                return client.read()
        finally:
            thread.join()


def test_decodes_resp2():
    cases = [
        (b"+OK\r\n", "OK"),
        (b"-ERR no\r\n", Error("ERR no")),
        (b":-9223372036854775808\r\n", -(2**63)),
        (b"$5\r\na\r\nbc\r\n", b"a\r\nbc"),
        (b"$0\r\n\r\n", b""),
        (b"$-1\r\n", None),
        (b"*-1\r\n", None),
        (b"*0\r\n", []),
        (b"*3\r\n:1\r\n*1\r\n$1\r\na\r\n$-1\r\n", [1, [b"a"], None]),
    ]
    for data, value in cases:
        got = _answered_with(data)
        equal(got, value, repr(data))
        equal(type(got), type(value), repr(data))


def test_decodes_resp3():
    cases = [
        (b"_\r\n", None),
        (b"#t\r\n", True),
        (b",1.5\r\n", 1.5),
        (b",inf\r\n", float("inf")),
        (b"(3492890328409238509324850943850943825024385\r\n", 3492890328409238509324850943850943825024385),
        (b"%2\r\n$1\r\na\r\n:1\r\n+b\r\n*0\r\n", {b"a": 1, "b": []}),
        (b"~2\r\n:1\r\n:2\r\n", Set([1, 2])),
        (b">2\r\n+x\r\n:2\r\n", Push(["x", 2])),
        (b"=7\r\ntxt:abc\r\n", b"abc"),
        (b"!5\r\nERR x\r\n", Error("ERR x")),
    ]
    for data, value in cases:
        equal(_answered_with(data), value, repr(data))


def test_a_daemon_starts_answers_and_ends_with_exit_0():
    with Daemon() as server:
        with server.client() as client:
            served(server, client)
            assert server.rss() > 100_000 and server.cpu_ns() > 0
            equal(server.info()["tcp_port"], str(server.port))


def test_a_daemon_that_cannot_start_says_why():
    need_ours()
    try:
        server = Daemon("--no-such-flag", "1")
    except AssertionError as error:
        assert "ended with" in str(error) and "no-such-flag" in str(error), error
        return
    server.kill()
    raise AssertionError("an unknown flag was accepted")


if __name__ == "__main__":
    main(globals())
