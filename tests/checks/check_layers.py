#!/usr/bin/python3
"""check_layers.py - every #include in lib/ and server/ follows an arrow of lib/layers.txt."""
import fnmatch
import pathlib
import re
import sys

C11 = set("""assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal
stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time
uchar wchar wctype""".split())
# What lib/ may use of them outside lib/host/posix: no clock, no signals, no threads, no locale.
C11_PURE = C11 - set("locale setjmp signal threads time".split())
GROUPS = {
    "posix": ["*.h"],
    "simd": ["emmintrin.h", "immintrin.h", "arm_neon.h"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')
LIBRARIES = ["event2/*", "event.h", "yaml.h", "zstd.h", "xxhash.h", "jansson.h", "openssl/*"]


def read_layers(path):
    layers = {}
    for line in path.read_text().splitlines():
        line = line.split("#")[0].strip()
        if not line:
            continue
        folder, _, rest = line.partition(":")
        words = rest.split()
        headers = []
        for word in words:
            if word.startswith("<"):
                name = word.strip("<>")
                headers += GROUPS.get(name, [name])
        layers[folder] = ([w for w in words if not w.startswith("<")], headers)
    return layers


def circle(layers):
    """The folders of a circle of arrows, or nothing."""
    done, path = set(), []

    def walk(folder):
        if folder in path:
            return path[path.index(folder):] + [folder]
        if folder in done:
            return None
        path.append(folder)
        for other in layers[folder][0]:
            found = walk(other)
            if found:
                return found
        path.pop()
        done.add(folder)
        return None

    for folder in layers:
        found = walk(folder)
        if found:
            return found
    return None


def folder_of(path, layers):
    for parent in path.parents:
        if str(parent) in layers:
            return str(parent)
    return None


def is_library(header):
    return any(fnmatch.fnmatch(header, pattern) for pattern in LIBRARIES)


def wrong_with(path, quoted, angled, layers):
    """What is wrong with one #include of the file at `path`, or nothing."""
    folder = folder_of(path, layers)
    top = path.parts[0]
    if folder is None:
        return f"{path.parent} is not in lib/layers.txt"
    allowed, headers = layers[folder]
    if quoted:
        if ".." in quoted.split("/"):
            return "includes start at lib/ or server/, never with ../"
        target = pathlib.Path(top) / quoted
        if not target.is_file():
            return f"there is no {target}"
        other = folder_of(target, layers)
        if other != folder and other not in allowed:
            return f"{folder} may not include {other}"
        return None
    if angled.startswith("hypercache/"):
        return None if (pathlib.Path("include") / angled).is_file() else "no such public header"
    if any(fnmatch.fnmatch(angled, pattern) for pattern in headers):
        if not (top == "lib" and headers == ["*.h"] and is_library(angled)):
            return None
    if top == "lib":
        if angled.endswith(".h") and angled[:-2] in C11_PURE:
            return None
        return f"{folder} may not include <{angled}>"
    return f"{folder} may not include <{angled}>" if is_library(angled) else None


def main():
    layers = read_layers(pathlib.Path("lib/layers.txt"))
    problems = []
    for folder, (allowed, _) in layers.items():
        problems += [f"lib/layers.txt: {folder}: {a} has no line" for a in allowed if a not in layers]
    if not problems and circle(layers):
        problems.append("lib/layers.txt: a circle: " + " -> ".join(circle(layers)))
    files = 0
    for top in ("lib", "server"):
        for path in sorted(pathlib.Path(top).rglob("*.[ch]")):
            files += 1
            for number, line in enumerate(path.read_text().splitlines(), 1):
                match = INCLUDE.match(line)
                problem = match and wrong_with(path, match[1], match[2], layers)
                if problem:
                    problems.append(f"{path}:{number}: {problem}")
    for problem in problems:
        print(problem)
    print(f"layers: {files} files, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
