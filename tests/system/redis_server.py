"""redis_server.py - a redis-server beside ours, without persistence, to compare with."""
import shutil
import subprocess
import tempfile

from harness import Client, free_port, need_program, wait_until


class Redis:
    """A running redis-server; `port`.  Its files go to `folder`, or to one of its own; `options` are flags."""

    def __init__(self, folder=None, options=()):
        program = need_program("redis-server")
        self.own_folder = None if folder else tempfile.mkdtemp(prefix="redis-test-")
        self.port = free_port()
        self.process = subprocess.Popen(
            [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
             "--dir", folder or self.own_folder, *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._answers, "redis-server answers")

    def _answers(self):
        try:
            with Client(self.port) as client:
                return client.command("PING") == "PONG"
        except OSError:
            return False

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.wait()
        if self.own_folder:
            shutil.rmtree(self.own_folder, ignore_errors=True)
