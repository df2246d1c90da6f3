"""test_readme.py - the README does what it shows: its commands run, its output is what they print.

Blocks ```sh are commands, blocks ```console are commands after "$ " with their output, and the block
```c is examples/five_lines.c.  Ports, and the folder to install to, are the test's own.
"""
import os
import re
import signal
import subprocess
import tempfile

from harness import BUILD, ROOT, Daemon, Skip, equal, free_port, main, wait_until

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
KNOWN_SH = ("make run", "make test", "make install", "build/hypercached config")


def blocks(language):
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        return [text for name, text in BLOCK.findall(file.read()) if name == language]


def shell(script, **environment):
    result = subprocess.run(["/bin/sh", "-e", "-c", script], cwd=ROOT, text=True, timeout=120,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, env={**os.environ, "MAKEFLAGS": "", **environment})
    equal(result.returncode, 0, f"exit status of {script!r}, which printed {result.stdout}")
    return result.stdout


def need_plain_build():
    if Daemon.sanitizer:
        raise Skip("the README speaks of the plain build")


def test_every_shell_block_is_tested_here():
    found = blocks("sh")
    assert found
    for block in found:
        assert block.startswith(KNOWN_SH), f"no test runs this: {block}"


def test_make_run_serves_the_session_shown():
    need_plain_build()
    assert "make run\n" in blocks("sh")
    port = free_port()
    environment = {**os.environ, "MAKEFLAGS": "", "HYPERCACHE_NETWORK_RESP_PORT": str(port),
                   "HYPERCACHE_NETWORK_HTTP_PORT": "0"}
    log_path = os.path.join(BUILD, "readme-run.log")
    with tempfile.TemporaryDirectory(prefix="hypercached-test-") as data, open(log_path, "w+", encoding="utf-8") as log:
        run = subprocess.Popen(["make", "run", f"ARGS=--data-dir={data}"], cwd=ROOT, env=environment, start_new_session=True,
                               stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        try:
            ping = ["redis-cli", "-p", str(port), "ping"]
            wait_until(lambda: subprocess.run(ping, capture_output=True, check=False).stdout == b"PONG\n",
                       "make run serves", timeout_s=60)
            session(port)
        finally:
            os.killpg(run.pid, signal.SIGTERM)
            run.wait(timeout=30)
        log.seek(0)
        printed = log.read()
    assert f"redis-cli -p {port}" in printed, f"make run printed no redis-cli line:\n{printed}"


def session(port):
    """Plays the console blocks; redis-cli prints as on a terminal."""
    count = 0
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, expected = part.partition("\n")
            assert command.startswith("redis-cli "), command
            printed = shell(command.replace("redis-cli", f"redis-cli --no-raw -p {port}", 1))
            equal(printed, expected, f"output of {command}")
            count += 1
    assert count > 0


def test_the_program_shown_is_the_first_example():
    with open(os.path.join(ROOT, "examples/five_lines.c"), encoding="utf-8") as file:
        example = file.read()
    (block,) = blocks("c")
    assert example.endswith("*/\n" + block), block


def test_the_program_builds_as_shown():
    need_plain_build()
    home = os.path.join(BUILD, "checks", "home")
    os.makedirs(home, exist_ok=True)
    (block,) = [b for b in blocks("sh") if b.startswith("make install")]
    block = block.replace("-o five_lines", f"-o {home}/five_lines").replace("./five_lines", f"{home}/five_lines")
    printed = shell(block, HOME=home)
    equal(printed.splitlines()[-1], "hello, world", "the program's output")


def test_the_settings_commands_run():
    need_plain_build()
    shown = [block for block in blocks("sh") if block.startswith("build/hypercached config")]
    assert shown
    for block in shown:
        shell(block.replace("build/hypercached", os.path.join(BUILD, "hypercached")))


def test_make_knows_every_target_named():
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        targets = set(re.findall(r"`make ([a-z-]+)", file.read()))
    targets |= {block.split()[1] for block in blocks("sh") if block.startswith("make ")}
    for target in sorted(targets):
        shell(f"make -n {target} >/dev/null")


if __name__ == "__main__":
    main(globals())
