"""test_http_input.py - HTTP that two readers may understand differently, or that is meant to hurt.

The list of design/persistence.md 4.3.  Each case asserts the status of the refusal and the end of the
connection, or an answer where the standard leaves no doubt; that what follows on the connection is
never taken for a request; and that the next client is served.
"""
import contextlib
import socket
import threading

from harness import Daemon, equal, main, need_measurable_memory, need_ours, wait_until
from http_client import Ended, HttpClient, ask, request

KIB = 1024
MIB = 1024 * KIB
POST = b"POST /api/cache/k HTTP/1.1\r\nHost: localhost\r\n"
GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
SMUGGLED = b"PUT /api/cache/smuggled HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx"


@contextlib.contextmanager
def bystander(*flags):
    """A server with a connection that must survive all that the block does."""
    need_ours()
    with Daemon(*flags) as server:
        with HttpClient(server.http_port) as old:
            equal(old.ask("PUT", "/api/cache/bystander", b"here").status, 200)
            server.http = server.http_port
            yield server
            equal(old.ask("GET", "/api/cache/bystander?raw=1").body, b"here", "the connection opened before")
        equal(ask(server.http, "GET", "/api/cache/smuggled").status, 404, "nothing was smuggled in")


def refused(server, data, status):
    """`data` and a sound request behind it: one error, then the end."""
    with HttpClient(server.http) as client:
        with contextlib.suppress(ConnectionError):
            client.send(data + SMUGGLED)
        reply = client.read()
        equal(reply.status, status, repr(data[:120]))
        equal(reply.headers.get("connection"), "close", repr(data[:120]))
        said = reply.json()
        equal(sorted(said), ["code", "correlation_id", "error", "timestamp"])
        assert client.is_closed()


def answered(server, data, *statuses):
    """`data` is answered with these, and the connection goes on."""
    with HttpClient(server.http) as client:
        client.send(data)
        for status in statuses:
            equal(client.read().status, status, repr(data[:120]))
        equal(client.ask("GET", "/health").status, 200, f"after {data[:120]!r}")


def test_item_1_length_and_chunks_together_are_refused():
    with bystander() as server:
        chunks = b"0\r\n\r\n"
        refused(server, POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks, 400)
        refused(server, POST + b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n" + chunks, 400)


def test_item_1_an_encoding_other_than_chunked_is_refused():
    with bystander() as server:
        for value in (b"chunked, identity", b"identity, chunked", b"xchunked", b"chunked\x0b", b"chunked;q=1", b"",
                      b"identity", b"gzip, chunked", b"\"chunked\"", b"chunked,"):
            refused(server, POST + b"Transfer-Encoding: " + value + b"\r\n\r\n0\r\n\r\n", 400)
        refused(server, POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400)
        refused(server, POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400)
        refused(server, b"POST /api/cache/k HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400)
        answered(server, POST + b"transfer-encoding: CHUNKED\r\n\r\n1\r\na\r\n0\r\n\r\n", 200)


def test_item_2_a_length_is_plain_digits_once():
    with bystander() as server:
        for value in (b"+5", b"-1", b"5,5", b"5, 5", b"0x5", b"05", b"", b"5 5", b"5;", b"18446744073709551616",
                      b"99999999999999999999999", b"1e1", b"5.0"):
            refused(server, POST + b"Content-Length: " + value + b"\r\n\r\nabcde", 400)
        refused(server, POST + b"Content-Length: 1\r\nContent-Length: 5\r\n\r\nabcde", 400)
        refused(server, POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde", 400)
        refused(server, POST + b"Content-Length: 999999999999999999\r\n\r\n", 413)
        answered(server, POST + b"Content-Length:\t 5 \r\n\r\nabcde", 200)


def test_item_3_lines_end_with_crlf():
    with bystander() as server:
        refused(server, b"GET /health HTTP/1.1\nHost: localhost\n\n", 400)
        refused(server, b"GET /health HTTP/1.1\r\nHost: localhost\n\r\n", 400)
        refused(server, GET + b"\n", 400)
        refused(server, GET + b"A: b\rC: d\r\n\r\n", 400)
        refused(server, b"GET /health HTTP/1.1\rHost: localhost\r\n\r\n", 400)
        refused(server, GET + b"A: b\r\n c\r\n\r\n", 400)
        refused(server, GET + b"A: b\r\n\tc\r\n\r\n", 400)
        refused(server, b"\r\n" + GET + b"\r\n", 400)


def test_item_4_chunks_are_read_to_the_letter():
    with bystander() as server:
        head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
        for body in (b"fffffffffffffffff\r\n", b"-1\r\na\r\n", b"+1\r\na\r\n", b"0x1\r\na\r\n", b"1 \r\na\r\n", b" 1\r\na\r\n",
                     b"\r\n", b"g\r\n", b"1\na\r\n0\r\n\r\n", b"1\r\naXX0\r\n\r\n", b"1\r\na\n0\r\n\r\n", b"1\r\na0\r\n\r\n",
                     b"1;" + b"x" * 300 + b"\r\na\r\n", b"1;a\x00b\r\na\r\n", b"0\r\n\n", b"0\r\nX: y\n\r\n",
                     b"0\r\n bad\r\n\r\n", b"0\r\nbad\r\n\r\n"):
            refused(server, head + body, 400)
        for name in (b"Content-Length: 1", b"Transfer-Encoding: chunked", b"Host: other"):
            refused(server, head + b"1\r\na\r\n0\r\n" + name + b"\r\n\r\n", 400)
        refused(server, head + b"ffffffff\r\n", 413)
        refused(server, head + b"0\r\n" + b"X: " + b"y" * 200 + b"\r\n" * 1 + (b"X: " + b"y" * 200 + b"\r\n") * 40 + b"\r\n", 431)
        answered(server, head + b"1;name=value\r\na\r\n0A\r\nbcdefghijk\r\n0\r\nX-Trailer: y\r\n\r\n", 200)
        equal(ask(server.http, "GET", "/api/cache/k?raw=1").body, b"abcdefghijk")


def test_item_5_headers_have_names_and_bounds():
    with bystander() as server:
        for line in (b"A : b", b" A: b", b"A\x00: b", b"\x01: b", b": b", b"A", b"A(b): c", b"A: b\x00c", b"A: b\x07c", b"A: b\x7f"):
            refused(server, GET + line + b"\r\n\r\n", 400)
        refused(server, GET + b"A: " + b"b" * (100 * KIB) + b"\r\n\r\n", 431)
        refused(server, GET + b"A: b\r\n" * 10000 + b"\r\n", 431)
        refused(server, GET + b"A: b\r\n" * 100 + b"\r\n", 431)
        answered(server, GET + b"A: \xff\xfe\r\n\r\n", 200)


def test_item_6_targets_are_paths_and_unescaped_once():
    with bystander() as server:
        for target in (b"http://localhost/health", b"localhost:80", b"*", b"health", b"", b"/%", b"/%4", b"/%zz", b"/a\\b",
                       b"/a#b", b"/\x00", b"/\xff", b"/a b"):
            refused(server, b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 400)
        for target in (b"//", b"//health", b"/api/cache//k", b"/api/../health", b"/%2e%2e/etc/passwd", b"/console/%2e%2e/x",
                       b"/console/../../../etc/passwd", b"/health/", b"/HEALTH", b"/%68ealth"):
            answered(server, b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 404)
        answered(server, b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 204)
        for target, key in (("/api/cache/%2525", b"%25"), ("/api/cache/..", b".."), ("/api/cache/%2e%2e%2fa", b"../a"),
                            ("/api/cache/%00%ff%0d%0a", b"\x00\xff\r\n"), ("/api/cache/", b"")):
            equal(ask(server.http, "PUT", target, b"v").status, 200, target)
            with server.client() as client:
                equal(client.command("GET", key), b"v", target)


def test_item_7_one_host_and_a_version_we_speak():
    with bystander() as server:
        refused(server, b"GET /health HTTP/1.1\r\n\r\n", 400)
        refused(server, b"GET /health HTTP/1.1\r\nHost:\r\n\r\n", 400)
        refused(server, GET + b"Host: localhost\r\n\r\n", 400)
        for host in (b"local host", b"a/b", b"a@b", b"a\xffb", b"localhost, other"):
            refused(server, b"GET /health HTTP/1.1\r\nHost: " + host + b"\r\n\r\n", 400)
        refused(server, b"GET /health\r\n\r\n", 400)
        for version in (b"HTTP/1.2", b"HTTP/9.9", b"HTTP/2.0", b"HTTP/0.9"):
            refused(server, b"GET /health " + version + b"\r\nHost: localhost\r\n\r\n", 505)
        for version in (b"HTTP/1.1 ", b"http/1.1", b"HTTP/1", b"HTTP/1.10", b"HTTP/+1.1", b"HTTX/1.1"):
            refused(server, b"GET /health " + version + b"\r\nHost: localhost\r\n\r\n", 400)
        refused(server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505)
        with HttpClient(server.http) as client:
            client.send(b"GET /health HTTP/1.0\r\n\r\n")
            equal(client.read().headers["connection"], "close")
            assert client.is_closed()
            equal(client.pending, b"")


def test_item_8_an_expectation_is_met_or_refused():
    with bystander() as server:
        refused(server, POST + b"Expect: 200-ok\r\nContent-Length: 1\r\n\r\na", 417)
        refused(server, POST + b"Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na", 400)
        refused(server, POST + b"Expect: 100-continue\r\nContent-Length: 999999999999\r\n\r\n", 413)
        answered(server, POST + b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\na", 200)
        answered(server, GET + b"Expect: 100-continue\r\n\r\n", 200)
        answered(server, GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n", 200)
        with HttpClient(server.http) as client:
            client.send(POST + b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\n")
            equal(client.read().status, 100)
            client.send(b"a")
            equal(client.read().status, 200)


def test_item_9_nothing_is_answered_behind_an_error():
    with bystander() as server:
        with HttpClient(server.http) as client:
            client.send(POST + b"Content-Length: -1\r\n\r\n" + (GET + b"\r\n") * 100)
            equal(client.read().status, 400)
            assert client.is_closed()
        with HttpClient(server.http) as client:
            client.send((GET + b"\r\n") * 100 + GET + b"Connection: close\r\n\r\n" + (GET + b"\r\n") * 100)
            for _ in range(101):
                equal(client.read().status, 200)
            assert client.is_closed()


def test_item_10_slow_heads_bodies_and_readers_are_ended():
    with bystander("--network.http_timeout", "300ms") as server:
        for begun in (b"", b"GET /health HT", GET, POST + b"Content-Length: 1000000\r\n\r\nabc",
                      POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"):
            with HttpClient(server.http) as client:
                client.send(begun)
                said = client.read_until_closed()
                assert said.startswith(b"HTTP/1.1 408 ") or (said == b"" and not begun), (begun, said[:80])
        with HttpClient(server.http) as client:
            stop = threading.Event()

            def dribble():
                with contextlib.suppress(OSError):
                    while not stop.wait(0.02):
                        client.send(b"X: y\r\n")

            client.send(GET)
            thread = threading.Thread(target=dribble)
            thread.start()
            said = client.read_until_closed()
            stop.set()
            thread.join()
            assert said.startswith(b"HTTP/1.1 408 "), said[:80]
        value = b"v" * (4 * MIB)
        equal(ask(server.http, "PUT", "/api/cache/big", value).status, 200)
        with HttpClient(server.http, receive_bytes=4096) as client:
            before = int(server.info("clients")["connected_clients"])
            client.send(request("GET", "/api/cache/big?raw=1"))
            wait_until(lambda: int(server.info("clients")["connected_clients"]) < before,
                       "the reader that reads nothing is closed")


def test_item_11_a_method_is_a_short_word():
    with bystander() as server:
        refused(server, b"A" * MIB + b" / HTTP/1.1\r\n\r\n", 400)
        for method in (b"G\x00T", b"get", b"(GET)", b"", b"GETGETGETGETGETGETGET"):
            refused(server, method + b" /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 400)
        refused(server, b"GET /" + b"a" * (9 * KIB) + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414)
        refused(server, b"GET /" + b"a" * MIB, 414)
        for method in (b"PATCH", b"TRACE", b"CONNECT", b"BREW"):
            answered(server, method + b" /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 405)


def test_item_12_what_is_echoed_splits_nothing():
    with bystander() as server:
        for wanted in ("a b", "a\"b", "<script>", "x" * 129, ""):
            got = ask(server.http, "GET", "/health", headers={"X-Correlation-ID": wanted}).headers["x-correlation-id"]
            assert got != wanted and len(got) == 32, (wanted, got)
        equal(ask(server.http, "GET", "/health", headers={"X-Correlation-ID": "req-1:2.3"}).headers["x-correlation-id"], "req-1:2.3")
        reply = ask(server.http, "GET", "/api/stores/%0d%0aX-Evil:%20yes")
        equal(reply.status, 400)
        assert "x-evil" not in reply.headers, reply.headers
        reply = ask(server.http, "GET", "/api/cache/%3cscript%3e?store=%3cscript%3e%0d%0a")
        assert b"<script" not in reply.body, reply.body


def test_item_13_ranges_are_not_ours():
    with bystander() as server:
        for value in ("bytes=0-", "bytes=0-18446744073709551615", "bytes=-1", "bytes=" + "0-," * 1000 + "0-"):
            equal(ask(server.http, "GET", "/api/cache/bystander?raw=1", headers={"Range": value}).body, b"here")


def test_other_protocols_on_the_port_are_refused():
    with bystander() as server:
        refused(server, b"*1\r\n$4\r\nPING\r\n", 400)
        refused(server, b"PING\r\n", 400)
        refused(server, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400)


def test_requests_may_come_in_any_pieces():
    with bystander() as server:
        whole = (request("PUT", "/api/cache/p", b"value") + POST.replace(b"/k ", b"/q ")
                 + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nA: b\r\n\r\n" + request("GET", "/api/cache/q?raw=1"))
        for at in range(1, len(whole)):
            with HttpClient(server.http) as client:
                client.send(whole[:at])
                client.send(whole[at:])
                equal([client.read().status, client.read().status], [200, 200], f"cut at {at}")
                equal(client.read().body, b"abcde", f"cut at {at}")
        with HttpClient(server.http) as client:
            for at in range(len(whole)):
                client.send(whole[at:at + 1])
            equal([client.read().status, client.read().status, client.read().body], [200, 200, b"abcde"])


def test_a_client_that_goes_away_harms_nobody():
    with bystander() as server:
        for data in (b"GET /hea", POST + b"Content-Length: 100\r\n\r\nabc", GET + b"\r\n"):
            with HttpClient(server.http) as client:  # half closed
                client.send(data)
                client.finish_sending()
                client.read_until_closed()
            client = HttpClient(server.http)  # reset
            client.send(data)
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.socket.close()
        with HttpClient(server.http) as client:  # answered although it sends no more
            client.send(GET + b"\r\n")
            client.finish_sending()
            equal(client.read().status, 200)


def test_memory_is_bounded_by_what_came():
    with bystander() as server:
        need_measurable_memory()
        clients = []
        before = server.rss()
        try:
            for _ in range(200):
                client = HttpClient(server.http)
                clients.append(client)
                client.send(POST + b"Content-Length: 60000000\r\n\r\n" + b"a" * 1000)
            equal(ask(server.http, "GET", "/health").status, 200)
            grown = server.rss() - before
            assert grown <= 200 * 64 * KIB, f"{grown} bytes for 200 connections that sent 1000 each"
        finally:
            for client in clients:
                client.socket.close()


def test_a_reader_that_pipelines_and_does_not_read_is_not_read():
    with bystander() as server:
        need_measurable_memory()
        equal(ask(server.http, "PUT", "/api/cache/big", b"v" * MIB).status, 200)
        before = server.rss()
        with HttpClient(server.http, receive_bytes=4096) as client:
            client.socket.settimeout(2)
            with contextlib.suppress(OSError):
                for _ in range(2000):
                    client.send(request("GET", "/api/cache/big?raw=1") * 50)
            equal(ask(server.http, "GET", "/health").status, 200)
            grown = server.rss() - before
            assert grown <= 64 * MIB, f"{grown} bytes"


if __name__ == "__main__":
    main(globals())
