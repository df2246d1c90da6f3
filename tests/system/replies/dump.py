"""dump.py - DUMP and RESTORE: payloads as Redis writes them, and those it must not believe.

Redis 7.0 writes version 10 and packs long strings; both read each other's.
"""
from reply_rows import *

# of Redis's documentation, and as redis-server 7.0 gave them
TEN = b"\x00\xc0\n\t\x00\xbem\x06\x89Z(\x00\n"
TEN_OF_70 = b"\x00\xc0\n\n\x00n\x9fWE\x0e\xaec\xbb"
HELLO_OF_70 = b"\x00\x05hello\n\x00cr\xdfve4 \n"
PACKED_OF_70 = b"\x00\xc3\n@d\x02aba\xe0V\x01\x01ab\n\x00\x178=\x94 \x96\xd8c"
LIST_OF_70 = b"\x12\x01\x02\n\n\x00\x00\x00\x01\x00\x81a\x02\xff\n\x00\t\xb9\xed\xf5\x94\xde\xd9\x95"

BUSY = Error("BUSYKEY Target key name already exists.")
WRONG = Error("ERR DUMP payload version or checksum are wrong")
DIFFERS = "Redis 7.0 writes version 10"
OTHER_TYPE = "a list, a type that is not kept here"

ROWS = [
    row("DUMP k", NULL),
    row("DUMP k", TEN.decode("latin-1"), setup="SET k 10", differs=DIFFERS),
    row("DUMP", arity("dump")),
    row("DUMP a b", arity("dump")),
    row(("RESTORE", "k", "0", TEN), OK, then=["GET k", "10", "TTL k", -1]),
    row(("RESTORE", "k", "0", TEN_OF_70), OK, then=["GET k", "10", "OBJECT ENCODING k", "int"]),
    row(("RESTORE", "k", "0", HELLO_OF_70), OK, then=["GET k", "hello", "APPEND k !", 6]),
    row(("RESTORE", "k", "0", PACKED_OF_70), OK, then=["GET k", "ab" * 50, "STRLEN k", 100]),
    row(("RESTORE", "k", "0", HELLO_OF_70), BUSY, setup="SET k v", then=["GET k", "v"]),
    row(("RESTORE", "k", "0", HELLO_OF_70, "replace"), OK, setup="SET k v EX 100", then=["GET k", "hello", "TTL k", -1]),
    row(("RESTORE", "k", "100000", HELLO_OF_70), OK, then=["PTTL k", between(90000, 100000)]),
    row(("RESTORE", "k", "4102444800123", HELLO_OF_70, "ABSTTL"), OK, then=["PEXPIRETIME k", 4102444800123]),
    row(("RESTORE", "k", "1", HELLO_OF_70, "ABSTTL"), OK, then=["EXISTS k", 0]),
    row(("RESTORE", "k", "1", HELLO_OF_70, "ABSTTL", "REPLACE"), OK, setup="SET k v", then=["EXISTS k", 0]),
    row(("RESTORE", "k", "0", HELLO_OF_70, "IDLETIME", "5"), OK),
    row(("RESTORE", "k", "0", HELLO_OF_70, "FREQ", "5"), OK),
    row(("RESTORE", "k", "0", HELLO_OF_70, "FREQ", "256"), Error("ERR Invalid FREQ value, must be >= 0 and <= 255")),
    row(("RESTORE", "k", "0", HELLO_OF_70, "FREQ", "5", "IDLETIME", "5"), SYNTAX),
    row(("RESTORE", "k", "0", HELLO_OF_70, "IDLETIME", "-1"), Error("ERR Invalid IDLETIME value, must be >= 0")),
    row(("RESTORE", "k", "0", HELLO_OF_70, "IDLETIME"), SYNTAX),
    row(("RESTORE", "k", "0", HELLO_OF_70, "NX"), SYNTAX),
    row(("RESTORE", "k", "-1", HELLO_OF_70), Error("ERR Invalid TTL value, must be >= 0")),
    row(("RESTORE", "k", "x", HELLO_OF_70), NOT_INTEGER),
    row(("RESTORE", "k", "x", HELLO_OF_70), BUSY, setup="SET k v"),
    row(("RESTORE", "k", "0", b""), WRONG),
    row(("RESTORE", "k", "0", HELLO_OF_70[:-1]), WRONG),
    row(("RESTORE", "k", "0", HELLO_OF_70[:-1] + b"\x0b"), WRONG),
    row(("RESTORE", "k", "0", b"\x00\x06hello\n\x00cr\xdfve4 \n"), WRONG),
    row(("RESTORE", "k", "0", LIST_OF_70), Error("ERR Bad data format"), differs=OTHER_TYPE),
    row("RESTORE k 0", arity("restore")),
]
