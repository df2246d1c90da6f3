"""test_cluster_faults.py - what happens to clusters, while clients at every node note all they see.

Each test does something to the nodes of a cluster at QUORUM under load, lets it heal, and then asks: do
all nodes answer alike, and has everything that any client saw an order (history.py)?  So no confirmed
write is lost, nothing deleted is back, nothing is counted twice.
"""
import contextlib
import signal

from cluster import Cluster, members_of
from harness import equal, main, need_ours, note, wait_until
from network import Network
from recorder import Recorder
from skewed_clock import SkewedClock

QUORUM = "--cluster.consistency_level=quorum"
NOTICE_S_MAX = 60.0


@contextlib.contextmanager
def recorded(*flags, count=3, **options):
    """Nodes under load; judged when the block has ended and they have settled."""
    need_ours()
    with Cluster(count, QUORUM, *flags, **options) as nodes:
        nodes.settle()
        recorder = Recorder(nodes)
        with recorder:
            recorder.goes_on()
            yield nodes, recorder
            recorder.goes_on()
        nodes.settle(dead=len(nodes.nodes) - len(nodes.running()) - len(nodes.gone))
        note(recorder.judge())


def state_of(nodes, seen_by, number):
    """Of a member, as another one sees it."""
    port = str(nodes[number].port)
    states = [m["state"] for m in members_of(nodes[seen_by].info()) if m["port"] == port]
    return states[-1] if states else None


def noticed(nodes, seen_by, number, state="dead"):
    wait_until(lambda: state_of(nodes, seen_by, number) == state, f"node {seen_by} holds {number} for {state}", NOTICE_S_MAX)


def majority_goes_on(recorder, numbers, count=100):
    """Clients of these nodes are answered as asked, so many times more."""
    workers = [w for w in recorder.workers if any(w.node is recorder.nodes[n] for n in numbers)]
    targets = {worker: worker.done + count for worker in workers}
    wait_until(lambda: all(w.done >= target or w.failure for w, target in targets.items()), "most nodes go on", NOTICE_S_MAX)


def test_a_node_joins_and_another_leaves():
    with recorded() as (nodes, recorder):
        recorder.attach(nodes.add("--cluster.leave_on_stop=true"))
        nodes.settle()
        recorder.goes_on()
        nodes.gone.append(3)
        equal(nodes[3].stop(), 0)


def test_a_node_is_killed_and_comes_back():
    with recorded(persistence=True) as (nodes, recorder):
        nodes[1].kill()
        nodes.settle(dead=1)
        majority_goes_on(recorder, [0, 2])
        nodes.start(1)
        nodes.settle()


def test_each_node_is_killed_in_turn_and_comes_back_with_an_empty_disk():
    with recorded() as (nodes, recorder):
        for number in range(3):
            nodes[number].kill()
            nodes.settle(dead=1)
            recorder.goes_on(100)
            nodes.empty(number)
            nodes.start(number)
            nodes.settle()


def test_a_node_comes_back_with_an_empty_disk_at_another_address():
    with Network(4) as network, recorded(network=network) as (nodes, recorder):
        nodes[1].kill()
        nodes.settle(dead=1)
        recorder.goes_on()
        nodes.empty(1)
        nodes[1].moves(network, 3)
        nodes.start(1)
        nodes.settle()
        hosts = {m["host"] for m in members_of(nodes[0].info())}
        equal(hosts, {network.address(number) for number in (0, 2, 3)})


def cut_off(sides):
    """The network splits; the larger side goes on; it heals."""
    with Network(3) as network, recorded(network=network) as (nodes, recorder):
        network.split(*sides)
        few, most = sorted(sides, key=len)
        noticed(nodes, most[0], few[0])
        noticed(nodes, few[0], most[0])
        majority_goes_on(recorder, most)
        network.heal()
        nodes.settle()


def test_one_node_is_cut_off_from_two():
    cut_off([[0], [1, 2]])


def test_two_nodes_are_cut_off_from_one():
    cut_off([[0, 1], [2]])


def test_a_node_hears_others_and_is_not_heard():
    with Network(3) as network, recorded(network=network) as (nodes, recorder):
        network.cut(0, 1)
        network.cut(0, 2)
        majority_goes_on(recorder, [1, 2])
        network.heal()
        nodes.settle()


def test_a_node_is_heard_and_hears_nobody():
    with Network(3) as network, recorded(network=network) as (nodes, recorder):
        network.cut(1, 0)
        network.cut(2, 0)
        majority_goes_on(recorder, [1, 2])
        network.heal()
        nodes.settle()


def test_two_nodes_do_not_hear_each_other_but_a_third():
    with Network(3) as network, recorded(network=network) as (nodes, recorder):
        network.split([0], [1])
        majority_goes_on(recorder, [2])
        network.heal()
        nodes.settle()


def test_nodes_restart_one_after_the_other():
    with recorded(persistence=True) as (nodes, recorder):
        for number in range(3):
            equal(nodes[number].stop(), 0)
            nodes.start(number)
            nodes.settle()
            recorder.goes_on(100)


def test_all_nodes_restart_at_once_and_know_each_other():
    with recorded(persistence=True) as (nodes, recorder):
        ports = [node.cluster_port() for node in nodes]
        for node in nodes:
            node.process.send_signal(signal.SIGTERM)
        for node in nodes:
            equal(node.process.wait(NOTICE_S_MAX), 0)
        for node, port in zip(nodes, ports):
            node.begin([], "--cluster-port", str(port))
        nodes.settle()


def test_a_node_stands_still_for_a_moment_and_for_long():
    with recorded() as (nodes, recorder):
        for long in (False, True):
            nodes[2].process.send_signal(signal.SIGSTOP)
            try:
                if long:
                    noticed(nodes, 0, 2)
                majority_goes_on(recorder, [0, 1], 20)
            finally:
                nodes[2].process.send_signal(signal.SIGCONT)
            nodes.settle()


def test_a_clock_jumps_ahead_and_another_falls_behind():
    clocks = [SkewedClock() for _ in range(3)]
    try:
        with recorded(environment=lambda number: clocks[number].environment) as (nodes, recorder):
            clocks[0].set(5000)
            wait_until(lambda: int(nodes[0].info()["cluster_clock_quarantined"]), "a clock is found to be wrong", NOTICE_S_MAX)
            majority_goes_on(recorder, [1, 2])
            for number, ms in ((0, 300), (0, 3000), (1, -3000), (0, 0), (1, 0), (2, 400)):
                clocks[number].set(ms)
                recorder.goes_on()
            clocks[2].set(0)
            nodes.settle()
    finally:
        for clock in clocks:
            clock.remove()


if __name__ == "__main__":
    main(globals())
