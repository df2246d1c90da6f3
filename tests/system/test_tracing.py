"""test_tracing.py - one request is found again on every node that had to do with it."""
import json

from cluster import Cluster
from harness import Daemon, equal, main, need_ours, wait_until
from http_client import ask

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
DEBUG = ("--log-level", "debug")


def lines_with(node, correlation):
    """Log lines with that correlation id."""
    with open(node.log_path, "rb") as file:
        told = [json.loads(line) for line in file.read().splitlines() if line.startswith(b"{")]
    return [line for line in told if line.get("correlationId") == correlation]


def http(node):
    return int(node.info()["http_port"])


def roles(nodes, key):
    """(entry, owner, others): nodes by what they have to do with a key; the entry is not its owner."""
    slot = nodes[0].client().command("CLUSTER", "KEYSLOT", key)
    for first, last, owner, *_ in nodes[0].client().command("CLUSTER", "SLOTS"):
        if first <= slot <= last:
            port = owner[1]
    owner = next(node for node in nodes if node.port == port)
    others = [node for node in nodes if node is not owner]
    return others[0], owner, others


def test_an_id_of_any_form_goes_in_and_out_of_http():
    need_ours()
    with Daemon() as server:
        reply = ask(server.http_port, "GET", "/health", headers={"traceparent": PARENT})
        equal(reply.headers["x-correlation-id"], TRACE)
        answered = reply.headers["traceparent"].split("-")
        equal((answered[0], answered[1], len(answered[2])), ("00", TRACE, 16))
        assert answered[2] not in ("00f067aa0ba902b7", "0" * 16)
        both = ask(server.http_port, "GET", "/health", headers={"traceparent": PARENT, "X-Correlation-ID": "order-17"})
        equal(both.headers["x-correlation-id"], "order-17")
        equal(both.headers["traceparent"].split("-")[1], TRACE)
        for bad in ("", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", PARENT + "-more", PARENT.upper().replace("00-", "ff-", 1)):
            reply = ask(server.http_port, "GET", "/health", headers={"traceparent": bad})
            assert "traceparent" not in reply.headers, bad
            equal(len(reply.headers["x-correlation-id"]), 32)


def test_a_slow_request_is_found_by_its_id():
    need_ours()
    with Daemon("--slowlog.threshold_us=0") as server, server.client() as client:
        equal(client.command("HC.TRACE", PARENT, "SET", "k", "v"), "OK")
        ask(server.http_port, "GET", "/api/cache/k", headers={"X-Correlation-ID": "order-17"})
        told = ask(server.http_port, "GET", "/api/slowlog").json()["entries"]
        found = {one["correlation_id"]: one["arguments"] for one in told}
        equal(found[TRACE][0], "SET")
        assert "order-17" in found, found
        equal({len(one) for one in client.command("SLOWLOG", "GET")}, {6})
        assert TRACE.encode() in [one[6] for one in client.command("SLOWLOG", "GET", "-1", "CORRELATION")]
        events = client.command("HC.EVENTS", "CORRELATION", TRACE)
        assert all(json.loads(one)["correlationId"] == TRACE for one in events)


def test_one_id_is_in_the_logs_of_all_nodes_of_a_request():
    need_ours()
    with Cluster(3, *DEBUG) as nodes:
        nodes.settle()
        entry, owner, _ = roles(nodes, "greeting")
        with entry.client() as client:
            equal(client.command("HC.TRACE", PARENT, "SET", "greeting", "hello"), "OK")
        ask(http(entry), "PUT", "/api/cache/greeting", body=b"again",
            headers={"X-Correlation-ID": "order-17", "Content-Type": "application/octet-stream"})
        ask(http(entry), "POST", "/api/cache/batch/get", body=b'{"keys": ["greeting"]}',
            headers={"X-Correlation-ID": "order-18", "Content-Type": "application/json"})
        for node in nodes:
            if node is not entry:
                wait_until(lambda n=node: lines_with(n, TRACE), f"{node.name} knows the trace")
            wait_until(lambda n=node: lines_with(n, "order-17"), f"{node.name} knows order-17")
        wait_until(lambda: lines_with(owner, "order-18"), "who runs a read knows it")
        ran = {line["message"] for line in lines_with(owner, TRACE)}
        assert "a request of another node runs here" in ran, ran


if __name__ == "__main__":
    main(globals())
