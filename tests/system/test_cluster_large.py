"""test_cluster_large.py - values far larger than a message between nodes: asked by any node, held by all.

FULL=1 adds 100 MiB, which takes minutes where little else gets done.
"""
import hashlib
import os

from cluster import Cluster
from harness import equal, main, need_measurable_memory, need_ours, note

MIB = 1 << 20
SIZES = (2 * MIB, 16 * MIB) + ((100 * MIB,) if os.environ.get("FULL") else ())


def value_of(size):
    """Nothing that compresses; each MiB another."""
    block = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(MIB // 32))
    return b"".join(block[i:] + block[:i] for i in range(size // MIB))


def high_water_bytes(node):
    with open(f"/proc/{node.process.pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


def store(nodes, number, key, value):
    """Nobody else writes it, so it may be said again."""
    equal(nodes.insist(number, "SET", key, value, also=("UNCERTAIN",)), "OK")


def test_large_values_are_read_and_changed_at_any_node():
    need_ours()
    with Cluster(3, "--cluster.consistency_level=quorum") as nodes:
        nodes.settle()
        for size in SIZES:
            value = value_of(size)
            for number in range(3) if size == SIZES[0] else (1,):
                key = f"large:{size}:{number}"
                store(nodes, number, key, value)
                got = nodes.insist((number + 1) % 3, "GET", key)
                assert got == value, (key, len(got))
                equal(nodes.insist((number + 2) % 3, "STRLEN", key), size)
                equal(nodes.insist((number + 2) % 3, "GETRANGE", key, size - 4, -1), value[-4:])
                if size == SIZES[0]:  # a larger one has to be there in a second, which a busy machine does not do
                    equal(nodes.insist((number + 1) % 3, "SETRANGE", key, size, "end", also=("UNCERTAIN",)), size + 3)
                    equal(nodes.insist(number, "GETRANGE", key, -5, -1), value[-2:] + b"end")
                assert nodes.insist(number, "DEL", key, also=("UNCERTAIN",)) in (0, 1)


def test_a_large_value_outlives_the_node_that_took_it():
    need_ours()
    value = value_of(SIZES[-1])
    with Cluster(3, "--cluster.consistency_level=quorum") as nodes:
        nodes.settle()
        store(nodes, 0, "kept", value)
        nodes.replicated()
        nodes[0].kill()
        nodes.settle(dead=1)
        for number in (1, 2):
            assert nodes.insist(number, "GET", "kept") == value, number


def test_the_way_of_a_large_value_takes_bounded_memory():
    need_ours()
    need_measurable_memory()
    size = SIZES[-1]
    value = value_of(size)
    with Cluster(3) as nodes:
        nodes.settle()
        base = max(high_water_bytes(node) for node in nodes)
        for i in range(3):  # each replaces the one before
            store(nodes, i % 3, "same", value)
            nodes.replicated()
            assert nodes.insist((i + 1) % 3, "GET", "same") == value
        more = [high_water_bytes(node) - base for node in nodes]
        note(f"at most {max(more) // MIB} MiB more for values of {size // MIB} MiB")
        assert max(more) < 16 * size, more


if __name__ == "__main__":
    main(globals())
