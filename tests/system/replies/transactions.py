"""transactions.py - MULTI, EXEC, DISCARD, WATCH: what is queued, what runs, what breaks it."""
from reply_rows import *

ABORTED = Error("EXECABORT Transaction discarded because of previous errors.")
WITHOUT_MULTI = Error("ERR EXEC without MULTI")

ROWS = [
    row("MULTI", OK, then=["SET k v", QUEUED, "GET k", QUEUED, "EXEC", [OK, "v"], "GET k", "v"]),
    row("MULTI", OK, then=["EXEC", [], "EXEC", WITHOUT_MULTI]),
    row("MULTI", OK, then=["MULTI", Error("ERR MULTI calls can not be nested"), "INCR k", QUEUED, "EXEC", [1]]),
    row("MULTI x", arity("multi")),
    row("multi", OK, then=["DISCARD", OK, "EXEC", WITHOUT_MULTI]),
    row("DISCARD", Error("ERR DISCARD without MULTI")),
    row("DISCARD x", arity("discard")),
    row("EXEC", WITHOUT_MULTI),
    row("EXEC x", Error("EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command")),
    # an error that is seen while queueing discards all; one that is met while running stops nothing
    row("MULTI", OK, then=["SET k v", QUEUED, "GET", arity("get"), "EXEC", ABORTED, "GET k", NULL]),
    row("MULTI", OK, then=["nope", Error("ERR unknown command 'nope', with args beginning with: "),
                           "EXEC", ABORTED, "EXEC", WITHOUT_MULTI]),
    row("MULTI", OK, then=["CLIENT nope", unknown_subcommand("CLIENT", "nope"), "DISCARD", OK]),
    row("MULTI", OK, then=["SET k a", QUEUED, "INCR k", QUEUED, "SET k b", QUEUED,
                           "EXEC", [OK, NOT_INTEGER, OK], "GET k", "b"]),
    row("MULTI", OK, then=["SELECT 1", QUEUED, "SET k v", QUEUED, "EXEC", [OK, OK], "GET k", "v", "SELECT 0", OK,
                           "GET k", NULL]),
    row("MULTI", OK, then=["MGET a b", QUEUED, "COMMAND COUNT", QUEUED, "EXEC", [[NULL, NULL], between(100, 1000)]]),
    row("MULTI", OK, then=["WATCH k", Error("ERR WATCH inside MULTI is not allowed"), "SET k v", QUEUED,
                           "EXEC", [OK]]),
    row("MULTI", OK, then=["UNWATCH", QUEUED, "EXEC", [OK]]),
    # others see nothing before EXEC, and everything after it
    row("MULTI", OK, then=["SET k v", QUEUED, "2> GET k", NULL, "EXEC", [OK], "2> GET k", "v"]),
    row("WATCH k", OK, then=["MULTI", OK, "GET k", QUEUED, "EXEC", [NULL]]),
    row("WATCH", arity("watch")),
    row("UNWATCH", OK),
    row("UNWATCH x", arity("unwatch")),
    row("WATCH k", OK, then=["2> SET k x", OK, "MULTI", OK, "SET k v", QUEUED, "EXEC", NULL_ARRAY, "GET k", "x",
                             "MULTI", OK, "GET k", QUEUED, "EXEC", ["x"]]),
    row("WATCH a b", OK, then=["MULTI", OK, "SET a v", QUEUED, "2> SET b x", OK, "EXEC", NULL_ARRAY]),
    row("WATCH k", OK, then=["2> SET other x", OK, "MULTI", OK, "SET k v", QUEUED, "EXEC", [OK]]),
    row("WATCH k", OK, then=["2> SET k x", OK, "UNWATCH", OK, "MULTI", OK, "GET k", QUEUED, "EXEC", ["x"]]),
    row("WATCH k", OK, then=["2> SET k x", OK, "MULTI", OK, "DISCARD", OK, "MULTI", OK, "GET k", QUEUED,
                             "EXEC", ["x"]]),
    row("WATCH k", OK, then=["SET k mine", OK, "MULTI", OK, "GET k", QUEUED, "EXEC", NULL_ARRAY]),
    row("WATCH k", OK, setup="SET k v", then=["2> DEL k", 1, "MULTI", OK, "EXEC", NULL_ARRAY]),
    row("WATCH k", OK, setup="SET k v", then=["2> EXPIRE k 100", 1, "MULTI", OK, "EXEC", NULL_ARRAY]),
    row("WATCH k", OK, setup="SET k v", then=["2> FLUSHALL", OK, "MULTI", OK, "EXEC", NULL_ARRAY]),
    row("WATCH k", OK, then=["2> FLUSHALL", OK, "MULTI", OK, "EXEC", []]),
    row("WATCH k", OK, then=["2> DEL k", 0, "MULTI", OK, "EXEC", []]),
    row("WATCH k", OK, then=["2> SELECT 1", OK, "2> SET k x", OK, "MULTI", OK, "EXEC", []]),
    row("WATCH k", OK, setup="SET k v", then=["2> SETBIT k 1 0", 1, "MULTI", OK, "EXEC", NULL_ARRAY]),
    row("WATCH k", OK, setup="SETBIT k 800000 1",
        then=["2> SETBIT k 9 1", 0, "MULTI", OK, "SETBIT k 9 0", QUEUED, "EXEC", NULL_ARRAY, "GETBIT k 9", 1]),
]
