"""test_node_clients.py - node-redis and ioredis from npm, the newest in every run, all with FULL=1.

Packages are installed by name under $BUILD/clients/node, once; without a registry a test skips.
"""
import json
import os

from harness import BUILD, FULL, ROOT, Daemon, Skip, equal, main, need_program, note, run_program

SCRIPTS = os.path.join(ROOT, "tests/system/clients")
INSTALL_S_MAX = 180.0


def _installed(package, major):
    """The folder with node_modules/<package> of that major version; installs it if need be."""
    need_program("node")
    folder = os.path.join(BUILD, "clients", "node", f"{package}-{major}")
    manifest = os.path.join(folder, "node_modules", package, "package.json")
    if not os.path.exists(manifest):
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "package.json"), "w", encoding="ascii") as file:
            file.write('{"private": true}\n')
        code, _, err = run_program(
            need_program("npm"), "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline",
            "--fetch-retries=1", "--fetch-timeout=30000", f"{package}@{major}", cwd=folder, timeout_s=INSTALL_S_MAX)
        if code != 0:
            words = [line for line in err.splitlines() if "error" in line] or ["npm failed"]
            raise Skip(f"npm cannot fetch {package}@{major}: {words[-1]}")
    with open(manifest, encoding="utf-8") as file:
        note(f"{package} {json.load(file)['version']}")
    return folder


def _run(script, package, major, *arguments):
    if not FULL and major != 6:
        raise Skip("an older version; FULL=1 runs it")
    folder = _installed(package, major)
    with Daemon() as server:
        code, out, err = run_program("node", os.path.join(SCRIPTS, script), folder, str(server.port), *arguments)
        equal(code, 0, out + err)
        note(f"{out.count('ok ')} checks")


def test_node_redis_6_resp3():
    _run("node_redis.js", "redis", 6, "3")


def test_node_redis_6_resp2():
    _run("node_redis.js", "redis", 6, "2")


def test_node_redis_5_resp3():
    _run("node_redis.js", "redis", 5, "3")


def test_node_redis_5_resp2():
    _run("node_redis.js", "redis", 5, "2")


def test_node_redis_4_resp2():
    _run("node_redis.js", "redis", 4, "2")


def test_ioredis_6():
    _run("ioredis.js", "ioredis", 6)


def test_ioredis_5():
    _run("ioredis.js", "ioredis", 5)


if __name__ == "__main__":
    main(globals())
