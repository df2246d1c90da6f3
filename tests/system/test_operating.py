"""test_operating.py - docs/operating.md does what it shows.

Its blocks are run in order, in an empty folder: ```sh for their exit status, ```console for their
output as well, ```yaml as configuration files.  The block that starts a node in the foreground keeps running until a later one
stops it.  Port and process are the test's own.
"""
import os
import re
import subprocess
import tempfile

from daemon import PROGRAM
from harness import ROOT, Client, equal, free_port, main, need_ours, run_program, wait_until

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
START = "hypercached --config "
STOP = "kill $("


class Session:
    """What the page's commands find: a folder, a port, a node once it is started."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.node = None
        self.environment = {"PATH": f"{os.path.dirname(PROGRAM)}:{os.environ['PATH']}"}

    def translated(self, command):
        pid = str(self.node.pid) if self.node else "no-node-yet"
        return command.replace("6379", str(self.port)).replace("$(pidof hypercached)", pid)

    def start(self, command):
        arguments = self.translated(command).split()[1:] + ["--resp-port", str(self.port)]
        with open(os.path.join(self.folder, "log"), "wb") as log:
            self.node = subprocess.Popen([PROGRAM, *arguments], cwd=self.folder, stdout=log, stderr=log)
        wait_until(self.answers, "the node answers")

    def answers(self):
        try:
            with Client(self.port) as client:
                return client.command("PING") == "PONG"
        except OSError:
            return False

    def shell(self, script):
        return run_program("/bin/sh", "-e", "-c", self.translated(script), cwd=self.folder,
                           environment=self.environment)

    def validate(self, text):
        path = os.path.join(self.folder, "shown.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        code, out, err = run_program(PROGRAM, "config", "validate", path)
        equal(code, 0, f"{text!r} printed {out}{err}")

    def console(self, block):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, expected = part.partition("\n")
            _, out, err = self.shell(command)
            equal(out.strip() + err, self.translated(expected) if err else expected.strip(), command)


def test_the_commands_of_the_page_work_in_order():
    need_ours()
    with open(os.path.join(ROOT, "docs/operating.md"), encoding="utf-8") as file:
        blocks = BLOCK.findall(file.read())
    assert len(blocks) > 5
    with tempfile.TemporaryDirectory(prefix="hypercached-test-") as folder:
        session = Session(folder)
        try:
            for language, text in blocks:
                if language == "console":
                    session.console(text)
                elif language == "yaml":
                    session.validate(text)
                elif text.startswith(START):
                    session.start(text)
                else:
                    equal(language, "sh")
                    code, out, err = session.shell(text)
                    equal(code, 0, f"{text!r} printed {out}{err}")
                    if text.startswith(STOP):
                        session.node.wait(30)  # what follows is done to its files
            equal(session.node.wait(30), 0, "the node's exit status")
        finally:
            if session.node and session.node.poll() is None:
                session.node.kill()
                session.node.wait()


if __name__ == "__main__":
    main(globals())
