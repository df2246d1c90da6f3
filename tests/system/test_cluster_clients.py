"""test_cluster_clients.py - clients that know of slots, against three nodes: each goes to the owners."""
import os

from cluster import Cluster
from harness import ROOT, Error, Skip, equal, main, need_ours, need_program, run_program, wait_until
from node_modules import npm
from test_clients import PYTHON

FOLDER = os.path.join(ROOT, "tests/system/clients")
RUN_S_MAX = 120.0
_nodes = None


def three():
    """One cluster for all tests, emptied."""
    global _nodes
    need_ours()
    if _nodes is None:
        _nodes = Cluster(3)
    _nodes.settle()
    equal(_nodes.insist(0, "FLUSHALL"), "OK")
    return _nodes


def port(node):
    return str(node.port)


def succeeds(*command):
    code, out, err = run_program(*command, timeout_s=RUN_S_MAX)
    equal((code, out.split()[-1:]), (0, ["ok"]), out + err)


def test_redis_cli_follows_moved_and_finds_nothing_to_complain_of():
    need_program("redis-cli")
    nodes = three()
    for i in range(20):
        code, out, err = run_program("redis-cli", "-c", "-p", port(nodes[0]), "SET", f"cli:{i}", f"v{i}")
        equal((code, out.strip()), (0, "OK"), err)
        code, out, err = run_program("redis-cli", "-c", "-p", port(nodes[i % 3]), "GET", f"cli:{i}")
        equal((code, out.strip()), (0, f"v{i}"), err)
    code, out, err = run_program("redis-cli", "--cluster", "check", f"127.0.0.1:{port(nodes[0])}")
    equal(code, 0, out + err)
    assert "All 16384 slots covered" in out and "All nodes agree" in out, out


def test_a_client_that_asked_for_slots_is_moved_and_another_is_not():
    nodes = three()
    with nodes[0].client(timeout_s=60) as plain, nodes[0].client(timeout_s=60) as knowing:
        slots = knowing.command("CLUSTER", "SLOTS")
        owners = {tuple(node[:2]) for _, _, node in slots}
        equal(len(owners), 3)
        equal(sum(last - first + 1 for first, last, _ in slots), 16384)
        moved = 0
        for i in range(60):
            equal(plain.command("SET", f"m:{i}", "v"), "OK")
            reply = knowing.command("GET", f"m:{i}")
            if not isinstance(reply, Error):
                equal(reply, b"v")
                continue
            word, slot, where = str(reply).split()
            equal((word, int(slot)), ("MOVED", knowing.command("CLUSTER", "KEYSLOT", f"m:{i}")))
            host, at = where.split(":")
            assert (host.encode(), int(at)) in owners and at != port(nodes[0]), reply
            moved += 1
        assert 20 <= moved <= 58, moved
        equal(knowing.command("MGET", "m:1", "m:2"), [b"v", b"v"])  # of several slots: asked for
        equal(str(plain.command("RENAME", "m:1", "m:2")).split()[0], "CROSSSLOT")


def test_each_node_counts_and_walks_the_keys_it_serves():
    nodes = three()
    for i in range(150):
        equal(nodes.insist(i % 3, "SET", f"w:{i}", "v"), "OK")
    equal(nodes.insist(0, "DEL", "w:0"), 1)
    equal(sum(nodes.ask(i, "DBSIZE") for i in range(3)), 149)
    walked = [key for i in range(3) for key in nodes.ask(i, "SCAN", "0", "COUNT", "10000")[1]]
    equal(sorted(walked), sorted(b"w:%d" % i for i in range(1, 150)))
    slot = nodes.ask(0, "CLUSTER", "KEYSLOT", "w:1")
    equal(sum(nodes.ask(i, "CLUSTER", "COUNTKEYSINSLOT", str(slot)) for i in range(3)), 1)
    equal([key for i in range(3) for key in nodes.ask(i, "CLUSTER", "GETKEYSINSLOT", str(slot), "9")], [b"w:1"])


def test_redis_benchmark_runs_as_a_client_of_the_cluster():
    need_program("redis-benchmark")
    nodes = three()
    code, out, err = run_program("redis-benchmark", "--cluster", "-p", port(nodes[0]), "-n", "3000", "-r", "1000",
                                 "-P", "8", "-c", "9", "-t", "set,get,incr", "--csv", timeout_s=RUN_S_MAX)
    equal(code, 0, out + err)
    assert "error" not in (out + err).lower(), out + err
    equal(sum(line.startswith(('"SET"', '"GET"', '"INCR"')) for line in out.splitlines()), 3, out)


def test_python_redis_uses_the_whole_cluster():
    nodes = three()
    if run_program(PYTHON, "-c", "import redis.cluster")[0] != 0:
        raise Skip("python3-redis is not installed")
    succeeds(PYTHON, os.path.join(FOLDER, "cluster_python.py"), port(nodes[1]))


def test_ioredis_uses_the_whole_cluster():
    nodes = three()
    succeeds("node", os.path.join(FOLDER, "cluster_ioredis.js"), npm("ioredis@6.0.0"), port(nodes[2]))


def test_node_redis_uses_the_whole_cluster():
    nodes = three()
    succeeds("node", os.path.join(FOLDER, "cluster_node_redis.js"), npm("redis@6.3.1"), port(nodes[0]))


def test_after_a_kill_every_key_is_served_by_others_and_slots_name_nobody_dead():
    nodes = three()
    for i in range(100):
        equal(nodes.insist(i % 3, "SET", f"k:{i}", f"v{i}"), "OK")
    nodes.replicated()
    dead = port(nodes[2])
    nodes[2].kill()
    nodes.settle(dead=1)
    for i in range(100):
        equal(nodes.insist(i % 2, "GET", f"k:{i}"), b"v%d" % i)
    wait_until(lambda: all(node[1] != int(dead) for _, _, node in nodes.ask(0, "CLUSTER", "SLOTS")), "it serves nothing")
    lines = nodes.ask(0, "CLUSTER", "NODES").decode().splitlines()
    equal(sorted(line.split()[2] for line in lines), ["master", "master,fail", "myself,master"], lines)
    nodes.start(2)
    nodes.settle()


def test_the_cluster_ends():
    """All nodes end well, and none had to be killed."""
    nodes = three()
    for node in nodes:
        equal(node.stop(), 0)


if __name__ == "__main__":
    try:
        main(globals())
    finally:
        if _nodes is not None:
            _nodes.end(False)
