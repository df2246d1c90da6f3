"""differential_commands.py - random commands for test_differential.py; each choice follows from the seed.

Three sources: a table of commands with arguments that mean something; any command that both servers
know, with arguments from a pool, among them the option words of that command; and scripts for
several connections (pub/sub, WATCH, notifications, tracking).
"""
import random

COMMANDS_MAX = 24  # of one sequence

INT64_MAX = 2**63 - 1
KEYS = [b"a", b"b", b"c", b"key:1", b"key:2", b"", b"two words", b"\xff\x00\r\n", b"K" * 300]
INTEGERS = [0, 1, -1, 2, 7, 41, 100, -100, 65535, 10**10, INT64_MAX, -INT64_MAX, -INT64_MAX - 1]
NOT_INTEGERS = [b"", b"abc", b"1.5", b" 1", b"1 ", b"+1", b"01", b"-0", b"1e3", b"0x10",
                b"9223372036854775808", b"-9223372036854775809", b"99999999999999999999999"]
FLOATS = [b"0", b"1.5", b"-1.5", b"0.1", b"3.0e3", b"1e-7", b"10.50", b"-0", b"123456789.125", b"1e17"]
NOT_FLOATS = [b"abc", b"", b" 1", b"nan", b"inf", b"-inf", b"1e5000", b"1,5", b"1.5x"]
TEXTS = [b"", b"x", b"hello", b"\r\n+OK\r\n", b"\x00\x01\xff", b"z" * 100, b"y" * 5000]
PATTERNS = [b"*", b"", b"a", b"?", b"key:*", b"[a-b]", b"[^a]", b"*words", b"\\a", b"[", b"k*:1", b"K*K"]
FIELD_TYPES = [b"u8", b"i8", b"u1", b"i64", b"u63", b"i5", b"u64", b"i65", b"x", b"u0"]
CHANNELS = [b"news", b"n:1", b"other", b"\xff\r\n"]
CHANNEL_PATTERNS = [b"*", b"n*", b"n?ws", b"[mn]:1", b"zzz"]
# Commands that are not asked at random, since their replies tell of time, process or version, since
# they wait, or since they would end the run.
NOT_FUZZED = {
    b"acl", b"auth", b"bgrewriteaof", b"bgsave", b"client|caching", b"client|info", b"client|kill", b"client|list",
    b"client|pause", b"client|reply", b"client|id", b"client|help", b"client|no-evict", b"client|tracking",
    b"client|unblock", b"client|trackinginfo", b"client|unpause", b"client|getredir", b"cluster", b"command",
    b"command|count", b"command|docs", b"command|help", b"command|info", b"command|list", b"command|getkeys",
    b"command|getkeysandflags", b"config|get", b"config|help", b"config|resetstat", b"config|rewrite",
    b"config|set", b"debug", b"dump", b"eval", b"exec", b"failover", b"flushall", b"hello", b"info", b"lastsave",
    b"latency|doctor", b"latency|graph", b"latency|help", b"latency|histogram", b"latency|history",
    b"latency|latest", b"latency|reset", b"lolwut", b"memory|doctor", b"memory|help", b"memory|malloc-stats",
    b"memory|purge", b"memory|stats", b"memory|usage", b"migrate", b"monitor", b"object|encoding",
    b"object|freq", b"object|help", b"object|idletime", b"object|refcount", b"psubscribe", b"psync", b"pubsub|help",
    b"punsubscribe", b"quit", b"randomkey", b"replicaof", b"replconf", b"reset", b"restore-asking", b"role",
    b"save", b"shutdown", b"slaveof", b"slowlog|get", b"slowlog|help", b"slowlog|len", b"slowlog|reset",
    b"ssubscribe", b"subscribe", b"sunsubscribe", b"sync", b"time", b"unsubscribe", b"wait", b"waitaof", b"multi",
    b"readonly", b"readwrite", b"asking",
}
EXPIRING = {b"set", b"getex", b"setex", b"psetex", b"expire", b"pexpire", b"expireat", b"pexpireat", b"restore"}


class Generator:
    """Makes commands; every choice follows from the seed.

    `both` maps the name of each command that both servers know (b"client|setname") to its arity and
    the option words of its documentation."""

    def __init__(self, seed, both):
        self.random = random.Random(seed)
        self.times = 0
        self.both = both
        containers = {name.split(b"|")[0] for name in both if b"|" in name}
        self.fuzzed = [name for name in both if name not in NOT_FUZZED and name not in containers]
        self.table = {name: make for name, make in self._table().items() if name.lower() in both or name.startswith(b"non")}
        self.names = list(self.table)

    def restart(self, seed):
        self.random.seed(seed)
        self.times = 0

    def pick(self, choices):
        return choices[int(self.random.random() * len(choices))]

    def chance(self, percent):
        return self.random.random() * 100 < percent

    def below(self, bound):
        return int(self.random.random() * bound)

    # ---- arguments ----

    def key(self):
        return self.pick(KEYS)

    def integer(self):
        return self.pick(NOT_INTEGERS) if self.chance(10) else b"%d" % self.pick(INTEGERS)

    def value(self):
        kind = self.below(4)
        if kind == 0:
            return b"%d" % self.pick(INTEGERS)
        return self.pick([TEXTS, FLOATS, NOT_INTEGERS][kind - 1])

    def seconds(self):
        """Never twice the same, so that it does not matter how long the test takes; or an edge."""
        if self.chance(20):
            return self.pick(NOT_INTEGERS + [b"%d" % INT64_MAX, b"-1", b"0", b"%d" % (-INT64_MAX - 1)])
        self.times += 1
        return b"%d" % (1000 * (1 + self.below(999)) + 1_000_000 * (self.times % 1000) + 1_000_000)

    def point_ms(self):
        return b"%d" % (4_000_000_000_000 + self.below(1000) * 1_000_000)

    def point(self):
        return b"%d" % (4_000_000_000 + self.below(1000) * 1000)

    def expiry_option(self, last):
        word, make = self.pick([(b"EX", self.seconds), (b"PX", self.seconds), (b"EXAT", self.point),
                                (b"PXAT", self.point_ms), (last, None)])
        return [self.case(word)] + ([make()] if make else [])

    def case(self, word):
        return self.pick([word, word.lower(), word.title()])

    def set_options(self):
        options = [[self.case(option)] for option in (b"NX", b"XX", b"GET") if self.chance(20)]
        if self.chance(50):
            options.append(self.expiry_option(b"KEEPTTL"))
        if self.chance(5):
            options.append([self.pick([b"foo", b"EX", b"", b"PERSIST"])])
        self.random.shuffle(options)
        return sum(options, [])

    def conditions(self):
        words = [w for w in (b"NX", b"XX", b"GT", b"LT") if self.chance(15)]
        return words + ([b"what"] if self.chance(3) else [])

    def keys(self):
        return [self.key() for _ in range(1 + self.below(4))]

    def pairs(self):
        return sum(([self.key(), self.value()] for _ in range(1 + self.below(3))), [])

    def offset(self):
        return self.pick([b"0", b"1", b"5", b"-1", b"-3", b"100", b"-100", self.integer()])

    def small_offset(self):
        return self.pick([b"0", b"1", b"5", b"90", b"-1", b"536870912", b"%d" % INT64_MAX, b"abc"])

    def scan_options(self):
        options = []
        for word, value in ((b"MATCH", self.pick(PATTERNS)), (b"COUNT", b"1000"), (b"TYPE", b"string")):
            if self.chance(30):
                options += [self.case(word), value]
        if self.chance(10):
            options += self.pick([[b"COUNT", b"0"], [b"COUNT", b"x"], [b"foo"], [b"MATCH"]])
        return [b"COUNT", b"1000"] + options

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

    # ---- the table ----

    def _strings(self):
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
        }

    def _keys(self):
        k, s = self.key, self.seconds
        return {
            b"DEL": self.keys, b"UNLINK": self.keys, b"EXISTS": self.keys, b"TOUCH": self.keys,
            b"TYPE": lambda: [k()], b"RENAME": lambda: [k(), k()], b"RENAMENX": lambda: [k(), k()],
            b"COPY": lambda: [k(), k()] + self.pick([[], [], [b"REPLACE"], [b"DB", b"1"], [b"DB", b"99"],
                                                     [b"db", b"2", b"replace"], [b"DB"], [b"x"]]),
            b"MOVE": lambda: [k(), self.pick([b"1", b"1", b"2", b"0", b"16", b"-1", b"x", b"99999999999"])],
            b"SWAPDB": lambda: [self.pick([b"0", b"1", b"2", b"16", b"x"]), self.pick([b"0", b"1", b"2", b"-1", b"y"])],
            b"EXPIRE": lambda: [k(), s()] + self.conditions(),
            b"PEXPIRE": lambda: [k(), s()] + self.conditions(),
            b"EXPIREAT": lambda: [k(), self.pick([self.point(), b"0", b"-5", b"1", b"abc"])] + self.conditions(),
            b"PEXPIREAT": lambda: [k(), self.pick([self.point_ms(), b"0", b"-5", b"1"])] + self.conditions(),
            b"TTL": lambda: [k()], b"PTTL": lambda: [k()], b"EXPIRETIME": lambda: [k()],
            b"PEXPIRETIME": lambda: [k()], b"PERSIST": lambda: [k()],
            b"SCAN": lambda: [self.pick([b"0", b"0", b"0", b"x", b""])] + self.scan_options(),
            b"KEYS": lambda: [self.pick(PATTERNS)], b"DBSIZE": lambda: [],
            b"FLUSHDB": lambda: self.pick([[], [b"SYNC"], [b"async"], [b"x"]]),
            b"OBJECT": lambda: self.pick([[b"FREQ", b"none"], [b"nope"], [], [b"ENCODING"], [b"REFCOUNT", b"none"],
                                          [b"ENCODING", b"none"], [b"ENCODING", k()], [b"IDLETIME", b"none"]]),
            b"RESTORE": lambda: [k(), b"0", self.pick(TEXTS)] + self.pick([[], [b"REPLACE"], [b"x"], [b"FREQ", b"256"]]),
            b"RANDOMKEY": lambda: [b"x"],
        }

    def _server(self):
        v = self.value
        return {
            b"PING": lambda: self.pick([[], [b"hi"], [b"\r\n"]]), b"ECHO": lambda: [v()],
            b"SELECT": lambda: [self.pick([b"0", b"0", b"1", b"2", b"16", b"-1", b"x y", b"%d" % INT64_MAX])],
            b"CLIENT": lambda: self.pick([[b"GETNAME"], [b"SETNAME", b"me"], [b"SETNAME", b"a b"],
                                          [b"SETNAME", b""], [b"nope"], [b"NO-EVICT", b"on"], [],
                                          [b"LIST", b"TYPE", b"what"], [b"LIST", b"ID", b"x"],
                                          [b"SETNAME", b"\r\n"], [b"NO-EVICT", b"x"], [b"REPLY", b"x"]]),
            b"CONFIG": lambda: self.pick([[b"GET", b"save"], [b"GET", b"appendonly"], [b"GET", b"nope"],
                                          [b"GET", b"databases"], [b"GET", b"timeout"], [b"what"], [],
                                          [b"SET", b"nope", b"1"], [b"SET", b"maxmemory", b"x"],
                                          [b"GET", b"slave-read-only"], [b"SET", b"maxmemory"],
                                          [b"SET", b"maxmemory", b"1g", b"maxmemory", b"2g"]]),
            b"COMMAND": lambda: self.pick([[b"GETKEYS", b"mset", b"a", b"1", b"b", b"2"], [b"what"],
                                           [b"GETKEYS", b"nope", b"x"], [b"GETKEYS", b"ping", b"x"],
                                           [b"GETKEYS", b"set", b"x"], [b"DOCS", b"nope"],
                                           [b"INFO", b"nope"], [b"LIST", b"FILTERBY", b"x"],
                                           [b"GETKEYS", b"rename", b"a", b"b"], [b"COUNT", b"x"]]),
            b"AUTH": lambda: self.pick([[b"pw"], [b"default", b"pw"], [b"who", b"pw"], [b"a", b"b", b"c"], []]),
            b"HELLO": lambda: self.pick([[b"4"], [b"x"], [b"3", b"AUTH", b"x"], [b"2", b"what"],
                                         [b"3", b"AUTH", b"who", b"pw"]]),
            b"MEMORY": lambda: self.pick([[b"USAGE", b"none"], [b"nope"], []]),
            b"PUBLISH": lambda: [self.pick(CHANNELS), v()], b"SPUBLISH": lambda: [self.pick(CHANNELS), v()],
            b"PUBSUB": lambda: self.pick([[b"CHANNELS"], [b"NUMSUB", b"a", b"b"], [b"NUMPAT"], [b"nope"], [],
                                          [b"SHARDCHANNELS"], [b"SHARDNUMSUB", b"a"], [b"CHANNELS", b"x", b"y"]]),
            b"MULTI": lambda: [], b"EXEC": lambda: [], b"DISCARD": lambda: [], b"UNWATCH": lambda: [],
            b"WATCH": self.keys, b"WAIT": lambda: self.pick([[b"0", b"0"], [b"x", b"0"], [b"0", b"-1"], [b"0"]]),
            b"SHUTDOWN": lambda: self.pick([[b"what"], [b"SAVE", b"NOSAVE"], [b"ABORT"]]),
            b"TIME": lambda: [b"x"], b"SLOWLOG": lambda: self.pick([[b"nope"], [], [b"GET", b"x"], [b"GET", b"-2"]]),
            b"LATENCY": lambda: self.pick([[b"nope"], [], [b"HISTORY"], [b"RESET", b"x"]]),
            b"nonsense": lambda: [v() for _ in range(self.below(4))],
            b"non\r\nsense": lambda: [v()],
        }

    def _table(self):
        return {**self._strings(), **self._keys(), **self._server()}

    # ---- commands ----

    def tabled(self):
        name = self.pick(self.names)
        args = self.table[name]()
        if self.chance(4) and args and name not in (b"FLUSHDB", b"SHUTDOWN", b"KEYS"):
            args = args[:-1]  # one too few
        elif self.chance(2) and name not in (b"SCAN", b"SHUTDOWN"):
            args = args + [b"extra"]
        return [self.case(name) if name.isalpha() else name] + args

    def fuzz(self):
        """Any command both know, with any number of arguments near its arity."""
        name = self.pick(self.fuzzed)
        arity, words = self.both[name]
        count = max(abs(arity) + self.below(5 if arity < 0 else 3) - 1, 1)
        command = name.split(b"|")
        expiring = name in EXPIRING
        while len(command) < count:
            kind = self.below(10)
            if kind < 4:
                command.append(self.key())
            elif kind < 7 and words:
                command.append(self.case(self.pick(words)))
            elif kind < 9:
                command.append(b"%d" % self.pick([0, -1, -100, 10**6, 10**9] if expiring else INTEGERS))
            else:
                command.append(self.pick([NOT_INTEGERS, FLOATS, TEXTS, PATTERNS, FIELD_TYPES][self.below(5)]))
        return command

    def sequence(self):
        """Commands for one connection; some of them in a transaction."""
        fuzzed = self.pick([0, 0, 30, 100])
        commands = [self.fuzz() if self.chance(fuzzed) else self.tabled() for _ in range(2 + self.below(COMMANDS_MAX - 2))]
        if any(command[0].upper() == b"WATCH" for command in commands):  # ours is broken by more
            commands = [command for command in commands if command[0].upper() not in (b"SWAPDB", b"BITFIELD")]
        if b"multi" in self.both and self.chance(20):
            start = self.below(len(commands) + 1)
            commands.insert(start, [b"MULTI"])
            commands.append(self.pick([[b"EXEC"], [b"EXEC"], [b"exec"], [b"DISCARD"], [b"EXEC", b"x"]]))
        return commands

    # ---- several connections ----

    def pubsub_command(self):
        channels = [self.pick(CHANNELS) for _ in range(1 + self.below(2))]
        patterns = [self.pick(CHANNEL_PATTERNS) for _ in range(1 + self.below(2))]
        return self.pick([
            [b"SUBSCRIBE"] + channels, [b"subscribe"] + channels, [b"PSUBSCRIBE"] + patterns,
            [b"UNSUBSCRIBE", channels[0]], [b"PUNSUBSCRIBE", patterns[0]], [b"SSUBSCRIBE"] + channels,
            [b"SUNSUBSCRIBE", channels[0]], [b"PUBLISH", channels[0], self.value()],
            [b"PUBLISH", channels[0], self.value()], [b"PUBLISH", b"news", b"x"], [b"SPUBLISH", channels[0], b"x"],
            [b"PUBSUB", b"NUMSUB"] + channels, [b"PUBSUB", b"NUMPAT"], [b"PUBSUB", b"SHARDNUMSUB"] + channels,
            [b"GET", b"a"], [b"PING"], [b"PING", b"text"], [b"SUBSCRIBE"], [b"SET", b"a", self.value()], [b"nope"],
        ])

    def pubsub(self):
        """[(connection, commands)]: subscriptions here and there, messages between them."""
        return [(self.below(3), [self.pubsub_command() for _ in range(1 + self.below(3))]) for _ in range(2 + self.below(6))]

    def writes(self):
        """Commands that change keys, in ways that watchers and listeners care about."""
        names = [b"SET", b"DEL", b"INCR", b"APPEND", b"EXPIRE", b"PERSIST", b"RENAME", b"GETDEL", b"GETEX", b"MSET",
                 b"SETRANGE", b"COPY", b"MOVE", b"SETNX", b"PEXPIREAT", b"INCRBYFLOAT", b"UNLINK", b"SETBIT",
                 b"BITOP", b"BITFIELD", b"GETSET", b"SETEX", b"MSETNX", b"RENAMENX", b"DECRBY", b"GET", b"TOUCH"]
        names = [name for name in names if name in self.table]
        commands = []
        for _ in range(1 + self.below(4)):
            name = self.pick(names)
            commands.append([name] + self.table[name]())
        if self.chance(20):
            commands = [[b"MULTI"]] + commands + [[b"EXEC"]]
        return commands

    def watching(self):
        """Optimistic transactions beside another connection's writes."""
        steps = [(1, self.writes())]
        for _ in range(1 + self.below(3)):
            steps.append((0, [[b"WATCH"] + self.keys()]))
            if self.chance(60):
                steps.append((1, self.pick([self.writes, self.writes, lambda: [[b"FLUSHALL"]], lambda: [[b"FLUSHDB"]]])()))
            if self.chance(10):
                steps.append((0, [[b"UNWATCH"]]))
            steps.append((0, [[b"MULTI"]] + [self.tabled() for _ in range(self.below(3))] + [self.pick([[b"EXEC"], [b"EXEC"], [b"DISCARD"]])]))
        return steps

    def notified(self):
        """A listener of keyspace events, and writes."""
        classes = self.pick([b"KEA", b"KEA", b"Kg$", b"Ex$", b"Eg", b"", b"AKE", b"Kn", b"Em"])
        steps = [(0, [[b"CONFIG", b"SET", b"notify-keyspace-events", classes]]), (1, [[b"PSUBSCRIBE", b"__key*__:*"]])]
        written = [(self.pick([0, 2]), self.writes()) for _ in range(2 + self.below(4))]
        if b"n" in classes:  # Redis calls a key new that one of these writes over
            written = [(at, [c for c in commands if c[0] not in (b"COPY", b"RENAME")]) for at, commands in written]
        return steps + written

    def tracked(self):
        """A reader that tracks what it read (RESP3), and writes of its own and of others."""
        mode = self.pick([[], [], [b"NOLOOP"], [b"BCAST"], [b"BCAST", b"PREFIX", b"key:"], [b"OPTIN"], [b"OPTOUT"],
                          [b"BCAST", b"NOLOOP"], [b"OPTIN", b"BCAST"], [b"PREFIX", b"x"]])
        steps = [(0, self.writes()), (1, [[b"CLIENT", b"TRACKING", b"ON"] + mode])]
        for _ in range(2 + self.below(4)):
            reads = [[b"GET", self.key()], [b"MGET"] + self.keys(), [b"TTL", self.key()], [b"EXISTS"] + self.keys()]
            if self.chance(30):
                steps.append((1, [[b"CLIENT", b"CACHING", self.pick([b"yes", b"no", b"x"])], self.pick(reads)]))
            steps.append((1, [self.pick(reads)]))
            steps.append((self.pick([0, 0, 1]), self.writes()))
        return steps + self.pick([[], [(1, [[b"CLIENT", b"TRACKING", b"OFF"]])]])
