"""persistence.py - snapshots and the log, on a server that keeps its data."""
from reply_rows import *

FLAGS = ["--persistence.enabled=true", "--data-dir=kept"]
UNASKED = "redis-server runs without files here"

ROWS = [
    # the rows that begin one may be at work still
    row("SAVE", such_that(lambda node: node.payload in (b"OK", b"ERR Background save already in progress"))),
    row("SAVE x", arity("save")),
    row("LASTSAVE", between(1700000000, 9000000000)),
    row("LASTSAVE x", arity("lastsave")),
    row("BGSAVE x", SYNTAX),
    row("BGSAVE SCHEDULE", Status("Background saving started")),
    row("BGREWRITEAOF", Status("Background append only file rewriting started")),
    row("BGREWRITEAOF x", arity("bgrewriteaof")),
    row("SET k v", OK, then=["WAITAOF 1 0 0", [1, 0], "WAITAOF 0 0 10", [1, 0]]),
    row("WAITAOF 2 0 0", Error("ERR value is out of range, must be between 0 and 1")),
    row("WAITAOF 0 -1 0", Error("ERR value is out of range, must be positive")),
    row("WAITAOF 1 0 -1", Error("ERR timeout is negative")),
    row("WAITAOF 1 0 x", Error("ERR timeout is not an integer or out of range")),
    row("WAITAOF 1 0", arity("waitaof")),
    row("CONFIG GET appendonly", {"appendonly": "yes"}),
    row("CONFIG GET appendfsync", {"appendfsync": "everysec"}),
    row("CONFIG GET save", {"save": "900 1"}),
    row("CONFIG SET appendfsync always", OK, then=["SET k v", OK, "CONFIG SET appendfsync everysec", OK]),
    row("CONFIG SET appendfsync sometimes", error_like("ERR CONFIG SET failed.*'sometimes' is none of: always, everysec, no")),
    row("CONFIG SET save '60 1 3600 100'", OK, then=["CONFIG GET save", {"save": "60 1"}, "CONFIG SET save '900 1'", OK]),
    row("CONFIG SET save nonsense", error_like("ERR CONFIG SET failed.*Invalid save parameters")),
    row("CONFIG SET appendonly no", OK, then=["CONFIG GET persistence.strategy", {"persistence.strategy": "snapshot"},
                                              "CONFIG SET appendonly yes", OK]),
    row("STORE CREATE kept PERSISTENCE snapshot", OK, then=["STORE DROP kept", OK]),
    row("STORE CREATE kept PERSISTENCE always", Error("ERR PERSISTENCE is hybrid, aof, snapshot or disabled")),
]
