"""strings.py - values as texts and as numbers: read, written, added to; LCS."""
from reply_rows import *

FAR = 33177117420  # a Unix time in seconds, year 3021
BIG = 9223372036854775807
TOO_LONG = Error("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
OVERFLOW = Error("ERR increment or decrement would overflow")
NO_NUMBERS = ["''", "abc", "1.5", "' 1'", "'1 '", "+1", "01", "9223372036854775808", "-9223372036854775809", "0x1"]
OTHER_TYPE = "CF.ADD k x"  # a value that is no string
NEW_TYPE = "Redis 7.0 has no cuckoo filters"


def bad_time(name):
    return Error(f"ERR invalid expire time in '{name}' command")


def wrong_type_rows(*commands):
    return [row(command, WRONGTYPE, setup=OTHER_TYPE, unasked=NEW_TYPE) for command in commands]


SET_ROWS = [
    row("SET k v", OK, then=["GET k", "v", "TTL k", -1]),
    row("set k ''", OK, then=["GET k", ""]),
    row("SET '' v", OK, then=["GET ''", "v"]),
    row("SET '\x00\r\n\xff' '\r\n+OK\x00'", OK, then=["GET '\x00\r\n\xff'", "\r\n+OK\x00"]),
    row("SET k", arity("set")),
    row("SET", arity("set")),
    row("SET k v", OK, setup="SET k w EX 100", then=["TTL k", -1]),
    row("SET k v", OK, setup=OTHER_TYPE, then=["TYPE k", Status("string")], unasked=NEW_TYPE),
    row("SET k v EX 100", OK, then=["TTL k", between(99, 100)]),
    row("SET k v PX 100000", OK, then=["PTTL k", between(90000, 100000)]),
    row(f"SET k v EXAT {FAR}", OK, then=["EXPIRETIME k", FAR]),
    row(f"SET k v PXAT {FAR}123", OK, then=["PEXPIRETIME k", FAR * 1000 + 123]),
    row("SET k v EX 1 EX 100", OK, then=["TTL k", between(99, 100)]),
    row("SET k v KEEPTTL", OK, setup="SET k w EX 100", then=["TTL k", between(99, 100)]),
    row("SET k v keepttl", OK, then=["TTL k", -1]),
    row("SET k v PXAT 1", OK, then=["GET k", NULL]),
    row("SET k v PXAT 1 GET", "old", setup="SET k old", then=["EXISTS k", 0]),
    row("SET k v NX", OK, then=["GET k", "v"]),
    row("SET k v NX", NULL, setup="SET k w", then=["GET k", "w"]),
    row("SET k v XX", NULL, then=["EXISTS k", 0]),
    row("SET k v XX", OK, setup="SET k w", then=["GET k", "v"]),
    row("SET k v GET", NULL, then=["GET k", "v"]),
    row("SET k v GET", "w", setup="SET k w", then=["GET k", "v"]),
    row("SET k v get NX", "w", setup="SET k w", then=["GET k", "w"]),
    row("SET k v NX GET", NULL, then=["GET k", "v"]),
    row("SET k v XX GET", NULL, then=["EXISTS k", 0]),
    row("SET k v XX GET EX 100", "w", setup="SET k w", then=["GET k", "v", "TTL k", between(99, 100)]),
    row("SET k v NX XX", SYNTAX),
    row("SET k v XX NX", SYNTAX),
    row("SET k v EX", SYNTAX),
    row("SET k v EX 10 PX 10", SYNTAX),
    row("SET k v EX 10 KEEPTTL", SYNTAX),
    row("SET k v KEEPTTL PXAT 10", SYNTAX),
    row("SET k v PERSIST", SYNTAX),
    row("SET k v what", SYNTAX),
    row("SET k v ''", SYNTAX),
    row("SET k v EX 0", bad_time("set")),
    row("SET k v EX -1", bad_time("set")),
    row("SET k v PXAT -1", bad_time("set")),
    row(f"SET k v EX {BIG}", bad_time("set")),
    row(f"SET k v PX {BIG}", bad_time("set")),
    row(f"SET k v EX {BIG + 1}", NOT_INTEGER),
    row("SET k v EX 1.5", NOT_INTEGER),
    row("SET k v EX ''", NOT_INTEGER, then=["EXISTS k", 0]),
    row("SETEX k 100 v", OK, then=["GET k", "v", "TTL k", between(99, 100)]),
    row("SETEX k 0 v", bad_time("setex")),
    row("SETEX k -5 v", bad_time("setex")),
    row(f"SETEX k {BIG} v", bad_time("setex")),
    row("SETEX k x v", NOT_INTEGER),
    row("SETEX k 1", arity("setex")),
    row("PSETEX k 100000 v", OK, then=["GET k", "v", "PTTL k", between(90000, 100000)]),
    row("PSETEX k 0 v", bad_time("psetex")),
    row(f"PSETEX k {BIG} v", bad_time("psetex")),
    row("PSETEX k x v", NOT_INTEGER),
    row("PSETEX k 1", arity("psetex")),
    row("SETNX k v", 1, then=["GET k", "v", "SETNX k w", 0, "GET k", "v"]),
    row("SETNX k", arity("setnx")),
    row("GETSET k v", NULL, then=["GETSET k w", "v", "GET k", "w"]),
    row("GETSET k v", "w", setup="SET k w EX 100", then=["TTL k", -1]),
    row("GETSET k", arity("getset")),
    row("MSET a 1 b 2 a 3", OK, then=["MGET a b", ["3", "2"]]),
    row("MSET a 1", OK, setup="SET a v EX 100", then=["TTL a", -1]),
    row("MSET a", arity("mset")),
    row("MSET a 1 b", arity("mset")),
    row("MSETNX a 1 b 2", 1, then=["MSETNX c 3 a 9", 0, "MGET a b c", ["1", "2", NULL]]),
    row("MSETNX a 1 a 2", 1, then=["GET a", "2"]),
    row("MSETNX a 1 b", arity("msetnx")),
]

GET_ROWS = [
    row("GET k", NULL),
    row("GET", arity("get")),
    row("GET a b", arity("get")),
    row("MGET a", [NULL]),
    row("MGET a x b a", ["1", NULL, "2", "1"], setup="MSET a 1 b 2"),
    row("MGET a k", ["1", NULL], setup=["SET a 1", OTHER_TYPE], unasked=NEW_TYPE),
    row("MGET", arity("mget")),
    row("GETDEL k", NULL),
    row("GETDEL k", "v", setup="SET k v", then=["EXISTS k", 0]),
    row("GETDEL", arity("getdel")),
    row("GETEX k", NULL),
    row("GETEX k", "v", setup="SET k v EX 100", then=["TTL k", between(99, 100)]),
    row("GETEX k EX 100", "v", setup="SET k v", then=["TTL k", between(99, 100)]),
    row("GETEX k PX 100000", "v", setup="SET k v", then=["TTL k", between(99, 100)]),
    row(f"GETEX k EXAT {FAR}", "v", setup="SET k v", then=["EXPIRETIME k", FAR]),
    row(f"GETEX k PXAT {FAR}999", "v", setup="SET k v", then=["PEXPIRETIME k", FAR * 1000 + 999]),
    row("GETEX k PXAT 1", "v", setup="SET k v", then=["EXISTS k", 0]),
    row("GETEX k persist", "v", setup="SET k v EX 100", then=["TTL k", -1]),
    row("GETEX k EX 100", NULL, then=["EXISTS k", 0]),
    row("GETEX k EX x", NULL),
    row("GETEX k EX x", NOT_INTEGER, setup="SET k v"),
    row("GETEX k EX 0", bad_time("getex"), setup="SET k v"),
    row(f"GETEX k PX {BIG}", bad_time("getex"), setup="SET k v"),
    row("GETEX k EX", SYNTAX),
    row("GETEX k EX 1 PERSIST", SYNTAX),
    row("GETEX k PERSIST EX 1", SYNTAX),
    row("GETEX k KEEPTTL", SYNTAX),
    row("GETEX k NX", SYNTAX),
    row("GETEX", arity("getex")),
]

PART_ROWS = [
    row("APPEND k ab", 2, then=["APPEND k cd", 4, "GET k", "abcd"]),
    row("APPEND k ''", 0, then=["EXISTS k", 1]),
    row("APPEND k b", 2, setup="SET k a EX 100", then=["TTL k", between(99, 100)]),
    row("APPEND k b", 2, setup="SET k 1", then=["GET k", "1b"]),
    row("APPEND k", arity("append")),
    row("STRLEN k", 0),
    row("STRLEN k", 5, setup="SET k 12345"),
    row("STRLEN", arity("strlen")),
    row("SETRANGE k 6 Redis", 11, setup="SET k 'Hello World'", then=["GET k", "Hello Redis"]),
    row("SETRANGE k 2 ab", 4, then=["GET k", "\x00\x00ab"]),
    row("SETRANGE k 0 x", 3, setup="SET k abc EX 100", then=["TTL k", between(99, 100), "GET k", "xbc"]),
    row("SETRANGE k 9 ''", 0, then=["EXISTS k", 0]),
    row("SETRANGE k 9 ''", 3, setup="SET k abc"),
    row("SETRANGE k 20000 x", 20001, then=["GETRANGE k 19999 -1", "\x00x", "SETRANGE k 5 y", 20001,
                                           "GETRANGE k 4 6", "\x00y\x00"]),
    row("SETRANGE k -1 x", Error("ERR offset is out of range")),
    row("SETRANGE k -1 ''", Error("ERR offset is out of range")),
    row("SETRANGE k 536870912 x", TOO_LONG),
    row(f"SETRANGE k {BIG} x", TOO_LONG),
    row("SETRANGE k x y", NOT_INTEGER),
    row("SETRANGE k 0", arity("setrange")),
]
for name in ("GETRANGE", "SUBSTR"):
    PART_ROWS += [
        row(f"{name} k {first} {last}", want, setup="SET k 'This is a string'")
        for first, last, want in (
            (0, 3, "This"), (-3, -1, "ing"), (0, -1, "This is a string"), (10, 100, "string"), (16, 20, ""),
            (3, 1, ""), (-1, -3, ""), (-100, 1, "Th"), (0, -100, "T"), (-100, -100, "T"), (5, 5, "i"),
            (-BIG - 1, BIG, "This is a string"), (BIG, BIG, ""))
    ] + [
        row(f"{name} k 0 1", ""),
        row(f"{name} k 0 -1", "", setup="SET k ''"),
        row(f"{name} k a 1", NOT_INTEGER),
        row(f"{name} k 0 {BIG + 1}", NOT_INTEGER),
        row(f"{name} k 0", arity(name.lower())),
    ]

NUMBER_ROWS = [
    row("INCR k", 1, then=["INCR k", 2, "GET k", "2"]),
    row("INCR k", 11, setup="SET k 10 EX 100", then=["TTL k", between(99, 100)]),
    row("INCR k", OVERFLOW, setup=f"SET k {BIG}", then=["GET k", f"{BIG}"]),
    row("INCR", arity("incr")),
    row("DECR k", -1, then=["DECR k", -2]),
    row("DECR k", OVERFLOW, setup=f"SET k -{BIG + 1}"),
    row("DECR a b", arity("decr")),
    row("INCRBY k 5", 5, then=["INCRBY k -7", -2]),
    row(f"INCRBY k {BIG}", BIG, then=["INCRBY k 1", OVERFLOW]),
    row("INCRBY k -1", OVERFLOW, setup=f"SET k -{BIG + 1}"),
    row("INCRBY k", arity("incrby")),
    row("DECRBY k 5", -5, then=["DECRBY k -7", 2]),
    row(f"DECRBY k {BIG}", -BIG),
    row(f"DECRBY k -{BIG + 1}", Error("ERR decrement would overflow")),
    row(f"DECRBY k {BIG}", OVERFLOW, setup="SET k -2"),
    row("DECRBY k", arity("decrby")),
    row("INCRBYFLOAT k 0.1", "10.6", setup="SET k 10.50"),
    row("INCRBYFLOAT k -5", "5.5", setup="SET k 10.50"),
    row("INCRBYFLOAT k 2.0e2", "5200", setup="SET k 5.0e3"),
    row("INCRBYFLOAT k 1", "4", setup="SET k 3.0", then=["INCRBYFLOAT k -4", "0", "GET k", "0"]),
    row("INCRBYFLOAT k 1.5", "1.5", then=["INCR k", NOT_INTEGER]),
    row("INCRBYFLOAT k 1e-7", "0.0000001"),
    row("INCRBYFLOAT k 1e17", "100000000000000000"),
    row("INCRBYFLOAT k 1", "3", setup="SET k 2 EX 100", then=["TTL k", between(99, 100)]),
    row("INCRBYFLOAT k nan", NOT_FLOAT),
    row("INCRBYFLOAT k 1e5000", NOT_FLOAT),
    row("INCRBYFLOAT k ' 1'", NOT_FLOAT),
    row("INCRBYFLOAT k 1x", NOT_FLOAT),
    row("INCRBYFLOAT k ''", NOT_FLOAT),
    row("INCRBYFLOAT k 1", NOT_FLOAT, setup="SET k abc"),
    row("INCRBYFLOAT k inf", Error("ERR increment would produce NaN or Infinity")),
    row("INCRBYFLOAT k", arity("incrbyfloat")),
]
for text in NO_NUMBERS:
    NUMBER_ROWS += [row("INCR k", NOT_INTEGER, setup=f"SET k {text}", then=["DECR k", NOT_INTEGER]),
                    row(f"INCRBY k {text}", NOT_INTEGER, then=[f"DECRBY k {text}", NOT_INTEGER])]

LCS_SETUP = "MSET a ohmytext b mynewtext"
LCS_ROWS = [
    row("LCS a b", "mytext", setup=LCS_SETUP),
    row("LCS a b LEN", 6, setup=LCS_SETUP),
    row("LCS a b idx", {"matches": [[[4, 7], [5, 8]], [[2, 3], [0, 1]]], "len": 6}, setup=LCS_SETUP),
    row("LCS a b IDX MINMATCHLEN 4", {"matches": [[[4, 7], [5, 8]]], "len": 6}, setup=LCS_SETUP),
    row("LCS a b IDX WITHMATCHLEN", {"matches": [[[4, 7], [5, 8], 4], [[2, 3], [0, 1], 2]], "len": 6},
        setup=LCS_SETUP),
    row("LCS a b MINMATCHLEN 4 IDX WITHMATCHLEN", {"matches": [[[4, 7], [5, 8], 4]], "len": 6}, setup=LCS_SETUP),
    row("LCS a b IDX MINMATCHLEN -1", {"matches": [], "len": 0}),
    row("LCS a b", "", setup="SET a x"),
    row("LCS a b LEN", 0),
    row("LCS a b LEN IDX", Error("ERR If you want both the length and indexes, please just use IDX.")),
    row("LCS a b what", SYNTAX),
    row("LCS a b MINMATCHLEN", SYNTAX),
    row("LCS a b MINMATCHLEN x", NOT_INTEGER),
    row("LCS a", arity("lcs")),
    row("LCS a b LEN", 2047, setup=["SETRANGE a 2046 x", "SETRANGE b 65534 x"]),
    row("LCS a b LEN", Error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"),
        setup=["SETRANGE a 2046 x", "SETRANGE b 65535 x"]),
    row("LCS k b", Error("ERR The specified keys must contain string values"), setup=OTHER_TYPE, unasked=NEW_TYPE),
]

ROWS = SET_ROWS + GET_ROWS + PART_ROWS + NUMBER_ROWS + LCS_ROWS + wrong_type_rows(
    "GET k", "GETDEL k", "GETEX k", "GETEX k EX 10", "GETSET k v", "SET k v GET", "STRLEN k", "APPEND k v",
    "GETRANGE k 0 1", "SUBSTR k 0 1", "SETRANGE k 0 x", "SETRANGE k 0 ''", "INCR k", "DECR k", "INCRBY k 1",
    "DECRBY k 1", "INCRBYFLOAT k 1")
