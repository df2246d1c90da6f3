#!/usr/bin/python3
"""check_symbols.py - what the library offers to the linker, and what it asks of it.

  the shared library exports hc_ names only;
  the archive has no global name but hc_ and hci_, for it shares a program with others' code;
  no object outside lib/host/posix calls the allocator, a clock, a file or the screen.
"""
import os
import pathlib
import subprocess
import sys

BUILD = pathlib.Path(os.environ.get("BUILD", "build"))
FORBIDDEN = set("""malloc calloc realloc free posix_memalign aligned_alloc strdup
mmap munmap mremap madvise brk sbrk
time gettimeofday clock clock_gettime clock_nanosleep nanosleep sleep usleep
getrandom getentropy rand srand random srandom drand48 arc4random
printf puts putchar perror fprintf vprintf vfprintf fputs fputc fwrite fflush stdout stderr
fopen fclose fread open openat close read write pread pwrite fsync fdatasync unlink rename
socket connect accept bind listen send recv sendto recvfrom poll select epoll_create1
exit _exit quick_exit abort atexit raise kill signal sigaction getenv setenv setlocale
pthread_create fork""".split())


def nm(*arguments):
    """(object file, symbol) for each line nm prints."""
    output = subprocess.run(["nm", "-P", "-A", *map(str, arguments)], check=True, text=True,
                            stdout=subprocess.PIPE).stdout
    for line in output.splitlines():
        place, symbol = line.split()[:2]
        yield place.rstrip(":"), symbol.split("@")[0]


def bare(name):
    """The plain name behind the C library's fortified one: __memcpy_chk is memcpy."""
    if name.startswith("__") and name.endswith("_chk"):
        return name[2:-4]
    return name


def main():
    problems = []
    exported = [s for _, s in nm("-D", "--defined-only", BUILD / "libhypercache.so")]
    problems += [f"exported: {s}" for s in exported if not s.startswith("hc_")]
    if not exported:
        problems.append("the shared library exports nothing")
    for _, symbol in nm("-g", "--defined-only", BUILD / "libhypercache.a"):
        if not symbol.startswith(("hc_", "hci_")):
            problems.append(f"global in the archive: {symbol}")
    objects = [path for path in (BUILD / "obj/lib").rglob("*.o")
               if "host/posix" not in path.as_posix()
               and pathlib.Path("lib", path.relative_to(BUILD / "obj/lib")).with_suffix(".c").exists()]
    for place, symbol in nm("-u", *objects) if objects else []:
        if bare(symbol) in FORBIDDEN:
            problems.append(f"{place}: calls {bare(symbol)}, which is for lib/host/posix")
    for problem in problems:
        print(problem)
    print(f"symbols: {len(exported)} exported, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
