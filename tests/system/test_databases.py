"""test_databases.py - what goes between databases goes in one step: MOVE, COPY DB, SWAPDB, FLUSHALL.

Some clients move keys to and fro while others look, in one EXEC, at all the places where a key can
be.  However the threads fall, it is in one place, neither lost nor twice there.
"""
import threading

from harness import Daemon, equal, main, note

ROUNDS = 300
LOOKERS, MOVERS = 2, 2
THREADS = ("--threads", "4")


def look(client, commands):
    """All replies of one EXEC."""
    client.command("MULTI")
    for command in commands:
        equal(client.command(*command), "QUEUED")
    return client.command("EXEC")


class Run:
    """Threads until the movers are done; what went wrong is raised at the end."""

    def __init__(self, port_client):
        self.port_client = port_client
        self.done = threading.Event()
        self.wrong = []
        self.looks = 0

    def start(self, movers, lookers):
        moving = [threading.Thread(target=self._guard, args=(mover,)) for mover in movers]
        looking = [threading.Thread(target=self._look, args=(looker,)) for looker in lookers]
        for thread in moving + looking:
            thread.start()
        for thread in moving:
            thread.join()
        self.done.set()
        for thread in looking:
            thread.join()
        equal(self.wrong, [])
        assert self.looks > 0
        note(f"{self.looks} looks")

    def _guard(self, work):
        try:
            with self.port_client() as client:
                work(client)
        except Exception as error:  # told by the main thread
            self.wrong.append(repr(error))

    def _look(self, looker):
        def all_the_time(client):
            while not self.done.is_set():
                looker(client)
                self.looks += 1
        self._guard(all_the_time)


def test_a_key_that_is_moved_is_in_one_database():
    def mover(client):
        for number in range(ROUNDS):
            client.command("SELECT", number % 2)
            client.command("MOVE", "k", 1 - number % 2)

    def looker(client):
        found = look(client, [("SELECT", 0), ("EXISTS", "k"), ("SELECT", 1), ("EXISTS", "k")])
        equal(found[1] + found[3], 1, "times that the key was found")

    with Daemon(*THREADS) as server:
        with server.client() as client:
            client.command("SET", "k", "v")
        Run(server.client).start([mover] * MOVERS, [looker] * LOOKERS)


def test_databases_that_are_swapped_keep_their_keys():
    def swapper(client):
        for _ in range(ROUNDS):
            equal(client.command("SWAPDB", 0, 1), "OK")

    def looker(client):
        found = look(client, [("SELECT", 0), ("GET", "k"), ("SELECT", 1), ("GET", "k"), ("SELECT", 0)])
        equal(sorted([found[1], found[3]]), [b"one", b"zero"], "values")

    def plain(client):
        assert client.command("GET", "k") in (b"one", b"zero")

    with Daemon(*THREADS) as server:
        with server.client() as client:
            client.command("SET", "k", "zero")
            client.command("SELECT", 1)
            client.command("SET", "k", "one")
        Run(server.client).start([swapper] * MOVERS, [looker, plain])


def test_all_databases_are_emptied_at_once():
    def writer(client):
        for number in range(ROUNDS):
            look(client, [("SELECT", 0), ("SET", "k", number), ("SELECT", 1), ("SET", "k", number)])
            if number % 3 == 0:
                client.command("FLUSHALL")
            client.command("COPY", "k", "k", "DB", 0, "REPLACE")

    def looker(client):
        zero, one = look(client, [("SELECT", 0), ("EXISTS", "k"), ("SELECT", 1), ("EXISTS", "k")])[1::2]
        equal(zero, one, "keys in database 0 and 1")

    with Daemon(*THREADS) as server:
        Run(server.client).start([writer] * MOVERS, [looker] * LOOKERS)


if __name__ == "__main__":
    main(globals())
