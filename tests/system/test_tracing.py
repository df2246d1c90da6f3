"""test_tracing.py - one request is found again on every node that had to do with it: by its id in logs, and
as one trace of linked spans at a collector, read by OpenTelemetry's own code and as valid Zipkin v2."""
import json
import os

from cluster import Cluster
from collector import Collector
from harness import ROOT, Daemon, Skip, equal, main, need_ours, note, wait_until
from http_client import ask
from metrics_page import page_of, samples_of, value

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
DEBUG = ("--log-level", "debug")


def lines_with(node, correlation):
    """Log lines with that correlation id."""
    with open(node.log_path, "rb") as file:
        said = file.read()
    whole = said[:said.rfind(b"\n") + 1]  # the last line may still be written
    told = [json.loads(line) for line in whole.splitlines() if line.startswith(b"{")]
    return [line for line in told if line.get("correlationId") == correlation]


def http(node):
    return int(node.info()["http_port"])


def roles(nodes, key):
    """(entry, owner, others): nodes by what they have to do with a key; the entry is not its owner."""
    slot = nodes.ask(0, "CLUSTER", "KEYSLOT", key)
    for first, last, owner, *_ in nodes.ask(0, "CLUSTER", "SLOTS"):
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


def tracing(collector, exporter, ratio=0):
    return ("--tracing.enabled=true", f"--tracing.exporter={exporter}", f"--tracing.endpoint={collector.url}",
            f"--tracing.sample_ratio={ratio}")


def of_trace(collector):
    return [span for span in collector.spans() if span["trace"] == TRACE]


def one_of(spans, **wanted):
    found = [span for span in spans if all(span[name] == what for name, what in wanted.items())]
    assert len(found) == 1, (wanted, found, spans)
    return found[0]


def assert_linked(spans, nodes, entry, owner):
    """From the client's span down to both copies, each below the one that made it."""
    ids = {span["id"] for span in spans}
    equal(len(ids), len(spans), "ids are used once")
    for span in spans:
        assert span["parent"] in ids or span["parent"] == PARENT[36:52], span
    top = one_of(spans, parent=PARENT[36:52])
    equal((top["name"], top["kind"], top["node"]), ("SET", "SERVER", entry.name))
    proxy = one_of(spans, name="proxy")
    equal((proxy["kind"], proxy["node"], proxy["parent"]), ("CLIENT", entry.name, top["id"]))
    equal(one_of(spans, name="route")["parent"], top["id"])
    ran = one_of(spans, parent=proxy["id"])
    equal((ran["name"], ran["kind"], ran["node"]), ("SET", "SERVER", owner.name))
    sent = one_of(spans, name="replicate", kind="PRODUCER")
    equal((sent["node"], sent["parent"]), (owner.name, ran["id"]))
    copies = [span for span in spans if span["name"] == "replicate" and span["kind"] == "CONSUMER"]
    equal(sorted(span["node"] for span in copies), sorted(node.name for node in nodes if node is not owner))
    equal({span["parent"] for span in copies}, {sent["id"]})
    assert not any(span["failed"] for span in spans), spans
    assert not any("greeting" in json.dumps(span) for span in spans), "a key is in no span"


def trace_one_write(exporter, check):
    """SET at one node, run by another, stored by the third, with its spans at a collector."""
    with Collector() as collector, Cluster(3, *DEBUG, *tracing(collector, exporter)) as nodes:
        nodes.settle()
        entry, owner, others = roles(nodes, "greeting")
        with entry.client() as client:
            equal(client.command("HC.TRACE", PARENT, "SET", "greeting", "hello"), "OK")
        copies = lambda: [s for s in of_trace(collector) if s["kind"] in ("CONSUMER", "PRODUCER")]
        wait_until(lambda: len(copies()) == 3 and any(s["name"] == "proxy" for s in of_trace(collector))
                   and sum(s["name"] == "SET" for s in of_trace(collector)) == 2, "all spans have come", 60)
        assert_linked(of_trace(collector), nodes, entry, owner)
        for node in (owner, *others):
            if node is not entry:
                lines = wait_until(lambda n=node: lines_with(n, TRACE), f"{node.name} knows the trace")
                ids = {line["span_id"] for line in lines if "span_id" in line}
                assert ids & {span["id"] for span in of_trace(collector)}, lines
        check(collector)


def test_a_write_is_one_trace_of_three_nodes_as_otlp_protobuf():
    need_ours()
    paths = lambda collector: equal({path for path, _, _ in collector.bodies}, {"/v1/traces"})
    trace_one_write("otlp", paths)


def test_a_write_is_one_trace_of_three_nodes_as_otlp_json():
    need_ours()
    kinds = lambda collector: equal({kind for _, kind, _ in collector.bodies}, {"application/json"})
    trace_one_write("otlp_json", kinds)


def test_a_write_is_one_trace_of_three_nodes_as_zipkin_v2():
    need_ours()
    try:
        import jsonschema
    except ImportError:
        raise Skip("python3-jsonschema is not installed") from None
    with open(os.path.join(ROOT, "tests/system/collector/zipkin.schema.json"), encoding="utf-8") as file:
        schema = json.load(file)

    def check(collector):
        for path, _, body in collector.bodies:
            equal(path, "/api/v2/spans")
            jsonschema.validate(json.loads(body), schema)

    trace_one_write("zipkin", check)


def test_a_quorum_write_and_read_have_spans_on_all_nodes():
    need_ours()
    with Collector() as collector, Cluster(3, *tracing(collector, "otlp_json"),
                                           "--cluster.consistency_level=quorum") as nodes:
        nodes.settle()
        entry, owner, _ = roles(nodes, "greeting")
        ask(http(entry), "PUT", "/api/cache/greeting", body=b"hello",
            headers={"traceparent": PARENT, "Content-Type": "application/octet-stream"})
        wait_until(lambda: {s["node"] for s in of_trace(collector)} == {n.name for n in nodes}
                   and any(s["name"].startswith("PUT ") for s in of_trace(collector)), "all have told", 60)
        top = next(s for s in of_trace(collector) if s["name"].startswith("PUT "))
        equal((top["kind"], top["parent"], top["attributes"]["http.response.status_code"]), ("SERVER", PARENT[36:52], "200"))
        with owner.client() as client:
            client.command("HC.TRACE", PARENT, "GET", "greeting")
        wait_until(lambda: any(s["name"] == "read" for s in of_trace(collector)), "a read of others is told", 60)


def test_what_fails_or_is_slow_is_traced_though_nothing_is_drawn():
    need_ours()
    with Collector() as collector, Daemon(*DEBUG, *tracing(collector, "otlp_json"), "--slowlog.threshold_us=1000000",
                                          "--security.debug_commands=yes") as server:
        with server.client() as client:
            client.command("SET", "k", "v")
            client.command("INCR", "k")
            client.command("CONFIG", "SET", "slowlog.threshold_us", "0")
            client.command("STRLEN", "k")
            client.command("CONFIG", "SET", "slowlog.threshold_us", "1000000")
            names = lambda: {span["name"]: span for span in collector.spans() if "hypercache.forced" in span["attributes"]}
            wait_until(lambda: {"INCR", "STRLEN"} <= set(names()), "both have come", 60)
        found = names()
        assert "SET" not in found
        equal((found["INCR"]["failed"], found["INCR"]["attributes"]["error.type"]), (True, "ERR"))
        equal((found["STRLEN"]["failed"], found["STRLEN"]["attributes"]["hypercache.forced"]), (False, "slow"))
        told = wait_until(lambda: lines_with(server, found["STRLEN"]["trace"]), "its lines are written")
        equal({(line["operation"], line["trace_id"], line["span_id"]) for line in told},
              {("strlen", found["STRLEN"]["trace"], found["STRLEN"]["id"])})


def test_a_write_that_waits_for_the_disk_tells_how_long():
    need_ours()
    flags = ("--persistence.enabled=true", "--data-dir", "data", "--persistence.sync_policy=always")
    with Collector() as collector, Daemon(*tracing(collector, "otlp_json"), *flags) as server:
        with server.client() as client:
            equal(client.command("HC.TRACE", PARENT, "SET", "k", "v"), "OK")
        wait_until(lambda: {"SET", "fsync", "store"} <= {s["name"] for s in of_trace(collector)}, "all have come", 60)
        top = one_of(of_trace(collector), name="SET")
        equal(one_of(of_trace(collector), name="fsync")["parent"], top["id"])


def test_a_collector_that_refuses_or_is_away_costs_spans_and_no_request():
    need_ours()
    with Collector(400) as collector, Daemon(*tracing(collector, "otlp", 1)) as server, server.client() as client:
        for i in range(500):
            equal(client.command("SET", f"key:{i}", "v"), "OK")
        figures = lambda name: value(samples_of(page_of(server)[1]), name)
        wait_until(lambda: figures("hypercache_trace_spans_failed_total"), "refused spans are counted", 60)
        collector.status = 200
        wait_until(lambda: client.command("SET", "k", "v") == "OK" and figures("hypercache_trace_spans_exported_total"),
                   "spans are taken again", 60)
        made = figures("hypercache_trace_spans_total")
        assert made >= 1000, made
        client.command("CONFIG", "SET", "tracing.enabled", "no")
        made = figures("hypercache_trace_spans_total")
        client.command("GET", "k")
        equal(figures("hypercache_trace_spans_total"), made)
    note(f"{made:g} spans")


def test_the_latest_traces_are_listed_and_one_is_found():
    need_ours()
    with Daemon("--tracing.enabled=true", "--tracing.exporter=none", "--tracing.sample_ratio=0") as server:
        with server.client() as client:
            client.command("HC.TRACE", PARENT, "GET", "k")
            client.command("GET", "k")
        said = ask(server.http_port, "GET", "/api/traces").json()
        equal((said["enabled"], said["sample_ratio"], len(said["traces"])), (True, 0, 1))
        trace = said["traces"][0]
        equal((trace["trace_id"], trace["name"]), (TRACE, "GET"))
        equal({span["name"] for span in trace["spans"]}, {"parse", "store", "GET"})
        equal(ask(server.http_port, "GET", f"/api/traces/{TRACE}").json(), trace)
        equal(ask(server.http_port, "GET", "/api/traces/" + "1" * 32).status, 404)
        equal(ask(server.http_port, "GET", "/api/traces/nonsense").status, 400)
        equal(ask(server.http_port, "GET", "/api/traces?limit=0").status, 400)


if __name__ == "__main__":
    main(globals())
