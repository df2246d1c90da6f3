"""test_debug.py - debug mode over RESP and HTTP: every feature is used for what it is there for.

A capture is replayed into another node, a profile names the function that burns the time, an inspector
names the segment and the owner that the node really uses.
"""
import json
import os
import re
import struct
import tempfile

from cluster import Cluster
from harness import (Client, Daemon, Error, Skip, encode, equal, main, need_ours, need_program, run_program,
                     wait_until)
from http_client import HttpClient, ask

ON = ("--debug.enabled=true", "--security.debug_commands=yes", "--security.http_admin=true")
JSON = {"Content-Type": "application/json"}


def http_port(server):
    return int(server.info()["http_port"])


def get(server, path, status=200):
    reply = ask(http_port(server), "GET", "/api/debug/" + path)
    equal(reply.status, status, f"{path}: {reply.body[:200]!r}")
    return reply.json() if "json" in reply.headers["content-type"] else reply.body


def post(server, path, body=b"", status=200):
    reply = ask(server.http_port, "POST", "/api/debug/" + path, body, JSON)
    equal(reply.status, status, f"{path}: {reply.body[:200]!r}")
    return reply.json()


# ---- who may ----


def test_debug_mode_is_off_until_it_is_asked_for():
    need_ours()
    with Daemon("--security.http_admin=true", "--security.debug_commands=yes") as server, server.client() as client:
        paths = ask(server.http_port, "GET", "/openapi.json").json()["paths"]
        debug = {path: verbs for path, verbs in paths.items() if path.startswith("/api/debug")}
        assert len(debug) >= 15, sorted(debug)
        for path, verbs in debug.items():
            for verb, row in verbs.items():
                target = path.replace("{key}", "k")
                reply = ask(server.http_port, verb.upper(), target, b"" if verb == "post" else None)
                equal((reply.status, reply.json()["code"]), (403, "DEBUG_OFF"), f"{verb} {path}")
                assert "debug.enabled" in row["x-needs"], path
        equal(client.command("DEBUG", "SHARDS"), Error("ERR debug mode is off; see debug.enabled"))
        equal(client.command("CONFIG", "SET", "debug.enabled", "true"), "OK")
        get(server, "shards")
        equal(client.command("CONFIG", "SET", "debug.enabled", "false"), "OK")
        get(server, "shards", 403)


def test_without_the_role_debug_mode_only_looks():
    need_ours()
    with Daemon("--debug.enabled=true") as server:
        port = server.http_port
        for path, verbs in ask(port, "GET", "/openapi.json").json()["paths"].items():
            for verb, row in verbs.items():
                if not path.startswith("/api/debug") or verb == "get" and "http_admin" not in row["x-needs"]:
                    continue
                reply = ask(port, verb.upper(), path, b"" if verb == "post" else None)
                equal((reply.status, reply.json()["code"]), (403, "ADMIN_OFF"), f"{verb} {path}")
        for path in ("shards", "levels", "owner/k", "members", "queues", "latency"):
            get(server, path)
        with server.client() as client:  # RESP has its own rule
            assert isinstance(client.command("DEBUG", "SHARDS"), Error)


# ---- inspectors ----


def test_the_record_of_a_key_is_where_debug_object_says():
    need_ours()
    with Daemon(*ON) as server, server.client() as client:
        client.command("SET", b"bin\x00/ary", "x" * 3000)
        client.command("SET", "large", b"y" * 100_000)
        for key, path in ((b"bin\x00/ary", "bin%00%2Fary"), (b"large", "large")):
            record = get(server, "record/" + path)["record"]
            told = dict(part.split(":", 1) for part in client.command("DEBUG", "OBJECT", key).split(" ") if ":" in part)
            for name in ("shard", "segment", "segment_offset", "bucket", "slot", "memory_bytes", "value_bytes"):
                equal(str(record[name]), told[name], f"{key}: {name}")
            equal(record["key_bytes"], len(key))
            shard = get(server, "shards")["shards"][record["shard"]]
            assert shard["keys"] >= 1 and shard["segments_open"] >= 1, shard
        equal(ask(server.http_port, "GET", "/api/debug/record/none").json()["code"], "KEY_NOT_FOUND")
        equal(ask(server.http_port, "GET", "/api/debug/record/k?store=none").json()["code"], "STORE_NOT_FOUND")


def test_the_filter_has_the_fingerprint_of_a_key_and_of_no_other():
    need_ours()
    with Daemon(*ON) as server, server.client() as client:
        equal(client.command("STORE", "CREATE", "s", "FILTER", "12"), "OK")
        client.command("SELECT", "s")
        client.command("SET", "there", "v")
        told = get(server, "filter/there?store=s")["filter"]
        assert told["covers"] is True and told["contains"] is True, told
        layer = told["layers"][0]
        assert any(layer["fingerprint"] in bucket["fingerprints"] for bucket in layer["buckets"]), layer
        client.command("DEL", "there")
        assert get(server, "filter/there?store=s")["filter"]["contains"] is False
        equal(get(server, "filter/k"), {"filter": None})


def test_the_owner_that_is_named_is_the_one_that_serves():
    need_ours()
    with Cluster(3, *ON) as nodes:
        nodes.settle()
        ids = {node.client().command("CLUSTER", "MYID").decode(): node for node in nodes}
        members = get(nodes[0], "members")["members"]
        equal(sorted(one["id"] for one in members), sorted(ids))
        equal({one["state"] for one in members}, {"alive"})
        equal(sorted(one["id"] for one in get(nodes[0], "queues")["queues"]), sorted(set(ids) - {members[0]["id"]}))
        for i in range(20):
            owner = get(nodes[0], f"owner/key:{i}")["owner"]
            assert owner["owner"] in owner["holders"], owner
            for node_id, node in ids.items():
                with node.client() as client:
                    answer = client.command("CLUSTER", "KEYSLOT", f"key:{i}")
                    equal(answer, owner["slot"])
                assert get(node, f"owner/key:{i}")["owner"]["is_self"] is (node_id == owner["owner"])
            with ids[owner["owner"]].client() as client:
                equal(client.command("SET", f"key:{i}", "v"), "OK")
            get(ids[owner["owner"]], f"record/key:{i}")  # it is there indeed


def test_durations_are_told_by_command():
    need_ours()
    with Daemon(*ON) as server, server.client() as client:
        for _ in range(50):
            client.command("GET", "k")
        told = get(server, "latency?command=get")["commands"]
        equal(sorted(told), ["get"])
        equal(told["get"]["calls"], 50)


# ---- levels ----


def test_a_level_goes_back_by_itself_and_both_are_events():
    need_ours()
    with Daemon(*ON) as server, server.client() as client:
        def level():
            return next(one for one in get(server, "levels")["levels"] if one["component"] == "RESP_SERVER")

        def lines():
            return [one for one in server.log() if one["level"] == "TRACE" and one["component"] == "RESP_SERVER"]

        post(server, "levels", b'{"component": "resp_server", "level": "trace", "seconds": 600}')
        now = level()
        equal((now["level"], now["configured"]), ("TRACE", "INFO"))
        assert 0 < now["reverts_in_ms"] <= 600_000, now
        wait_until(lambda: client.command("SET", "k", "v") == "OK" and lines(), "a line at TRACE")
        post(server, "levels", b'{"component": "RESP_SERVER", "level": "trace", "seconds": 1}')
        wait_until(lambda: level()["level"] == "INFO", "the level goes back")
        events = wait_until(lambda: [e for e in server.log() if e.get("event") == "config_changed"
                                     and e.get("value") == "RESP_SERVER=INFO, as configured"], "an event")
        equal(len(events), 1)
        post(server, "levels", b'{"component": "RESP_SERVER", "level": "loud"}', 400)
        post(server, "levels", b'{"component": 7.5, "level": "trace"}', 400)
        post(server, "levels", b'{"component": "GOSSIP"}', 400)
        equal(client.command("DEBUG", "LEVEL", "ALL", "RESET"), "OK")


def test_at_trace_each_component_says_what_it_does():
    need_ours()
    with Cluster(2, *ON, "--debug.level=trace", "--debug.components=GOSSIP,REPLICATION,HASH_RING") as nodes:
        nodes.settle()

        def told(component, message):
            lines = [json.loads(line) for line in nodes[0].said(1 << 24).splitlines() if line.endswith("}")]
            return [one for one in lines if one["level"] == "TRACE" and one["component"] == component
                    and one["message"] == message]

        def all_told():
            nodes.insist(0, "SET", "k", "v")
            directions = {one["operation"] for one in told("REPLICATION", "a message of replication")}
            return directions == {"send", "receive"} and told("GOSSIP", "a message of membership")

        wait_until(all_told, "messages of both kinds are told", 60)
        assert all(one["bytes"] > 0 and one["peer"].startswith("127.0.0.1 ")
                   for one in told("REPLICATION", "a message of replication"))
    with Daemon(*ON, "--logging.components=HASH_RING=trace") as server, server.client() as client:
        wait_until(lambda: client.command("SET", "k", "v") == "OK"
                   and [one for one in server.log() if one.get("slot") == 7629], "the slot of a key is told")


def test_debug_components_have_their_level_while_debug_mode_is_on():
    need_ours()
    with Daemon(*ON, "--debug.level=debug", "--debug.components=GOSSIP,FILTER") as server, server.client() as client:
        levels = {one["component"]: one["level"] for one in get(server, "levels")["levels"]}
        equal((levels["GOSSIP"], levels["FILTER"], levels["HASH_RING"]), ("DEBUG", "DEBUG", "INFO"))
        assert isinstance(client.command("CONFIG", "SET", "debug.components", "NOBODY"), Error)


# ---- captures ----


def packets(pcap):
    """(from the client, bytes, whole size) of each packet of a capture, and the node's port."""
    magic, _, _, _, _, _, link = struct.unpack("<IHHiIII", pcap[:24])
    equal((magic, link), (0xA1B2C3D4, 101))
    at, found = 24, []
    while at < len(pcap):
        _, _, kept, size = struct.unpack("<IIII", pcap[at:at + 16])
        packet = pcap[at + 16:at + 16 + kept]
        equal(packet[0], 0x45)
        source, target = struct.unpack(">HH", packet[20:24])
        found.append((source, target, packet[40:], size - 40))
        at += 16 + kept
    return found


def test_a_capture_replays():
    need_ours()
    with Daemon(*ON) as server, Daemon() as other, server.client() as client:
        post(server, "capture")
        for i in range(50):
            client.command("SET", f"k{i}", b"\x00\r\n" * i)
        client.pipeline([("INCR", "n"), ("APPEND", "a", "x")] * 20)
        client.command("DEL", "k7")
        post(server, "capture/stop")
        client.command("SET", "after", "1")  # and no more
        status = get(server, "capture?count=1")
        equal((status["status"]["running"], len(status["frames"])), (False, 1))
        pcap = get(server, "capture/pcap")
        with other.client() as replay:
            for source, target, data, size in packets(pcap):
                if target == server.port:
                    equal(len(data), size, "a frame that was cut")
                    replay.send(data)
            replay.send(encode("PING"))
            wait_until(lambda: replay.read() == "PONG", "all is replayed")
            keys = sorted(client.command("KEYS", "*"))
            equal(sorted(replay.command("KEYS", "*") + [b"after"]), keys)
            for key in keys:
                if key != b"after":
                    equal(replay.command("GET", key), client.command("GET", key), str(key))
        equal(ask(server.http_port, "DELETE", "/api/debug/capture").status, 200)
        equal(get(server, "capture")["status"]["frames"], 0)


def test_tshark_reads_a_capture():
    need_ours()
    with Daemon(*ON) as server, server.client() as client, server.client() as another, \
            tempfile.TemporaryDirectory(prefix="hypercached-test-") as folder:
        tshark = need_program("tshark")
        post(server, "capture", b'{"client": %d}' % client.command("CLIENT", "ID"))
        for _ in range(10):
            client.command("SET", "k", "v")
            another.command("SET", "unseen", "v")
        client.command("GET", "k")
        client.command("SET", "large", b"x" * 5000)
        client.command("GET", "large")
        path = os.path.join(folder, "talk.pcap")
        with open(path, "wb") as file:
            file.write(get(server, "capture/pcap"))
        decode = ("-r", path, "-d", f"tcp.port=={server.port},resp")
        code, out, err = run_program(tshark, *decode, environment={"HOME": folder})
        equal(code, 0, err)
        equal(len(re.findall(r"Request: SET k v", out)), 10, out)
        equal(len(re.findall(r"Request: GET (?:k|large)", out)), 2, out)
        assert "unseen" not in out, out
        _, out, _ = run_program(tshark, *decode, "-Y", "_ws.malformed || resp.malformed_length || tcp.analysis.lost_segment",
                                environment={"HOME": folder})
        equal(out.strip(), "", "frames at fault")


def test_a_capture_hides_what_the_log_hides():
    need_ours()
    with Daemon(*ON, "--logging.keys=hashed") as server, server.client() as client:
        equal(client.command("DEBUG", "CAPTURE", "START"), "OK")
        client.command("SET", "who:alice", "private")
        client.command("GET", "who:alice")
        client.command("AUTH", "default", "opensesame")
        text = get(server, "capture/text").decode()
        for secret in ("alice", "private", "opensesame"):
            assert secret not in text, text
        assert "GET" in text and "(redacted)" in text, text


# ---- profiles ----


def pprof():
    if Daemon.sanitizer:
        raise Skip(f"gperftools does not work under the {Daemon.sanitizer} sanitizer")
    if not any(os.path.exists(f"{folder}/libprofiler.so.0") for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib", "/usr/lib64",
                                                                        "/usr/lib/aarch64-linux-gnu")):
        raise Skip("libgoogle-perftools4 is not installed")
    return need_program("google-pprof")


def test_a_cpu_profile_names_the_hot_function():
    need_ours()
    program = pprof()
    with Daemon(*ON) as server, tempfile.TemporaryDirectory(prefix="hypercached-test-") as folder:
        path = os.path.join(folder, "cpu.prof")
        with server.client() as client, HttpClient(server.http_port) as http:
            client.command("SET", "a", "x" * 2000)
            client.command("SET", "b", "y" * 2000)
            http.send(b"GET /api/debug/profile/cpu?seconds=4 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            busy = Error("BUSY a profile is being made")
            wait_until(lambda: client.command("DEBUG", "PROFILE", "CPU", "GET") == busy, "it runs")
            while client.command("DEBUG", "PROFILE", "CPU", "GET") == busy:
                client.command("LCS", "a", "b", "LEN")  # quadratic, so nothing else of the node takes time
            reply = http.read()
            equal(reply.status, 200, repr(reply.body[:200]))
            with open(path, "wb") as file:
                file.write(reply.body)
        code, out, err = run_program(program, "--text", os.environ.get("HYPERCACHED", "build/hypercached"), path,
                                     environment={"HOME": folder})
        equal(code, 0, err)
        top = next(line.split() for line in out.splitlines() if "%" in line)
        assert "lcs" in " ".join(top).lower(), out[:2000]
        assert float(top[1].rstrip("%")) > 50, out[:2000]


def test_a_heap_profile_names_who_allocated():
    need_ours()
    program = pprof()
    tcmalloc = "/usr/lib/x86_64-linux-gnu/libtcmalloc.so.4"
    if not os.path.exists(tcmalloc):
        raise Skip("libtcmalloc.so.4 is not there")
    environment = {"LD_PRELOAD": tcmalloc, "HEAP_PROFILE_ALLOCATION_INTERVAL": "0", "HEAP_PROFILE_INUSE_INTERVAL": "0",
                   "PERFTOOLS_VERBOSE": "-1"}
    with Daemon(*ON, environment=environment) as server, tempfile.TemporaryDirectory(prefix="hypercached-test-") as folder:
        path = os.path.join(folder, "heap.prof")
        get(server, "profile/heap", 409)  # not started
        post(server, "profile/heap")
        with server.client() as client:
            equal(client.command("DEBUG", "CAPTURE", "START", "BYTES", 32 << 20), "OK")
            with open(path, "wb") as file:
                file.write(get(server, "profile/heap"))
        equal(ask(server.http_port, "DELETE", "/api/debug/profile/heap").status, 200)
        code, out, err = run_program(program, "--text", os.environ.get("HYPERCACHED", "build/hypercached"), path,
                                     environment={"HOME": folder})
        equal(code, 0, err)
        assert "capture_start" in out.splitlines()[1] + out.splitlines()[0], out[:2000]


def test_subsystems_say_what_they_allocated():
    need_ours()
    with Daemon(*ON, "--debug.performance_profiling=true", "--cluster.enabled=false") as server, server.client() as client:
        before = {one["subsystem"]: one for one in get(server, "allocations")["subsystems"]}
        for i in range(20):
            client.command("SET", f"large{i}", b"x" * 100_000)
        after = {one["subsystem"]: one for one in get(server, "allocations")["subsystems"]}
        assert after["stores"]["live_bytes"] - before["stores"]["live_bytes"] >= 2_000_000, after
        equal(after["cluster"]["live_bytes"], 0)
        assert after["observability"]["live_bytes"] > 0, after


if __name__ == "__main__":
    main(globals())
