"""skewed_clock.py - processes whose wall clock a test sets: skewed_clock.c, preloaded.

    clock = SkewedClock()                     or Skip, with the reason
    Durable(..., environment=clock.environment)
    clock.set(2000)                           two seconds ahead, from now on
"""
import os
import struct
import subprocess
import tempfile

from harness import BUILD, ROOT, Daemon, Skip

SOURCE = os.path.join(ROOT, "tests/system/skewed_clock.c")
LIBRARY = os.path.join(BUILD, "skewed_clock.so")


class SkewedClock:
    def __init__(self):
        if Daemon.sanitizer:
            raise Skip("nothing is preloaded before a sanitizer's own library")
        made = subprocess.run([os.environ.get("CC", "cc"), "-std=gnu11", "-O2", "-shared", "-fPIC", "-o", LIBRARY, SOURCE],
                              capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stderr
        handle, self.path = tempfile.mkstemp(prefix="hypercached-test-clock-")
        os.close(handle)
        self.set(0)
        self.environment = {"LD_PRELOAD": LIBRARY, "SKEWED_CLOCK": self.path}

    def set(self, ms):
        """Milliseconds by which the clock is ahead."""
        with open(self.path, "r+b") as file:
            file.write(struct.pack("<q", ms))

    def remove(self):
        os.unlink(self.path)
