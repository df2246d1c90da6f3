#!/usr/bin/python3
"""check_headers.py - each public header compiles alone, as C11 and as C++17, with gcc and clang."""
import pathlib
import shutil
import subprocess
import sys

FLAGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror", "-Iinclude",
         "-fsyntax-only"]
C = ["-x", "c", "-std=c11", "-Wstrict-prototypes"]
CXX = ["-x", "c++", "-std=c++17"]
COMPILERS = [("gcc", C), ("g++", CXX), ("clang", C), ("clang++", CXX)]


def main():
    compilers = [(name, flags) for name, flags in COMPILERS if shutil.which(name)]
    for name, _ in COMPILERS:
        if not shutil.which(name):
            print(f"SKIP: {name} is not installed")
    headers = sorted(pathlib.Path("include/hypercache").glob("*.h"))
    failures = 0
    for header in headers:
        source = f"#include <hypercache/{header.name}>\nextern int not_empty;\n"
        for name, flags in compilers:
            result = subprocess.run([name, *FLAGS, *flags, "-"], input=source, text=True,
                                    stderr=subprocess.PIPE)
            if result.returncode != 0:
                failures += 1
                print(f"{header} with {name}:\n{result.stderr}")
    print(f"headers: {len(headers)}, each by {len(compilers)} compilers, {failures} problems")
    return 1 if failures or not headers or not compilers else 0


if __name__ == "__main__":
    sys.exit(main())
