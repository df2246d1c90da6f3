#!/usr/bin/python3
"""run_tests.py - runs every test program and ends with one plain total.

  --unit    cmocka programs: each test function counts.  A program that crashes, or runs no test at
            all, counts as one failed test.
  --replay  fuzz targets over their corpus: each program counts as one test.
  --check   scripts: exit status 0 is one passed test.
  --system  Python scripts that print their own last line "N passed, N failed, N skipped".

A skip says why on a line of its own that begins with "skip"; one that does not counts as failed.

A passing program is one line; a failing one is shown whole.  Programs of --unit, --replay run side
by side, one a core; checks and system tests one after the other, for they use ports and the cores.
"""
import argparse
import concurrent.futures
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time

TIMEOUT_S = int(os.environ.get("TEST_TIMEOUT_S", "600"))
SYSTEM_TIMEOUT_S = 3 * TIMEOUT_S  # each of its tests has a limit of its own
OUTPUT_BYTES_MAX = 4 << 20
TOTAL = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$")


def run(command, timeout_s):
    """Runs `command` on a terminal of its own, so that its lines come out even if it crashes."""
    ours, theirs = pty.openpty()
    attributes = termios.tcgetattr(theirs)
    attributes[1] &= ~termios.OPOST
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
                               start_new_session=True)
    os.close(theirs)
    output = bytearray()
    deadline = time.monotonic() + timeout_s
    timed_out = False
    while True:
        ready, _, _ = select.select([ours], [], [], 0.2)
        if ready:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # EIO: the last writer has closed the terminal
                piece = b""
            if not piece:
                break
            output += piece
            if len(output) > OUTPUT_BYTES_MAX:  # keep both ends
                output[OUTPUT_BYTES_MAX // 4:OUTPUT_BYTES_MAX // 2] = b"\n[...]\n"
        elif process.poll() is not None:
            break
        if time.monotonic() > deadline and not timed_out:
            timed_out = True
            os.killpg(process.pid, signal.SIGKILL)
    os.close(ours)
    status = process.wait()
    text = output.decode("utf-8", "replace")
    if timed_out:
        text += f"\nstopped after {timeout_s} s\n"
    return status, text


def count_cmocka(text):
    """Results of the tests in a cmocka program's output, and the test it was in when it ended."""
    passed = failed = skipped = 0
    current = None
    for line in text.splitlines():
        if line.startswith("[ RUN      ]"):
            current = line[12:].strip()
        elif current and line.startswith("[       OK ]"):
            passed, current = passed + 1, None
        elif current and (line.startswith("[  FAILED  ]") or line.startswith("[  ERROR   ]")):
            failed, current = failed + 1, None
        elif current and line.startswith("[  SKIPPED ]"):
            skipped, current = skipped + 1, None
    return passed, failed, skipped, current


def ending(status):
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exit status {status}"


def skip_reasons(text):
    """The lines that say why something was not tested."""
    return [line for line in text.splitlines() if line.lower().startswith("skip")]


def judge_unit(status, text):
    passed, failed, skipped, current = count_cmocka(text)
    note = ""
    if current:
        failed, note = failed + 1, f"ended inside {current}: {ending(status)}"
    elif passed + failed + skipped == 0:
        failed, note = 1, "ran no test"
    elif status != 0 and failed == 0:
        failed, note = 1, ending(status)
    elif skipped > len(skip_reasons(text)):
        failed, note = 1, "skipped without a reason"
    return passed, failed, skipped, note


def judge_status(status, text):
    """What a script leaves out of its work it says, and that counts as skipped beside it."""
    skipped = len(skip_reasons(text))
    return (1, 0, skipped, "") if status == 0 else (0, 1, skipped, ending(status))


def judge_system(status, text):
    lines = [line for line in text.splitlines() if line.strip()]
    match = TOTAL.match(lines[-1].strip()) if lines else None
    if not match:
        return 0, 1, 0, f"no total in its last line, {ending(status)}"
    passed, failed, skipped = (int(n) for n in match.groups())
    if passed + failed + skipped == 0:
        return 0, 1, 0, "ran no test"
    if status != 0 and failed == 0:
        return passed, 1, skipped, ending(status)
    return passed, failed, skipped, ""


class Report:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.bad = []

    def add(self, name, seconds, result, text):
        passed, failed, skipped, note = result
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        word = "FAILED" if failed else "ok" if passed else "skipped"
        counts = f"{passed} passed" + (f", {failed} failed" if failed else "") + (
            f", {skipped} skipped" if skipped else "")
        print(f"{word:8}{name}: {counts}, {seconds:.1f} s" + (f" ({note})" if note else ""))
        if failed:
            self.bad.append(name)
            print("    | " + "\n    | ".join(text.rstrip().splitlines()))
        else:
            for line in skip_reasons(text):
                print("        " + line)
        sys.stdout.flush()

    def finish(self):
        for name in self.bad:
            print(f"failed: {name}")
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        return 1 if self.failed or not self.passed else 0


def timed(command, timeout_s=TIMEOUT_S):
    start = time.monotonic()
    status, text = run(command, timeout_s)
    return time.monotonic() - start, status, text


def shown(path):
    build = os.environ.get("BUILD", "build") + "/"
    return path[len(build):] if path.startswith(build) else path


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    for kind in ("unit", "replay", "check", "system"):
        parser.add_argument(f"--{kind}", nargs="*", default=[])
    parser.add_argument("--wrapper", default="", help="command put before each unit program")
    arguments = parser.parse_args()
    report = Report()
    wrapper = arguments.wrapper.split()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [(path, judge_unit, pool.submit(timed, wrapper + [path]))
                for path in arguments.unit]
        for path in arguments.replay:
            corpus = pathlib.Path("tests/fuzz/corpus") / pathlib.Path(path).name.replace("fuzz_", "", 1)
            jobs.append((path, judge_status, pool.submit(timed, [path, str(corpus)])))
        for path, judge, job in jobs:
            seconds, status, text = job.result()
            report.add(shown(path), seconds, judge(status, text), text)
    for path in arguments.check:
        command = ["/usr/bin/python3", path] if path.endswith(".py") else ["/bin/sh", path]
        seconds, status, text = timed(command)
        report.add(path, seconds, judge_status(status, text), text)
    for path in arguments.system:
        seconds, status, text = timed(["/usr/bin/python3", path], SYSTEM_TIMEOUT_S)
        report.add(path, seconds, judge_system(status, text), text)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
