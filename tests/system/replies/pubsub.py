"""pubsub.py - publish and subscribe, and keyspace notifications."""
from reply_rows import *

ONLY = "only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
EVENTS = "CONFIG SET notify-keyspace-events"


LIMIT = "CONFIG SET client-output-buffer-limit"
OTHERS = "normal 0 0 0 slave 268435456 67108864 60 pubsub"


def not_set(why):
    return Error(f"ERR CONFIG SET failed (possibly related to argument 'client-output-buffer-limit') - {why}")


def refused(name):
    """What a RESP2 client is told that has subscribed."""
    return Error(f"ERR Can't execute '{name}': {ONLY}")


def confirm(what, name, count):
    return Push([what, name, count])


def message(channel, payload):
    return Push(["message", channel, payload])


def pmessage(pattern, channel, payload):
    return Push(["pmessage", pattern, channel, payload])


ROWS = [
    # ---- (un)subscribing ----
    row("SUBSCRIBE", arity("subscribe")),
    row("PSUBSCRIBE", arity("psubscribe")),
    row("SSUBSCRIBE", arity("ssubscribe")),
    row("SUBSCRIBE a", confirm("subscribe", "a", 1)),
    row("SUBSCRIBE a b a", several(confirm("subscribe", "a", 1), confirm("subscribe", "b", 2),
                                   confirm("subscribe", "a", 2))),
    row("PSUBSCRIBE a* [", several(confirm("psubscribe", "a*", 1), confirm("psubscribe", "[", 2))),
    row("SSUBSCRIBE a b", several(confirm("ssubscribe", "a", 1), confirm("ssubscribe", "b", 2))),
    row("SUBSCRIBE a", confirm("subscribe", "a", 1),
        then=["PSUBSCRIBE a", confirm("psubscribe", "a", 2), "SSUBSCRIBE a", confirm("ssubscribe", "a", 1),
              "UNSUBSCRIBE a", confirm("unsubscribe", "a", 1), "PUNSUBSCRIBE a", confirm("punsubscribe", "a", 0),
              "SUNSUBSCRIBE a", confirm("sunsubscribe", "a", 0), "ECHO free", "free"]),
    row("SUBSCRIBE ''", confirm("subscribe", "", 1)),
    row("SUBSCRIBE '\x00\r\n\xff'", confirm("subscribe", "\x00\r\n\xff", 1)),
    row("UNSUBSCRIBE", confirm("unsubscribe", NULL, 0)),
    row("PUNSUBSCRIBE", confirm("punsubscribe", NULL, 0)),
    row("SUNSUBSCRIBE", confirm("sunsubscribe", NULL, 0)),
    row("UNSUBSCRIBE a b", several(confirm("unsubscribe", "a", 0), confirm("unsubscribe", "b", 0))),
    row("PUNSUBSCRIBE a*", confirm("punsubscribe", "a*", 0)),
    row("SUNSUBSCRIBE a", confirm("sunsubscribe", "a", 0)),
    row("PSUBSCRIBE p", confirm("psubscribe", "p", 1), then=["UNSUBSCRIBE", confirm("unsubscribe", NULL, 1)]),
    row("SUBSCRIBE a", confirm("subscribe", "a", 1), then=["UNSUBSCRIBE", confirm("unsubscribe", "a", 0)]),
    row("CLIENT REPLY OFF", NOTHING, then=["SUBSCRIBE a", confirm("subscribe", "a", 1),
                                           "UNSUBSCRIBE", confirm("unsubscribe", "a", 0)]),

    # ---- what a subscriber may do ----
    row("SUBSCRIBE a", confirm("subscribe", "a", 1),
        then=["PING", by(["pong", ""], Status("PONG")), "PING x", by(["pong", "x"], "x"),
              "GET k", by(refused("get"), NULL), "PUBLISH x y", by(refused("publish"), 0),
              "MULTI", by(refused("multi"), OK)]),
    row("SSUBSCRIBE a", confirm("ssubscribe", "a", 1), then=["GET k", by(refused("get"), NULL)]),
    row("PSUBSCRIBE a", confirm("psubscribe", "a", 1),
        then=["CLIENT ID", by(refused("client|id"), such_that(lambda reply: int(reply.payload) > 0))]),
    row("SUBSCRIBE a", confirm("subscribe", "a", 1), then=["RESET", Status("RESET"), "ECHO free", "free"]),
    row("SUBSCRIBE a", confirm("subscribe", "a", 1), then=["GET", arity("get")]),

    # ---- publishing ----
    row("PUBLISH a", arity("publish")),
    row("SPUBLISH a", arity("spublish")),
    row("PUBLISH a m", 0),
    row("SPUBLISH a m", 0),
    row("SUBSCRIBE a", confirm("subscribe", "a", 1), then=["2> PUBLISH a hello", 1, "<", message("a", "hello")]),
    row("SUBSCRIBE a", confirm("subscribe", "a", 1),
        then=["2> PUBLISH a 1", 1, "2> PUBLISH b 2", 0, "2> PUBLISH a 3", 1, "<", message("a", "1"),
              "<", message("a", "3")]),
    row("SUBSCRIBE a", confirm("subscribe", "a", 1),
        then=["2> SUBSCRIBE a", confirm("subscribe", "a", 1), "3> PUBLISH a m", 2, "<", message("a", "m"),
              "2> <", message("a", "m")]),
    row("PSUBSCRIBE n?ws*", confirm("psubscribe", "n?ws*", 1),
        then=["2> PUBLISH news m", 1, "2> PUBLISH nws m", 0, "<", pmessage("n?ws*", "news", "m")]),
    row("SUBSCRIBE news", confirm("subscribe", "news", 1),
        then=["PSUBSCRIBE n*", confirm("psubscribe", "n*", 2), "2> PUBLISH news m", 2,
              "<", message("news", "m"), "<", pmessage("n*", "news", "m")]),
    row("SSUBSCRIBE a", confirm("ssubscribe", "a", 1),
        then=["2> PUBLISH a m", 0, "2> SPUBLISH a m", 1, "<", Push(["smessage", "a", "m"])]),
    row("SUBSCRIBE a", confirm("subscribe", "a", 1), then=["2> SPUBLISH a m", 0]),
    row("SUBSCRIBE a", confirm("subscribe", "a", 1),
        then=["2> MULTI", OK, "2> PUBLISH a 1", QUEUED, "2> PUBLISH a 2", QUEUED, "2> EXEC", [1, 1],
              "<", message("a", "1"), "<", message("a", "2")]),
    row("SUBSCRIBE a", confirm("subscribe", "a", 1),
        then=["2> PUBLISH a m", 1, "<", message("a", "m"), "UNSUBSCRIBE a", confirm("unsubscribe", "a", 0),
              "2> PUBLISH a m", 0, "ECHO free", "free"]),

    # ---- PUBSUB ----
    row("PUBSUB", arity("pubsub")),
    row("PUBSUB nope", unknown_subcommand("PUBSUB", "nope")),
    row("PUBSUB CHANNELS", []),
    row("PUBSUB CHANNELS a b",
        Error("ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.")),
    row("PUBSUB SHARDCHANNELS a b",
        Error("ERR unknown subcommand or wrong number of arguments for 'SHARDCHANNELS'. Try PUBSUB HELP.")),
    row("PUBSUB NUMPAT", 0),
    row("PUBSUB NUMPAT x", arity("pubsub|numpat")),
    row("PUBSUB NUMSUB", []),
    row("PUBSUB NUMSUB a b", ["a", 0, "b", 0]),
    row("PUBSUB SHARDCHANNELS", []),
    row("PUBSUB SHARDNUMSUB", []),
    row("PUBSUB SHARDNUMSUB a", ["a", 0]),
    row("PUBSUB HELP", such_that(lambda reply: len(reply.payload) == 14)),
    row("SUBSCRIBE abc", confirm("subscribe", "abc", 1),
        then=["2> SUBSCRIBE abc xyz", several(confirm("subscribe", "abc", 1), confirm("subscribe", "xyz", 2)),
              "3> PUBSUB CHANNELS", unordered(["abc", "xyz"]), "3> PUBSUB CHANNELS a?c", ["abc"],
              "3> PUBSUB NUMSUB abc xyz no", ["abc", 2, "xyz", 1, "no", 0], "3> PUBSUB NUMPAT", 0]),
    row("PSUBSCRIBE a* b*", several(confirm("psubscribe", "a*", 1), confirm("psubscribe", "b*", 2)),
        then=["2> PSUBSCRIBE a*", confirm("psubscribe", "a*", 1), "3> PUBSUB NUMPAT", 2, "3> PUBSUB CHANNELS", []]),
    row("SSUBSCRIBE s", confirm("ssubscribe", "s", 1),
        then=["2> PUBSUB SHARDCHANNELS", ["s"], "2> PUBSUB SHARDCHANNELS t*", [], "2> PUBSUB SHARDNUMSUB s", ["s", 1],
              "2> PUBSUB CHANNELS", []]),

    # ---- client-output-buffer-limit ----
    row(f"{LIMIT} 'pubsub 10mb 5mb 10'", OK, then=[f"{LIMIT} ''", OK, "CONFIG GET client-output-buffer-limit",
        by(["client-output-buffer-limit", f"{OTHERS} 10485760 5242880 10"],
           {"client-output-buffer-limit": f"{OTHERS} 10485760 5242880 10"}),
        f"{LIMIT} 'pubsub 32mb 8mb 60 normal 0 0 0'", OK]),
    row(f"{LIMIT} 'pubsub 1 2'", not_set("Wrong number of arguments in buffer limit configuration.")),
    row(f"{LIMIT} 'x 1 2 3'", not_set("Invalid client class specified in buffer limit configuration.")),
    row(f"{LIMIT} 'pubsub a 2 3'",
        not_set("Error in hard, soft or soft_seconds setting in buffer limit configuration.")),
    row(f"{LIMIT} 'normal 1mb 0 0'", not_set("only the limits of class pubsub can change here"),
        differs="only pushed messages wait unread here; who does not read replies has to wait for them"),

    # ---- notify-keyspace-events ----
    row(f"{EVENTS} KEA", OK, then=["CONFIG GET notify-keyspace-events", by(["notify-keyspace-events", "AKE"],
                                                                           {"notify-keyspace-events": "AKE"}),
                                   f"{EVENTS} ''", OK]),
    row(f"{EVENTS} nKEg$m", OK, then=["CONFIG GET notify-keyspace-events", by(["notify-keyspace-events", "g$nKEm"],
                                                                              {"notify-keyspace-events": "g$nKEm"}),
                                      f"{EVENTS} ''", OK]),
    row(f"{EVENTS} q", Error("ERR CONFIG SET failed (possibly related to argument 'notify-keyspace-events') - "
                             "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")),
    row("PSUBSCRIBE __key*", confirm("psubscribe", "__key*", 1), setup=f"{EVENTS} KEA",
        then=["2> SET k v EX 9", OK, "<", pmessage("__key*", "__keyspace@0__:k", "set"),
              "<", pmessage("__key*", "__keyevent@0__:set", "k"), "<", pmessage("__key*", "__keyspace@0__:k", "expire"),
              "<", pmessage("__key*", "__keyevent@0__:expire", "k"), f"2> {EVENTS} ''", OK, "2> SET k v", OK]),
]
