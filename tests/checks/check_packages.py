#!/usr/bin/python3
"""check_packages.py - .ci/packages names what is missing, says so, and stops when told not to install.

It runs with a PATH that holds nothing but a dpkg-query of ours, which knows every package or none.
"""
import os
import pathlib
import re
import subprocess
import sys

PLACE = pathlib.Path(os.environ.get("BUILD", "build")).absolute() / "checks/packages"
SETS = re.findall(r"^set_(\w+)='$", pathlib.Path(".ci/packages").read_text(), re.M)


def packages(sets, status):
    """Exit status and output of .ci/packages where dpkg-query says `status` of every package."""
    PLACE.mkdir(parents=True, exist_ok=True)
    program = PLACE / "dpkg-query"
    program.write_text(f"#!/bin/sh\necho {status}\n")
    program.chmod(0o755)
    result = subprocess.run(["/bin/sh", ".ci/packages", *sets], text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, env={"PATH": str(PLACE), "NO_INSTALL": "1"})
    return result.returncode, result.stdout


def main():
    problems = []
    makefile = pathlib.Path("Makefile").read_text()
    used = set(word for line in re.findall(r"\$\(PACKAGES\) (.*)", makefile) for word in line.split())
    if used != set(SETS):
        problems.append(f"sets of .ci/packages {sorted(SETS)}, sets used by Makefile {sorted(used)}")
    status, text = packages(SETS, "not-installed")
    named = re.findall(r"^missing package: (\S+) \(.+\)$", text, re.M)
    if status != 1 or "gcc" not in named or "libcmocka-dev" not in named:
        problems.append(f"with nothing installed: exit status {status}, printed\n{text}")
    if len(named) != len(set(named)):
        problems.append(f"named twice:\n{text}")
    if not text.rstrip().endswith("--no-install-recommends " + " ".join(named)):
        problems.append(f"the last line is not the command that would install them:\n{text}")
    status, text = packages(SETS, "installed")
    if status != 0 or text:
        problems.append(f"with everything installed: exit status {status}, printed\n{text}")
    for problem in problems:
        print(problem)
    print(f"packages: {len(named)} in {len(SETS)} sets, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
