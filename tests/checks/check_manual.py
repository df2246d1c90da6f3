#!/usr/bin/python3
"""check_manual.py - the manual pages and the programs speak of the same things.

hypercached(1): every short flag, and every verb and flag of `data`, `cluster` and `sanity`, in both directions; the version.
hypercache(3): every public header, the version, and the program of examples/five_lines.c.
"""
import os
import pathlib
import re
import subprocess
import sys

DAEMON = pathlib.Path(os.environ.get("BUILD", "build")) / "hypercached"
FLAG = re.compile(r"--([a-z][a-z-]*[a-z])")


def page(name):
    """The text of a page, without roff's fonts and escapes."""
    text = pathlib.Path("docs/man", name).read_text()
    text = re.sub(r"\\f[BIRP]|\\fP", "", text)
    return text.replace("\\-", "-").replace("\\en", "\\n").replace("\\e", "\\")


def printed(*arguments):
    return subprocess.run([DAEMON, *arguments], check=True, text=True, stdout=subprocess.PIPE).stdout


def differences(what, on_page, in_program):
    return [f"{what} {name}: not on the page" for name in sorted(in_program - on_page)] + [
        f"{what} {name}: only on the page" for name in sorted(on_page - in_program)]


def check_daemon(version):
    text, help_text = page("hypercached.1"), printed("--help")
    verb_text = "".join(printed(group, "help") for group in ("data", "cluster", "sanity"))
    shorts = set(re.findall(r"^  --[a-z_.]+, --([a-z-]+) ", help_text, re.M))
    shorts |= set(re.findall(r"^  --([a-z]+) ", help_text, re.M))
    verbs = set(re.findall(r"^  hypercached (?:data|cluster) ([a-z]+)", verb_text, re.M))
    if len(shorts) < 8 or len(verbs) < 10:
        return [f"--help, `data help` or `cluster help` is not understood: {shorts}, {verbs}"]
    for words in re.findall(r"hypercached ([a-z]+ [a-z|]+)", help_text):
        verbs |= set(words.replace("|", " ").split())
    problems = differences("flag", set(FLAG.findall(text)), shorts | set(FLAG.findall(verb_text)))
    for verb in sorted(verbs):
        if not re.search(rf"^(\.B )?hypercached [^.]*\b{verb}\b", text, re.M):
            problems.append(f"verb {verb}: not in the synopsis")
    if f"HyperCache {version}" not in text:
        problems.append(f"hypercached.1 is not of version {version}")
    return problems


def check_library(version):
    text = page("hypercache.3")
    headers = {path.name for path in pathlib.Path("include/hypercache").glob("*.h")}
    problems = differences("header", set(re.findall(r"<hypercache/(\w+\.h)>", text)), headers)
    example = pathlib.Path("examples/five_lines.c").read_text().split("*/\n", 1)[1]
    if example not in text:
        problems.append("the program of hypercache.3 is not examples/five_lines.c")
    if f"HyperCache {version}" not in text:
        problems.append(f"hypercache.3 is not of version {version}")
    return problems


def main():
    types = pathlib.Path("include/hypercache/types.h").read_text()
    version = re.search(r'#define HC_VERSION "(.*)"', types).group(1)
    problems = check_daemon(version) + check_library(version)
    for problem in problems:
        print(problem)
    print(f"manual: 2 pages, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
