"""about.py - what the server says of itself."""
from reply_rows import *

ROWS = [
    row("ROLE", ["master", 0, []]),
    row("ROLE x", arity("role")),
    row("TIME", [matching("[0-9]{10}"), matching("[0-9]{1,6}")]),
    row("TIME x", arity("time")),
    row("LOLWUT", matching("HyperCache ver. [0-9.]+\n"), differs="it has a name of its own"),
    row("LOLWUT VERSION 9", matching("HyperCache ver. [0-9.]+\n"), differs="it has a name of its own"),
    row("LOLWUT VERSION x", NOT_INTEGER),
]
