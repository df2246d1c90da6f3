"""bits.py - values as rows of bits, and as integers of any width."""
from reply_rows import *

BAD_OFFSET = Error("ERR bit offset is not an integer or out of range")
BAD_BIT = Error("ERR bit is not an integer or out of range")
BAD_TYPE = Error("ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.")
READ_ONLY = Error("ERR BITFIELD_RO only supports the GET subcommand")
OTHER_TYPE = "CF.ADD k x"  # a value that is no string
NEW_TYPE = "Redis 7.0 has no cuckoo filters"
GREATEST = 9223372036854775807

BIT_ROWS = [
    row("SETBIT k 7 1", 0, then=["SETBIT k 7 0", 1, "GET k", "\x00"]),
    row("SETBIT k 9 0", 0, then=["GET k", "\x00\x00"]),
    row("SETBIT k 0 1", 0, setup="SET k abc EX 100", then=["GET k", "\xe1bc", "TTL k", between(99, 100)]),
    row("SETBIT k 0 1", 0, setup="SET k 12", then=["GET k", "\xb12"]),
    row("SETBIT k 1000000 1", 0, then=["STRLEN k", 125001, "SETBIT k 500001 1", 0, "SETBIT k 500001 1", 1,
                                       "BITCOUNT k", 2, "BITPOS k 1", 500001, "GETBIT k 500001", 1]),
    row("SETBIT k 4294967296 1", BAD_OFFSET),
    row("SETBIT k -1 1", BAD_OFFSET),
    row("SETBIT k x 1", BAD_OFFSET),
    row("SETBIT k #1 1", BAD_OFFSET),
    row("SETBIT k 0 2", BAD_BIT),
    row("SETBIT k 0 -1", BAD_BIT),
    row("SETBIT k 0 x", BAD_BIT, then=["EXISTS k", 0]),
    row("SETBIT k 0", arity("setbit")),
    row("GETBIT k 0", 0),
    row("GETBIT k 1", 1, setup="SET k a", then=["GETBIT k 0", 0, "GETBIT k 8", 0, "GETBIT k 4294967295", 0]),
    row("GETBIT k 4294967296", BAD_OFFSET),
    row("GETBIT k -1", BAD_OFFSET),
    row("GETBIT k ''", BAD_OFFSET),
    row("GETBIT k", arity("getbit")),
]

COUNT_ROWS = [
    row(f"BITCOUNT k{range_}", want, setup="SET k foobar")
    for range_, want in (
        ("", 26), (" 0 0", 4), (" 1 1", 6), (" 1 1 BYTE", 6), (" 5 30 BIT", 17), (" 0 -5 bit", 25), (" -1 -2", 0),
        (" -1 -2 what", 0), (" 9 10", 0), (" -100 100", 26), (" 0 -1", 26), (" 3 3 bit", 0), (" 2 1", 0),
        (f" {-GREATEST - 1} {GREATEST}", 26), (" 0", SYNTAX), (" 0 1 what", SYNTAX), (" 0 1 BIT x", SYNTAX),
        (" x 1", NOT_INTEGER), (" 0 1.5", NOT_INTEGER))
] + [
    row("BITCOUNT k", 0),
    row("BITCOUNT k x", 0),
    row("BITCOUNT k 0 -1", 0, setup="SET k ''"),
    row("BITCOUNT", arity("bitcount")),
]

POSITION_ROWS = [
    row(f"BITPOS k {arguments}", want, setup=("SET", "k", value))
    for value, arguments, want in (
        ("\xff\xf0\x00", "0", 12), ("\xff\xf0\x00", "1", 0), ("\x00\xff\xf0", "1 0", 8), ("\x00\xff\xf0", "1 2", 16),
        ("\x00\xff\xf0", "1 2 -1 BYTE", 16), ("\x00\xff\xf0", "1 7 15 BIT", 8), ("\x00\xff\xf0", "1 7 -3 BIT", 8),
        ("\x00\xff\xf0", "0 8 -5 bit", -1), ("\x00\xff\xf0", "0 8 -4 bit", 20), ("\x00\x00", "1", -1),
        ("\xff\xff", "0", 16), ("\xff\xff", "0 0", 16), ("\xff\xff", "0 1", 16), ("\xff\xff", "0 0 -1", -1),
        ("\xff\xff", "0 5", -1), ("\xff\xff", "1 2 1", -1), ("", "0", -1), ("", "1", -1), ("a", "1 -100 100", 1),
        ("a", "2", Error("ERR The bit argument must be 1 or 0.")), ("a", "x", NOT_INTEGER), ("a", "1 x", NOT_INTEGER),
        ("a", "1 0 x", NOT_INTEGER), ("a", "1 0 1 what", SYNTAX), ("a", "1 0 1 BIT x", SYNTAX))
] + [
    row("BITPOS k 0", 0, then=["BITPOS k 1", -1, "BITPOS k 0 5 x", 0, "BITPOS k 1 0 0", -1]),
    row("BITPOS k 2", Error("ERR The bit argument must be 1 or 0.")),
    row("BITPOS k", arity("bitpos")),
]

VALUES = [("SET", "a", "\xf0\xff"), ("SET", "b", "\x3c")]
OPERATION_ROWS = [
    row("BITOP AND r a b", 2, setup=VALUES, then=["GET r", "\x30\x00"]),
    row("BITOP and r b a", 2, setup=VALUES, then=["GET r", "\x30\x00"]),
    row("BITOP OR r b a", 2, setup=VALUES, then=["GET r", "\xfc\xff"]),
    row("BITOP XOR r a b", 2, setup=VALUES, then=["GET r", "\xcc\xff"]),
    row("BITOP XOR r a b a", 2, setup=VALUES, then=["GET r", "\x3c\x00"]),
    row("BITOP NOT r a", 2, setup=VALUES, then=["GET r", "\x0f\x00"]),
    row("BITOP NOT a a", 2, setup=VALUES, then=["GET a", "\x0f\x00"]),
    row("BITOP AND r none a", 2, setup=VALUES, then=["GET r", "\x00\x00"]),
    row("BITOP OR a b", 1, setup=VALUES + ["EXPIRE a 100"], then=["GET a", "\x3c", "TTL a", -1]),
    row("BITOP OR a none", 0, setup=VALUES, then=["EXISTS a", 0]),
    row("BITOP AND r a b", 6, setup="MSET a foobar b abcdef", then=["GET r", "`bc`ab"]),
    row("BITOP NOT r a b", Error("ERR BITOP NOT must be called with a single source key.")),
    row("BITOP what r a", SYNTAX),
    row("BITOP AND r", arity("bitop")),
    row("BITOP OR r a k", WRONGTYPE, setup=VALUES + [OTHER_TYPE], then=["EXISTS r", 0], unasked=NEW_TYPE),
    row("BITOP OR k a", 2, setup=VALUES + [OTHER_TYPE], then=["TYPE k", Status("string")], unasked=NEW_TYPE),
]

FIELD_ROWS = [
    row("BITFIELD k", []),
    row("BITFIELD k INCRBY i5 100 1 GET u4 0", [1, 0], then=["STRLEN k", 14]),
    row("BITFIELD k SET u8 0 255 GET u8 0 get i8 0 GET u4 4 GET i1 7", [0, 255, -1, 15, -1]),
    row("BITFIELD k SET u8 #0 65 SET u8 #1 66 SET u8 #2 67", [0, 0, 0], then=["GET k", "ABC"]),
    row("BITFIELD k GET u8 #2 GET u8 #9 GET u16 #1", [67, 0, 17152], setup="SET k ABC", then=["STRLEN k", 3]),
    row(f"BITFIELD k SET i64 0 {GREATEST} INCRBY i64 0 1", [0, -GREATEST - 1]),
    row(f"BITFIELD k SET u63 1 {GREATEST} GET u63 1 GET i64 0", [0, GREATEST, GREATEST]),
    row("BITFIELD k SET i64 3 -2 GET i64 3 GET u63 3", [0, -2, GREATEST]),
    row("BITFIELD k INCRBY u2 0 5 INCRBY u2 0 -2 INCRBY i8 8 127 INCRBY i8 8 1", [1, 3, 127, -128]),
    row("BITFIELD k OVERFLOW SAT INCRBY u2 0 9 INCRBY u2 0 -9 INCRBY i8 8 500 INCRBY i8 8 -500", [3, 0, 127, -128]),
    row("BITFIELD k overflow fail INCRBY u2 0 4 INCRBY u2 0 3 OVERFLOW WRAP INCRBY u2 0 2", [NULL, 3, 1]),
    row("BITFIELD k SET u8 0 256 SET u8 0 -1 GET u8 0", [0, 0, 255]),
    row("BITFIELD k OVERFLOW SAT SET u8 0 300 GET u8 0 SET i8 8 -300 GET i8 8", [0, 255, 0, -128]),
    row("BITFIELD k OVERFLOW FAIL SET u8 80 256", [NULL], then=["STRLEN k", 11]),
    row("BITFIELD k SET u8 0 1", [97], setup="SET k abc EX 100", then=["TTL k", between(99, 100)]),
    row("BITFIELD k SET i64 799997 -1 GET u8 #100007", [0, 248], then=["STRLEN k", 100008, "BITCOUNT k", 64]),
    row("BITFIELD k GET u8 4294967295", [0], then=["EXISTS k", 0]),
    row("BITFIELD k SET u8 0 1 GET u64 0", BAD_TYPE, then=["EXISTS k", 0]),
    row("BITFIELD k GET i65 0", BAD_TYPE),
    row("BITFIELD k GET u0 0", BAD_TYPE),
    row("BITFIELD k GET U8 0", BAD_TYPE),
    row("BITFIELD k GET u 0", BAD_TYPE),
    row("BITFIELD k GET u8 -1", BAD_OFFSET),
    row("BITFIELD k GET u8 4294967296", BAD_OFFSET),
    row("BITFIELD k GET u8 #536870912", BAD_OFFSET),
    row("BITFIELD k GET u8 #", BAD_OFFSET),
    row("BITFIELD k SET u8 0 x", NOT_INTEGER),
    row("BITFIELD k SET u8 0", SYNTAX),
    row("BITFIELD k what", SYNTAX),
    row("BITFIELD k OVERFLOW", SYNTAX),
    row("BITFIELD k OVERFLOW what", Error("ERR Invalid OVERFLOW type specified")),
    row("BITFIELD", arity("bitfield")),
    row("BITFIELD_RO k GET u8 0 GET u4 0", [65, 4], setup="SET k A"),
    row("BITFIELD_RO k", []),
    row("BITFIELD_RO k SET u8 0 1", READ_ONLY),
    row("BITFIELD_RO k GET u8 0 INCRBY u8 0 1", READ_ONLY),
    row("BITFIELD_RO k GET u64 0", BAD_TYPE),
    row("BITFIELD_RO", arity("bitfield_ro")),
]


def events(*steps):
    """What a second client hears; the setting is put back."""
    return list(steps) + ["CONFIG SET notify-keyspace-events ''", OK]


def heard(event, key):
    return Push(["pmessage", "__keyevent@0__:*", f"__keyevent@0__:{event}", key])


LISTEN = ["CONFIG SET notify-keyspace-events KEAm", "2> PSUBSCRIBE __keyevent@0__:*"]
EVENT_ROWS = [
    row("SETBIT k 9 0", 0, setup=LISTEN, then=events(
        "2> <", heard("setbit", "k"), "SETBIT k 9 0", 0, "SETBIT k 9 1", 0, "2> <", heard("setbit", "k"))),
    row("BITFIELD k SET u8 0 64 SET u8 8 1", [0, 0], setup=LISTEN, then=events(
        "2> <", heard("setbit", "k"), "BITFIELD k SET u8 0 64", [64], "BITFIELD k OVERFLOW FAIL SET u8 40 300", [NULL],
        "BITFIELD k SET u8 100 0", [0], "2> <", heard("setbit", "k"), "BITFIELD none GET u8 0", [0], "2> <",
        heard("keymiss", "none"))),
    row("BITOP NOT r k", 1, setup=["SET k a"] + LISTEN, then=events(
        "2> <", heard("set", "r"), "BITOP OR r none", 0, "2> <", heard("keymiss", "none"), "2> <", heard("del", "r"),
        "BITOP OR r none", 0, "2> <", heard("keymiss", "none"))),
    row("LCS k none", "", setup=["SET k a"] + LISTEN, then=events("2> <", heard("keymiss", "none"))),
    row("SETRANGE k 3 ''", 0, setup=LISTEN, then=events("SETRANGE k 3 x", 4, "2> <", heard("setrange", "k"))),
]

WRONG_TYPE_ROWS = [
    row(command, WRONGTYPE, setup=OTHER_TYPE, unasked=NEW_TYPE)
    for command in ("SETBIT k 0 1", "GETBIT k 0", "BITCOUNT k", "BITCOUNT k 0", "BITPOS k 1", "BITOP NOT r k",
                    "BITFIELD k", "BITFIELD k SET u8 0 1", "BITFIELD_RO k GET u8 0")
]

ROWS = BIT_ROWS + COUNT_ROWS + POSITION_ROWS + OPERATION_ROWS + FIELD_ROWS + EVENT_ROWS + WRONG_TYPE_ROWS
