"""test_chaos.py - a short run of chaos.py: whatever happens to the nodes, what clients saw has an order.

How many requests succeed depends on how busy the machine is, so that is told and not judged here; `make
chaos DURATION=1h` is the run that counts.
"""
import random

from chaos import run
from harness import main, need_ours, note

DURATION_S = 20.0
EVERY_S = 2.0


def test_faults_at_random_leave_a_cluster_that_is_of_one_mind():
    need_ours()
    seed = random.randrange(1 << 32)
    note(f"seed {seed}, availability {run(DURATION_S, seed, EVERY_S):.2f} %")


if __name__ == "__main__":
    main(globals())
