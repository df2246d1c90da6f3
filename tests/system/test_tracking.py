"""test_tracking.py - client-side caching: what clients hear, beside redis-server, and that a cache fed by it
never keeps a value that has changed."""
import random
import threading

from harness import Daemon, Push, equal, main, note
from redis_server import Redis
from transcript import transcript

TALKS = """
CLIENT TRACKING ON
GET a
2> SET a 1
2> SET a 2
GET a
SET a 3
GET a ; SET a 4 ; GET a ; PING
CLIENT TRACKINGINFO
CLIENT GETREDIR

CLIENT TRACKING ON NOLOOP
GET a
SET a 1
2> SET a 2
GET a
2> SET a 3
CLIENT TRACKINGINFO

CLIENT TRACKING ON OPTIN
GET a
2> SET a 1
CLIENT CACHING YES ; CLIENT TRACKINGINFO ; GET a ; GET b ; CLIENT TRACKINGINFO
2> SET a 2
2> SET b 2
CLIENT CACHING NO
CLIENT CACHING maybe

CLIENT TRACKING ON OPTOUT
GET a
2> SET a 1
CLIENT CACHING NO ; GET a ; GET b
2> MSET a 2 b 2
CLIENT CACHING YES
CLIENT TRACKINGINFO

CLIENT CACHING YES
CLIENT CACHING
CLIENT TRACKING
CLIENT TRACKING maybe
CLIENT TRACKING ON nope
CLIENT TRACKING ON PREFIX
CLIENT TRACKING ON PREFIX x
CLIENT TRACKING ON BCAST OPTIN
CLIENT TRACKING ON OPTIN OPTOUT
CLIENT TRACKING ON BCAST PREFIX a PREFIX ab
CLIENT TRACKING ON BCAST PREFIX a PREFIX b
CLIENT TRACKING ON BCAST PREFIX abc
CLIENT TRACKING ON BCAST PREFIX c
CLIENT TRACKINGINFO
CLIENT TRACKING ON
CLIENT TRACKING ON REDIRECT 999999
CLIENT TRACKING ON REDIRECT x
CLIENT TRACKING OFF REDIRECT x
CLIENT TRACKING OFF
CLIENT TRACKINGINFO
CLIENT GETREDIR
CLIENT TRACKING ON OPTIN
CLIENT TRACKING ON OPTOUT
CLIENT TRACKING ON OPTIN NOLOOP
CLIENT TRACKINGINFO

CLIENT TRACKING ON OPTIN
CLIENT CACHING YES ; MULTI ; GET a ; GET b ; EXEC ; GET c
2> MSET a 1 b 1 c 1

CLIENT TRACKING ON
MULTI ; GET a ; SET a 2 ; GET a ; EXEC
2> SET a 3

CLIENT TRACKING ON BCAST
MULTI ; SET b 1 ; SET a 2 ; DEL b ; EXEC ; SET z 1

CLIENT TRACKING ON BCAST
2> SET a 1
2> MSET b 1 a 2 c 3
2> SET z 1 ; SET y 1 ; DEL z
SET q 1 ; GET q ; SET r 1

CLIENT TRACKING ON BCAST PREFIX user: PREFIX obj:
2> SET a 1
2> MSET user:2 1 user:1 1 obj:1 1 other 1
2> DEL user:1 nothere
2> FLUSHALL

CLIENT TRACKING ON BCAST NOLOOP
SET a 1
2> SET b 1
SET a 1 ; SET b 2
2> DEL a b

2> SUBSCRIBE __redis__:invalidate
CLIENT TRACKING ON REDIRECT ID2
CLIENT GETREDIR
CLIENT TRACKINGINFO
GET a
3> SET a 1
GET b
SET b 1
3> FLUSHALL
MGET x y
3> MSET x 1 y 2

CLIENT TRACKING ON REDIRECT ID2
GET a
3> SET a 1
2> PING

2> SUBSCRIBE __redis__:invalidate
CLIENT TRACKING ON REDIRECT ID2
GET a
2> !close
3> SET a 1
CLIENT TRACKINGINFO
GET a
3> SET a 2

2> SUBSCRIBE __redis__:invalidate
CLIENT TRACKING ON BCAST REDIRECT ID2 PREFIX k
3> SET k1 1
3> SET a 1
SET k2 1

CLIENT TRACKING ON
GET a
2> SELECT 5
2> SET a 1

CLIENT TRACKING ON
GET a
CLIENT TRACKING OFF
2> SET a 3
CLIENT TRACKING ON
2> SET a 4

CLIENT TRACKING ON
GET a
CLIENT TRACKING OFF
CLIENT TRACKING ON
2> SET a 4

CLIENT TRACKING ON
FLUSHALL
FLUSHDB
2> FLUSHALL
FLUSHALL ; PING

CLIENT TRACKING ON
EXISTS a
TTL b
STRLEN c
TYPE d
2> MSET a 1 b 1 c 1 d 1

SET a 1
CLIENT TRACKING ON
GET a
2> EXPIRE a 100
GET a
2> PERSIST a
GET a
2> RENAME a b
GET b
2> DEL b

CLIENT TRACKING ON
INCR a
2> INCR a
GET a
2> INCR a
APPEND b x
2> APPEND b y
GETDEL a
2> SET a 1

CLIENT TRACKING ON
GET a ; GET b
2> SET a 1 ; SET b 1
2> DEL a b
GET a ; GET a
2> DEL a
"""


def test_clients_hear_what_those_of_redis_hear():
    with Daemon("--threads", "3") as server, Redis() as redis:
        for talk in TALKS.strip().split("\n\n"):
            for protocol in (2, 3):
                equal(transcript(server.port, protocol, talk), transcript(redis.port, protocol, talk),
                      f"RESP{protocol}:\n{talk}")


def test_a_key_that_expires_is_told():
    with Daemon() as server, server.client(3) as client, server.client() as other:
        equal(client.command("CLIENT", "TRACKING", "ON"), "OK")
        equal(other.command("SET", "k", "v", "PX", "50"), "OK")
        client.command("GET", "k")
        equal(client.read(), Push([b"invalidate", [b"k"]]))  # nobody touches it: it is swept


class _Cache:
    """A client with a cache of its own, kept right by what it hears."""

    def __init__(self, server):
        self.client = server.client(3)
        equal(self.client.command("CLIENT", "TRACKING", "ON"), "OK")
        self.values = {}

    def _hear(self, one):
        assert one[0] == b"invalidate", one
        for key in self.values.copy() if one[1] is None else one[1]:
            self.values.pop(key, None)

    def _command(self, *words):
        reply = self.client.command(*words)
        while isinstance(reply, Push):
            self._hear(reply)
            reply = self.client.read()
        return reply

    def read(self, key):
        if key in self.values:
            equal(self._command("PING"), "PONG")  # what has come is heard
        else:
            self.values[key] = self._command("GET", key)

    def settle(self):
        for _ in range(2):
            equal(self._command("PING"), "PONG")


def test_caches_of_several_clients_are_right_in_the_end():
    seed = 20261122
    note(f"seed {seed}")
    keys = [b"k%d" % i for i in range(20)]
    with Daemon("--threads", "4") as server:
        caches = [_Cache(server) for _ in range(4)]
        done = threading.Event()

        def write(who):
            chance = random.Random(seed + who)
            with server.client() as client:
                for n in range(300 if Daemon.sanitizer else 1500):
                    key = chance.choice(keys)
                    word = chance.choice(("SET", "SET", "DEL", "APPEND", "EXEC"))
                    if word == "EXEC":
                        client.pipeline([["MULTI"], ["SET", key, n], ["INCR", key], ["EXEC"]])
                    elif word == "DEL":
                        client.command("DEL", key)
                    else:
                        client.command(word, key, f"{who}:{n}" if word == "SET" else "+")

        def use(which):
            chance = random.Random(seed - which)
            while not done.is_set():
                caches[which].read(chance.choice(keys))

        readers = [threading.Thread(target=use, args=(i,)) for i in range(4)]
        writers = [threading.Thread(target=write, args=(i,)) for i in range(2)]
        for thread in readers + writers:
            thread.start()
        for thread in writers:
            thread.join()
        done.set()
        for thread in readers:
            thread.join()
        with server.client() as client:
            truth = dict(zip(keys, client.command("MGET", *keys)))
        for cache in caches:
            cache.settle()
            for key, value in cache.values.items():
                equal(value, truth[key], f"{key} in a cache")


if __name__ == "__main__":
    main(globals())
