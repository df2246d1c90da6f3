"""test_differential.py - random commands to HyperCache and to a Redis server: the same bytes come back.

Each round empties both servers and sends the same pipeline to both, in RESP2 or RESP3.  Replies are
compared byte for byte, but for what cannot be equal: the order in which keys are listed, and times,
which may lie a little apart.  What differs on purpose is not asked for here; docs/compatibility.md
lists it.  A failure prints the seed: SEED=n repeats the run, ROUNDS=n makes it longer or shorter.
"""
import os
import random
import re

from harness import Client, Daemon, encode, equal, main, note
from redis_server import Redis

ROUNDS = int(os.environ.get("ROUNDS", "500"))
COMMANDS_A_ROUND = 40
TIME_SLACK = {b"TTL": 10, b"PTTL": 10_000, b"EXPIRETIME": 10, b"PEXPIRETIME": 10_000}
UNORDERED = {b"KEYS", b"SCAN"}

INT64_MAX = 2**63 - 1
KEYS = [b"a", b"b", b"c", b"key:1", b"key:2", b"", b"two words", b"\xff\x00\r\n", b"K" * 300]
INTEGERS = [0, 1, -1, 2, 7, 41, 100, -100, 65535, 10**10, INT64_MAX, -INT64_MAX, -INT64_MAX - 1]
NOT_INTEGERS = [b"", b"abc", b"1.5", b" 1", b"1 ", b"+1", b"01", b"-0", b"1e3", b"0x10",
                b"9223372036854775808", b"-9223372036854775809", b"99999999999999999999999"]
FLOATS = [b"0", b"1.5", b"-1.5", b"0.1", b"3.0e3", b"1e-7", b"10.50", b"-0", b"123456789.125", b"1e17"]
NOT_FLOATS = [b"abc", b"", b" 1", b"nan", b"inf", b"-inf", b"1e5000", b"1,5", b"1.5x"]
TEXTS = [b"", b"x", b"hello", b"\r\n+OK\r\n", b"\x00\x01\xff", b"z" * 100, b"y" * 5000]
PATTERNS = [b"*", b"", b"a", b"?", b"key:*", b"[a-b]", b"[^a]", b"*words", b"\\a", b"[", b"k*:1", b"K*K"]


class RawClient(Client):
    """Also tells a reply's bytes."""

    def read_raw(self):
        start = self.at
        value = self._value(0)
        raw = bytes(self.buffer[start : self.at])
        if self.at == len(self.buffer):
            self.buffer.clear()
            self.at = 0
        return raw, value


class Generator:
    """Makes commands; every choice follows from the seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.times = 0

    def pick(self, choices):
        return self.random.choice(choices)

    def chance(self, percent):
        return self.random.random() * 100 < percent

    def key(self):
        return self.pick(KEYS)

    def integer(self):
        return self.pick(NOT_INTEGERS) if self.chance(10) else b"%d" % self.pick(INTEGERS)

    def value(self):
        kind = self.random.randrange(4)
        if kind == 0:
            return b"%d" % self.pick(INTEGERS)
        return self.pick([TEXTS, FLOATS, NOT_INTEGERS][kind - 1])

    def seconds(self):
        """Never twice the same, so that it does not matter how long the test takes; or an edge."""
        if self.chance(20):
            return self.integer_edge()
        self.times += 1
        return b"%d" % (1000 * self.random.randrange(1, 1000) + 1_000_000 * (self.times % 1000) + 1_000_000)

    def integer_edge(self):
        return self.pick(NOT_INTEGERS + [b"%d" % INT64_MAX, b"-1", b"0", b"%d" % (-INT64_MAX - 1)])

    def point_ms(self):
        return b"%d" % (4_000_000_000_000 + self.random.randrange(1000) * 1_000_000)

    def point(self):
        return b"%d" % (4_000_000_000 + self.random.randrange(1000) * 1000)

    def expiry_option(self, last):
        return self.pick([
            lambda: [self.case(b"EX"), self.seconds()],
            lambda: [self.case(b"PX"), self.seconds()],
            lambda: [self.case(b"EXAT"), self.point()],
            lambda: [self.case(b"PXAT"), self.point_ms()],
            lambda: [self.case(last)],
        ])()

    def case(self, word):
        return self.pick([word, word.lower(), word.title()])

    def set_options(self):
        options = []
        for option in ([b"NX"], [b"XX"], [b"GET"]):
            if self.chance(20):
                options.append([self.case(option[0])])
        if self.chance(50):
            options.append(self.expiry_option(b"KEEPTTL"))
        if self.chance(5):
            options.append([self.pick([b"foo", b"EX", b"", b"PERSIST"])])
        self.random.shuffle(options)
        return sum(options, [])

    def conditions(self):
        words = [w for w in (b"NX", b"XX", b"GT", b"LT") if self.chance(15)]
        if self.chance(3):
            words.append(b"what")
        return words

    def keys(self):
        return [self.key() for _ in range(self.random.randrange(1, 5))]

    def pairs(self):
        return sum(([self.key(), self.value()] for _ in range(self.random.randrange(1, 4))), [])

    def offset(self):
        return self.pick([b"0", b"1", b"5", b"-1", b"-3", b"100", b"-100", self.integer()])

    def small_offset(self):
        return self.pick([b"0", b"1", b"5", b"90", b"-1", b"536870912", b"%d" % INT64_MAX, b"abc"])

    def bit_offset(self):
        return self.pick([b"0", b"1", b"7", b"8", b"9", b"100", b"4099", b"70001", b"-1", b"4294967296", b"x"])

    def bit_range(self):
        index = [b"0", b"1", b"-1", b"2", b"-2", b"5", b"9", b"-9", b"40", b"-40", b"x", b"%d" % INT64_MAX]
        return self.pick([[], [self.pick(index)], [self.pick(index), self.pick(index)],
                          [self.pick(index), self.pick(index), self.case(self.pick([b"BIT", b"BYTE", b"what"]))]])

    def bit_fields(self, actions):
        words = []
        for _ in range(self.random.randrange(4)):
            action = self.pick(actions)
            if action == b"OVERFLOW":
                words += [action, self.case(self.pick([b"WRAP", b"SAT", b"FAIL", b"what"] if self.chance(20)
                                                      else [b"WRAP", b"SAT", b"FAIL"]))]
                continue
            kind = self.pick([b"u1", b"i1", b"u8", b"i8", b"u5", b"i13", b"u63", b"i64", b"u64", b"i65", b"x8"]
                             if self.chance(20) else [b"u1", b"i1", b"u8", b"i8", b"u5", b"i13", b"u63", b"i64"])
            words += [self.case(action), kind, self.pick([b"0", b"1", b"6", b"#0", b"#1", b"#7", b"100"])
                      if self.chance(90) else self.bit_offset()]
            if action != b"GET":
                number = self.integer() if self.chance(30) else b"%d" % self.random.randrange(-300, 300)
                words.append(b"9" if number.startswith(b"-92233720368547758") else number)  # Redis wraps inside
        return words

    def lcs_options(self):
        return sum((self.pick([[b"LEN"], [b"IDX"], [b"WITHMATCHLEN"], [b"MINMATCHLEN", b"2"],
                               [b"MINMATCHLEN", b"-1"], [b"MINMATCHLEN", b"x"], [b"MINMATCHLEN"], [b"what"]]
                              if self.chance(20) else [[b"LEN"], [b"IDX"], [b"WITHMATCHLEN"]])
                    for _ in range(self.random.randrange(3))), [])

    def scan_options(self):
        options = []
        for word, value in ((b"MATCH", self.pick(PATTERNS)), (b"COUNT", b"1000"), (b"TYPE", b"string")):
            if self.chance(30):
                options += [self.case(word), value]
        if self.chance(10):
            options += self.pick([[b"COUNT", b"0"], [b"COUNT", b"x"], [b"foo"], [b"MATCH"]])
        return [b"COUNT", b"1000"] + options

    def table(self):
        k, v, i, s = self.key, self.value, self.integer, self.seconds
        return {
            b"GET": lambda: [k()], b"SET": lambda: [k(), v()] + self.set_options(),
            b"SETEX": lambda: [k(), s(), v()], b"PSETEX": lambda: [k(), s(), v()],
            b"SETNX": lambda: [k(), v()], b"GETSET": lambda: [k(), v()], b"GETDEL": lambda: [k()],
            b"GETEX": lambda: [k()] + (self.expiry_option(b"PERSIST") if self.chance(70) else []),
            b"MGET": self.keys, b"MSET": self.pairs, b"MSETNX": self.pairs,
            b"APPEND": lambda: [k(), v()], b"STRLEN": lambda: [k()],
            b"GETRANGE": lambda: [k(), self.offset(), self.offset()],
            b"SUBSTR": lambda: [k(), self.offset(), self.offset()],
            b"SETRANGE": lambda: [k(), self.small_offset(), v()],
            b"INCR": lambda: [k()], b"DECR": lambda: [k()], b"INCRBY": lambda: [k(), i()],
            b"DECRBY": lambda: [k(), i()],
            b"INCRBYFLOAT": lambda: [k(), self.pick(FLOATS if self.chance(80) else NOT_FLOATS)],
            b"SETBIT": lambda: [k(), self.bit_offset(), self.pick([b"0", b"1", b"1", b"2", b"x"])],
            b"GETBIT": lambda: [k(), self.bit_offset()],
            b"BITCOUNT": lambda: [k()] + self.bit_range(),
            b"BITPOS": lambda: [k(), self.pick([b"0", b"1", b"0", b"1", b"2", b"x"])] + self.bit_range(),
            b"BITOP": lambda: [self.case(self.pick([b"AND", b"OR", b"XOR", b"NOT", b"what"])), k()] + self.keys(),
            b"BITFIELD": lambda: [k()] + self.bit_fields([b"GET", b"SET", b"INCRBY", b"OVERFLOW"]),
            b"BITFIELD_RO": lambda: [k()] + self.bit_fields([b"GET", b"GET", b"GET", b"SET"]),
            b"LCS": lambda: [k(), k()] + self.lcs_options(),
            b"DEL": self.keys, b"UNLINK": self.keys, b"EXISTS": self.keys, b"TOUCH": self.keys,
            b"TYPE": lambda: [k()], b"RENAME": lambda: [k(), k()], b"RENAMENX": lambda: [k(), k()],
            b"COPY": lambda: [k(), k()] + self.pick([[], [], [b"REPLACE"], [b"DB", b"1"], [b"DB", b"99"],
                                                     [b"db", b"2", b"replace"], [b"DB"], [b"x"]]),
            b"MOVE": lambda: [k(), self.pick([b"1", b"1", b"2", b"0", b"16", b"-1", b"x", b"99999999999"])],
            b"SWAPDB": lambda: self.pick([[b"0", b"1"], [b"1", b"2"], [b"2", b"0"], [b"x", b"0"], [b"0", b"x"],
                                          [b"0", b"16"], [b"-1", b"0"], [b"1", b"1"]]),
            b"WAIT": lambda: self.pick([[b"0", b"0"], [b"x", b"0"], [b"0", b"x"], [b"0", b"-1"]]),
            b"EXPIRE": lambda: [k(), s()] + self.conditions(),
            b"PEXPIRE": lambda: [k(), s()] + self.conditions(),
            b"EXPIREAT": lambda: [k(), self.pick([self.point(), b"0", b"-5", b"1", b"abc"])] + self.conditions(),
            b"PEXPIREAT": lambda: [k(), self.pick([self.point_ms(), b"0", b"-5", b"1"])] + self.conditions(),
            b"TTL": lambda: [k()], b"PTTL": lambda: [k()], b"EXPIRETIME": lambda: [k()],
            b"PEXPIRETIME": lambda: [k()], b"PERSIST": lambda: [k()],
            b"SCAN": lambda: [self.pick([b"0", b"0", b"0", b"x", b""])] + self.scan_options(),
            b"KEYS": lambda: [self.pick(PATTERNS)], b"DBSIZE": lambda: [],
            b"FLUSHDB": lambda: self.pick([[], [b"SYNC"], [b"async"], [b"x"]]),
            b"PING": lambda: self.pick([[], [b"hi"], [b"\r\n"]]), b"ECHO": lambda: [v()],
            b"SELECT": lambda: [self.pick([b"0", b"0", b"1", b"2", b"16", b"-1", b"x y", b"%d" % INT64_MAX])],
            b"CLIENT": lambda: self.pick([[b"GETNAME"], [b"SETNAME", b"me"], [b"SETNAME", b"a b"],
                                          [b"SETNAME", b""], [b"nope"], [b"NO-EVICT", b"on"], [],
                                          [b"LIST", b"TYPE", b"what"], [b"LIST", b"ID", b"x"],
                                          [b"SETNAME", b"\r\n"]]),
            b"CONFIG": lambda: self.pick([[b"GET", b"save"], [b"GET", b"appendonly"], [b"GET", b"nope"],
                                          [b"GET", b"databases"], [b"GET", b"timeout"], [b"what"], [],
                                          [b"SET", b"nope", b"1"], [b"SET", b"maxmemory", b"x"],
                                          [b"GET", b"slave-read-only"], [b"SET", b"maxmemory"],
                                          [b"SET", b"maxmemory", b"1g", b"maxmemory", b"2g"]]),
            b"OBJECT": lambda: self.pick([[b"FREQ", k()], [b"nope"], [], [b"ENCODING"], [b"REFCOUNT", b"none"],
                                          [b"ENCODING", b"none"]]),
            b"COMMAND": lambda: self.pick([[b"GETKEYS", b"mset", b"a", b"1", b"b", b"2"], [b"what"],
                                           [b"GETKEYS", b"nope", b"x"], [b"GETKEYS", b"ping", b"x"],
                                           [b"GETKEYS", b"set", b"x"], [b"DOCS", b"nope"],
                                           [b"INFO", b"nope"], [b"LIST", b"FILTERBY", b"x"],
                                           [b"GETKEYS", b"rename", b"a", b"b"], [b"COUNT", b"x"]]),
            b"AUTH": lambda: self.pick([[b"pw"], [b"default", b"pw"], [b"who", b"pw"], [b"a", b"b", b"c"], []]),
            b"HELLO": lambda: self.pick([[b"4"], [b"x"], [b"3", b"AUTH", b"x"], [b"2", b"what"],
                                         [b"3", b"AUTH", b"who", b"pw"]]),
            b"MEMORY": lambda: self.pick([[b"USAGE", b"none"], [b"nope"], []]),
            b"SHUTDOWN": lambda: self.pick([[b"what"], [b"SAVE", b"NOSAVE"], [b"ABORT"]]),
            b"RANDOMKEY": lambda: [b"x"], b"TIME": lambda: [b"x"],
            b"nonsense": lambda: [v() for _ in range(self.random.randrange(4))],
            b"non\r\nsense": lambda: [v()],
        }

    def command(self, table, names):
        name = self.pick(names)
        args = table[name]()
        if self.chance(4) and args and name not in (b"FLUSHDB", b"SHUTDOWN", b"KEYS"):
            args = args[:-1]  # one too few
        elif self.chance(2) and name not in (b"SCAN", b"SHUTDOWN"):
            args = args + [b"extra"]
        return [self.case(name) if name.isalpha() else name] + args

    def round(self):
        table = self.table()
        names = list(table)
        return [self.command(table, names) for _ in range(COMMANDS_A_ROUND)]


def _fair(command):
    """Not a command whose answer differs by design."""
    name = command[0].upper()
    if name == b"TIME" or name == b"RANDOMKEY":
        return len(command) != 1
    if name == b"SHUTDOWN":
        return len(command) > 1
    if name == b"HELLO":
        return len(command) > 1 and command[1] not in (b"2", b"3") or len(command) > 2
    if name == b"COMMAND":
        if command[1:2] == [b"GETKEYS"] and len(command) == 3:
            return False  # the arity is -3 since Redis 7.2
        return len(command) > 1 and not (command[1] in (b"DOCS", b"INFO", b"LIST", b"COUNT") and len(command) == 2)
    if name == b"CLIENT" and command[1:2] == [b"LIST"]:
        return len(command) == 4
    return True


def _listed(raw, value):
    """A listing without its order."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[1], list):
        return value[0], sorted(value[1])  # SCAN
    return sorted(value) if isinstance(value, list) else raw


def _same(command, ours, theirs):
    name = command[0].upper()
    if ours[0] == theirs[0]:
        return True
    if name in UNORDERED:
        return _listed(*ours) == _listed(*theirs)
    if name in TIME_SLACK and isinstance(ours[1], int) and isinstance(theirs[1], int):
        return ours[1] > 0 and theirs[1] > 0 and abs(ours[1] - theirs[1]) <= TIME_SLACK[name]
    return False


def _play(clients, commands):
    data = b"".join(encode(*command) for command in commands)
    for client in clients:
        client.send(data)
    ours, theirs = ([client.read_raw() for _ in commands] for client in clients)
    for number, command in enumerate(commands):
        if not _same(command, ours[number], theirs[number]):
            before = "\n    ".join(repr(c).replace("K" * 300, "K*300") for c in commands[: number + 1])
            raise AssertionError(f"{command}\n  ours   {ours[number][0]!r}\n  theirs {theirs[number][0]!r}\n"
                                 f"  after\n    {before}")


def _connect(ports, protocol):
    return [RawClient(port, protocol) for port in ports]


def test_random_commands_get_the_same_replies():
    seed = int(os.environ.get("SEED", random.randrange(2**32)))
    compared = 0
    with Daemon() as server, Redis(server.folder) as redis:
        ports = (server.port, redis.port)
        by_protocol = {2: _connect(ports, 2), 3: _connect(ports, 3)}
        for number in range(ROUNDS):
            generator = Generator(seed + number)
            clients = by_protocol[2 + number % 2]
            commands = [[b"FLUSHALL"], [b"SELECT", b"0"], [b"CLIENT", b"SETNAME", b""]]
            commands += [command for command in generator.round() if _fair(command)]
            try:
                _play(clients, commands)
            except AssertionError as error:
                raise AssertionError(f"SEED={seed + number} ROUNDS=1 (protocol {2 + number % 2}): {error}") from None
            compared += len(commands)
        for clients in by_protocol.values():
            for client in clients:
                client.close()
    note(f"{compared} replies, seed {seed}")


# ---- the table ----

OURS_ALONE = {b"client|setinfo", b"client|no-touch",  # Redis 7.2 has them, Debian's 7.0 has not
              b"msetex", b"delex", b"digest",  # Redis 8.4
              b"delifeq"}  # Valkey 9
OURS_BY_DESIGN = (b"store", b"cf.", b"hc.")  # Redis has them in a module, or not at all
DIFFERENT_ARITY = {b"command|getkeys"}  # -3 since 7.2
DIFFERENT_FLAGS = {b"client|list"}


def _is_ours(name):
    return name in OURS_ALONE or name.startswith(OURS_BY_DESIGN)


def _rows(client):
    rows = {row[0]: row for row in client.command("COMMAND")}
    for row in list(rows.values()):
        rows.update({sub[0]: sub for sub in row[9]})
    return rows


def _key_specs(row):
    """Without the notes, which are prose."""
    specs = []
    for spec in row[8]:
        pairs = dict(zip(spec[::2], spec[1::2]))
        pairs.pop(b"notes", None)
        specs.append(pairs)
    return specs


def test_command_describes_each_command_as_redis_does():
    with Daemon() as server, Redis(server.folder) as redis:
        with Client(server.port) as ours, Client(redis.port) as theirs:
            have, want = _rows(ours), _rows(theirs)
    unknown = sorted(name for name in set(have) - set(want) if not _is_ours(name))
    equal(unknown, [])
    for name, row in have.items():
        if _is_ours(name):
            continue
        for place, what in ((1, "arity"), (2, "flags"), (3, "first key"), (4, "last key"), (5, "step"),
                            (6, "categories")):
            if place == 1 and name in DIFFERENT_ARITY:
                continue
            mine, his = row[place], want[name][place]
            if isinstance(mine, list):
                mine, his = sorted(mine), sorted(his)
            assert mine == his, f"{name.decode()}: {what} {mine}, in Redis {his}"
        equal(_key_specs(row), _key_specs(want[name]))
    note(f"{len(have)} rows")


def test_documentation_has_the_shape_that_redis_cli_reads():
    with Daemon() as server, Redis(server.folder) as redis:
        for protocol in (2, 3):
            with Client(server.port, protocol) as ours, Client(redis.port, protocol) as theirs:
                have, want = (client.command("COMMAND", "DOCS", "getex", "copy", "client|setname", "scan")
                              for client in (ours, theirs))
                equal(_names(have), _names(want))


def _names(docs):
    """All argument names and types of COMMAND DOCS, depth first, as one text."""
    text = repr(docs)
    found = re.findall(r"b'(?:name|type|token)'[:,] b'([^']*)'", text)
    return sorted(found)


if __name__ == "__main__":
    main(globals())
