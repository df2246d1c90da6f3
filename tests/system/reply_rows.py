"""reply_rows.py - the language of the tables in replies/: a command, and the bytes that answer it.

    ROWS = [
        row("GET k", NULL),
        row("GET k", "v", setup="SET k v"),
        row("INCR k", NOT_INTEGER, setup="SET k abc"),
        row("CONFIG GET save", {"save": ""}),
        row("SET k v EX 100", OK, then=["TTL k", between(99, 100)]),
        row("WATCH k", OK, then=["MULTI", OK, "2> SET k x", OK, "EXEC", NULL_ARRAY]),
    ]

A command is a text split at blanks, where '...' and "..." hold blanks, or a tuple of arguments.
One character is one byte.  "2> ..." is sent by a second client, "3> ..." by a third; "<" sends
nothing and takes what the server says unasked ("2> <" to the second client).  Each row starts with
empty databases and connections fresh or RESET.  `setup` is one command or a list, which must not
fail; `then` is commands and replies in turn.

A reply is written down as a value; in each protocol it stands for exactly one string of bytes:

    5             :5                    "text"        $4 text          ["a", 1]      *2 ...
    OK            +OK                   Status("x")   +x               Error("ERR")  -ERR
    NULL          $-1  or  _            NULL_ARRAY    *-1  or  _       {"k": "v"}    *2  or  %1
    True          :1   or  #t           Real("1.5")   $3 1.5 or ,1.5   Set(["a"])    *1  or  ~1
    Push(["a"])   *1   or  >1           Verbatim("t") $1 t   or  =5 txt:t
    by(two, three)   what else differs          several(a, b)   a command with several replies
    NOTHING          no reply

and what cannot be exact is a matcher: between(1, 9), matching("regular expression"), error_like("..."),
unordered([...]), any_map_with({...}), such_that(function of the value), ANY.
"""
import inspect
import re

from resp_client import Client

__all__ = [
    "ANY", "Error", "NOTHING", "NOT_FLOAT", "NOT_INTEGER", "NULL", "NULL_ARRAY", "OK", "Push", "QUEUED",
    "Real", "Set", "Status", "SYNTAX", "Verbatim", "WRONGTYPE", "any_map_with", "arity", "between", "by",
    "error_like", "matching", "row", "several", "such_that", "unknown_subcommand", "unordered",
]


def octets(value):
    """An argument or a text as bytes; one character is one byte."""
    if isinstance(value, bytes):
        return value
    return value.encode("latin-1") if isinstance(value, str) else b"%d" % value


# ---- what came: a tree of (kind, payload), which has all of the reply's bytes but the sizes ----


class Node:
    """One reply: kind is its first byte, payload its line or bytes, or a list of Nodes."""

    def __init__(self, kind, payload):
        self.kind, self.payload = kind, payload

    def __repr__(self):
        if isinstance(self.payload, list):
            return f"{self.kind.decode()}[{', '.join(map(repr, self.payload))}]"
        return f"{self.kind.decode()}{repr(self.payload)[1:]}"

    def leaf(self):
        """The payload of a scalar, None of an aggregate."""
        return self.payload if isinstance(self.payload, bytes) else None


class NodeClient(Client):
    """A client that keeps the kind of every reply."""

    def read_node(self):
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind in b"+-:_#,(":
            return Node(kind, rest)
        size = int(rest)
        if b"%d" % size != rest:
            raise AssertionError(f"a size written as {rest!r}")
        if size < 0:
            return Node(kind, rest + b"\r\n")  # no text can be this
        if kind in b"$=!":
            return Node(kind, self._bytes(size))
        if kind not in b"*%~>|":
            raise AssertionError(f"not a reply: {line!r}")
        return Node(kind, [self.read_node() for _ in range(2 * size if kind in b"%|" else size)])


# ---- what is expected ----


class Expected:
    """Anything with matches(node, protocol)."""

    def matches(self, node, protocol):
        raise NotImplementedError


class Scalar(Expected):
    """Kind and payload in RESP2 and in RESP3."""

    def __init__(self, two, three=None):
        self.forms = {2: two, 3: three or two}

    def matches(self, node, protocol):
        return (node.kind, node.payload) == self.forms[protocol]

    def __repr__(self):
        return f"{self.forms[2]}" if self.forms[2] == self.forms[3] else f"{self.forms[2]} or {self.forms[3]}"


class Aggregate(Expected):
    """Items behind each other, under one kind in RESP2 and another in RESP3."""

    def __init__(self, items, two=b"*", three=b"*"):
        self.items, self.kinds = list(items), {2: two, 3: three}

    def matches(self, node, protocol):
        return (node.kind == self.kinds[protocol] and isinstance(node.payload, list)
                and len(node.payload) == len(self.items)
                and all(matches(item, got, protocol) for item, got in zip(self.items, node.payload)))

    def __repr__(self):
        return f"{self.kinds[3].decode()}{self.items!r}"


class Matcher(Expected):
    """Accepts by a function of node and protocol."""

    def __init__(self, name, accepts):
        self.name, self.accepts = name, accepts

    def matches(self, node, protocol):
        return self.accepts(node, protocol)

    def __repr__(self):
        return self.name


class Several(Expected):
    """The replies of one command that gives none, or several."""

    def __init__(self, items):
        self.items = items

    def __repr__(self):
        return f"several{self.items!r}"


def expected(value):
    """The Expected that a value of the table stands for."""
    if isinstance(value, Expected):
        return value
    if isinstance(value, bool):
        return Scalar((b":", b"%d" % value), (b"#", b"t" if value else b"f"))
    if isinstance(value, int):
        return Scalar((b":", b"%d" % value))
    if isinstance(value, (str, bytes)):
        return Scalar((b"$", octets(value)))
    if isinstance(value, list):
        return Aggregate(value)
    if isinstance(value, dict):
        return Aggregate([part for pair in value.items() for part in pair], b"*", b"%")
    raise TypeError(f"{value!r} is no reply")


def matches(value, node, protocol):
    """Whether a reply is what a value of the table stands for."""
    return expected(value).matches(node, protocol)


def Status(text):
    return Scalar((b"+", octets(text)))


def Error(text):
    return Scalar((b"-", octets(text)))


def Real(text):
    return Scalar((b"$", octets(text)), (b",", octets(text)))


def Verbatim(text, form="txt"):
    return Scalar((b"$", octets(text)), (b"=", octets(form) + b":" + octets(text)))


def Set(items):
    return Aggregate(items, b"*", b"~")


def Push(items):
    return Aggregate(items, b"*", b">")


def by(two, three):
    """Another reply in RESP2 than in RESP3."""
    return Matcher(f"by({two!r}, {three!r})",
                   lambda node, protocol: matches(two if protocol == 2 else three, node, protocol))


def several(*items):
    return Several(items)


OK = Status("OK")
QUEUED = Status("QUEUED")
NULL = Scalar((b"$", b"-1\r\n"), (b"_", b""))
NULL_ARRAY = Scalar((b"*", b"-1\r\n"), (b"_", b""))
NOTHING = several()
ANY = Matcher("ANY", lambda node, protocol: node.kind != b"-")
SYNTAX = Error("ERR syntax error")
NOT_INTEGER = Error("ERR value is not an integer or out of range")
NOT_FLOAT = Error("ERR value is not a valid float")
WRONGTYPE = Error("WRONGTYPE Operation against a key holding the wrong kind of value")


def arity(name):
    """The error of a command with too few or too many arguments."""
    return Error(f"ERR wrong number of arguments for '{name}' command")


def unknown_subcommand(container, name):
    return Error(f"ERR unknown subcommand '{name}'. Try {container} HELP.")


def between(low, high):
    """An integer from `low` to `high`."""
    return Matcher(f"between({low}, {high})",
                   lambda node, protocol: node.kind == b":" and low <= int(node.payload) <= high)


def matching(pattern):
    """A bulk string, verbatim string or status of which all matches."""
    compiled = re.compile(octets(pattern), re.S)

    def accepts(node, protocol):
        text = node.payload[4:] if node.kind == b"=" else node.payload
        return node.kind in b"$+=" and bool(compiled.fullmatch(text))

    return Matcher(f"matching({pattern!r})", accepts)


def error_like(pattern):
    """An error of which all matches."""
    compiled = re.compile(octets(pattern), re.S)
    return Matcher(f"error_like({pattern!r})",
                   lambda node, protocol: node.kind == b"-" and bool(compiled.fullmatch(node.payload)))


def unordered(items, kinds=b"*~"):
    """An array or set of these items in any order."""

    def accepts(node, protocol):
        if node.kind not in kinds or not isinstance(node.payload, list):
            return False
        left = list(node.payload)
        for item in items:
            found = next((got for got in left if matches(item, got, protocol)), None)
            if found is None:
                return False
            left.remove(found)
        return not left

    return Matcher(f"unordered({items!r})", accepts)


def any_map_with(fields):
    """A map (RESP2: a flat array) that has these fields among others."""

    def accepts(node, protocol):
        if node.kind != (b"*" if protocol == 2 else b"%"):
            return False
        have = {name.leaf(): got for name, got in zip(node.payload[::2], node.payload[1::2])}
        return all(octets(name) in have and matches(value, have[octets(name)], protocol)
                   for name, value in fields.items())

    return Matcher(f"any_map_with({fields!r})", accepts)


def such_that(accepts):
    """Any reply of whose Node `accepts(node)` is true."""
    return Matcher(f"such_that({inspect.getsource(accepts).strip()})", lambda node, protocol: accepts(node))


# ---- rows ----

WORD = re.compile(r"""'([^']*)'|"([^"]*)"|(\S+)""", re.S)
CLIENT = re.compile(r"(?:([2-9])> ?)?(.*)", re.S)


class Step:
    """One command of one client; `reply` None: of a setup, anything but an error."""

    def __init__(self, command, reply):
        self.client, self.text, self.reply = 1, command, reply
        if isinstance(command, str):
            number, text = CLIENT.fullmatch(command).groups()
            self.client = int(number or 1)
            self.args = [octets("".join(words)) for words in WORD.findall(text)]
        else:
            self.args = [octets(arg) for arg in command]
        self.listens = self.args == [b"<"]

    def replies(self):
        """What is to be read after it."""
        return self.reply.items if isinstance(self.reply, Several) else [self.reply]


class Row:
    """One promise: see the head of this file."""

    def __init__(self, steps, line, differs, unasked, alone, resp):
        self.steps, self.line = steps, line
        self.differs = differs  # why Redis 7.0 answers otherwise; it must
        self.unasked = unasked  # why Redis 7.0 is not asked at all
        self.alone = alone or any(step.client > 1 or step.listens for step in steps)
        self.protocols = (resp,) if resp else (2, 3)
        self.table = None

    def __repr__(self):
        return f"{self.table}:{self.line}"

    def names(self):
        """The commands whose replies it checks, as lists of words."""
        return [step.args for step in self.steps if step.reply is not None and not step.listens]


def row(command, reply, setup=(), then=(), differs=None, unasked=None, alone=False, resp=None):
    """One row; its place is that of the caller.  `differs` tells why Redis 7.0 answers otherwise,
    `unasked` why it must not be asked; `alone` gives the row connections that are closed after it; `resp` is the
    one protocol that it is about."""
    setup = [setup] if setup and isinstance(setup, (str, tuple)) else setup
    steps = [Step(one, None) for one in setup] + [Step(command, reply)]
    steps += [Step(one, want) for one, want in zip(then[::2], then[1::2])]
    if len(then) % 2 or any(step.listens and step.reply is None for step in steps):
        raise ValueError("`then` is commands and replies in turn; what is listened for is a reply")
    return Row(steps, inspect.currentframe().f_back.f_lineno, differs, unasked, alone, resp)
