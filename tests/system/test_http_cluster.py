"""test_http_cluster.py - HTTP on the nodes of a cluster: any node takes any request, whoever has the key."""
import json

from cluster import Cluster
from harness import equal, main, need_ours
from http_client import HttpClient, ask, request

JSON = {"Content-Type": "application/json"}
KEYS = 60


def test_any_node_takes_any_request():
    need_ours()
    with Cluster(3) as nodes:
        nodes.settle()
        ports = [int(node.info()["http_port"]) for node in nodes]
        for i in range(KEYS):
            equal(ask(ports[i % 3], "PUT", f"/api/cache/k{i}", str(i).encode()).status, 200)
        for port in ports:
            with HttpClient(port) as client:  # a pipeline is answered in order, whoever answers
                client.send(b"".join(request("GET", f"/api/cache/k{i}?raw=1") for i in range(KEYS)))
                equal([client.read().body for _ in range(KEYS)], [str(i).encode() for i in range(KEYS)])
        items = json.dumps({"items": [{"key": f"b{i}", "value": str(i), "ttl": "1h"} for i in range(200)]}).encode()
        equal(ask(ports[0], "POST", "/api/cache/batch/set", items, JSON).json()["stored"], 200)
        keys = json.dumps({"keys": [f"b{i}" for i in range(200)]}).encode()
        equal(ask(ports[1], "POST", "/api/cache/batch/get", keys, JSON).json()["found"], 200)
        etag = ask(ports[2], "GET", "/api/cache/k1").headers["etag"]
        equal([ask(ports[0], "PUT", "/api/cache/k1", b"new", {"If-Match": etag}).status for _ in range(2)], [200, 412])
        equal([ask(ports[1], "DELETE", "/api/cache/k1").status for _ in range(2)], [200, 404])


def test_every_node_tells_of_the_cluster():
    need_ours()
    with Cluster(2) as nodes:
        nodes.settle()
        for node in nodes:
            with HttpClient(int(node.info()["http_port"])) as client:
                status = client.ask("GET", "/api/cluster/status").json()
                equal((status["enabled"], status["state"], status["members"]), (True, "ok", 2))
                members = client.ask("GET", "/api/cluster/members").json()["members"]
                equal(([m["is_self"] for m in members], [m["state"] for m in members]), ([True, False], ["alive"] * 2))
                ranges = client.ask("GET", "/api/cluster/ring").json()["ranges"]
                equal(sum(one["last"] - one["first"] + 1 for one in ranges), 16384)
                lag = client.ask("GET", "/api/cluster/lag").json()["lag"]
                equal([(one["source"], one["target"]) for one in lag], [(members[0]["id"], members[1]["id"])])
                equal(client.ask("GET", "/health/ready").json(), {"ready": True, "reasons": []})


if __name__ == "__main__":
    main(globals())
