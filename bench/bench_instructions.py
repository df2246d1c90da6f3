#!/usr/bin/env python3
"""bench_instructions.py - instructions per operation, counted by valgrind.

Time on a shared machine wavers by tens of percent, instructions do not: this tells whether a change
made the code path shorter.  It says nothing about cache misses, which bench_store measures.

    bench_instructions.py [--engines=hypercache,absl::flat_hash_map] [--keys=200000]
"""
import os
import re
import subprocess
import sys
import tempfile

from servers import BUILD, arguments

SAMPLES = 50000
# operation of bench_store, function of it that is counted, keys it handles
OPERATIONS = (("insert", "run_insert", None), ("hit", "run_get", SAMPLES),
              ("miss", "run_get", SAMPLES), ("overwrite", "run_overwrite", SAMPLES),
              ("resize", "run_resize", SAMPLES), ("many 16", "run_batch", SAMPLES),
              ("ahead 16", "run_batch", SAMPLES))


def count(engine, operation, function, keys):
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        command = ["valgrind", "--tool=callgrind", f"--toggle-collect={function}*",
                   f"--callgrind-out-file={folder}/out.%p", os.path.join(BUILD, "bench/bench_store"),
                   f"--keys={keys}", f"--samples={SAMPLES}", "--turns=1", f"--engine={engine}",
                   f"--operations={operation}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"bench: {' '.join(command)}: {done.stderr[-300:]}")
    return max(map(int, re.findall(r"Collected : (\d+)", done.stderr)))


def main():
    options = arguments(sys.argv, engines="hypercache,absl::flat_hash_map,GHashTable", keys=200000)
    engines = options.engines.split(",")
    print("| instructions per key | " + " | ".join(engines) + " |\n|" + "---|" * (len(engines) + 1))
    for operation, function, samples in OPERATIONS:
        cells = []
        for engine in engines:
            total = count(engine, operation, function, options.keys)
            cells.append(f"{total / (samples or options.keys):.0f}" if total > 1000 else "-")
        print(f"| {operation} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
