"""test_differential.py - random commands to HyperCache and to a Redis server: the same bytes come back.

A sequence begins with empty servers and fresh connections (RESET, FLUSHALL) and ends with a marker;
many go out in one pipeline, in RESP2 or RESP3.  Where the bytes between two markers are the same on
both sides, the sequence is done.  Where they are not, its replies are compared one by one, and only
this may differ: the order in which keys are listed, and times to live, which may lie a little apart.
Scripts for several connections are played step by step.  What differs on purpose is not asked for;
docs/compatibility.md lists it.

A failure prints its seed: SEED=n SEQUENCES=1 repeats it.  SEQUENCES=n, or FULL=1 for 100000.
"""
import os
import random
import re

from differential_commands import Generator
from harness import FULL, Client, Daemon, Error, Push, encode, equal, main, note, wait_until
from redis_server import Redis

SEQUENCES = int(os.environ.get("SEQUENCES", "100000" if FULL else "2000"))
SCRIPTS_EVERY = 20  # of so many sequences one is a script
PIPELINE = 50  # sequences that go out together
CONNECTIONS = 3
FAILURES_MAX = int(os.environ.get("FAILURES", "1"))  # of a run; more help to find what is common to them
TIME_SLACK = {b"TTL": 10, b"PTTL": 10_000, b"EXPIRETIME": 10, b"PEXPIRETIME": 10_000}
UNORDERED = {b"KEYS", b"SCAN"}
ENCODINGS = {b"int", b"embstr", b"raw"}  # ours says what Redis would make of the value anew
CLIENT_NAME_BYTES_MAX = 256
PATTERN_BYTES_MAX = 1024
QUOTED_MIN = 120  # bytes of an argument that an error repeats


class RawClient(Client):
    """Also tells a reply's bytes."""

    def read_raw(self):
        start = self.at
        value = self._value(0)
        return bytes(self.buffer[start : self.at]), value

    def read_to(self, marker):
        """All bytes up to the marker's end."""
        end = self.buffer.find(marker)
        while end < 0:
            searched = max(len(self.buffer) - len(marker), 0)
            self._receive()
            end = self.buffer.find(marker, searched)
        data = bytes(self.buffer[: end + len(marker)])
        del self.buffer[: end + len(marker)]
        return data


class Replies(RawClient):
    """Replies that were read before."""

    def __init__(self, data):
        self.buffer = bytearray(data)
        self.at = 0

    def _receive(self):
        raise AssertionError("the replies end within a reply")

    def all(self):
        replies = []
        while self.at < len(self.buffer):
            replies.append(self.read_raw())
        return replies


# ---- comparing ----


def _listed(raw, value):
    """A listing without its order."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[1], list):
        return value[0], sorted(value[1])  # SCAN
    return sorted(value) if isinstance(value, list) else raw


def _same_value(command, ours, theirs):
    """Whether two parsed replies of a command are the same."""
    name = command[0].upper()
    if ours == theirs and type(ours) is type(theirs):
        return True
    if name in UNORDERED:
        return _listed(None, ours) == _listed(None, theirs)
    if name in TIME_SLACK and isinstance(ours, int) and isinstance(theirs, int):
        return ours > 0 and theirs > 0 and abs(ours - theirs) <= TIME_SLACK[name]
    if name == b"OBJECT" and command[1].upper() == b"ENCODING":  # Redis remembers what was appended to
        return {ours, theirs} <= ENCODINGS
    if isinstance(ours, Error) and isinstance(theirs, Error):  # ours quotes the start of a long argument
        return len(ours) >= QUOTED_MIN and theirs.startswith(ours)
    return False


def _difference(commands, ours, theirs):
    """The first command whose replies differ, with both; None if none does."""
    ours, theirs = Replies(ours).all(), Replies(theirs).all()
    queued = []
    for number, command in enumerate(commands):
        if number >= min(len(ours), len(theirs)):
            return number, "nothing more", "nothing more"
        (raw, mine), (his_raw, his) = ours[number], theirs[number]
        if mine == his == "QUEUED":
            queued.append(command)
            continue
        name = command[0].upper()
        if name == b"MULTI" and mine == "OK":
            queued = []
        if raw == his_raw or _same_value(command, mine, his):
            continue
        if (name == b"EXEC" and isinstance(mine, list) and isinstance(his, list) and len(mine) == len(his) == len(queued)
                and all(map(_same_value, queued, mine, his))):
            continue
        return number, raw, his_raw
    return None if len(ours) == len(theirs) else (len(commands) - 1, f"{len(ours)} replies", f"{len(theirs)} replies")


def _show(command):
    return repr(command).replace("K" * 300, "K*300").replace("y" * 5000, "y*5000")


class Failed(AssertionError):
    """One sequence whose replies differ."""

    def __init__(self, seed, protocol, commands, number, ours, theirs):
        super().__init__(f"SEED={seed} SEQUENCES=1 (RESP{protocol}): {_show(commands[number])}\n  ours   {ours!r:.600}\n"
                         f"  theirs {theirs!r:.600}\n  after\n    " + "\n    ".join(map(_show, commands[:number])))


# ---- sequences in pipelines ----


def _changes_unseen(command):
    """A BITFIELD that may make a value longer and then write nothing: Redis tells nobody."""
    return command[0].upper() == b"BITFIELD" and b"FAIL" in [word.upper() for word in command]


def _fair(command):
    """Not a command whose answer differs by design."""
    name = command[0].upper()
    if name in (b"TIME", b"RANDOMKEY"):
        return len(command) != 1
    if name == b"SHUTDOWN":
        return len(command) > 1
    if name == b"HELLO":
        return len(command) > 1 and command[1] not in (b"2", b"3") or len(command) > 2
    if name == b"COMMAND":
        if command[1:2] == [b"GETKEYS"] and len(command) == 3:
            return False  # the arity is -3 since Redis 7.2
        return len(command) > 1 and not (command[1] in (b"DOCS", b"INFO", b"LIST", b"COUNT") and len(command) == 2)
    if name == b"SET":  # Redis keeps a key that was set to a time in the past
        return not {b"PXAT", b"EXAT"} & {word.upper() for word in command} or any(re.fullmatch(rb"40\d{8,}", word) for word in command)
    if name == b"CLIENT" and command[1:2] == [b"LIST"]:
        return len(command) == 4
    if name == b"CLIENT" and command[1:2] and command[1].upper() == b"SETNAME":
        return len(command[-1]) <= CLIENT_NAME_BYTES_MAX
    if name == b"SELECT" and len(command) == 2:  # what is not a number may be the name of a store
        return re.fullmatch(rb"0|[1-9]\d{,17}", command[1]) or b" " in command[1]
    if name == b"SCAN" and len(command) > 1:  # a cursor belongs to its server
        if command[1] == b"0":
            return any(word.upper() == b"COUNT" and value == b"1000" for word, value in zip(command, command[1:]))
        return not re.fullmatch(rb"[-+]?\d+|.*\0.*", command[1], re.S)
    if name == b"KEYS" or name == b"SCAN":
        return all(len(word) <= PATTERN_BYTES_MAX for word in command)
    if name in (b"SLOWLOG", b"LATENCY") and len(command) == 2:
        return command[1] not in (b"GET", b"HISTORY")
    return True


def _marker(word, seed):
    text = b"%b of %d" % (word, seed)
    return encode("ECHO", text), b"$%d\r\n%b\r\n" % (len(text), text)


class Player:
    """Both servers, a connection to each in each protocol, and the commands both know."""

    def __init__(self, ports):
        self.ports = ports
        self.both = _known_by_both(*ports)
        self.generator = Generator(0, self.both)
        self.clients = {protocol: [RawClient(port, protocol) for port in ports] for protocol in (2, 3)}
        with Client(ports[0]) as client:
            self.notifies = client.command("CONFIG", "SET", "notify-keyspace-events", "A") == "OK"
        self.replies = 0
        self.failures = []

    def failed(self, failure):
        self.failures.append(failure)
        if FAILURES_MAX > 1:
            print(failure, flush=True)
        if len(self.failures) >= FAILURES_MAX:
            raise AssertionError("\n".join(map(str, self.failures)))

    def pipeline(self, seeds):
        """One sequence for each seed, all in one pipeline to each server."""
        protocol = 2 + seeds[0] % 2
        parts, sequences = [], []
        for seed in seeds:
            self.generator.restart(seed)
            commands = [command for command in self.generator.sequence() if _fair(command)]
            sequences.append((seed, commands))
            parts.append(encode("RESET") + encode("HELLO", protocol) + encode("FLUSHALL") + _marker(b"start", seed)[0])
            parts += [encode(*command) for command in commands]
            parts.append(encode("RESET") + encode("HELLO", protocol) + _marker(b"end", seed)[0])
        data = b"".join(parts)
        for client in self.clients[protocol]:
            client.send(data)
        answers = [client.read_to(_marker(b"end", seeds[-1])[1]) for client in self.clients[protocol]]
        for seed, commands in sequences:
            self._judge(seed, protocol, commands, answers)

    def _judge(self, seed, protocol, commands, answers):
        start, end = _marker(b"start", seed)[1], _marker(b"end", seed)[1]
        cut = []
        for answer in answers:
            data = answer[answer.index(start) + len(start) : answer.index(end)]
            cut.append(data[: data.rindex(b"+RESET\r\n")])
        self.replies += len(commands)
        if cut[0] != cut[1]:
            difference = _difference(commands, *cut)
            if difference:
                self.failed(Failed(seed, protocol, commands, *difference))

    # ---- scripts for several connections ----

    def script(self, seed):
        """Steps on several connections, one after the other; each connection's bytes are compared."""
        protocol = 2 + seed % 2
        generator = self.generator
        generator.restart(seed)
        kinds = [(b"subscribe", generator.pubsub), (b"watch", generator.watching)]
        if self.notifies:
            kinds.append((b"psubscribe", generator.notified))
        if protocol == 3:
            kinds.append((b"client|tracking", generator.tracked))
        kinds = [make for name, make in kinds if name in self.both]
        if not kinds:
            return
        steps = [(at, [command for command in commands if _fair(command) and not _changes_unseen(command)])
                 for at, commands in generator.pick(kinds)()]
        sides = []
        for port in self.ports:
            with _Connections(port, protocol) as connections:
                sides.append(connections.play(steps))
        self.replies += sum(len(commands) for _, commands in steps)
        said = [command for at, commands in steps for command in [[b"connection %d:" % at], *commands]]
        for number, (ours, theirs) in enumerate(zip(*sides)):
            if ours != theirs and not _same_stream(ours, theirs):
                ours, theirs = _where(ours, theirs)
                self.failed(Failed(seed, protocol, said + [[b"connection %d" % number]], len(said), ours, theirs))


def _same_stream(ours, theirs):
    """The same replies but for times and orders, which a script does not relate to commands.  A push of
    a connection's own doing comes behind the command's reply, as in Redis 7.2; 7.0 puts it before."""
    mine, his = ([value for _, value in Replies(data).all()] for data in (ours, theirs))
    mine, his = ([value for value in values if not _is_push(value)] + _ordered([value for value in values if _is_push(value)])
                 for values in (mine, his))
    return len(mine) == len(his) and all(map(_alike, mine, his))


def _where(ours, theirs):
    """What both sides say from the first difference on."""
    mine, his = ([raw for raw, _ in Replies(data).all()] for data in (ours, theirs))
    start = next((at for at, pair in enumerate(zip(mine, his)) if pair[0] != pair[1]), min(len(mine), len(his)))
    return mine[max(start - 1, 0) : start + 4], his[max(start - 1, 0) : start + 4]


def _is_push(value):
    return isinstance(value, Push) or isinstance(value, list) and value[:1] in ([b"message"], [b"pmessage"], [b"smessage"])


def _ordered(pushes):
    """Without the order that nobody promises: of one message to several patterns, which is that of Redis's
    hash table, and of the invalidations of one command's keys."""
    result, run = [], []
    for value in pushes + [None]:
        kind = value and value[0]
        same = run and kind == run[0][0] and (kind == b"invalidate" or value[2:] == run[0][2:])
        if run and not same:
            result += sorted(run, key=repr)
            run = []
        if value is not None:
            (run if kind in (b"pmessage", b"invalidate") else result).append(value)
    return result


def _alike(ours, theirs):
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return all(map(_alike, ours, theirs)) or sorted(map(repr, ours)) == sorted(map(repr, theirs))
    if isinstance(ours, int) and isinstance(theirs, int) and min(ours, theirs) > 1000:  # a time
        return abs(ours - theirs) <= 10_000
    if isinstance(ours, bytes) and isinstance(theirs, bytes) and {ours, theirs} <= ENCODINGS:
        return True
    return ours == theirs and type(ours) is type(theirs)


class _Connections:
    """Some connections to one server, and what came over each."""

    def __init__(self, port, protocol):
        self.port = port
        self.clients = [RawClient(port, protocol) for _ in range(CONNECTIONS)]
        self.heard = [b""] * CONNECTIONS
        self.pings = 0

    def __enter__(self):
        self.clients[0].command("FLUSHALL")
        return self

    def __exit__(self, *exception):
        with Client(self.port) as client:
            client.command("CONFIG", "SET", "notify-keyspace-events", "")
        for client in self.clients:
            client.send(encode("RESET"))  # its subscriptions end now, not when the server sees the end
            client.read_to(b"+RESET\r\n")
            client.close()

    def play(self, steps):
        for at, commands in steps:
            self._say(at, commands)
        for at in range(CONNECTIONS):
            self._say(at, [])
        return self.heard

    def _say(self, at, commands):
        """Sends the commands and waits until they are answered.  A PING shows it, in all states."""
        self.pings += 1
        mark = b"ping %d" % self.pings
        self.clients[at].send(b"".join(encode(*command) for command in commands) + encode("PING", mark))
        data = self.clients[at].read_to(b"$%d\r\n%b\r\n" % (len(mark), mark))
        self.heard[at] += data


def _known_by_both(*ports):
    """name -> (arity, option words) of each command and subcommand that both servers know."""
    rows = []
    for port in ports:
        with Client(port) as client:
            found = {row[0]: row for row in client.command("COMMAND")}
            for row in list(found.values()):
                found.update({sub[0]: sub for sub in row[9]})
            rows.append(found)
    with Client(ports[1]) as client:
        docs = client.command("COMMAND", "DOCS")
    words = {}
    for name, text in zip(docs[::2], docs[1::2]):
        words[name] = sorted(set(re.findall(r"b'token', b'([^']+)'", repr(text))))
    return {name: (row[1], [word.encode() for word in words.get(name.split(b"|")[0], ())])
            for name, row in rows[1].items() if name in rows[0]}


def test_random_commands_get_the_same_replies():
    seed = int(os.environ.get("SEED", random.randrange(2**32)))
    with Daemon() as server, Redis(server.folder) as redis:
        player = Player((server.port, redis.port))
        scripts = SEQUENCES == 1 or SEQUENCES // SCRIPTS_EVERY
        plain = list(range(seed, seed + SEQUENCES))
        try:
            for parity in (0, 1):
                seeds = [number for number in plain if number % 2 == parity]
                for at in range(0, len(seeds), PIPELINE):
                    player.pipeline(seeds[at : at + PIPELINE])
            for number in range(seed, seed + int(scripts)):
                player.script(number)
        except AssertionError as error:
            raise AssertionError(f"(from SEED={seed}) {error}") from None
        if player.failures:
            raise AssertionError("\n".join(map(str, player.failures)))
        note(f"{SEQUENCES} sequences, {int(scripts)} scripts, {player.replies} replies, {len(player.both)} commands, seed {seed}")


def test_what_expires_is_gone_on_both():
    """Short times to live run out alike: values, counts and lengths afterwards are the same."""
    keys = [b"k%d" % number for number in range(20)]
    with Daemon() as server, Redis(server.folder) as redis:
        with RawClient(server.port) as ours, RawClient(redis.port) as theirs:
            commands = [[b"SET", key, b"v", b"PX", b"%d" % (1 + number)] for number, key in enumerate(keys)]
            commands += [[b"SET", b"stays", b"v"], [b"PEXPIRE", b"stays", b"1"], [b"PERSIST", b"none"], [b"SET", b"left", b"1"]]
            after = [[b"MGET", *keys, b"left"], [b"EXISTS", *keys], [b"TTL", keys[0]], [b"STRLEN", b"stays"],
                     [b"SETNX", b"stays", b"new"], [b"INCR", b"k3"], [b"APPEND", b"k4", b"x"], [b"RENAME", b"k5", b"z"],
                     [b"KEYS", b"k*"], [b"TTL", b"k3"], [b"GETDEL", b"k4"], [b"COPY", b"k6", b"z"]]
            for client in (ours, theirs):
                client.pipeline(commands)
                wait_until(lambda client=client: client.command("EXISTS", *keys, "stays") == 0, "all have expired")
            replies = []
            for client in (ours, theirs):
                client.send(b"".join(encode(*command) for command in after))
                replies.append([client.read_raw()[0] for _ in after])
            for command, mine, his in zip(after, *replies):
                equal(*map(sorted, (mine, his))) if command[0] == b"KEYS" else equal(mine, his, repr(command))


# ---- the table ----

OURS_ALONE = {b"client|setinfo", b"client|no-touch", b"waitaof",  # Redis 7.2 has them, Debian's 7.0 has not
              b"msetex", b"delex", b"digest",  # Redis 8.4
              b"delifeq"}  # Valkey 9
OURS_BY_DESIGN = (b"store", b"cf.", b"hc.", b"cluster|leave")  # Redis has them in a module, or not at all
DIFFERENT_ARITY = {b"command|getkeys", b"command|getkeysandflags"}  # -3 since 7.2
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
