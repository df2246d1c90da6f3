#!/usr/bin/python3
"""check_install.py - an installed copy is complete: a program builds from it with pkg-config only.

Installs into an empty folder below build/, as a packager does (DESTDIR) and as a user does (PREFIX),
builds examples/five_lines.c against it outside the tree, shared and static, in C, and in C++ behind every
public header at once, runs it, uninstalls, and looks that nothing stays behind.
"""
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path.cwd()
BUILD = ROOT / os.environ.get("BUILD", "build")
PLACE = BUILD / "checks/install"
EXPECTED = "hello, world\n"


def run(*command, **options):
    result = subprocess.run([str(word) for word in command], text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, **options)
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{result.stdout}")
    return result.stdout


def make(target, prefix, destdir=""):
    return run("make", "--no-print-directory", target, f"PREFIX={prefix}", f"DESTDIR={destdir}")


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir())


def write_sources(prefix, work):
    """The example as C, and as C++ behind all headers that were installed."""
    example = (ROOT / "examples/five_lines.c").read_text()
    headers = [f"#include <{path.relative_to(prefix / 'include')}>" for path in sorted(prefix.glob("include/*/*.h"))]
    work.mkdir(exist_ok=True)
    (work / "program.c").write_text(example)
    (work / "program.cc").write_text("\n".join(headers) + "\n" + example)


def build_and_run(prefix, compiler, static):
    environment = dict(os.environ, PKG_CONFIG_PATH=str(prefix / "lib/pkgconfig"),
                       LD_LIBRARY_PATH="" if static else str(prefix / "lib"))
    query = ["pkg-config", "--cflags", "--libs"] + (["--static"] if static else [])
    flags = run(*query, "hypercache", env=environment).split()
    program = PLACE / f"program-{compiler}-{'static' if static else 'shared'}"
    work = PLACE / "elsewhere"
    source = "program.cc" if compiler.endswith("++") else "program.c"
    write_sources(prefix, work)
    run(compiler, *(["-static"] if static else []), source, *flags, "-o", program, cwd=work)
    printed = run(program, env=environment)
    if printed != EXPECTED:
        raise SystemExit(f"{program} printed {printed!r}")
    needed = run("readelf", "-d", program)
    if ("libhypercache.so.0" in needed) == static:
        raise SystemExit(f"{program} is linked the wrong way:\n{needed}")


def main():
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    prefix = PLACE / "prefix"
    make("install", prefix)
    for compiler in ("gcc", "g++", "clang", "clang++"):
        if shutil.which(compiler):
            build_and_run(prefix, compiler, static=False)
            build_and_run(prefix, compiler, static=True)
        else:
            print(f"SKIP: {compiler} is not installed")
    installed = files(prefix)
    for name in ("include/hypercache/store.h", "lib/libhypercache.so.0", "lib/libhypercache.a",
                 "lib/pkgconfig/hypercache.pc", "share/man/man3/hypercache.3",
                 "share/man/man1/hypercached.1", "lib/systemd/system/hypercached.service"):
        if name not in installed:
            raise SystemExit(f"not installed: {name}")
    unit = (prefix / "lib/systemd/system/hypercached.service").read_text()
    if f"ExecStart={prefix}/bin/hypercached " not in unit:
        raise SystemExit(f"the unit starts another hypercached:\n{unit}")
    daemon = prefix / "bin/hypercached"
    if (ROOT / "server/main.c").exists():
        run(daemon, "--version")
    make("uninstall", prefix)
    if files(prefix):
        raise SystemExit(f"left behind by uninstall: {files(prefix)}")
    packaged = PLACE / "package"
    make("install", "/usr", packaged)
    text = (packaged / "usr/lib/pkgconfig/hypercache.pc").read_text()
    if str(PLACE) in text or "prefix=/usr\n" not in text:
        raise SystemExit(f"hypercache.pc knows where it was packaged:\n{text}")
    if files(packaged / "usr") != installed:
        raise SystemExit("DESTDIR and PREFIX install different files")
    print(f"install: {len(installed)} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
