"""connection.py - what a client says of itself."""
from reply_rows import *

ROWS = [
    row("PING", Status("PONG")),
    row("PING hello", "hello"),
    row("PING a b", arity("ping")),
    row("PING ''", ""),
    row("ECHO hello", "hello"),
    row("ECHO '\r\n\x00\xff'", "\r\n\x00\xff"),
    row("ECHO", arity("echo")),
]
