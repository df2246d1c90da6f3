#!/usr/bin/python3
"""check_style.py - the rules of style that a script can see.

Functions of 70 lines, files of 600 (tests of 800); a first comment that names the file; unique base names;
no include through ../; no notes of unfinished work; no sleeping test; nothing strange at the top; what a document
names or links to is there.
"""
import pathlib
import re
import shutil
import subprocess
import sys

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600
TEST_LINES_MAX = 800  # a test follows its source: as many promises as that makes
TOP = set("Makefile lib include server examples tests bench pkgconfig docs README.md LICENSE".split())
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
SLEEP = re.compile(r"\b(sleep|usleep|nanosleep|clock_nanosleep|thrd_sleep)\s*\(")


def tracked():
    """The files of the project: what git knows, or all of a tree without git."""
    names = []
    if shutil.which("git"):
        names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], text=True, check=False,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.splitlines()
    if not names:
        names = [str(p) for p in pathlib.Path(".").rglob("*") if p.is_file()]
    skip = ("build/", "data/", ".git/")
    return [pathlib.Path(n) for n in names if not n.startswith(skip) and pathlib.Path(n).is_file()]


def long_functions(lines):
    """(first line, length) of functions that are too long.  A brace alone in column 0 opens one."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number - 1  # with the line of its name
        elif line == "}" and start is not None:
            if number - start + 1 > FUNCTION_LINES_MAX:
                yield start, number - start + 1
            start = None


def check_c(path, lines):
    for start, length in long_functions(lines):
        yield f"{path}:{start}: a function of {length} lines, limit {FUNCTION_LINES_MAX}"
    limit = TEST_LINES_MAX if path.parts[0] == "tests" else FILE_LINES_MAX
    if len(lines) > limit:
        yield f"{path}: {len(lines)} lines, limit {limit}"
    if path.name not in "\n".join(lines[:2]):
        yield f"{path}:1: the first comment starts with the file's name and its idea"
    for number, line in enumerate(lines, 1):
        if re.match(r'\s*#\s*include\s+"\.\./', line):
            yield f"{path}:{number}: include through ../"


def check_document(path, lines):
    """Links to files, from the document's folder; and files of the tree in back quotes, from its top."""
    for number, line in enumerate(lines, 1):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", line):
            if not (path.parent / target).exists():
                yield f"{path}:{number}: leads to {target}, which is not there"
        for target in re.findall(r"`((?:lib|server|tests|docs|bench|examples|include)/[\w./-]+\.\w+)`", line):
            if not pathlib.Path(target).exists():
                yield f"{path}:{number}: names {target}, which is not there"


def check_text(path, lines):
    for number, line in enumerate(lines, 1):
        if UNFINISHED.search(line):
            yield f"{path}:{number}: a note of unfinished work"
        if path.name.startswith("test_") and SLEEP.search(line):
            yield f"{path}:{number}: a test that sleeps; wait for a condition instead"


def main():
    problems, bases, count = [], {}, 0
    for path in sorted(tracked()):
        if not path.parts[0].startswith(".") and path.parts[0] not in TOP:
            problems.append(f"{path}: does not belong at the top level")
        if path.suffix not in (".c", ".h", ".cc", ".py", ".sh", ".md", ".yaml") and path.name != "Makefile":
            continue
        if path.parent.name == "checks" or "corpus" in path.parts or "golden" in path.parts:
            continue
        lines = path.read_text().splitlines()
        count += 1
        problems += check_text(path, lines)
        if path.suffix == ".md":
            problems += check_document(path, lines)
        if path.suffix in (".c", ".h"):
            problems += check_c(path, lines)
        if path.suffix == ".c" and path.parts[0] in ("lib", "server", "tests"):
            if path.name in bases:
                problems.append(f"{path}: {bases[path.name]} has the same base name")
            bases[path.name] = path
    for problem in problems:
        print(problem)
    print(f"style: {count} files, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
