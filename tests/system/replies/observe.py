"""observe.py - how the server is watched: slow commands, latency, memory, INFO, MONITOR, DEBUG."""
import re

from reply_rows import *
from replies.connection import help_of

COUNT = Error("ERR count should be greater than or equal to -1")
OF_7_4 = "since Redis 7.4"
NOT_ALLOWED = Error("ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", "
                    "you can run it from a local connection, otherwise you need to set this option in the "
                    "configuration file, and then restart the server.")
IS_REPLICA = Error("ERR Replica can't interact with the keyspace")
LINE = r"\d{10}\.\d{6} \[0 127\.0\.0\.1:\d+\] "


def told(text):
    """A line of MONITOR: a status even in RESP3."""
    return such_that(lambda node: node.kind == b"+" and re.fullmatch(LINE.encode() + re.escape(text).encode(),
                                                                    node.payload) is not None)


def page(pattern):
    """A verbatim text that holds `pattern`."""
    return such_that(lambda node: node.kind in b"$=" and re.search(pattern.encode(), node.payload) is not None)


def entry(*args):
    """An entry of the slow log: number, time, microseconds, arguments, address, name."""
    return [between(0, 2**62), between(1500000000, 2**32), between(0, 10**9), list(args),
            matching(r"127\.0\.0\.1:\d+"), ""]


SLOW = ["CONFIG SET slowlog-log-slower-than 0", "SLOWLOG RESET"]
QUIET = ["CONFIG SET slowlog-log-slower-than 10000", OK, "SLOWLOG RESET", OK]

ROWS = [
    row("SLOWLOG", arity("slowlog")),
    row("SLOWLOG nope", unknown_subcommand("SLOWLOG", "nope")),
    row("SLOWLOG HELP", help_of("SLOWLOG")),
    row("SLOWLOG LEN", 0, setup="SLOWLOG RESET"),
    row("SLOWLOG LEN x", arity("slowlog|len")),
    row("SLOWLOG RESET", OK),
    row("SLOWLOG RESET x", arity("slowlog|reset")),
    row("SLOWLOG GET", [], setup="SLOWLOG RESET"),
    row("SLOWLOG GET -1", [], setup="SLOWLOG RESET"),
    row("SLOWLOG GET -2", COUNT),
    row("SLOWLOG GET x", COUNT),
    row("SLOWLOG GET 1 2", Error("ERR unknown subcommand or wrong number of arguments for 'GET'. "
                                 "Try SLOWLOG HELP.")),
    row("ECHO hello", "hello", setup=SLOW, then=["SLOWLOG GET 1", [entry("ECHO", "hello")], *QUIET]),
    row("AUTH default secret", OK, setup=SLOW,
        then=["SLOWLOG GET 1", [entry("AUTH", "(redacted)", "(redacted)")], *QUIET]),
    row(("ECHO", "x" * 130), "x" * 130, setup=SLOW,
        then=["SLOWLOG GET 1", [entry("ECHO", "x" * 128 + "... (2 more bytes)")], *QUIET]),
    row("LATENCY", arity("latency")),
    row("LATENCY nope", unknown_subcommand("LATENCY", "nope")),
    row("LATENCY HELP", help_of("LATENCY")),
    row("LATENCY LATEST", []),
    row("LATENCY LATEST x", arity("latency|latest")),
    row("LATENCY HISTORY command", []),
    row("LATENCY HISTORY", arity("latency|history")),
    row("LATENCY RESET", 0),
    row("LATENCY RESET command fast-command", 0),
    row("LATENCY GRAPH command", Error("ERR No samples available for event 'command'")),
    row("LATENCY GRAPH", arity("latency|graph")),
    row("LATENCY DOCTOR", page("latency-monitor-threshold")),
    row("LATENCY DOCTOR x", arity("latency|doctor")),
    row("LATENCY HISTOGRAM nope", {}),
    row("LATENCY HISTOGRAM client|nope", {}),
    row("ECHO x", "x", setup="CONFIG RESETSTAT", then=[
        "LATENCY HISTOGRAM ECHO", such_that(lambda node: node.payload[0].payload == b"echo"
                                            and node.payload[1].payload[1].payload == b"1")]),
    row("MEMORY", arity("memory")),
    row("MEMORY nope", unknown_subcommand("MEMORY", "nope")),
    row("MEMORY HELP", help_of("MEMORY")),
    row("MEMORY USAGE k", NULL),
    row("MEMORY USAGE k", 10, setup="SET k v", differs="an item takes less here"),
    row("MEMORY USAGE k SAMPLES 5", between(1, 200), setup="SET k v"),
    row("MEMORY USAGE k SAMPLES -1", SYNTAX, setup="SET k v"),
    row("MEMORY USAGE k SAMPLES x", NOT_INTEGER, setup="SET k v"),
    row("MEMORY USAGE k SAMPLES", SYNTAX, setup="SET k v"),
    row("MEMORY USAGE", arity("memory|usage")),
    row("MEMORY STATS", such_that(lambda node: node.payload[0].payload == b"peak.allocated")),
    row("MEMORY STATS x", arity("memory|stats")),
    row("MEMORY DOCTOR", page(".")),
    row("MEMORY DOCTOR x", arity("memory|doctor")),
    row("MEMORY PURGE", OK),
    row("MEMORY PURGE x", arity("memory|purge")),
    row("MEMORY MALLOC-STATS", page("malloc")),
    row("MEMORY MALLOC-STATS x", arity("memory|malloc-stats")),
    row("INFO server", page(r"^(txt:)?# Server\r\nredis_version:7\.")),
    row("INFO nope", Verbatim("")),
    row("INFO cluster", Verbatim("# Cluster\r\ncluster_enabled:0\r\n")),
    row("info CLUSTER modules", page("# Cluster\r\ncluster_enabled:0\r\n")),
    row("INFO keyspace", page("db0:keys=1,expires=0,avg_ttl=0\r\n"), setup="SET k v"),
    row("INFO everything", page("(?s)# Server.*# Commandstats.*# Latencystats.*# Keyspace")),
    row("GET", arity("get"), setup="CONFIG RESETSTAT", then=["INFO errorstats", page("errorstat_ERR:count=1\r\n")]),
    row("MONITOR x", arity("monitor")),
    row("MONITOR", OK, setup="2> PING", then=["2> SET k 'a\"b'", OK, "<", told('"SET" "k" "a\\"b"'), "2> GET k", "a\"b", "<",
                             told('"GET" "k"'), "GET k", IS_REPLICA, "RESET", Status("RESET")], alone=True),
    row("DEBUG", arity("debug")),
    row("DEBUG SLEEP 0", NOT_ALLOWED),
    row("DEBUG OBJECT k", NOT_ALLOWED),
    row("COMMAND GETKEYSANDFLAGS SET k v", [["k", Set([Status("OW"), Status("update")])]]),
    row("COMMAND GETKEYSANDFLAGS SET k v GET", [["k", Set([Status("RW"), Status("access"), Status("update")])]]),
    row("COMMAND GETKEYSANDFLAGS MGET a b", [["a", Set([Status("RO"), Status("access")])],
                                             ["b", Set([Status("RO"), Status("access")])]]),
    row("COMMAND GETKEYSANDFLAGS ECHO x", Error("ERR The command has no key arguments")),
    row("COMMAND GETKEYSANDFLAGS nope x", Error("ERR Invalid command specified")),
    row("COMMAND GETKEYSANDFLAGS", arity("command|getkeysandflags")),
    row("CLIENT KILL MAXAGE 100000", 0, differs=OF_7_4),
    row("CLIENT KILL MAXAGE 0", Error("ERR maxage should be greater than 0"), differs=OF_7_4),
    row("CLIENT KILL ID 0", Error("ERR client-id should be greater than 0")),
    row("CLIENT KILL USER nobody", Error("ERR No such user 'nobody'")),
    row("CLIENT KILL TYPE nobody", Error("ERR Unknown client type 'nobody'")),
    row("CLIENT KILL SKIPME perhaps", SYNTAX),
]
