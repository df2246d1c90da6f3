#!/usr/bin/python3
"""coverage.py - line coverage per folder of lib/ and server/, from the counters gcc left in a build.

    coverage.py build/coverage
"""
import collections
import json
import subprocess
import sys


def main():
    build = sys.argv[1]
    output = subprocess.run(
        ["gcovr", "-r", ".", "--object-directory", build, "--filter", "lib/", "--filter", "server/",
         "--json-summary", "--gcov-ignore-parse-errors", build],
        check=True, text=True, stdout=subprocess.PIPE).stdout
    folders = collections.defaultdict(lambda: [0, 0])
    for file in json.loads(output)["files"]:
        name = file["filename"]
        parts = name.split("/")
        for folder in ("/".join(parts[:2]) if len(parts) > 2 else parts[0], parts[0] + " (all)"):
            folders[folder][0] += file["line_covered"]
            folders[folder][1] += file["line_total"]
        print(f"  {file['line_percent']:6.1f} %  {file['line_covered']:5}/{file['line_total']:<5}  {name}")
    for folder, (covered, total) in sorted(folders.items()):
        print(f"{100 * covered / max(total, 1):6.1f} %  {covered:5}/{total:<5}  {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
