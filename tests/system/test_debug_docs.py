"""test_debug_docs.py - docs/debug.md does what it shows: its lines run, in order, on a node of their own.

Profiles are left to test_debug.py, which knows whether the library for them is there.
"""
import os
import re
import shutil
import tempfile

from harness import ROOT, Daemon, equal, main, need_ours, need_program, run_program

BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.M | re.S)
LEFT_OUT = ("/profile/", "google-pprof", "LD_PRELOAD")


def test_the_page_works():
    need_ours()
    need_program("curl")
    need_program("redis-cli")
    with open(os.path.join(ROOT, "docs/debug.md"), encoding="utf-8") as file:
        lines = "".join(BLOCK.findall(file.read())).splitlines()
    ran = 0
    with tempfile.TemporaryDirectory(prefix="hypercached-test-") as folder, \
            Daemon("--security.debug_commands", "yes", "--security.http_admin", "true") as server:
        for line in lines:
            if any(word in line for word in LEFT_OUT) or (line.startswith("tshark") and not shutil.which("tshark")):
                continue
            command = line.replace("curl -s", "curl -sS --fail-with-body").replace("6379", str(server.port))
            code, out, err = run_program("/bin/sh", "-c", command.replace("localhost:9080", f"localhost:{server.http_port}"),
                                         cwd=folder)
            equal((code, out.startswith(("ERR", "(error)"))), (0, False), f"{line}: {out}{err}")
            ran += 1
    assert ran >= 6, ran


if __name__ == "__main__":
    main(globals())
