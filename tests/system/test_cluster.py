"""test_cluster.py - real processes that share their keys: they form, lose a node, get it back."""
import signal
import socket

from cluster import Cluster, Node, members_of
from harness import Error, encode, equal, main, need_ours, wait_until

KEYS = 300


def fill(nodes, prefix, count=KEYS):
    """Keys from all nodes in turn; returns what they are."""
    written = {}
    for i in range(count):
        key, value = f"{prefix}:{i}", f"{prefix} value {i}"
        number = i % len(nodes.nodes)
        number = number if nodes[number].runs() else 0
        # what was under way to a node when it died may have been applied: SET may be said again
        equal(nodes.insist(number, "SET", key, value, also=("UNCERTAIN",)), "OK", key)
        written[key] = value
    nodes.replicated()
    return written


def read_at(node, keys):
    """All of them, by one MGET a hundred."""
    found = {}
    with node.client(timeout_s=60) as client:
        for at in range(0, len(keys), 100):
            some = keys[at:at + 100]
            reply = client.command("MGET", *some)
            if isinstance(reply, Error):
                return None
            found.update((key, value.decode()) for key, value in zip(some, reply) if value is not None)
    return found


def same_everywhere(nodes, written):
    for node in nodes.running():
        wait_until(lambda: read_at(node, list(written)) == written, f"{node.name} reads what was written")


def test_three_nodes_share_their_keys_and_any_takes_any_command():
    need_ours()
    with Cluster(3) as nodes:
        nodes.settle()
        written = fill(nodes, "a")
        same_everywhere(nodes, written)
        equal([nodes.ask(i % 3, "INCR", "counter") for i in range(9)], list(range(1, 10)))
        equal(nodes.ask(0, "APPEND", "counter", "x"), 2)
        equal(nodes.ask(1, "GET", "counter"), b"9x")
        equal(str(nodes.ask(2, "INCR", "counter"))[:7], "ERR val")
        equal(nodes.ask(0, "SET", "t", "v", "EX", "1000"), "OK")
        assert 990 <= nodes.ask(1, "TTL", "t") <= 1000
        equal(nodes.ask(2, "SET", "t", "w", "NX"), None)
        equal(nodes.ask(2, "GETDEL", "t"), b"v")
        equal(nodes.ask(1, "EXISTS", "t", "a:1", "a:2"), 2)
        equal(nodes.ask(0, "DEL", "a:1", "a:2", "nothing"), 2)
        equal(nodes.ask(2, "MGET", "a:1", "a:3"), [None, b"a value 3"])
        equal(nodes.ask(1, "MSET", "m1", "1", "m2", "2", "m3", "3"), "OK")
        equal(nodes.ask(0, "MGET", "m1", "m2", "m3"), [b"1", b"2", b"3"])
        shares = sorted(int(m["slots"]) for m in members_of(nodes[0].info()))
        equal(sum(shares), 16384)
        assert shares[0] > 4000, shares
        equal(nodes.ask(0, "FLUSHALL"), "OK")
        for number in range(3):
            wait_until(lambda: nodes.ask(number, "GET", "m1") is None, "the flush is known")
        for node in nodes:
            equal(node.stop(), 0)


def test_replies_of_a_pipeline_keep_their_order_whoever_answers():
    need_ours()
    with Cluster(3) as nodes:
        nodes.settle()
        for protocol in (2, 3):
            with nodes[1].client(timeout_s=60, protocol=protocol) as client:
                sent, wanted = [], []
                for i in range(400):
                    sent += [encode("SET", f"p:{i}", str(i)), encode("PING"), encode("GET", f"p:{i}"),
                             encode("INCR", f"p:{i}"), encode("NOSUCH"), encode("MGET", f"p:{i}", "none")]
                    wanted += ["OK", "PONG", b"%d" % i, i + 1, None, [b"%d" % (i + 1), None]]
                client.send(b"".join(sent))
                for at, want in enumerate(wanted):
                    got = client.read()
                    if want is None:
                        assert isinstance(got, Error) and str(got).startswith("ERR unknown"), got
                    else:
                        equal(got, want, f"reply {at}")


def test_a_killed_node_that_comes_back_with_an_empty_disk_gets_everything():
    need_ours()
    with Cluster(3) as nodes:
        nodes.settle()
        written = fill(nodes, "before")
        nodes[1].kill()
        written.update(fill(nodes, "meanwhile"))
        nodes.settle(dead=1)
        equal(nodes.insist(0, "DEL", "before:0"), 1)
        del written["before:0"]
        nodes.empty(1)
        nodes.start(1)
        nodes.settle()
        same_everywhere(nodes, written)
        nodes[0].kill()
        nodes[2].kill()  # what it has, it has itself
        wait_until(lambda: read_at(nodes[1], list(written) + ["before:0"]) == written,
                   "the node that lost its disk has everything", 60)


def test_a_whole_cluster_restarts_without_a_seed_and_keeps_its_data():
    need_ours()
    with Cluster(3, persistence=True) as nodes:
        nodes.settle()
        written = fill(nodes, "kept")
        equal(nodes.insist(0, "DEL", "kept:7"), 1)
        del written["kept:7"]
        same_everywhere(nodes, written)
        ports = [node.cluster_port() for node in nodes]
        for node in nodes:
            equal(node.stop(), 0)
        for number, node in enumerate(nodes):
            node.begin([], "--cluster-port", str(ports[number]))
        nodes.settle()
        same_everywhere(nodes, written)
        equal(nodes.insist(2, "EXISTS", "kept:7"), 0)


def test_what_was_flushed_stays_so_when_all_start_again_with_one_that_missed_it():
    need_ours()
    with Cluster(3, persistence=True) as nodes:
        nodes.settle()
        written = fill(nodes, "old", 60)
        ports = [node.cluster_port() for node in nodes]
        nodes[2].kill()
        nodes.settle(dead=1)
        equal(nodes.insist(0, "FLUSHALL"), "OK")
        equal(nodes.insist(0, "SET", "new", "1"), "OK")
        nodes.replicated()
        for node in nodes.running():
            equal(node.stop(), 0)
        for number, node in enumerate(nodes):
            node.begin([], "--cluster-port", str(ports[number]))
        nodes.settle()
        for node in nodes:
            wait_until(lambda: read_at(node, [*written, "new"]) == {"new": "1"},
                       f"{node.name} has nothing from before the flush")


def test_a_node_that_slept_while_others_wrote_brings_nothing_old_back():
    need_ours()
    with Cluster(3, persistence=True) as nodes:
        nodes.settle()
        written = fill(nodes, "k")
        nodes[2].kill()
        nodes.settle(dead=1)
        for i in range(0, KEYS, 2):
            equal(nodes.insist(0, "SET", f"k:{i}", f"newer {i}"), "OK")
            written[f"k:{i}"] = f"newer {i}"
        for i in range(1, KEYS, 4):
            equal(nodes.insist(1, "DEL", f"k:{i}"), 1)
            del written[f"k:{i}"]
        nodes.replicated()
        nodes.start(2)
        nodes.settle()
        for node in nodes:
            wait_until(lambda: read_at(node, [f"k:{i}" for i in range(KEYS)]) == written,
                       f"{node.name} has what is newest")


def test_quorum_goes_on_without_one_node_and_refuses_without_two():
    need_ours()
    with Cluster(3, "--cluster.consistency_level=quorum") as nodes:
        nodes.settle()
        written = fill(nodes, "q", 60)
        same_everywhere(nodes, written)
        equal([nodes.insist(i % 3, "INCR", "n") for i in range(6)], list(range(1, 7)))
        nodes[0].kill()
        nodes.settle(dead=1)
        for i in range(20):
            equal(nodes.insist(1 + i % 2, "SET", f"after:{i}", "x"), "OK")
        equal(nodes.insist(2, "INCR", "n"), 7)
        nodes[1].kill()

        def refused():
            reply = nodes.ask(2, "SET", "lonely", "x")
            assert isinstance(reply, Error), reply
            return str(reply).startswith("NOREPLICAS")

        wait_until(refused, "a node alone refuses a quorum", 60)


def test_a_fourth_node_joins_while_clients_read_and_write():
    need_ours()
    with Cluster(3) as nodes:
        nodes.settle()
        written = fill(nodes, "j")
        nodes.add()
        for i in range(60):
            equal(nodes.insist(i % 4, "SET", f"more:{i}", f"{i}"), "OK")
            written[f"more:{i}"] = f"{i}"
        nodes.settle()
        for node in nodes:  # at once: who acts for a key has it
            found = wait_until(lambda: read_at(node, list(written)), "reads are answered")
            equal(sorted(set(written) - set(found)), [], f"misses at {node.name}")
            equal(found, written)
        held = [int(m["held"]) for m in members_of(nodes[3].info())]
        equal(sum(held), 3 * 16384)
        equal(len(held), 4)


def test_a_node_told_to_leave_gives_its_keys_away_first():
    need_ours()
    with Cluster(2, "--cluster.replication_factor=1") as nodes:
        nodes.settle()
        written = fill(nodes, "one")
        nodes[1].kill()
        nodes.start(1, "--cluster.leave_on_stop=true")
        nodes.settle()
        written = fill(nodes, "one")
        equal(nodes[1].stop(), 0)
        same_everywhere(nodes, written)


def test_a_node_that_stands_still_is_left_out_and_catches_up():
    need_ours()
    with Cluster(3) as nodes:
        nodes.settle()
        written = fill(nodes, "s", 100)
        still = members_of(nodes[1].info())[0]["id"]
        nodes[1].process.send_signal(signal.SIGSTOP)
        try:
            wait_until(lambda: {m["id"]: m["state"] for m in members_of(nodes[0].info())}[still] == "dead",
                       "the others notice", 60)
            for i in range(50):
                key = f"s:{i}"
                written[key] = f"later {i}"
                equal(nodes.insist(i % 2 * 2, "SET", key, written[key], also=("UNCERTAIN",)), "OK")
        finally:
            nodes[1].process.send_signal(signal.SIGCONT)
        nodes.settle()
        same_everywhere(nodes, written)


def test_of_two_processes_with_one_name_the_older_ends():
    need_ours()
    with Cluster(3) as nodes:
        nodes.settle()
        written = fill(nodes, "t", 100)
        twin = Node(1, *nodes.flags)
        nodes.nodes.append(twin)
        twin.begin(nodes.seeds())
        equal(nodes[1].process.wait(60), 0, "the older one")
        nodes.settle()
        same_everywhere(nodes, written)


def test_nodes_of_another_secret_stay_strangers():
    need_ours()
    with Cluster(2, "--security.cluster_secret=one") as nodes:
        nodes.settle()
        nodes.flags[0] = "--security.cluster_secret=another"
        nodes.add()

        def heard():
            info = nodes[0].info()
            return int(info["cluster_bad_datagrams"]) + int(info["cluster_links_refused"]) > 0

        wait_until(heard, "a stranger was heard")
        wait_until(lambda: nodes.insist(2, "SET", "theirs", "1") == "OK", "it is a cluster of its own")
        equal(nodes.ask(0, "GET", "theirs"), None)
        equal(int(nodes[0].info()["cluster_known_nodes"]), 2)


def test_rubbish_at_the_cluster_port_is_counted_and_dropped():
    need_ours()
    with Cluster(1) as nodes:
        nodes.settle()
        port = nodes[0].cluster_port()
        greeting = b"HCPL" + bytes(68)
        for rubbish in (b"GET / HTTP/1.1\r\n\r\n" + b"x" * 100, greeting, b"\xff" * 200, b"HCPL" + b"\xff" * 200):
            with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
                client.sendall(rubbish)
                while client.recv(4096):
                    pass
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            for size in (0, 1, 100, 1200, 1400):
                client.sendto(b"\x5a" * size, ("127.0.0.1", port))
        wait_until(lambda: int(nodes[0].info()["cluster_bad_datagrams"]) >= 4, "bad datagrams are counted")
        info = nodes[0].info()
        assert int(info["cluster_bad_frames"]) + int(info["cluster_links_refused"]) >= 4, info
        equal(nodes.ask(0, "SET", "a", "b"), "OK")


def test_data_of_a_node_that_was_alone_is_not_taken_for_a_clusters():
    need_ours()
    with Cluster(1, persistence=True) as nodes:
        node = nodes[0]
        nodes.settle()
        equal(nodes.ask(0, "SET", "shared", "1"), "OK")
        node.kill()
        node.launch("--persistence.enabled=true")
        equal(node.process.wait(60), 1)
        assert "holds the data of a node of a cluster" in node.said(), node.said()


if __name__ == "__main__":
    main(globals())
