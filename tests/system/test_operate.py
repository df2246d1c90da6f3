"""test_operate.py - `hypercached cluster status|ring|leave` and `hypercached sanity`, asked of nodes that run."""
import json
import signal

from cluster import Cluster
from daemon import PROGRAM
from harness import Daemon, equal, main, need_ours, run_program, wait_until


def address(node):
    return f"127.0.0.1:{node.port}"


def addresses(nodes):
    return ",".join(address(node) for node in nodes)


def asked(*words, code=0):
    """What it prints, with this exit status."""
    got, out, err = run_program(PROGRAM, *words)
    equal(got, code, out + err)
    return out if code != 2 else err


def verdicts(*words, code=0):
    """Of sanity: the verdicts of each check."""
    report = json.loads(asked("sanity", *words, "--json", code=code))
    equal(report["ok"], code == 0)
    found = {}
    for check in report["checks"]:
        found.setdefault(check["check"], []).append((check["verdict"], check["detail"]))
    return found


def test_status_and_ring_tell_what_a_node_sees():
    need_ours()
    with Cluster(3) as nodes:
        nodes.settle()
        text = asked("cluster", "status", "--node", address(nodes[0]))
        assert "3 of 3 members well, 16384 of 16384 slots served" in text, text
        assert all(address(node) in text for node in nodes), text
        status = json.loads(asked("cluster", "status", f"--node={address(nodes[1])}", "--json"))
        equal((status["healthy"], status["state"], len(status["members"])), (True, "ok", 3))
        equal(sum(member["slots"] for member in status["members"]), 16384)
        ring = json.loads(asked("cluster", "ring", "--node", address(nodes[2]), "--json"))
        equal(sum(r["last"] - r["first"] + 1 for r in ring["ranges"]), 16384)
        lines = asked("cluster", "ring", "--slots", "--node", address(nodes[2])).splitlines()
        equal(len(lines), 1 + 3 + len(ring["ranges"]))
        where = json.loads(asked("cluster", "ring", "--key", "a key", "--node", address(nodes[0]), "--json"))
        equal(where["slot"], nodes.ask(0, "CLUSTER", "KEYSLOT", "a key"))
        owner = [r["id"] for r in ring["ranges"] if r["first"] <= where["slot"] <= r["last"]]
        equal([where["id"]], owner)
        nodes[2].kill()
        nodes.settle(dead=1)
        assert "2 of 3 members well" in asked("cluster", "status", "--node", address(nodes[0]), code=1)


def test_leave_gives_the_keys_away_and_then_the_node_can_go():
    need_ours()
    with Cluster(3, "--cluster.replication_factor=1") as nodes:
        nodes.settle()
        for i in range(60):
            equal(nodes.insist(i % 3, "SET", f"k:{i}", f"{i}"), "OK")
        said = json.loads(asked("cluster", "leave", "--node", address(nodes[1]), "--json"))
        equal(said["left"], True)
        equal(nodes[1].stop(), 0)
        for i in range(60):
            equal(nodes.insist(0, "GET", f"k:{i}"), b"%d" % i)
        assert "2 of 2 members well" in asked("cluster", "status", "--node", address(nodes[2]))


def test_sanity_finds_nothing_wrong_and_leaves_nothing_behind():
    need_ours()
    for level in ("eventual", "quorum"):
        with Cluster(3, f"--cluster.consistency_level={level}") as nodes:
            nodes.settle()
            equal(nodes.insist(0, "SET", "of somebody else", "1"), "OK")
            found = verdicts("--nodes", addresses(nodes))
            equal(set(found), {"reach", "members", "agreement", "clocks", "values", "updates", "expiry", "lag", "persistence"})
            equal({check for check, said in found.items() if said[0][0] != "ok"}, {"persistence"})
            equal(sum(nodes.ask(i, "DBSIZE") for i in range(3)), 1)


def test_sanity_of_one_node_alone_skips_the_cluster():
    need_ours()
    with Daemon() as server:
        found = verdicts("--nodes", f"127.0.0.1:{server.port}")
        equal((found["members"][0][0], found["lag"][0][0], found["values"][0][0]), ("skip", "skip", "ok"))


def test_sanity_sees_nodes_that_share_nothing():
    need_ours()
    with Daemon() as one, Daemon() as other:
        found = verdicts("--nodes", f"127.0.0.1:{one.port},127.0.0.1:{other.port}", code=1)
        for check in ("members", "values", "updates", "expiry"):
            equal(found[check][0][0], "FAIL", check)


def test_sanity_sees_a_dead_node_and_one_that_stands_still():
    need_ours()
    with Cluster(3) as nodes:
        nodes.settle()
        nodes[2].kill()
        nodes.settle(dead=1)
        found = verdicts("--nodes", addresses(nodes), code=1)
        equal((found["reach"][0][0], found["members"][0][0], found["values"][0][0]), ("FAIL", "FAIL", "ok"))
        nodes[1].process.send_signal(signal.SIGSTOP)
        try:
            found = verdicts("--nodes", addresses(list(nodes)[:2]), "--timeout-ms", "500", code=1)
            assert any("in time" in detail for _, detail in found["reach"]), found
        finally:
            nodes[1].process.send_signal(signal.SIGCONT)


def test_sanity_marks_survive_a_restart_of_all_nodes_or_it_says_so():
    need_ours()
    for kept in (True, False):
        with Cluster(3, persistence=kept) as nodes:
            nodes.settle()
            ports = [node.cluster_port() for node in nodes]
            equal(verdicts("--nodes", addresses(nodes), "--before-restart")["marks"][0][0], "ok")
            stamp = int(nodes.insist(0, "GET", "hypercache-sanity:mark:0"))
            for node in nodes:
                equal(node.stop(), 0)
            for node, port in zip(nodes, ports):
                node.begin([], "--cluster-port", str(port))
            nodes.settle()
            # told apart in whole seconds
            wait_until(lambda: int(nodes.ask(0, "TIME")[0]) - stamp > int(nodes[2].info()["uptime_in_seconds"]), "time")
            found = verdicts("--nodes", addresses(nodes), "--after-restart", code=0 if kept else 1)
            equal(found["marks"][0][0], "ok" if kept else "FAIL", found)


def test_wrong_words_are_told_apart_from_wrong_nodes():
    need_ours()
    for words in (["cluster"], ["cluster", "fly"], ["cluster", "status", "--fast"], ["cluster", "leave"], ["sanity"],
                  ["cluster", "status", "--node"], ["sanity", "--nodes", ","], ["sanity", "--nodes", "a", "--keys", "0"],
                  ["cluster", "status", "--node", "127.0.0.1:1"]):
        assert asked(*words, code=2), words
    with Daemon() as server:
        assert "in no cluster" in asked("cluster", "status", "--node", f"127.0.0.1:{server.port}", code=2)


if __name__ == "__main__":
    main(globals())
