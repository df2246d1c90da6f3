"""test_http_docs.py - docs/http.md does what it shows: its curl lines run, and print what stands there.

Times, ids and durations are compared by their form: what differs from run to run is masked on both
sides.  Blocks ```console are commands after "$ " with their output.
"""
import os
import re

from harness import ROOT, Daemon, equal, main, need_ours, need_program, run_program

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.M | re.S)
MASKS = ((re.compile(r'"timestamp":"[^"]*"'), '"timestamp":"T"'), (re.compile(r'"correlation_id":"[0-9a-f]{32}"'), '"correlation_id":"C"'),
         (re.compile(r'"uptime_seconds":\d+'), '"uptime_seconds":N'))


def masked(text):
    for pattern, instead in MASKS:
        text = pattern.sub(instead, text)
    return text.strip()


def test_the_page_is_true():
    need_ours()
    need_program("curl")
    with open(os.path.join(ROOT, "docs/http.md"), encoding="utf-8") as file:
        blocks = BLOCK.findall(file.read())
    assert len(blocks) >= 5
    with Daemon() as server:
        port = server.http_port
        for part in re.split(r"^\$ ", "".join(blocks), flags=re.M)[1:]:
            command, _, shown = part.partition("\n")
            assert command.startswith("curl -s "), command
            code, out, err = run_program("/bin/sh", "-c", command.replace("localhost:9080", f"localhost:{port}"))
            equal((code, err), (0, ""), command)
            equal(masked(out), masked(shown), command)


if __name__ == "__main__":
    main(globals())
