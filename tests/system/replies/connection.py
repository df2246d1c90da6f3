"""connection.py - what a client says of itself and asks about the others; which commands there are."""
from reply_rows import *
from reply_rows import Scalar

BAD_NAME = Error("ERR Client names cannot contain spaces, newlines or special characters.")
NO_PASSWORD = Error("ERR AUTH <password> called without any password configured for the default user. "
                    "Are you sure your configuration is correct?")
WRONGPASS = Error("WRONGPASS invalid username-password pair or user is disabled.")
NOPROTO = Error("NOPROTO unsupported protocol version")
DATABASE = Error("ERR DB index is out of range")
NO_SUCH_CLIENT = Error("ERR No such client")
OF_7_2 = "since Redis 7.2"
OURS = "HyperCache's own"


def hello_fields(protocol):
    return [("server", "redis"), ("version", matching(r"7\.\d+\.\d+")), ("proto", protocol),
            ("id", between(1, 2**62)), ("mode", "standalone"), ("role", "master"), ("modules", [])]


HELLO_2 = [part for field in hello_fields(2) for part in field]
HELLO_3 = such_that(lambda node: node.kind == b"%" and any_map_with(dict(hello_fields(3))).matches(node, 3)
                    and len(node.payload) == 14)


def help_of(container):
    """Some statuses, the first and the last two of which are the same everywhere."""
    first = f"{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:".encode()
    return such_that(lambda node: node.payload[0].payload == first and node.payload[-2].payload == b"HELP"
                     and all(line.kind == b"+" for line in node.payload))


GREETING_ROWS = [
    row("PING", Status("PONG")),
    row("ping hello", "hello"),
    row("PING ''", ""),
    row("PING a b", arity("ping")),
    row("ECHO hello", "hello"),
    row("ECHO '\r\n\x00\xff'", "\r\n\x00\xff"),
    row("ECHO", arity("echo")),
    row("ECHO a b", arity("echo")),
    row("QUIT", OK, alone=True),
    row("RESET", Status("RESET"), setup=["CLIENT SETNAME me", "SELECT 3", "SET k v", "MULTI"],
        then=["CLIENT GETNAME", Scalar((b"$", b"-1\r\n")), "EXISTS k", 0, "EXEC", Error("ERR EXEC without MULTI"), "HELLO", HELLO_2],
        alone=True),
    row("RESET now", arity("reset")),
    row("SELECT 1", OK, then=["SET k v", OK, "SELECT 0", OK, "GET k", NULL, "SELECT 15", OK, "GET k", NULL]),
    row("SELECT 16", DATABASE),
    row("SELECT -1", DATABASE),
    row("SELECT 9999999999", Error("ERR value is out of range, value must between -2147483648 and 2147483647")),
    row("SELECT 'x y'", NOT_INTEGER),
    row("SELECT ''", NOT_INTEGER),
    row("SELECT", arity("select")),
    row("SELECT default", OK, differs=OURS),
    row("SELECT nowhere", Error("ERR no store 'nowhere', see STORES"), differs=OURS),
    row("AUTH pw", NO_PASSWORD),
    row("AUTH default pw", OK),
    row("AUTH who pw", WRONGPASS),
    row("AUTH a b c", SYNTAX),
    row("AUTH", arity("auth")),
    row("HELLO", by(HELLO_2, HELLO_3)),
    row("HELLO 2", HELLO_2),
    row("HELLO 3", HELLO_3, then=["GET k", Scalar((b"_", b""))]),
    row("HELLO 3 SETNAME me AUTH default pw", HELLO_3, then=["CLIENT GETNAME", "me"]),
    row("HELLO 4", NOPROTO),
    row("HELLO 1", NOPROTO),
    row("HELLO x", Error("ERR Protocol version is not an integer or out of range")),
    row("HELLO 3 AUTH who pw", WRONGPASS),
    row("HELLO 3 AUTH default", Error("ERR Syntax error in HELLO option 'AUTH'")),
    row("HELLO 3 SETNAME 'a b'", BAD_NAME),
    row("HELLO 3 what", Error("ERR Syntax error in HELLO option 'what'")),
    row("nonsense a 'b c'", Error("ERR unknown command 'nonsense', with args beginning with: 'a' 'b c' ")),
    row("'non\r\nsense'", Error("ERR unknown command 'non  sense', with args beginning with: ")),
]

CLIENT_ROWS = [
    row("CLIENT", arity("client")),
    row("CLIENT nope", unknown_subcommand("CLIENT", "nope")),
    row("CLIENT HELP", help_of("CLIENT")),
    row("CLIENT ID", between(1, 2**62)),
    row("CLIENT ID x", arity("client|id")),
    row("CLIENT GETNAME", NULL, then=["CLIENT SETNAME me", OK, "CLIENT GETNAME", "me", "CLIENT SETNAME ''", OK,
                                      "CLIENT GETNAME", NULL]),
    row("client setname 'a b'", BAD_NAME, then=["CLIENT GETNAME", NULL]),
    row("CLIENT SETNAME 'a\n'", BAD_NAME),
    row("CLIENT SETNAME", arity("client|setname")),
    row("CLIENT GETNAME x", arity("client|getname")),
    row("CLIENT INFO", matching(r"id=\d+ addr=[\d.:]+ laddr=[\d.:]+ fd=\d+ name=me age=\d+ idle=\d+ flags=N db=3 .*\n"),
        setup=["CLIENT SETNAME me", "SELECT 3"]),
    row("CLIENT INFO x", arity("client|info")),
    row("CLIENT LIST", matching(r".*\bname=me age=.* cmd=client\|list .*\n"), setup="CLIENT SETNAME me"),
    row("CLIENT LIST TYPE normal", matching(r".*\bname=me age=.*\n"), setup="CLIENT SETNAME me"),
    row("CLIENT LIST TYPE pubsub", by("", Verbatim(""))),
    row("CLIENT LIST ID 999999999", by("", Verbatim(""))),
    row("CLIENT LIST TYPE what", Error("ERR Unknown client type 'what'")),
    row("CLIENT LIST ID x", Error("ERR Invalid client ID")),
    row("CLIENT LIST what", SYNTAX),
    row("CLIENT REPLY OFF", NOTHING, then=["PING", NOTHING, "CLIENT REPLY ON", OK, "PING", Status("PONG")],
        alone=True),
    row("CLIENT REPLY SKIP", NOTHING, then=["PING", NOTHING, "PING a", "a"], alone=True),
    row("CLIENT REPLY what", SYNTAX),
    row("CLIENT REPLY", arity("client|reply")),
    row("CLIENT NO-EVICT on", OK, then=["CLIENT NO-EVICT OFF", OK]),
    row("CLIENT NO-EVICT what", SYNTAX),
    row("CLIENT NO-TOUCH on", OK, then=["CLIENT NO-TOUCH off", OK], differs=OF_7_2),
    row("CLIENT NO-TOUCH what", SYNTAX, differs=OF_7_2),
    row("CLIENT SETINFO lib-name redis-py", OK, differs=OF_7_2,
        then=["CLIENT SETINFO LIB-VER 1.2", OK, "CLIENT INFO", matching(r".* lib-name=redis-py lib-ver=1\.2\b.*\n")]),
    row("CLIENT SETINFO lib-name 'a b'", Error("ERR lib-name cannot contain spaces, newlines or special characters."),
        differs=OF_7_2),
    row("CLIENT SETINFO what x", Error("ERR Unrecognized option 'what'"), differs=OF_7_2),
    row("CLIENT SETINFO LIB-NAME", arity("client|setinfo"), differs=OF_7_2),
    row("CLIENT KILL 1.2.3.4:5", NO_SUCH_CLIENT),
    row("CLIENT KILL ID 999999999", 0),
    row("CLIENT KILL ID x", Error("ERR client-id should be greater than 0")),
    row("CLIENT KILL TYPE what", Error("ERR Unknown client type 'what'")),
    row("CLIENT KILL ADDR 1.2.3.4:5 LADDR 1.2.3.4:6", 0),
    row("CLIENT KILL SKIPME maybe", SYNTAX),
    row("CLIENT KILL what x y", SYNTAX),
    row("CLIENT KILL", arity("client|kill")),
    row("CLIENT KILL TYPE normal SKIPME yes", 1, setup=["2> PING"], alone=True),
]

COMMAND_ROWS = [
    row("COMMAND COUNT", between(100, 1000)),
    row("COMMAND COUNT x", arity("command|count")),
    row("COMMAND", such_that(lambda node: len(node.payload) > 100 and all(len(one.payload) == 10 for one in node.payload))),
    row("COMMAND INFO get nope", [
        ["get", 2, Set([Status("readonly"), Status("fast")]), 1, 1, 1,
         Set([Status("@read"), Status("@string"), Status("@fast")]), Set([]),
         Set([{"flags": Set([Status("RO"), Status("access")]),
               "begin_search": {"type": "index", "spec": {"index": 1}},
               "find_keys": {"type": "range", "spec": {"lastkey": 0, "keystep": 1, "limit": 0}}}]), Set([])],
        NULL]),
    row("COMMAND INFO", such_that(lambda node: len(node.payload) > 100)),
    row("COMMAND INFO 'client|id'", such_that(lambda node: node.payload[0].payload[0].payload == b"client|id")),
    row("COMMAND DOCS get", such_that(lambda node: node.payload[0].payload == b"get")),
    row("COMMAND DOCS nope", {}),
    row("COMMAND LIST FILTERBY PATTERN ec*", ["echo"]),
    row("COMMAND LIST FILTERBY MODULE nope", []),
    row("COMMAND LIST FILTERBY ACLCAT nope", []),
    row("COMMAND LIST", such_that(lambda node: len(node.payload) > 100)),
    row("COMMAND LIST FILTERBY what x", SYNTAX),
    row("COMMAND GETKEYS MSET a 1 b 2", ["a", "b"]),
    row("COMMAND GETKEYS SET k v", ["k"]),
    row("COMMAND GETKEYS BITOP AND r a b", ["r", "a", "b"]),
    row("COMMAND GETKEYS PING x", Error("ERR The command has no key arguments")),
    row("COMMAND GETKEYS nope x", Error("ERR Invalid command specified")),
    row("COMMAND GETKEYS SET x", Error("ERR Invalid number of arguments specified for command")),
    row("COMMAND GETKEYS", arity("command|getkeys")),
    row("COMMAND HELP", help_of("COMMAND")),
    row("COMMAND what", unknown_subcommand("COMMAND", "what")),
]

ROWS = GREETING_ROWS + CLIENT_ROWS + COMMAND_ROWS
