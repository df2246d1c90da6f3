"""tracer.py - a daemon under strace, whose system calls then fail, or take long, as a rule of strace says.

    server.launch(prefix=traced(need_strace(), "pread64:delay_enter=10000"))
    kill_traced(server)
"""
import os
import signal
import subprocess

from harness import Skip, need_ours, need_program, run_program


def traced(strace, rule):
    """What comes before a command to have `rule` (name of the calls : what happens) injected."""
    names = rule.split(":")[0]
    return [strace, "-f", "-qq", "-o", "/dev/null", "-e", f"trace={names}", "-e", f"inject={rule}"]


def need_strace():
    need_ours()
    strace = need_program("strace")
    code, _, err = run_program(strace, "-f", "-o", "/dev/null", "true")
    if code != 0:
        raise Skip(f"ptrace is not permitted: {err.strip()[:80]}")
    return strace


def kill_traced(server):
    """strace is told to end, and its child with it."""
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(server.process.pid)], capture_output=True, check=False)
    for pid in children.stdout.split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            pass
    try:
        server.process.wait(30)
    finally:
        server.process.kill()
        server.process.wait()
