"""test_bad_input.py - what is not RESP, not an integer, or meant to hurt by its form.

Each test sends it over a real socket and asserts the error a Redis client would read, or the end of
the connection, and that the next client is served: a new one, and one that was there before.
What is meant to hurt by its amount stands in test_bad_load.py.
"""
import contextlib
import random
import ssl

from harness import (
    IS_REDIS, Closed, Daemon, Error, encode, equal, main, need_ours, served,
)

PROTOCOL = "ERR Protocol error: "
KIB = 1024


@contextlib.contextmanager
def bystander(*flags):
    """A server with one connection that must survive all that the block does."""
    with Daemon(*flags) as server:
        with server.client() as old:
            equal(old.command("SET", "bystander", "here"), "OK")
            yield server
            equal(old.command("GET", "bystander"), b"here", "the connection opened before")
            served(server, old)


def refused(server, data, *texts):
    """Sends `data`; the only reply is one of the protocol errors `texts`, then the end."""
    with server.client() as client:
        with contextlib.suppress(Closed):  # it may close while we still send
            client.send(data)
        said = client.read_until_closed()
        wanted = [f"-{PROTOCOL}{text}\r\n".encode() for text in texts]
        assert said in wanted, f"{data[:60]!r}: got {said[:200]!r}, want one of {wanted}"
    served(server)


def answered(server, data, *replies):
    """Sends `data` and reads exactly `replies`; the connection goes on."""
    with server.client() as client:
        client.send(data + encode("ECHO", "end"))
        for reply in replies:
            equal(client.read(), reply, repr(data[:60]))
        equal(client.read(), b"end", f"after {data[:60]!r}")


def test_item_1_an_inline_request_without_end_is_cut_at_64_kib():
    with bystander() as server:
        refused(server, b"P" * (65 * KIB), "too big inline request")
        refused(server, b"SET k " + b"v" * (1024 * KIB), "too big inline request")


def test_item_2_inline_quotes_must_balance():
    with bystander() as server:
        for line in (b'SET "k v\r\n', b"SET 'k v\r\n", b'GET "k"v\r\n', b"GET 'k'v\r\n", b'GET "\\\r\n'):
            refused(server, line, "unbalanced quotes in request")


def test_item_2_inline_quotes_and_escapes_are_understood():
    with bystander() as server:
        answered(server, b'ECHO "a\\x00\\r\\n\\"b"\r\n', b'a\x00\r\n"b')
        answered(server, b"ECHO 'it\\'s \\n'\r\n", b"it's \\n")
        answered(server, b'  ECHO\t""  \r\n', b"")


def test_item_2_a_bare_lf_ends_an_inline_request_and_a_bare_cr_does_not():
    with bystander() as server:
        answered(server, b"PING\n", "PONG")
        answered(server, b"\r\n\n\r\nPING\r\n", "PONG")
        answered(server, b"ECHO a\rPING\r\n", Error("ERR wrong number of arguments for 'echo' command"))


def test_item_2_a_nul_in_an_inline_request_harms_nobody():
    with bystander() as server:
        with server.client() as client:
            client.send(b"ECHO a\x00b\r\n")
            client.finish_sending()
            said = client.read_until_closed()
            assert said in (b"", b"$3\r\na\x00b\r\n") or said.startswith(b"-ERR"), said


def test_item_3_the_number_of_arguments_must_be_a_plain_number():
    with bystander() as server:
        for count in (b"9223372036854775808", b"9223372036854775807", b"+1", b"01", b" 1", b"1 ", b"",
                      b"-", b"1e1", b"0x1", b"99999999999999999999999999"):
            refused(server, b"*" + count + b"\r\n$4\r\nPING\r\n", "invalid multibulk length")
        refused(server, b"*1\n$4\r\nPING\r\n", "invalid multibulk length")


def test_item_3_no_arguments_or_fewer_are_no_request():
    with bystander() as server:
        for count in (b"0", b"-1", b"-2147483648"):
            answered(server, b"*" + count + b"\r\n")


def test_item_3_more_than_a_million_arguments_are_refused():
    need_ours()
    with bystander() as server:
        refused(server, b"*1048577\r\n", "invalid multibulk length")
        refused(server, b"*2147483647\r\n", "invalid multibulk length")


def test_item_3_a_line_of_length_without_end_is_refused():
    with bystander() as server:
        refused(server, b"*" + b"1" * (65 * KIB), "too big mbulk count string", "invalid multibulk length")
        refused(server, b"*1\r\n$" + b"1" * (65 * KIB), "too big bulk count string", "invalid bulk length")


def test_item_4_the_length_of_an_argument_must_be_a_plain_number_up_to_512_mb():
    with bystander() as server:
        for length in (b"-1", b"-2", b"536870913", b"18446744073709551615", b"1" * 21, b"+4", b"04", b" 4",
                       b"", b"4 ", b"-", b"0x4"):
            refused(server, b"*1\r\n$" + length + b"\r\nPING\r\n", "invalid bulk length")


def test_item_4_an_argument_must_be_a_bulk_string():
    with bystander() as server:
        for kind in "+:-P*":
            refused(server, f"*1\r\n{kind}PING\r\n".encode(), f"expected '$', got '{kind}'")
        refused(server, b"*1\r\n\rPING\r\n", "expected '$', got ' '", "expected '$', got '\r'", "expected '$', got '?'")


def test_items_3_and_4_a_nul_in_a_length_is_no_length():
    with bystander() as server:
        for data in (b"*1\x00\r\n$4\r\nPING\r\n", b"*1\r\n$4\x00\r\nPING\r\n", b"*1\r\n\x00PING\r\n"):
            with server.client() as client:
                client.send(data)
                client.finish_sending()
                said = client.read_until_closed()
                # Redis waits for the end of a line that it does not see; to refuse is right too
                assert said == b"" or said.startswith(b"-ERR Protocol error"), said
            served(server)


def test_item_4_bytes_in_place_of_the_crlf_after_an_argument_do_not_become_data():
    with bystander() as server:
        with server.client() as client:
            client.send(b"*1\r\n$4\r\nPINGXX" + encode("ECHO", "x"))
            client.finish_sending()
            said = client.read_until_closed()
            # Redis skips two bytes unseen; to refuse is right too
            assert said == b"+PONG\r\n$1\r\nx\r\n" or said.startswith(b"-ERR Protocol error"), said


def test_item_7_arrays_do_not_nest_in_a_request():
    with bystander() as server:
        for depth in (2, 3, 100, 1_000_000):
            refused(server, b"*1\r\n" * depth, "expected '$', got '*'")


def test_item_8_the_types_of_resp3_are_no_arguments():
    with bystander() as server:
        for kind in b"%~>_(=|#,!":
            refused(server, b"*1\r\n%c1\r\n" % kind, "expected '$', got '%c'" % kind)
        refused(server, b"*1\r\n$?\r\n;4\r\nPING\r\n;0\r\n", "invalid bulk length")
        refused(server, b"*?\r\n$4\r\nPING\r\n.\r\n", "invalid multibulk length")


def test_item_8_the_types_of_resp3_are_no_requests():
    with bystander() as server:
        for line in ("%1", "~1", ">1", "_", "(1", "=4", "|1", "#t", ",1", "$4", "+OK", "-ERR", ":1"):
            if IS_REDIS:  # takes them for typed commands, and so each line of what follows
                answered(server, f"{line}\r\n".encode(),
                         Error(f"ERR unknown command '{line}', with args beginning with: "))
            else:
                refused(server, f"{line}\r\n".encode(), f"expected '*', got '{line[0]}'")


REQUESTS = [  # bytes, replies
    (b"PING\r\n", ["PONG"]),
    (b"ping hello\n", [b"hello"]),
    (b'SET "in line" \'a b\'\r\nGET "in line"\r\n', ["OK", b"a b"]),
    (encode("PING"), ["PONG"]),
    (encode("SET", "k", b"\r\n$5\r\n\x00\xff"), ["OK"]),
    (encode("GET", "k"), [b"\r\n$5\r\n\x00\xff"]),
    (encode("SET", "", ""), ["OK"]),
    (encode("GET", ""), [b""]),
    (encode("SET", "t", "1", "EX", "1000", "GET") + encode("DEL", "t", "none"), [None, 1]),
    (encode("MSET", "a", "1", "b", "22") + encode("MGET", "a", "none", "b"), ["OK", [b"1", None, b"22"]]),
    (encode("INCR", "n") + encode("DEL", "n"), [1, 1]),
    (encode("NO SUCH"), [Error("ERR unknown command 'NO SUCH', with args beginning with: ")]),
    (b"*0\r\n\r\n*-1\r\n" + encode("ECHO", "x" * 300), [b"x" * 300]),
]


def test_item_9_a_request_may_be_cut_at_every_byte():
    with bystander("--threads", "1") as server, server.client() as client, server.client() as other:
        for data, replies in REQUESTS:
            for cut in range(1, len(data)):
                client.send(data[:cut])
                equal(other.command("PING"), "PONG")  # one thread: so it has read the first piece
                client.send(data[cut:])
                for reply in replies:
                    equal(client.read(), reply, f"{data[:40]!r} cut at {cut}")


def test_item_9_whole_requests_run_beside_a_longer_one_that_is_cut():
    with bystander("--threads", "1") as server, server.client() as client:
        for count in (10, 100, 299, 1000, 5000):  # each has more arguments than any before
            value = b"v%d" % count
            long = encode("MGET", *(b"k%d" % i for i in range(count)))
            client.send(encode("SET", "whole", value) + encode("GET", "whole") + long[:-3])
            equal(client.read(), "OK")
            equal(client.read(), value)
            client.send(long[-3:])
            equal(client.read(), [None] * count)


def test_item_9_requests_may_be_cut_anywhere_any_number_of_times():
    seed = 20261122
    choice = random.Random(seed)
    data = b"".join(request for request, _ in REQUESTS)
    replies = [reply for _, part in REQUESTS for reply in part]
    with bystander("--threads", "1") as server, server.client() as client, server.client() as other:
        for turn in range(40):
            cuts = sorted(choice.sample(range(1, len(data)), choice.randint(2, 30)))
            for start, end in zip([0] + cuts, cuts + [len(data)]):
                client.send(data[start:end])
                equal(other.command("PING"), "PONG")
            for reply in replies:
                equal(client.read(), reply, f"seed {seed}, turn {turn}, cuts {cuts}")


def test_item_12_an_error_never_contains_a_line_break_of_the_client():
    evil = b"x\r\n+OK\r\n$1\r\ny\n\r"
    with bystander() as server, server.client() as client:
        requests = [
            (evil,), (evil, evil), ("NOSUCH", evil, evil), ("CLIENT", evil), ("CONFIG", evil), ("COMMAND", evil),
            ("CONFIG", "SET", evil, evil), ("CONFIG", "SET", "maxmemory", evil), ("CONFIG", "GET"),
            ("CLIENT", "SETNAME", evil), ("HELLO", evil), ("HELLO", "3", evil), ("HELLO", "3", "SETNAME", evil),
            ("HELLO", "2", "AUTH", evil, evil), ("AUTH", evil), ("AUTH", evil, evil), ("SELECT", evil),
            ("SET", "k", "v", evil), ("SET", "k", "v", "EX", evil), ("GETEX", "k", evil), ("SCAN", evil),
            ("SCAN", "0", evil), ("SCAN", "0", "TYPE"), ("FLUSHALL", evil), ("EXPIRE", "bystander", evil),
            ("EXPIRE", "bystander", "1", evil), ("INCRBY", "k", evil), ("SHUTDOWN", evil), ("CLIENT", "LIST", evil),
            ("COMMAND", "LIST", evil), ("CLIENT", "SETINFO", evil, evil), ("CLIENT", "SETINFO", "LIB-NAME", evil),
        ]
        for request in requests:
            reply = client.command(*request)
            assert isinstance(reply, Error), f"{request!r} answered {reply!r}"
            assert "\r" not in reply and "\n" not in reply, f"{request!r} answered {reply!r}"
            equal(client.command("ECHO", "next"), b"next", f"after {request!r}")
        equal(client.command(evil),
              Error("ERR unknown command 'x  +OK  $1  y  ', with args beginning with: "))
        equal(client.command("ECHO", evil), evil, "data stays as it is")


def test_item_12_a_long_unknown_command_is_quoted_in_part():
    with bystander() as server, server.client() as client:
        reply = client.command("N" * 10_000, "a" * 10_000, "b" * 10_000)
        assert isinstance(reply, Error) and reply.startswith("ERR unknown command 'NNNN"), reply
        assert len(reply) < 512, len(reply)


def test_item_13_http_on_the_resp_port_is_closed_before_its_body_is_read():
    with bystander() as server:
        for head in (b"POST / HTTP/1.1\r\n", b"post /x HTTP/1.0\r\n", b"HOST: localhost\r\n"):
            with server.client() as client:
                with_body = head + b"Content-Length: 30\r\n\r\nSET hacked 1\r\nSET bystander 2\r\n"
                client.send(with_body)
                equal(client.read_until_closed(), b"", repr(head))
        with server.client() as client:
            client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nSET hacked 1\r\n")
            said = client.read_until_closed()
            assert said in (b"", b"-ERR wrong number of arguments for 'get' command\r\n"), said
        with server.client() as client:
            equal(client.command("EXISTS", "hacked"), 0)


def test_item_13_a_tls_hello_on_the_plain_port_harms_nobody():
    hello = ssl.MemoryBIO()
    context = ssl.create_default_context()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost").do_handshake()
    data = hello.read()
    assert data[:2] == b"\x16\x03"
    with bystander() as server:
        for piece in (data, data + b"\r\n", data.replace(b"\n", b"\x00")):
            with server.client() as client:
                client.send(piece)
                client.finish_sending()
                said = client.read_until_closed()
                assert said == b"" or said.startswith(b"-ERR"), said
            served(server)


OVERFLOW = Error("ERR increment or decrement would overflow")
NO_INTEGER = Error("ERR value is not an integer or out of range")
INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)


def test_item_15_counters_do_not_overflow():
    with bystander() as server, server.client() as client:
        for start, request, error in [
            (INT64_MAX, ("INCR", "n"), OVERFLOW),
            (INT64_MAX, ("INCRBY", "n", INT64_MAX), OVERFLOW),
            (INT64_MAX, ("DECRBY", "n", -1), OVERFLOW),
            (INT64_MIN, ("DECR", "n"), OVERFLOW),
            (INT64_MIN, ("INCRBY", "n", INT64_MIN), OVERFLOW),
            (INT64_MIN, ("DECRBY", "n", INT64_MAX), OVERFLOW),
            (0, ("DECRBY", "n", INT64_MIN), Error("ERR decrement would overflow")),
            (0, ("INCRBY", "n", 2**63), NO_INTEGER),
            (0, ("INCRBY", "n", INT64_MIN - 1), NO_INTEGER),
        ]:
            equal(client.command("SET", "n", start), "OK")
            equal(client.command(*request), error, repr((start, request)))
            equal(client.command("GET", "n"), b"%d" % start, f"after {request!r}")
        client.command("SET", "n", INT64_MAX - 1)
        equal(client.command("INCR", "n"), INT64_MAX)
        equal(client.command("DECRBY", "n", INT64_MAX), 0)
        equal(client.command("INCRBY", "n", INT64_MIN), INT64_MIN)


def test_item_15_what_is_no_integer_is_neither_read_nor_changed():
    texts = ["", " 1", "1 ", "+1", "01", "-0", "1.0", "1e3", "0x10", "abc", "1\x00", "9" * 19, "9" * 21, "-" + "9" * 40]
    with bystander() as server, server.client() as client:
        for text in texts:
            client.command("SET", "n", text)
            equal(client.command("INCR", "n"), NO_INTEGER, repr(text))
            equal(client.command("GET", "n"), text.encode())
            for request in [("INCRBY", "m"), ("DECRBY", "m"), ("EXPIRE", "bystander"), ("PEXPIRE", "bystander"),
                            ("SET", "k", "v", "EX"), ("SET", "k", "v", "PXAT"), ("SCAN", "0", "COUNT")]:
                equal(client.command(*request, text), NO_INTEGER, repr((request, text)))
            for request in [("SETEX", "k", text, "v"), ("PSETEX", "k", text, "v"), ("GETEX", "bystander", "PX", text)]:
                equal(client.command(*request), NO_INTEGER, repr(request))
        equal(client.command("EXISTS", "m", "k"), 0)


def test_item_15_expire_times_are_positive_and_do_not_overflow():
    with bystander() as server, server.client() as client:
        bad = [0, -1, INT64_MIN]
        for request, name in [
            *[(("SET", "k", "v", unit, n), "set") for unit in ("EX", "PX", "EXAT", "PXAT") for n in bad],
            *[(("SET", "k", "v", unit, n), "set") for unit in ("EX", "EXAT") for n in (INT64_MAX, 2**54)],
            (("SET", "k", "v", "PX", INT64_MAX), "set"),
            *[(("SETEX", "k", n, "v"), "setex") for n in [*bad, INT64_MAX, 2**54]],
            *[(("PSETEX", "k", n, "v"), "psetex") for n in [*bad, INT64_MAX]],
            *[(("GETEX", "bystander", "EX", n), "getex") for n in [*bad, INT64_MAX, 2**54]],
            *[(("GETEX", "bystander", "PX", n), "getex") for n in [*bad, INT64_MAX]],
            *[(("EXPIRE", "bystander", n), "expire") for n in (INT64_MAX, INT64_MIN, 2**54, 2**63 // 1000)],
            (("PEXPIRE", "bystander", INT64_MAX), "pexpire"),
        ]:
            equal(client.command(*request), Error(f"ERR invalid expire time in '{name}' command"), repr(request))
        equal(client.command("EXISTS", "k"), 0)
        equal(client.command("TTL", "bystander"), -1)


def test_item_15_a_negative_ttl_deletes():
    with bystander() as server, server.client() as client:
        for request in (("EXPIRE", "k", -1), ("EXPIRE", "k", 0), ("PEXPIRE", "k", -1), ("PEXPIRE", "k", INT64_MIN)):
            client.command("SET", "k", "v")
            equal(client.command(*request), 1, repr(request))
            equal(client.command("EXISTS", "k"), 0, repr(request))
            equal(client.command(*request), 0, repr(request))


def test_item_15_offsets_stay_within_512_mb():
    too_large = Error("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
    with bystander() as server, server.client() as client:
        before = server.rss()
        for request, reply in [
            (("SETRANGE", "bystander", -1, "x"), Error("ERR offset is out of range")),
            (("SETRANGE", "bystander", INT64_MIN, "x"), Error("ERR offset is out of range")),
            (("SETRANGE", "bystander", 512 * KIB * KIB, "x"), too_large),
            (("SETRANGE", "bystander", INT64_MAX, "x"), too_large),
            (("SETRANGE", "bystander", INT64_MAX - 1, "xx"), too_large),
            (("SETRANGE", "none", INT64_MAX, ""), 0),
            (("GETRANGE", "bystander", INT64_MIN, INT64_MAX), b"here"),
            (("GETRANGE", "bystander", INT64_MAX, INT64_MIN), b""),
            (("GETRANGE", "bystander", 2**63, 1), NO_INTEGER),
        ]:
            equal(client.command(*request), reply, repr(request))
        equal(client.command("EXISTS", "none"), 0)
        assert Daemon.sanitizer or server.rss() - before < 16 * KIB * KIB


def test_item_15_floating_point_counters_stay_finite():
    no_float = Error("ERR value is not a valid float")
    not_finite = Error("ERR increment would produce NaN or Infinity")
    with bystander() as server, server.client() as client:
        for text in ("nan", "abc", "", "1.5abc", " 1.5"):
            equal(client.command("INCRBYFLOAT", "f", text), no_float, repr(text))
        for text in ("inf", "-inf"):
            equal(client.command("INCRBYFLOAT", "f", text), not_finite, repr(text))
        client.command("SET", "f", "not a number")
        equal(client.command("INCRBYFLOAT", "f", "1"), no_float)
        equal(client.command("GET", "f"), b"not a number")


def test_item_15_cursors_counts_and_numbers_of_databases_are_checked():
    with bystander() as server, server.client() as client:
        for request, error in [
            (("SCAN", "abc"), "ERR invalid cursor"),
            (("SCAN", "99999999999999999999999"), "ERR invalid cursor"),
            (("SCAN", "0", "COUNT", 0), "ERR syntax error"),
            (("SCAN", "0", "COUNT", -1), "ERR syntax error"),
            (("SELECT", -1), "ERR DB index is out of range"),
            (("SELECT", 16), "ERR DB index is out of range"),
        ]:
            equal(client.command(*request), Error(error), repr(request))
        cursor, keys = client.command("SCAN", "0", "COUNT", INT64_MAX)
        equal((cursor, keys), (b"0", [b"bystander"]))
        cursor, _ = client.command("SCAN", 2**64 - 1)
        assert cursor.isdigit()


def test_item_16_a_pattern_of_many_stars_takes_no_long_time():
    with bystander() as server, server.client() as client:
        client.command("SET", "a" * 5000, "v")
        before = server.cpu_ns()
        for pattern in ("a*" * 50 + "b", "*a" * 50 + "*b", "*" * 1000 + "b", "[a-z]*" * 100 + "B", "a?*" * 40 + "b"):
            equal(client.command("KEYS", pattern), [], pattern[:20])
            equal(client.command("SCAN", "0", "MATCH", pattern, "COUNT", "1000"), [b"0", []], pattern[:20])
        longest = client.command("KEYS", "*" * 60_000 + "b")
        assert longest == [] or isinstance(longest, Error), longest
        spent_s = (server.cpu_ns() - before) / 1e9
        assert spent_s < (5 if not Daemon.sanitizer else 60), f"{spent_s:.1f} s of CPU"
        served(server)


def test_item_17_keys_of_every_length_and_every_byte_come_back():
    keys = [b"", b"\x00", b"k", b"\xff" * 255, b"a" * 256, b"b" * (64 * KIB - 1), b"c" * (64 * KIB),
            bytes(range(256)), bytes(range(255, -1, -1)), "ключ 鍵 🔑".encode(), b"a\x00b", b"a\x00c", b"\r\n"]
    with bystander() as server, server.client() as client:
        for at, key in enumerate(keys):
            equal(client.command("SET", key, at), "OK", repr(key[:20]))
        equal(client.command("MGET", *keys), [b"%d" % at for at in range(len(keys))])
        equal(client.command("DBSIZE"), len(keys) + 1)
        equal(sorted(client.command("KEYS", "*")), sorted(keys + [b"bystander"]))
        equal(client.command("EXISTS", *keys), len(keys))
        equal(client.command("DEL", *keys), len(keys))
        equal(client.command("DBSIZE"), 1)


def test_item_17_a_key_above_64_kib_is_refused_and_leaves_no_trace():
    need_ours()
    key = b"k" * (64 * KIB + 1)
    with bystander() as server, server.client() as client:
        for request in [("SET", key, "v"), ("SETNX", key, "v"), ("INCR", key), ("APPEND", key, "v"),
                        ("MSET", "good", "v", key, "v"), ("GETSET", key, "v"), ("SETEX", key, 10, "v")]:
            reply = client.command(*request)
            assert isinstance(reply, Error) and reply.startswith("ERR"), f"{request[0]}: {reply!r}"
        for request, reply in [(("GET", key), None), (("EXISTS", key), 0), (("DEL", key), 0), (("TTL", key), -2),
                               (("MGET", key, "bystander"), [None, b"here"]), (("STRLEN", key), 0)]:
            got = client.command(*request)
            assert got == reply or isinstance(got, Error), f"{request[0]}: {got!r}"
        equal(client.command("DBSIZE"), 1, "nothing of a refused MSET is kept")


# ---- none of the items: bytes by chance ----


def _mutated(choice, data):
    """Valid requests with a few bytes changed, dropped, doubled, or cut off."""
    data = bytearray(data)
    for _ in range(choice.randint(1, 8)):
        at = choice.randrange(len(data) or 1)
        kind = choice.randrange(5)
        if kind == 0:
            data[at : at + 1] = choice.randbytes(1)
        elif kind == 1:
            del data[at : at + choice.randint(1, 10)]
        elif kind == 2:
            data[at:at] = data[at : at + choice.randint(1, 20)]
        elif kind == 3:
            data[at:at] = choice.choice([b"\r\n", b"*", b"$", b"-1", b"\x00", b"999999999", b"\"", b"'"])
        else:
            del data[max(at, 1) :]
    return bytes(data)


def test_mutated_requests_end_in_an_error_an_answer_or_a_closed_connection():
    seed = 4242
    choice = random.Random(seed)
    rounds = 1500
    whole = b"".join(request for request, _ in REQUESTS)
    with bystander() as server:
        for turn in range(rounds):
            data = _mutated(choice, whole if turn % 3 else choice.choice(REQUESTS)[0])
            with server.client() as client:
                try:
                    client.send(data)
                    client.finish_sending()
                    while True:  # what comes back is RESP to its end
                        client.read()
                except (Closed, OSError):
                    pass
            if turn % 100 == 0:
                served(server)


def test_random_bytes_end_in_an_error_an_answer_or_a_closed_connection():
    seed = 777
    choice = random.Random(seed)
    with bystander() as server:
        for turn in range(300):
            with server.client() as client:
                try:
                    client.send(choice.randbytes(choice.choice([1, 10, 100, 10_000, 200_000])))
                    client.finish_sending()
                    while True:
                        client.read()
                except (Closed, OSError):
                    pass
        served(server)


if __name__ == "__main__":
    main(globals())
