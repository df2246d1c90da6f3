"""hypercache.py - what Redis has not: leases, deleting by pattern, named stores."""
from reply_rows import *

UNASKED = "redis-server does not know them"

TOKEN = matching("[0-9a-f]{16}")
NO_TOKEN = Error("ERR a token is the 16 hexadecimal digits that HC.GET gave")
NOUGHT = "0000000000000000"
STORE_NAME = Error("ERR a store's name is 1 to 64 of A-Z a-z 0-9 _ . : -")
DROP = ["STORE DROP rows", OK]  # stores outlive a row


def won(value, ms=10000):
    return [value, "won", ms, TOKEN]


def wait(value, ms=between(1, 10000)):
    return [value, "wait", ms, NULL]


PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

ROWS = [
    # ---- on whose behalf ----
    row(f"HC.TRACE {PARENT} GET k", "v", setup="SET k v"),
    row(f"HC.TRACE {PARENT}", OK, then=["GET k", NULL]),
    row("HC.TRACE nonsense GET k", NULL),
    row(f"HC.TRACE {PARENT} HC.TRACE {PARENT} PING", Error("ERR HC.TRACE may not stand before HC.TRACE")),

    # ---- leases ----
    row("HC.GET k", won(NULL), then=["HC.GET k", wait(NULL), "SET k v", OK, "HC.GET k", ["v", "hit", -1, NULL]]),
    row("HC.GET k LEASE 500", won(NULL, 500)),
    row("HC.GET k", ["v", "hit", between(99000, 100000), NULL], setup="SET k v EX 100"),
    row("HC.GET k stale 90000", ["v", "hit", between(9000, 10000), NULL], setup="SET k v EX 100"),
    row("HC.GET k STALE 200000 LEASE 700", won("v", 700), setup="SET k v EX 100",
        then=["HC.GET k STALE 200000", wait("v", between(1, 700)), "2> HC.GET k STALE 200000", wait("v", between(0, 700))]),
    row("HC.GET k", won(NULL), then=["DEL k", 0, "HC.GET k", wait(NULL), "SET k v", OK, "DEL k", 1, "HC.GET k", won(NULL)]),
    row("HC.GET k LEASE 0", Error("ERR LEASE is 1 to 3600000 milliseconds")),
    row("HC.GET k LEASE 3600001", Error("ERR LEASE is 1 to 3600000 milliseconds")),
    row("HC.GET k STALE -1", Error("ERR STALE is 0 or more milliseconds")),
    row("HC.GET k STALE x", NOT_INTEGER),
    row("HC.GET k STALE", SYNTAX),
    row("HC.GET k what 1", SYNTAX),
    row("HC.GET f", WRONGTYPE, setup="CF.RESERVE f 100"),
    row("HC.GET", arity("hc.get")),
    row(f"HC.SET k v {NOUGHT}", NULL, then=["EXISTS k", 0]),
    row("HC.SET k v what", NO_TOKEN),
    row(f"HC.SET k v {NOUGHT} NX", SYNTAX),
    row(f"HC.SET k v {NOUGHT} EX 0", Error("ERR invalid expire time in 'hc.set' command")),
    row("HC.SET k v", arity("hc.set")),
    row(f"HC.RELEASE k {NOUGHT}", 0),
    row("HC.RELEASE k what", NO_TOKEN),
    row("HC.RELEASE k", arity("hc.release")),
    # ---- deleting by pattern ----
    row("HC.DELMATCH *", ["0", 0]),
    row("HC.DELMATCH user:*", ["0", 2], setup="MSET user:1 a user:2 b page:1 c", then=["KEYS *", ["page:1"]]),
    row("HC.DELMATCH * COUNT 10 CURSOR 0", ["0", 1], setup="SET k v"),
    row("HC.DELMATCH * CURSOR x", Error("ERR invalid cursor")),
    row("HC.DELMATCH * COUNT 0", SYNTAX),
    row("HC.DELMATCH * COUNT x", NOT_INTEGER),
    row("HC.DELMATCH * what", SYNTAX),
    row("HC.DELMATCH", arity("hc.delmatch")),
    # ---- backups: tests/system/test_durability.py makes some ----
    row("HC.BACKUP", arity("hc.backup")),
    row("HC.BACKUP a b", arity("hc.backup")),
    # ---- named stores ----
    row("STORES", such_that(lambda node: node.kind == b"*" and any(one.payload == b"0" for one in node.payload))),
    row("STORE LIST", such_that(lambda node: node.kind == b"*" and any(one.payload == b"0" for one in node.payload))),
    row("STORE CREATE rows", OK, then=["STORE CREATE rows", Error("ERR store 'rows' exists"), *DROP]),
    row("STORE CREATE rows MAXMEMORY 8mb EVICTION allkeys-lfu TTL 60000 COMPRESSION zstd FILTER 12", OK,
        then=["STORE INFO rows", any_map_with({
            "name": "rows", "kind": "store", "eviction": "allkeys-lfu", "compression": "zstd",
            "default_ttl_ms": 60000, "max_memory_bytes": 8388608, "filter_bits": 12, "keys": 0, "users": 0}), *DROP]),
    row("SELECT rows", OK, setup="STORE CREATE rows",
        then=["SET k v", OK, "SELECT 0", OK, "GET k", NULL, "SELECT rows", OK, "GET k", "v", "SELECT default", OK, *DROP]),
    row("GET k", Error("ERR store 'rows' was dropped; SELECT another"),
        setup=["STORE CREATE rows", "SELECT rows", "STORE DROP rows"], then=["SELECT 0", OK]),
    row("STORE CREATE 'a b'", STORE_NAME),
    row("STORE CREATE ''", STORE_NAME),
    row("STORE CREATE 0", Error("ERR store '0' exists")),
    row("STORE CREATE 99", Error("ERR a store's name is not a number")),
    row("STORE CREATE rows MAXMEMORY 1", Error("ERR MAXMEMORY is a size of 4mb at least, or 0 for the node's")),
    row("STORE CREATE rows TTL x", NOT_INTEGER),
    row("STORE CREATE rows TTL -1", Error("ERR TTL is in milliseconds, or 0 for none, or DEFAULT")),
    row("STORE CREATE rows COMPRESSION lz4", Error("ERR COMPRESSION is none or zstd")),
    row("STORE CREATE rows FILTER 9", Error("ERR FILTER is none, or the bits of a fingerprint: 8, 12 or 16")),
    row("STORE CREATE rows EVICTION what", error_like("ERR EVICTION is noeviction, or .*")),
    row("STORE CREATE rows what 1", SYNTAX),
    row("STORE CREATE rows TTL", SYNTAX),
    row("STORE CREATE", arity("store|create")),
    row("STORE DROP rows", Error("ERR no store 'rows', see STORES")),
    row("STORE DROP 0", Error("ERR a database cannot be dropped, FLUSHDB empties it")),
    row("STORE DROP", arity("store|drop")),
    row("STORE INFO default", any_map_with({"name": "0", "kind": "database", "keys": 1}), setup="SET k v"),
    row("STORE INFO rows", Error("ERR no store 'rows', see STORES")),
    row("STORE INFO", arity("store|info")),
    row("STORE HELP", such_that(lambda node: node.payload[0].payload.startswith(b"STORE <subcommand>"))),
    row("STORE what", unknown_subcommand("STORE", "what")),
    row("STORE", arity("store")),
    row("STORES x", arity("stores")),
    # ---- events ----
    row("HC.EVENTS COUNT 1 LEVEL info", [matching(r'\{"timestamp":.*"event":".*\}')]),
    row("HC.EVENTS COUNT 0", NOT_INTEGER),
    row("HC.EVENTS AFTER -1", NOT_INTEGER),
    row("HC.EVENTS COUNT", SYNTAX),
    row("HC.EVENTS WHAT 1", SYNTAX),
    row("HC.EVENTS LEVEL loud", Error("ERR no such level; ERROR, WARN, INFO, DEBUG or TRACE")),
    row("HC.EVENTS COMPONENT heart", Error("ERR no such component; as in the field `component` of a log line")),
]
