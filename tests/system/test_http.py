"""test_http.py - every endpoint of the HTTP API with each of its methods, going well and going wrong.

ROWS is the table: a request, the status that it gets, and what its JSON must contain.  A test holds the
table against /openapi.json, which the daemon prints from its own table of routes, so that no endpoint
is without rows here, and none is promised that does not answer.
"""
import base64
import json
import os
import re
import tempfile
import threading

from durable_daemon import Durable
from harness import Daemon, equal, main, need_ours, wait_until
from http_client import HttpClient, ask, request

JSON = {"Content-Type": "application/json"}
RAW = {"Accept": "application/octet-stream"}
FF = {"base64": "/w=="}


def body(value):
    return value if isinstance(value, bytes) or value is None else json.dumps(value).encode()


# method, target, body (bytes, or what becomes JSON), status, members of the answer
ROWS = [
    # values
    ("PUT", "/api/cache/a", b"raw bytes", 200, {"key": "a", "stored": True}),
    ("GET", "/api/cache/a", None, 200, {"key": "a", "value": "raw bytes", "ttl": None}),
    ("HEAD", "/api/cache/a", None, 200, None),
    ("GET", "/api/cache/a?store=", None, 200, {"value": "raw bytes"}),
    ("GET", "/api/cache/nothing", None, 404, {"code": "KEY_NOT_FOUND"}),
    ("HEAD", "/api/cache/nothing", None, 404, None),
    ("GET", "/api/cache/a?store=nothing", None, 404, {"code": "STORE_NOT_FOUND"}),
    ("POST", "/api/cache/b", {"value": "text", "ttl": "30m"}, 200, {"key": "b"}),
    ("POST", "/api/cache/b", {"value": "text", "ttl": 90}, 200, {}),
    ("POST", "/api/cache/b", {"value": "text", "ttl_hours": 0.5}, 200, {}),
    ("POST", "/api/cache/b", {"value": "text", "ttl": "1h30m5s"}, 200, {}),
    ("POST", "/api/cache/b", {"value": "text", "ttl": None}, 200, {}),
    ("PUT", "/api/cache/n", {"value": {"x": [1, 2.5, None, True]}}, 200, {}),
    ("GET", "/api/cache/n", None, 200, {"value": '{"x":[1,2.5,null,true]}'}),
    ("PUT", "/api/cache/bin", {"value": "AP8=", "encoding": "base64"}, 200, {}),
    ("GET", "/api/cache/bin", None, 200, {"value": "AP8=", "encoding": "base64"}),
    ("PUT", "/api/cache/b", {"value": "text", "ttl": "soon"}, 400, {"code": "BAD_REQUEST"}),
    ("PUT", "/api/cache/b", {"value": "text", "ttl": -1}, 400, {"code": "BAD_REQUEST"}),
    ("PUT", "/api/cache/b", {"value": "text", "ttl": 1, "ttl_hours": 1}, 400, {}),
    ("PUT", "/api/cache/b", {"value": "text", "tll": 1}, 400, {}),
    ("PUT", "/api/cache/b", {"valu": "text"}, 400, {}),
    ("PUT", "/api/cache/b", {"value": "!", "encoding": "base64"}, 400, {}),
    ("PUT", "/api/cache/b", ["value"], 400, {"code": "BAD_JSON"}),
    ("POST", "/api/cache/b?ttl=tomorrow", b"x", 400, {}),
    ("DELETE", "/api/cache/a", None, 200, {"deleted": True}),
    ("DELETE", "/api/cache/a", None, 404, {"code": "KEY_NOT_FOUND"}),
    ("DELETE", "/api/cache/a/lease", None, 400, {}),
    ("PATCH", "/api/cache/a", None, 405, {"code": "METHOD_NOT_ALLOWED"}),
    # batches
    ("POST", "/api/cache/batch/set", {"items": [{"key": "x", "value": "1"}, {"key": FF, "value": "2", "ttl": "1h"}, {"key": "z"}]},
     200, {"stored": 2, "failed": 1}),
    ("POST", "/api/cache/batch/set", {"items": []}, 400, {}),
    ("POST", "/api/cache/batch/set", {"items": [{"key": "x", "value": "1"}], "store": "nothing"}, 404, {"code": "STORE_NOT_FOUND"}),
    ("POST", "/api/cache/batch/get", {"keys": ["x", FF, "nothing"]}, 200, {"found": 2}),
    ("POST", "/api/cache/batch/get", {"keys": ["x", 7]}, 400, {}),
    ("POST", "/api/cache/batch/get", {"keys": ["x"] * 1001}, 413, {"code": "TOO_LARGE"}),
    ("POST", "/api/cache/batch/get", b"keys=x", 415, {"code": "UNSUPPORTED_MEDIA_TYPE"}),
    ("POST", "/api/cache/batch/delete", {"keys": ["x", FF, "nothing"]}, 200, {"deleted": 2}),
    ("POST", "/api/cache/batch/delete", {"keys": "x"}, 400, {}),
    ("GET", "/api/cache/batch/get", None, 405, {}),
    # stores
    ("POST", "/api/stores", {"name": "s1", "max_memory": "64mb", "default_ttl": "1h", "cuckoo_filter": True,
                             "eviction_policy": "allkeys-lru", "compression": "none", "persistence": "disabled"},
     201, {"name": "s1", "created": True}),
    ("POST", "/api/stores", {"name": "s1"}, 409, {"code": "CONFLICT"}),
    ("POST", "/api/stores", {"name": "no name"}, 400, {}),
    ("POST", "/api/stores", {"name": "12"}, 409, {}),
    ("PUT", "/api/stores", b"", 405, {}),
    ("POST", "/api/stores", {"name": "s2", "eviction_policy": "whatever"}, 400, {}),
    ("POST", "/api/stores", {"name": "s2", "shards": 3}, 400, {}),
    ("POST", "/api/stores", {"name": "s2", "max_memory": True}, 400, {}),
    ("POST", "/api/stores", {"name": "s2", "default_ttl": "soon"}, 400, {}),
    ("POST", "/api/stores", {"name": "s2", "cuckoo_filter": 1}, 400, {}),
    ("POST", "/api/stores", {}, 400, {}),
    ("GET", "/api/stores", None, 200, {}),
    ("GET", "/api/stores/s1", None, 200, {"name": "s1", "eviction": "allkeys-lru", "default_ttl_ms": 3600000, "max_memory_bytes": 64 << 20}),
    ("GET", "/api/stores/nothing", None, 404, {"code": "STORE_NOT_FOUND"}),
    ("PUT", "/api/stores/s1/cache/k", b"v", 200, {}),
    ("POST", "/api/stores/s1/cache/k", {"value": "v"}, 200, {}),
    ("GET", "/api/stores/s1/cache/k", None, 200, {"value": "v"}),
    ("GET", "/api/cache/k?store=s1", None, 200, {"value": "v"}),
    ("GET", "/api/cache/k", None, 404, {}),
    ("GET", "/api/stores/s1/cache/nothing", None, 404, {"code": "KEY_NOT_FOUND"}),
    ("GET", "/api/stores/nothing/cache/k", None, 404, {"code": "STORE_NOT_FOUND"}),
    ("PUT", "/api/stores/nothing/cache/k", b"v", 404, {}),
    ("POST", "/api/stores/nothing/cache/k", b"v", 404, {}),
    ("GET", "/api/filter/check/k?store=s1", None, 200, {"exists": True, "filter": True}),
    ("GET", "/api/filter/check/nothing?store=s1", None, 200, {"exists": False}),
    ("GET", "/api/filter/check/k?store=nothing", None, 404, {}),
    ("GET", "/api/filter/check/k", None, 200, {"exists": None, "filter": False}),
    ("GET", "/api/filter/stats", None, 200, {}),
    ("POST", "/api/filter/stats", b"", 405, {}),
    ("DELETE", "/api/stores/s1/cache/k", None, 200, {}),
    ("DELETE", "/api/stores/s1/cache/k", None, 404, {}),
    ("DELETE", "/api/stores/s1", None, 200, {"dropped": True}),
    ("DELETE", "/api/stores/s1", None, 404, {}),
    ("DELETE", "/api/stores/0", None, 409, {}),
    # the node
    ("GET", "/health", None, 200, {"status": "alive"}),
    ("PUT", "/health", b"", 405, {}),
    ("GET", "/health/ready", None, 200, {"ready": True, "reasons": []}),
    ("DELETE", "/health/ready", None, 405, {}),
    ("GET", "/stats", None, 200, {}),
    ("POST", "/stats", b"", 405, {}),
    ("GET", "/api/node/metrics", None, 200, {}),
    ("POST", "/api/node/metrics", b"", 405, {}),
    ("GET", "/metrics", None, 200, None),
    ("POST", "/metrics", b"", 405, {}),
    ("GET", "/api/config", None, 200, {}),
    ("PUT", "/api/config", b"", 405, {}),
    ("GET", "/api/slowlog?count=5", None, 200, {}),
    ("GET", "/api/slowlog?count=0", None, 400, {}),
    ("GET", "/api/slowlog?count=x", None, 400, {}),
    ("GET", "/api/clients", None, 200, {}),
    ("POST", "/api/clients", b"", 405, {}),
    ("DELETE", "/api/clients/999999", None, 404, {"code": "CLIENT_NOT_FOUND"}),
    ("DELETE", "/api/clients/x", None, 400, {}),
    ("GET", "/api/console/history", None, 200, {"node_id": "node-1"}),
    ("GET", "/api/console/history?ring=spans&after=1", None, 200, {}),
    ("GET", "/api/console/history?ring=years", None, 400, {}),
    ("GET", "/api/console/history?after=x", None, 400, {}),
    ("GET", "/api/events/recent?limit=3", None, 200, {}),
    ("GET", "/api/events/recent?level=loud", None, 400, {}),
    ("GET", "/api/events?component=nobody", None, 400, {}),
    ("HEAD", "/api/events", None, 200, None),
    ("GET", "/openapi.json", None, 200, {"openapi": "3.0.3"}),
    ("POST", "/openapi.json", b"", 405, {}),
    # commands
    ("POST", "/api/command", {"commands": [["ECHO", "hi"], ["SET", FF, 1], ["GET", FF], ["NO-SUCH"]]}, 200, {}),
    ("POST", "/api/command", {"commands": [["PING"]], "store": "nothing"}, 404, {}),
    ("POST", "/api/command", {"commands": [["SUBSCRIBE", "c"]]}, 400, {"code": "NOT_OVER_HTTP"}),
    ("POST", "/api/command", {"commands": [["MULTI"]]}, 400, {"code": "NOT_OVER_HTTP"}),
    ("POST", "/api/command", {"commands": [["client", "REPLY", "off"]]}, 400, {"code": "NOT_OVER_HTTP"}),
    ("POST", "/api/command", {"commands": [[]]}, 400, {}),
    ("POST", "/api/command", {"commands": [["GET", None]]}, 400, {}),
    ("POST", "/api/command", {"commands": [["PING"]] * 65}, 400, {}),
    ("POST", "/api/command", b"{\"commands\": [", 415, {}),
    # persistence is off here; test_durability and the tests below have it on
    ("GET", "/api/persistence/status", None, 200, {}),
    ("POST", "/api/persistence/status", b"", 405, {}),
    ("POST", "/api/persistence/snapshot", b"", 409, {"code": "PERSISTENCE_OFF"}),
    ("POST", "/api/persistence/compact", b"", 409, {"code": "PERSISTENCE_OFF"}),
    ("POST", "/api/persistence/backup", {"name": 7}, 400, {}),
    ("POST", "/api/persistence/backup", {"name": "b1"}, 409, {"code": "BACKUP_REFUSED"}),
    ("POST", "/api/persistence/backup", b"", 409, {"code": "BACKUP_REFUSED"}),
    # a node that is alone
    ("GET", "/api/cluster/status", None, 200, {"enabled": False, "state": "ok", "slots_served": 16384}),
    ("GET", "/api/cluster/members", None, 200, {}),
    ("GET", "/api/cluster/ring", None, 200, {"slots": 16384}),
    ("GET", "/api/cluster/lag", None, 200, {"lag": []}),
    ("POST", "/api/cluster/status", b"", 405, {}),
    ("POST", "/api/cluster/members", b"", 405, {}),
    ("POST", "/api/cluster/ring", b"", 405, {}),
    ("POST", "/api/cluster/lag", b"", 405, {}),
    ("POST", "/api/cluster/leave", b"", 409, {"code": "NO_CLUSTER"}),
    ("POST", "/api/cluster/join", {"address": "127.0.0.1:7946"}, 409, {"code": "NO_CLUSTER"}),
    ("POST", "/api/cluster/join", {"address": 7}, 400, {}),
    # the page, and nothing else
    ("GET", "/", None, 200, None),
    ("POST", "/", b"", 405, {}),
    ("GET", "/nothing", None, 404, {"code": "NO_SUCH_PATH"}),
    ("GET", "/api/", None, 404, {}),
]

# What succeeds only with a disk, in a cluster, or without end: elsewhere.
ELSEWHERE = {("post", "/api/persistence/snapshot"), ("post", "/api/persistence/compact"), ("post", "/api/cluster/leave"),
             ("post", "/api/cluster/join"), ("delete", "/api/clients/{id}"), ("delete", "/api/cache/{key}/lease"),
             ("post", "/api/persistence/backup")}


def check_row(client, row):
    method, target, value, status, members = row
    headers = JSON if value is not None and not isinstance(value, bytes) else {}
    about = f"{method} {target} {json.dumps(value, default=str)[:200]}"
    reply = client.ask(method, target, body(value), headers)
    equal(reply.status, status, f"{about}: {reply.body[:200]!r}")
    for name in ("x-correlation-id", "x-node-id", "x-response-time"):
        assert name in reply.headers, f"{about}: no {name}"
    assert re.fullmatch(r"\d+\.\d{3}ms", reply.headers["x-response-time"]), reply.headers
    if method == "HEAD":
        equal(reply.body, b"", about)
        return
    if status >= 400:
        said = reply.json()
        equal(sorted(said), ["code", "correlation_id", "error", "timestamp"], about)
        equal(said["correlation_id"], reply.headers["x-correlation-id"], about)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", said["timestamp"]), said
    if members is not None:
        equal(reply.headers["content-type"], "application/json", about)
        said = reply.json()
        for name, wanted in members.items():
            equal(said.get(name), wanted, f"{about}: {name}")


def test_every_row_of_the_table():
    need_ours()
    with Daemon("--security.http_admin=true") as server, HttpClient(server.http_port) as client:
        for row in ROWS:
            check_row(client, row)


def fits(pattern, target):
    path = target.split("?")[0].split("/")
    names = pattern.split("/")
    return len(path) == len(names) and all(n == p or n.startswith("{") for n, p in zip(names, path))


def patterns_of(paths, target):
    """The route that a target means: one with literal segments goes before one with names."""
    found = sorted((p for p in paths if fits(p, target)), key=lambda p: p.count("{"))
    return found[:1]


def test_the_table_has_every_endpoint_of_the_daemon():
    need_ours()
    with Daemon() as server:
        paths = ask(server.http_port, "GET", "/openapi.json").json()["paths"]
    good, bad = set(), set()
    for method, target, _, status, _ in ROWS:
        for path in patterns_of(paths, target):
            (good if status < 400 else bad).add((method.lower(), path))
            if status == 405:
                bad.update((one, path) for one in paths[path])
    told = {(method, path) for path, operations in paths.items() for method in operations}
    debug = {one for one in told if one[1].startswith(("/api/debug", "/api/traces"))}  # tested by their own
    equal(sorted(told - good - ELSEWHERE - debug - {("get", "/api/events")}), [], "endpoints without a row that succeeds")
    equal(sorted(told - bad - ELSEWHERE - debug), [], "endpoints without a row that fails")
    for path, operations in paths.items():
        for method, said in operations.items():
            assert said["summary"] and said["responses"], (method, path)
            for name in re.findall(r"\{(\w+)\}", path):
                assert any(p["name"] == name and p["in"] == "path" and p["required"] for p in said["parameters"]), path


def test_the_filter_alone_answers_a_check():
    need_ours()
    with Daemon("--security.http_admin=true") as server, HttpClient(server.http_port) as client:
        equal(client.ask("POST", "/api/stores", body({"name": "s", "cuckoo_filter": True}), JSON).status, 201)
        equal(client.ask("PUT", "/api/stores/s/cache/k", b"v").status, 200)
        before = server.info()
        equal(client.ask("GET", "/api/filter/check/k?store=s").json()["exists"], True)
        equal(client.ask("GET", "/api/filter/check/none?store=s").json()["exists"], False)
        after = server.info()
        for name in ("keyspace_hits", "keyspace_misses"):
            equal(after[name], before[name], name)
        assert "cmdstat_exists" not in after, after["cmdstat_exists"]


def test_options_tells_the_methods():
    need_ours()
    with Daemon() as server:
        reply = ask(server.http_port, "OPTIONS", "/api/cache/k")
        equal((reply.status, reply.headers["allow"]), (204, "OPTIONS, GET, HEAD, PUT, POST, DELETE"))
        equal(ask(server.http_port, "OPTIONS", "/health").headers["allow"], "OPTIONS, GET, HEAD")
        equal(ask(server.http_port, "OPTIONS", "/nothing").status, 404)
        equal(ask(server.http_port, "PATCH", "/health").headers["allow"], "OPTIONS, GET, HEAD")


def test_values_and_keys_are_any_bytes():
    need_ours()
    every = bytes(range(256))
    with Daemon() as server, server.client() as redis, HttpClient(server.http_port) as client:
        target = "/api/cache/" + "".join(f"%{byte:02x}" for byte in every)
        equal(client.ask("PUT", target, every).status, 200)
        equal(redis.command("GET", every), every)
        equal(client.ask("GET", target, headers=RAW).body, every)
        said = client.ask("GET", target).json()
        equal(base64.b64decode(said["value"]), every)
        assert "key" not in said
        for size in (0, 1, 65536, 3_000_000):
            value = (every * (size // 256 + 1))[:size]
            equal(client.ask("PUT", "/api/cache/v", value).status, 200)
            reply = client.ask("GET", "/api/cache/v?raw=1")
            equal((reply.headers["content-type"], reply.body == value), ("application/octet-stream", True), str(size))
        text = "ä€😀\"\\\n\t\x00\x1f<b>"
        equal(client.ask("PUT", "/api/cache/t", body({"value": text}), JSON).status, 200)
        equal(redis.command("GET", "t"), text.encode())
        equal(client.ask("GET", "/api/cache/t").json()["value"], text)
        equal(client.ask("PUT", "/api/cache/j?raw=1", b'{"value": 1}', JSON).status, 200)
        equal(redis.command("GET", "j"), b'{"value": 1}')
        equal(client.ask("PUT", "/api/cache/v", b"x" * 70_000_000).status, 413)


def test_times_to_live_in_all_forms():
    need_ours()
    with Daemon() as server, server.client() as redis, HttpClient(server.http_port) as client:
        for form, ms in (({"ttl": "30m"}, 1800000), ({"ttl": 90}, 90000), ({"ttl": 1.5}, 1500), ({"ttl": "250ms"}, 250),
                         ({"ttl": "90"}, 90000), ({"ttl_ms": 777}, 777), ({"ttl_hours": 2}, 7200000), ({"ttl": "1d2h3m4s5ms"}, 93784005)):
            equal(client.ask("PUT", "/api/cache/k", body({"value": "v", **form}), JSON).status, 200, str(form))
            left = redis.command("PTTL", "k")
            assert ms - 30000 < left <= ms or left == -2, (form, left)
        equal(client.ask("PUT", "/api/cache/k?ttl=1h", b"v").status, 200)
        reply = client.ask("GET", "/api/cache/k?raw=1")
        assert 3500000 < int(reply.headers["x-ttl-ms"]) <= 3600000
        assert 3500 < client.ask("GET", "/api/cache/k").json()["ttl"] <= 3600


def test_versions_make_writes_conditional():
    need_ours()
    with Daemon() as server, HttpClient(server.http_port) as client:
        def put(value, **headers):
            return client.ask("PUT", "/api/cache/k", value, {name.replace("_", "-"): v for name, v in headers.items()})

        equal(put(b"1", If_Match="*").status, 412)
        first = put(b"1", If_None_Match="*")
        equal(first.status, 200)
        equal(put(b"2", If_None_Match="*").status, 412)
        etag = client.ask("GET", "/api/cache/k").headers["etag"]
        equal(etag, first.headers["etag"])
        equal(put(b"2", If_Match='"0000000000000000"').status, 412)
        equal(put(b"2", If_Match=f"W/{etag}").status, 412)
        equal(put(b"2", If_Match="nonsense").status, 400)
        equal(put(b"2", If_Match=f'{etag}, "b"').status, 400)
        equal(put(b"2", If_Match=etag, If_None_Match="*").status, 400)
        equal(put(b"2", If_Match=etag).status, 200)
        equal(put(b"3", If_Match=etag).status, 412)
        equal(put(b"3", If_Match="*").status, 200)
        now = client.ask("GET", "/api/cache/k").headers["etag"]
        equal(put(b"4", If_None_Match=now).status, 412)
        equal(put(b"4", If_None_Match=etag).status, 200)
        now = client.ask("GET", "/api/cache/k").headers["etag"]
        for known in (now, f"W/{now}", "*", f'"x", {now}'):
            equal(client.ask("GET", "/api/cache/k", headers={"If-None-Match": known}).status, 304, known)
        equal(client.ask("GET", "/api/cache/k", headers={"If-None-Match": etag}).status, 200)
        equal(client.ask("DELETE", "/api/cache/k", headers={"If-Match": etag}).status, 412)
        equal(client.ask("DELETE", "/api/cache/k", headers={"If-Match": now}).status, 200)
        equal(client.ask("DELETE", "/api/cache/k", headers={"If-Match": now}).status, 404)
        equal(client.ask("DELETE", "/api/cache/k", headers={"If-Match": "*"}).status, 412)


def test_one_maker_for_each_value():
    need_ours()
    with Daemon() as server, HttpClient(server.http_port) as client:
        lease = {"X-Cache-Lease": "60000", "X-Cache-Stale": "5000"}
        won = client.ask("GET", "/api/cache/page", headers=lease)
        equal((won.status, won.headers["x-cache-state"]), (404, "won"))
        token = won.headers["x-cache-token"]
        waits = client.ask("GET", "/api/cache/page", headers=lease)
        equal((waits.status, waits.headers["x-cache-state"], "x-cache-token" in waits.headers), (404, "wait", False))
        assert 0 < int(waits.headers["x-cache-lease"]) <= 60000
        equal(client.ask("PUT", "/api/cache/page?ttl=1h", b"x", {"X-Cache-Token": "0" * 16}).status, 409)
        equal(client.ask("PUT", "/api/cache/page?ttl=1h", b"<html>", {"X-Cache-Token": token}).status, 200)
        hit = client.ask("GET", "/api/cache/page", headers=lease)
        equal((hit.status, hit.headers["x-cache-state"], hit.json()["value"]), (200, "hit", "<html>"))
        stale = client.ask("GET", "/api/cache/page", headers={"X-Cache-Stale": "7200000"})
        equal((stale.status, stale.headers["x-cache-state"], stale.json()["value"]), (200, "won", "<html>"))
        equal(client.ask("GET", "/api/cache/page", headers={"X-Cache-Stale": "soon"}).status, 400)
        token = {"X-Cache-Token": stale.headers["x-cache-token"]}
        equal(client.ask("DELETE", "/api/cache/page/lease", headers=token).json(), {"released": True})
        equal(client.ask("DELETE", "/api/cache/page/lease", headers=token).json(), {"released": False})


def test_console_may_only_read_unless_allowed():
    need_ours()
    with Daemon() as server, HttpClient(server.http_port) as client:
        for command in (["SET", "k", "v"], ["DEL", "k"], ["FLUSHALL"], ["CONFIG", "SET", "maxmemory", "0"], ["CLIENT", "KILL", "ID", "1"],
                        ["DEBUG", "SLEEP", "0"], ["SHUTDOWN"], ["STORE", "DROP", "s"], ["BGSAVE"], ["SLOWLOG", "RESET"], ["PUBLISH", "c", "m"]):
            reply = client.ask("POST", "/api/command", body({"commands": [["PING"], command]}), JSON)
            equal((reply.status, reply.json()["code"]), (403, "ADMIN_OFF"), str(command))
        for command in (["GET", "k"], ["INFO"], ["CONFIG", "GET", "*"], ["CLIENT", "LIST"], ["SLOWLOG", "GET"], ["SCAN", 0], ["COMMAND", "DOCS", "get"],
                        ["MEMORY", "STATS"], ["LATENCY", "DOCTOR"], ["STORES"], ["OBJECT", "HELP"], ["DBSIZE"], ["NO-SUCH"]):
            equal(client.ask("POST", "/api/command", body({"commands": [command]}), JSON).status, 200, str(command))
        for method, target in (("DELETE", "/api/clients/1"), ("POST", "/api/cluster/leave"), ("POST", "/api/cluster/join")):
            reply = client.ask(method, target, b"")
            equal((reply.status, reply.json()["code"]), (403, "ADMIN_OFF"), target)
        equal(client.ask("GET", "/api/console/history").json()["writes"], False)


def test_pages_of_other_sites_are_refused():
    need_ours()
    with Daemon("--network.http_hosts", "cache.example") as server, HttpClient(server.http_port) as client:
        for host, status in (("evil.example", 403), ("localhost.evil.example", 403), ("127.0.0.1.evil.example", 403), ("cache.example", 200),
                             ("CACHE.example:9080", 200), ("localhost:1", 200), ("a.localhost", 200), ("127.0.0.1:9080", 200), ("[::1]:9080", 200)):
            equal(client.ask("GET", "/health", headers={"Host": host}).status, status, host)
        for origin, status in (("http://evil.example", 403), ("null", 403), ("http://localhost", 200), ("http://localhost:81", 403)):
            equal(client.ask("POST", "/api/cache/k", b"v", headers={"Origin": origin}).status, status, origin)
        equal(client.ask("POST", "/api/cache/k", b"v", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}).status, 403)
        equal(client.ask("GET", "/", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}).status, 200)
        reply = client.ask("GET", "/health", headers={"Origin": "http://localhost"})
        assert not [name for name in reply.headers if name.startswith("access-control")], reply.headers


def test_a_client_is_closed_by_its_id():
    need_ours()
    with Daemon("--security.http_admin=true") as server, server.client() as redis, HttpClient(server.http_port) as other:
        equal(other.ask("GET", "/health").status, 200)
        listed = ask(server.http_port, "GET", "/api/clients").json()["clients"]
        mine = redis.command("CLIENT", "ID")
        address = "127.0.0.1:%d" % other.socket.getsockname()[1]
        theirs = [one["id"] for one in listed if one["addr"] == address][0]
        assert mine in [one["id"] for one in listed], listed
        equal(ask(server.http_port, "DELETE", f"/api/clients/{mine}").json(), {"closed": True})
        equal(redis.read_until_closed(), b"")
        equal(ask(server.http_port, "DELETE", f"/api/clients/{theirs}").status, 200)
        assert other.is_closed()


def test_events_stream_as_they_happen():
    need_ours()
    with Daemon() as server, server.client() as redis, HttpClient(server.http_port) as client:
        client.send(request("GET", "/api/events?component=event_bus&level=info"))
        wait_until(lambda: b"\r\n\r\n" in client.pending or client._more(), "the head")
        head, client.pending = client.pending.split(b"\r\n\r\n", 1)
        assert b"Content-Type: text/event-stream" in head, head
        redis.command("CONFIG", "SET", "maxmemory", "100mb")
        wait_until(lambda: b"config_changed" in client.pending or client._more(), "the event")
        number = re.search(rb"id: (\d+)\ndata: \{[^\n]*config_changed", client.pending).group(1).decode()
        redis.command("CONFIG", "SET", "maxmemory", "101mb")
        with HttpClient(server.http_port) as again:  # what it missed comes first
            again.send(request("GET", "/api/events", headers={"Last-Event-ID": number}))
            wait_until(lambda: b"101MB" in again.pending or again._more(), "the event missed")


def test_a_request_is_found_by_the_callers_id():
    need_ours()
    with Daemon("--log-level", "debug", "--slowlog.threshold_us", "0") as server:
        reply = ask(server.http_port, "PUT", "/api/cache/k", b"v", {"X-Correlation-ID": "order-17"})
        equal(reply.headers["x-correlation-id"], "order-17")

        def told():
            return [one for one in server.log() if one.get("correlationId") == "order-17" and one["component"] == "HTTP_API"]

        wait_until(told, "the log tells of the request")
        line = told()[0]
        equal((line["operation"], line["path"], line["status"]), ("PUT", "/api/cache/{key}", 200))


def test_a_pause_holds_writes_back_and_answers_later():
    need_ours()
    with Daemon() as server, server.client() as redis, HttpClient(server.http_port) as client:
        equal(redis.command("CLIENT", "PAUSE", "60000", "WRITE"), "OK")
        client.send(request("PUT", "/api/cache/k", b"v") + request("GET", "/api/cache/k?raw=1"))
        chunked = HttpClient(server.http_port)
        chunked.send(b"PUT /api/cache/c HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
                     + request("GET", "/api/cache/c?raw=1"))
        items = [{"key": f"b{i}", "value": "v"} for i in range(200)]
        batch = HttpClient(server.http_port)
        batch.send(request("POST", "/api/cache/batch/set", body({"items": items}), JSON))
        equal(ask(server.http_port, "GET", "/api/cache/k").status, 404)
        equal(redis.command("CLIENT", "UNPAUSE"), "OK")
        equal([client.read().status, client.read().body], [200, b"v"])
        equal([chunked.read().status, chunked.read().body], [200, b"abc"])
        equal(batch.read().json()["stored"], 200)
        chunked.socket.close()
        batch.socket.close()


def test_with_sync_always_an_answer_means_that_it_is_kept():
    need_ours()
    with tempfile.TemporaryDirectory() as folder, Durable("--persistence.sync_policy", "always", "--persistence.backup_dir",
                                                          os.path.join(folder, "backups")) as server:
        server.start()
        with server.client() as redis:
            port = int(re.search(rb"http_port:(\d+)", redis.command("INFO", "server")).group(1))
        written = []

        def write(first):
            with HttpClient(port) as client:
                for i in range(first, first + 50):
                    equal(client.ask("PUT", f"/api/cache/k{i}", str(i).encode()).status, 200)
                    written.append(i)

        threads = [threading.Thread(target=write, args=(first,)) for first in (0, 100, 200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        equal(len(written), 150)
        equal(ask(port, "POST", "/api/persistence/snapshot", b"").status, 202)
        equal(ask(port, "GET", "/api/persistence/status").json()["Persistence"]["hypercache_sync_policy"], "always")
        wait_until(lambda: ask(port, "POST", "/api/persistence/backup", b"").status == 202, "a backup begins")
        equal(ask(port, "POST", "/api/persistence/backup", body({"name": "../out"}), JSON).status, 409)
        server.kill()
        server.start()
        with server.client() as redis:
            equal([redis.command("GET", f"k{i}") for i in written], [str(i).encode() for i in written])
            port = int(re.search(rb"http_port:(\d+)", redis.command("INFO", "server")).group(1))
        wait_until(lambda: ask(port, "POST", "/api/persistence/compact", b"").status == 202, "a compaction begins")


def test_a_node_that_stops_answers_what_it_has_received():
    need_ours()
    with Daemon() as server, HttpClient(server.http_port) as idle, HttpClient(server.http_port) as streams:
        equal(idle.ask("GET", "/health").status, 200)
        streams.send(request("GET", "/api/events"))
        wait_until(lambda: b"retry" in streams.pending or streams._more(), "the stream begins")
        server.stop()  # which bounds how long that may take
        assert idle.is_closed()
        streams.read_until_closed()


if __name__ == "__main__":
    main(globals())
