"""settings.py - CONFIG under Redis's names; each row puts back what it changes."""
from reply_rows import *


def failed(name, why):
    return Error(f"ERR CONFIG SET failed (possibly related to argument '{name}') - {why}")


ROWS = [
    row("CONFIG GET save", {"save": ""}),
    row("config get SAVE", {"SAVE": ""}),
    row("CONFIG GET sav? SAVE", {"save": ""}),
    row("CONFIG GET nope", {}),
    row("CONFIG GET databases", {"databases": "16"}),
    row("CONFIG GET appendonl?", {"appendonly": "no"}),
    row("CONFIG GET databases save databases", any_map_with({"databases": "16", "save": ""})),
    row("CONFIG GET *", such_that(lambda node: len(node.payload) > 30)),
    row("CONFIG GET", arity("config|get")),
    row("CONFIG SET maxmemory 100mb", OK, then=["CONFIG GET maxmemory", {"maxmemory": "104857600"},
                                                "CONFIG SET maxmemory 0", OK, "CONFIG GET maxmemory",
                                                {"maxmemory": "0"}]),
    row("CONFIG SET maxmemory x", failed("maxmemory", "argument must be a memory value")),
    row("CONFIG SET nope 1", Error("ERR Unknown option or number of arguments for CONFIG SET - 'nope'")),
    row("CONFIG SET maxmemory 1g maxmemory 2g",
        Error("ERR CONFIG SET failed (possibly related to argument 'maxmemory') - duplicate parameter"),
        then=["CONFIG GET maxmemory", {"maxmemory": "0"}]),
    row("CONFIG SET timeout 30 nope 1", Error("ERR Unknown option or number of arguments for CONFIG SET - 'nope'"),
        then=["CONFIG GET timeout", {"timeout": "0"}]),
    row("CONFIG SET port 1 maxmemory x", error_like("ERR CONFIG SET failed .*")),
    row("CONFIG SET maxmemory", arity("config|set")),
    row("CONFIG SET", arity("config|set")),
    row("CONFIG SET timeout 30", OK, then=["CONFIG GET timeout", {"timeout": "30"}, "CONFIG SET timeout 0", OK]),
    row("CONFIG SET timeout x", failed("timeout", "argument couldn't be parsed into an integer")),
    row("CONFIG SET notify-keyspace-events Ex", OK, then=[
        "CONFIG GET notify-keyspace-events", {"notify-keyspace-events": "xE"},
        "CONFIG SET notify-keyspace-events KEA", OK,
        "CONFIG GET notify-keyspace-events", {"notify-keyspace-events": "AKE"},
        "CONFIG SET notify-keyspace-events ''", OK]),
    row("CONFIG RESETSTAT", OK),
    row("CONFIG RESETSTAT x", arity("config|resetstat")),
    row("CONFIG HELP", such_that(lambda node: node.payload[-2].payload == b"HELP")),
    row("CONFIG what", unknown_subcommand("CONFIG", "what")),
    row("CONFIG", arity("config")),
]
