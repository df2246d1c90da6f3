"""harness.py - runs the test_* functions of one file and prints one line for each.

    if __name__ == "__main__":
        main(globals())

    $ HYPERCACHED=build/hypercached python3 tests/system/test_server.py [words of a name ...]
    ok    test_select_isolates (0.1 s)
    skip  test_memkeys: MEMORY USAGE is not there
    FAIL  test_quit: ...
    11 passed, 1 failed, 1 skipped          the last line, always in this form; exit 1 on a failure

A test is a promise, its name says which.  It fails by an exception, it skips by Skip(reason), and
it may not run longer than TEST_S_MAX.  Tests import all they need from here.
"""
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback

from daemon import BUILD, IS_REDIS, ROOT, Daemon, cpu_ns, free_port, rss, wait_until
from resp_client import Client, Closed, Error, Push, Set, Verbatim, encode

__all__ = [
    "BUILD", "FULL", "IS_REDIS", "ROOT", "Client", "Closed", "Daemon", "Error", "Push", "Set",
    "Skip", "Verbatim", "cpu_ns", "encode", "equal", "free_port", "main", "need_program",
    "need_measurable_memory", "need_ours", "note", "rss", "run_program", "served", "together", "wait_until",
]

FULL = os.environ.get("FULL", "") not in ("", "0")  # also what is too long for every run
TEST_S_MAX = 300 if not Daemon.sanitizer else 1200
FAILURE_CHARS_MAX = 3000
PROGRAM_S_MAX = 120.0 if not Daemon.sanitizer else 600.0


_notes = []  # of the test that runs


class Skip(Exception):
    """What this test needs is not there; the reason is printed."""


def note(text):
    """A figure worth seeing beside the test's name."""
    _notes.append(text)


def together(works):
    """Runs them at the same time; an exception in one is that of the test."""
    failures = []

    def guarded(work):
        try:
            work()
        except BaseException as error:  # reported below
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def need_ours():
    """Skips where the promise is HyperCache's own, and redis-server stands in for it."""
    if IS_REDIS:
        raise Skip("redis-server does not promise this")


def need_measurable_memory():
    """Skips what is left of a test, namely its bound on resident memory, under a sanitizer."""
    if Daemon.sanitizer:
        raise Skip(f"served well; resident memory says nothing under the {Daemon.sanitizer} sanitizer")


def need_program(name):
    """The path of a program, or a skip."""
    path = shutil.which(name)
    if path is None:
        raise Skip(f"{name} is not installed")
    return path


def equal(got, want, about=""):
    """Asserts equality and shows both sides, shortened.  True is not 1, an error is not its text."""
    kinds = [(isinstance(value, bool), isinstance(value, Error)) for value in (got, want)]
    if got != want or kinds[0] != kinds[1]:
        raise AssertionError(f"{about + ': ' if about else ''}got {_short(got)}, want {_short(want)}")


def _short(value):
    text = repr(value)
    return text if len(text) <= 500 else f"{text[:400]}... ({len(text)} characters)"


def served(server, *old_clients):
    """Asserts that a new connection and the given older ones are answered."""
    with server.client() as client:
        equal(client.command("PING"), "PONG", "a new connection")
    for client in old_clients:
        equal(client.command("PING"), "PONG", "a connection opened before")


def run_program(*command, stdin=b"", cwd=None, environment=None, timeout_s=PROGRAM_S_MAX):
    """Runs a program to its end; returns (exit code, stdout, stderr) with the texts decoded."""
    try:
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        said = (expired.stdout or b"")[-500:], (expired.stderr or b"")[-500:]
        raise AssertionError(f"{command[0]} still ran after {timeout_s:g} s: {said}") from None
    return (
        done.returncode,
        done.stdout.decode(errors="backslashreplace"),
        done.stderr.decode(errors="backslashreplace"),
    )


def _overdue(signum, frame):
    raise TimeoutError(f"the test ran longer than {TEST_S_MAX} s")


def _run_one(name, test):
    """Runs one test; returns 'ok', 'skip' or 'FAIL' after printing its line."""
    start = time.monotonic()
    _notes.clear()
    signal.alarm(TEST_S_MAX)
    try:
        test()
    except Skip as skip:
        print(f"skip  {name}: {skip}", flush=True)
        return "skip"
    except Exception as error:  # a test may fail in any way, and the next one still runs
        print(f"FAIL  {name}: {type(error).__name__}: {str(error)[:FAILURE_CHARS_MAX]}", flush=True)
        where = "".join(traceback.format_tb(error.__traceback__)[1:]).rstrip()
        print("      " + where.replace("\n", "\n      "), flush=True)
        return "FAIL"
    finally:
        signal.alarm(0)
    seconds = f"{time.monotonic() - start:.1f} s"
    print(f"ok    {name} ({', '.join([seconds, *_notes])})", flush=True)
    return "ok"


def main(names):
    """Runs the tests among `names` (a module's globals) in the order they are written."""
    tests = [(name, test) for name, test in names.items() if name.startswith("test_") and callable(test)]
    wanted = sys.argv[1:]
    if wanted:
        tests = [(name, test) for name, test in tests if any(word in name for word in wanted)]
    signal.signal(signal.SIGALRM, _overdue)
    results = [_run_one(name, test) for name, test in tests]
    passed, failed, skipped = (results.count(result) for result in ("ok", "FAIL", "skip"))
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    sys.exit(1 if failed else 0)
