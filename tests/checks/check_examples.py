#!/usr/bin/python3
"""check_examples.py - each example runs, ends with 0 and prints what its first comment says."""
import os
import pathlib
import subprocess
import sys

BUILD = pathlib.Path(os.environ.get("BUILD", "build"))


def promised(source):
    """The indented lines after " * Prints:" in the first comment."""
    lines = iter(source.read_text().splitlines())
    for line in lines:
        if line == " * Prints:":
            break
    result = []
    for line in lines:
        if line.startswith(" *     "):
            result.append(line[len(" *     "):])
        elif result or line != " *":
            break
    return result


def main():
    sources = sorted(pathlib.Path("examples").glob("*.c"))
    failures = 0
    for source in sources:
        expected = promised(source)
        result = subprocess.run([BUILD / "examples" / source.stem], text=True, timeout=60,
                                stdout=subprocess.PIPE)
        printed = result.stdout.splitlines()
        if not expected or result.returncode != 0 or printed != expected:
            failures += 1
            print(f"{source}: exit status {result.returncode}, printed", *printed, sep="\n    ")
            print("  expected", *expected, sep="\n    ")
    print(f"examples: {len(sources)}, {failures} problems")
    return 1 if failures or not sources else 0


if __name__ == "__main__":
    sys.exit(main())
