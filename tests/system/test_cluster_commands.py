"""test_cluster_commands.py - what the commands of several keys, and transactions, do in a cluster, from any node."""
import threading

from cluster import Cluster
from harness import Error, encode, equal, main, need_ours

LEVELS = ("eventual", "quorum")


def is_error(reply, begins):
    assert isinstance(reply, Error) and str(reply).startswith(begins), (reply, begins)


def in_transaction(nodes, number, *commands):
    """The reply to EXEC."""
    with nodes[number].client(timeout_s=60) as client:
        client.send(encode("MULTI") + b"".join(encode(*c) for c in commands) + encode("EXEC"))
        replies = [client.read() for _ in range(len(commands) + 2)]
        equal(replies[0], "OK")
        return replies[-1]


def several_keys_of_one_slot(nodes):
    for at in range(3):
        tag = f"{{s{at}}}"
        equal(nodes.insist(at, "MSETNX", tag + "a", "1", tag + "b", "2"), 1)
        equal(nodes.ask((at + 1) % 3, "MSETNX", tag + "b", "x", tag + "c", "3"), 0)
        equal(nodes.ask(at, "EXISTS", tag + "c"), 0)
        equal(nodes.ask((at + 2) % 3, "RENAME", tag + "a", tag + "c"), "OK")
        equal(nodes.ask(at, "MGET", tag + "a", tag + "b", tag + "c"), [None, b"2", b"1"])
        equal(nodes.ask(at, "RENAMENX", tag + "b", tag + "c"), 0)
        is_error(nodes.ask(at, "RENAME", tag + "no", tag + "c"), "ERR no such key")
        equal(nodes.ask((at + 1) % 3, "COPY", tag + "b", tag + "a"), 1)
        equal(nodes.ask(at, "COPY", tag + "c", tag + "a"), 0)
        equal(nodes.ask(at, "COPY", tag + "c", tag + "a", "REPLACE"), 1)
        is_error(nodes.ask(at, "COPY", tag + "c", tag + "a", "DB", "1"), "ERR Copying to another")
        equal(nodes.ask((at + 2) % 3, "BITOP", "OR", tag + "or", tag + "a", tag + "b"), 1)
        equal(nodes.ask(at, "GET", tag + "or"), b"3")
        equal(nodes.ask(at, "MSETEX", "2", tag + "x", "ohmytext", tag + "y", "mynewtext", "EX", "100"), 1)
        assert 90 <= nodes.ask((at + 1) % 3, "TTL", tag + "y") <= 100
        equal(nodes.ask((at + 1) % 3, "LCS", tag + "x", tag + "y"), b"mytext")
        equal(nodes.ask(at, "MSET", tag + "m", "1", tag + "n", "2"), "OK")
        equal(nodes.ask((at + 1) % 3, "MGET", tag + "m", tag + "n"), [b"1", b"2"])
        equal(nodes.ask(at, "RENAME", tag + "m", tag + "m"), "OK")
        is_error(nodes.ask(at, "MSETNX", "one", "1", "two", "2"), "CROSSSLOT")
        is_error(nodes.ask(at, "SET", tag + "x", "v", "NOSUCH"), "ERR syntax")
        many = [part for i in range(200) for part in (f"{tag}{i}", str(i))]
        equal(nodes.ask(at, "MSETNX", *many), 1)
        equal(nodes.ask((at + 1) % 3, "GET", f"{tag}199"), b"199")


def transactions(nodes):
    for at in range(3):
        tag = f"{{t{at}}}"
        replies = in_transaction(nodes, at, ("SET", tag + "a", "1"), ("INCR", tag + "a"), ("PING",),
                                 ("APPEND", tag + "b", "xyz"), ("INCR", tag + "b"), ("GET", tag + "b"))
        is_error(replies.pop(4), "ERR value is not an integer")
        equal(replies, ["OK", 2, "PONG", 3, b"xyz"])
        equal(nodes.ask((at + 1) % 3, "MGET", tag + "a", tag + "b"), [b"2", b"xyz"])
        large = b"v" * (300 << 10)
        equal(in_transaction(nodes, at, ("SET", tag + "l", large), ("STRLEN", tag + "l")), ["OK", len(large)])
        equal(nodes.ask((at + 1) % 3, "GET", tag + "l"), large)
        is_error(in_transaction(nodes, at, ("SET", "one", "1"), ("SET", "two", "2")), "EXECABORT")
        equal(nodes.ask(at, "EXISTS", "one", "two"), 0)
        is_error(in_transaction(nodes, at, ("SET", "one", "1"), ("PUBLISH", "c", "m")), "EXECABORT")


def watches(nodes):
    with nodes[0].client(timeout_s=60) as one, nodes[1].client(timeout_s=60) as other:
        for key in ("{w}0", "{w}1", "{w}2"):
            equal(one.command("SET", key, "1"), "OK")
            equal(one.command("WATCH", key, "{w}absent"), "OK")
            equal(one.command("STRLEN", key), 1)  # a read breaks nothing
            equal(other.command("GET", key), b"1")
            equal(other.command("INCR", key), 2)
            equal(one.command("MULTI"), "OK")
            equal(one.command("SET", key, "mine"), "QUEUED")
            equal(one.command("EXEC"), None)
            equal(other.command("GET", key), b"2")
            equal(one.command("WATCH", key, "{w}absent"), "OK")
            equal(one.command("STRLEN", key), 1)
            equal(other.command("STRLEN", key), 1)
            equal(one.command("MULTI"), "OK")
            equal(one.command("INCR", key), "QUEUED")
            equal(one.command("EXEC"), [3])
            equal(one.command("WATCH", key), "OK")
            equal(other.command("DEL", key), 1)
            equal(one.command("UNWATCH"), "OK")
            equal(one.command("MULTI"), "OK")
            equal(one.command("EXEC"), [])
        equal(one.command("WATCH", "{w}new"), "OK")
        equal(other.command("SET", "{w}new", "x"), "OK")
        equal(one.command("MULTI"), "OK")
        equal(one.command("EXEC"), None)


def test_commands_of_several_keys_work_from_any_node():
    need_ours()
    for level in LEVELS:
        with Cluster(3, f"--cluster.consistency_level={level}") as nodes:
            nodes.settle()
            several_keys_of_one_slot(nodes)
            transactions(nodes)
            watches(nodes)


def move_money(nodes, number, rounds, done):
    """Optimistic: reads both, moves one, until EXEC says it was not disturbed."""
    with nodes[number].client(timeout_s=120) as client:
        while done[number] < rounds:
            equal(client.command("WATCH", "{bank}a", "{bank}b"), "OK")
            a, b = client.command("MGET", "{bank}a", "{bank}b")
            client.send(encode("MULTI") + encode("SET", "{bank}a", str(int(a) - 1))
                        + encode("SET", "{bank}b", str(int(b) + 1)) + encode("EXEC"))
            replies = [client.read() for _ in range(4)]
            if replies[3] is not None:
                equal(replies[3], ["OK", "OK"])
                done[number] += 1


def test_watched_transactions_of_three_nodes_lose_nothing():
    need_ours()
    for level in LEVELS:
        with Cluster(3, f"--cluster.consistency_level={level}") as nodes:
            nodes.settle()
            equal(nodes.insist(0, "MSET", "{bank}a", "1000", "{bank}b", "0"), "OK")
            done = [0, 0, 0]
            movers = [threading.Thread(target=move_money, args=(nodes, i, 20, done)) for i in range(3)]
            for mover in movers:
                mover.start()
            for mover in movers:
                mover.join()
            equal(done, [20, 20, 20])
            for number in range(3):
                equal(nodes.ask(number, "MGET", "{bank}a", "{bank}b"), [b"940", b"60"])


def test_clients_that_know_slots_are_sent_to_the_owner_for_transactions():
    need_ours()
    with Cluster(3) as nodes:
        nodes.settle()
        nodes.insist(0, "SET", "{m}x", "1")
        said = set()
        for number in range(3):
            with nodes[number].client(timeout_s=60) as client:
                client.command("CLUSTER", "SLOTS")
                equal(client.command("MULTI"), "OK")
                queued = client.command("INCR", "{m}x")
                ended = client.command("EXEC")
                if queued == "QUEUED":
                    equal(ended, [2])
                    said.add("here")
                else:
                    is_error(queued, "MOVED")
                    is_error(ended, "EXECABORT")
                    said.add(str(queued))
        equal(len(said), 2, "two nodes name the third")


if __name__ == "__main__":
    main(globals())
