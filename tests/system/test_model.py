"""test_model.py - random pipelines of several clients at once, each reply compared with a plain dict.

Each client owns a prefix of keys, so that its model is exact although all share shards, segments
and workers; one more client disturbs: it scans, flushes another database, and fills and empties it.
"""
import os
import random
import threading

from harness import Daemon, Error, equal, main, note

CLIENTS = 4
KEYS = 300  # of each client, so that most commands meet an existing key
BATCH = 100
BATCHES = 100 if not Daemon.sanitizer else 25
VALUE_BYTES = [0, 1, 7, 20, 21, 100, 500, 4000, 65_000, 66_000, 300_000]
VALUE_WEIGHTS = [2, 4, 8, 8, 8, 8, 4, 2, 0.2, 0.2, 0.1]
NO_INTEGER = Error("ERR value is not an integer or out of range")


class Model:
    """What a store with the keys of one client must answer."""

    def __init__(self, prefix, seed):
        self.choice = random.Random(seed)
        self.prefix = prefix
        self.items = {}

    def key(self):
        return self.prefix + b"%d" % self.choice.randrange(KEYS)

    def value(self):
        if self.choice.random() < 0.2:
            return b"%d" % self.choice.randrange(-(10**6), 10**6)
        size = self.choice.choices(VALUE_BYTES, VALUE_WEIGHTS)[0]
        return self.choice.randbytes(size) if size < 100 else bytes([self.choice.randrange(256)]) * size

    def step(self):
        """One random command and the reply it must get."""
        return getattr(self, "do_" + self.choice.choice(COMMANDS))(self.key())

    def do_get(self, key):
        return (b"GET", key), self.items.get(key)

    def do_set(self, key):
        self.items[key] = value = self.value()
        options = self.choice.choice([(), (), (), (b"EX", 1000), (b"KEEPTTL",)])
        return (b"SET", key, value, *options), "OK"

    def do_set_get(self, key):
        old = self.items.get(key)
        self.items[key] = value = self.value()
        return (b"SET", key, value, b"GET"), old

    def do_setnx(self, key):
        value = self.value()
        fresh = key not in self.items
        self.items.setdefault(key, value)
        return (b"SETNX", key, value), int(fresh)

    def do_set_xx(self, key):
        value = self.value()
        if key not in self.items:
            return (b"SET", key, value, b"XX"), None
        self.items[key] = value
        return (b"SET", key, value, b"XX"), "OK"

    def do_del(self, key):
        keys = [key, self.key(), self.key()]
        there = {one for one in keys if self.items.pop(one, None) is not None}
        return (self.choice.choice([b"DEL", b"UNLINK"]), *keys), len(there)

    def do_getdel(self, key):
        return (b"GETDEL", key), self.items.pop(key, None)

    def do_append(self, key):
        tail = self.value()[:5000]
        self.items[key] = self.items.get(key, b"") + tail
        if len(self.items[key]) > 400_000:
            self.items[key] = b""
            return (b"SET", key, b""), "OK"
        return (b"APPEND", key, tail), len(self.items[key])

    def do_strlen(self, key):
        return (b"STRLEN", key), len(self.items.get(key, b""))

    def do_exists(self, key):
        keys = [key, self.key(), key]
        return (b"EXISTS", *keys), sum(one in self.items for one in keys)

    def do_incrby(self, key):
        by = self.choice.randrange(-1000, 1000)
        try:
            text = self.items.get(key, b"0").decode("ascii")
            number = int(text)
            if str(number) != text or not -(2**63) <= number < 2**63:
                raise ValueError
        except ValueError:
            return (b"INCRBY", key, by), NO_INTEGER
        self.items[key] = b"%d" % (number + by)
        return (b"INCRBY", key, by), number + by

    def do_mset(self, key):
        pairs = [(key, self.value())] + [(self.key(), self.value()) for _ in range(self.choice.randrange(8))]
        self.items.update(pairs)
        return (b"MSET", *[word for pair in pairs for word in pair]), "OK"

    def do_mget(self, key):
        keys = [key] + [self.key() for _ in range(self.choice.randrange(20))]
        return (b"MGET", *keys), [self.items.get(one) for one in keys]

    def do_expire_persist(self, key):
        if self.choice.random() < 0.5:
            return (b"EXPIRE", key, 5000), int(key in self.items)
        there = self.items.pop(key, None) is not None
        return (b"PEXPIRE", key, -5), int(there)

    def do_setrange(self, key):
        at, patch = self.choice.randrange(200), self.choice.randbytes(self.choice.randrange(1, 50))
        old = self.items.get(key, b"")
        self.items[key] = old[:at].ljust(at, b"\x00") + patch + old[at + len(patch) :]
        return (b"SETRANGE", key, at, patch), len(self.items[key])

    def do_getrange(self, key):
        first, last = self.choice.randrange(300), self.choice.randrange(300)
        return (b"GETRANGE", key, first, last), self.items.get(key, b"")[first : last + 1]


COMMANDS = [name[3:] for name in vars(Model) if name.startswith("do_")]


def _run_client(server, number, seed):
    model = Model(b"client %d:" % number, seed * 1000 + number)
    with server.client(3 if number % 2 else 2) as client:
        for batch in range(BATCHES):
            steps = [model.step() for _ in range(BATCH)]
            replies = client.pipeline([command for command, _ in steps])
            for (command, wanted), reply in zip(steps, replies):
                equal(reply, wanted, f"seed {seed}, client {number}, batch {batch}, {command[0]} {command[1]!r}")
        for key in [model.prefix + b"%d" % at for at in range(KEYS)]:
            equal(client.command("GET", key), model.items.get(key), f"seed {seed}, at the end, {key!r}")
    return len(model.items)


def _disturb(server, stop):
    with server.client() as client:
        client.command("SELECT", 1)
        while not stop.is_set():
            client.pipeline([("SET", f"k{number}", "v" * (number % 700), "PX", 1 + number % 50) for number in range(500)])
            cursor = b"0"
            while not stop.is_set():
                cursor, _ = client.command("SCAN", cursor, "COUNT", "200")
                if cursor == b"0":
                    break
            client.pipeline([("FLUSHDB",), ("SELECT", 0), ("DBSIZE",), ("RANDOMKEY",), ("SCAN", "0"), ("INFO",), ("SELECT", 1)])


def _random_clients(seed, *flags):
    with Daemon(*flags) as server:
        stop = threading.Event()
        kept, errors = [0] * CLIENTS, []

        def guarded(work):
            try:
                work()
            except BaseException as error:  # handed to the test's own thread below
                errors.append(error)

        def run(number):
            kept[number] = _run_client(server, number, seed)

        threads = [threading.Thread(target=guarded, args=(lambda number=number: run(number),)) for number in range(CLIENTS)]
        disturber = threading.Thread(target=guarded, args=(lambda: _disturb(server, stop),))
        for thread in [disturber, *threads]:
            thread.start()
        for thread in threads:
            thread.join()
        stop.set()
        disturber.join()
        if errors:
            raise errors[0]
        with server.client() as client:
            equal(client.command("DBSIZE"), sum(kept), f"seed {seed}")
        note(f"seed {seed}, {CLIENTS * BATCHES * BATCH} commands")


def test_random_commands_of_several_clients_answer_as_a_dict_does():
    _random_clients(1, "--threads", "2")


def test_the_same_with_one_worker():
    _random_clients(2, "--threads", "1")


def test_the_same_with_a_fresh_seed():
    """SEED=n repeats one."""
    _random_clients(int(os.environ.get("SEED") or random.SystemRandom().randrange(10**6)), "--threads", "2")


if __name__ == "__main__":
    main(globals())
