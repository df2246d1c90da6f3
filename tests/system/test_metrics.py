"""test_metrics.py - GET /metrics under load, read by promtool and by the reference parser of OpenMetrics."""
import json
import threading

from cluster import Cluster
from harness import Daemon, equal, main, need_ours, note, wait_until
from metrics_page import (OPENMETRICS, judge_by_openmetrics_parser, judge_by_promtool, page_of,
                          samples_of, value)

PROMISED = """hypercache_requests_total hypercache_request_duration_seconds_count hypercache_memory_usage_bytes
hypercache_cache_hit_ratio hypercache_cache_hits_total hypercache_cache_misses_total hypercache_evictions_total
hypercache_expirations_total hypercache_keys hypercache_connections hypercache_network_receive_bytes_total
hypercache_network_transmit_bytes_total hypercache_memory_pressure hypercache_log_queue_bytes
hypercache_log_lines_dropped_total hypercache_fsync_duration_seconds_count hypercache_snapshot_duration_seconds
hypercache_recovery_duration_seconds hypercache_filter_load_ratio hypercache_filter_false_positives_total
hypercache_event_loop_lag_seconds_count hypercache_build_info hypercache_events_total hypercache_store_memory_bytes
hypercache_disk_free_bytes process_resident_memory_bytes process_cpu_seconds_total process_open_fds""".split()


def load(server, stop):
    with server.client() as client:
        while not stop.is_set():
            for i in range(50):
                client.command("SET", f"key:{i}", "value", "EX", 1000)
                client.command("GET", f"key:{i * 2}")
            client.command("GET")


def under_load(server, judge):
    """Calls judge() while a client writes and reads."""
    stop = threading.Event()
    loader = threading.Thread(target=load, args=(server, stop))
    loader.start()
    try:
        return judge()
    finally:
        stop.set()
        loader.join()


def test_the_page_is_what_promtool_and_the_openmetrics_parser_accept_under_load():
    need_ours()
    flags = ["--persistence.enabled=true", "--data-dir", "data", "--max-memory", "64mb"]
    with Daemon(*flags) as server, server.client() as client:
        equal(client.command("STORE", "CREATE", "filtered", "FILTER", "12"), "OK")

        def judge():
            wait_until(lambda: value(samples_of(page_of(server)[1]), "hypercache_cache_hits_total") > 100,
                       "there is load")
            kind, text = page_of(server)
            equal(kind, "text/plain; version=0.0.4; charset=utf-8")
            kind, open_text = page_of(server, OPENMETRICS)
            equal(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8")
            samples_of(open_text)
            return text, open_text
        text, open_text = under_load(server, judge)
        judge_by_promtool(text)
        families = judge_by_openmetrics_parser(open_text)
        samples = samples_of(text)
    note(f"{len(families)} families, {len(samples)} series")
    names = {name for name, _ in samples}
    equal([name for name in PROMISED if name not in names], [], "promised and not there")
    assert all(("node", "node-1") in labels for _, labels in samples)


def test_numbers_agree_with_what_was_done():
    need_ours()
    with Daemon("--node-id", "n7") as server, server.client() as client:
        for i in range(100):
            client.command("SET", f"k{i}", "v")
        for i in range(200):
            client.command("GET", f"k{i}")
        client.command("INCR", "k1")
        samples = samples_of(page_of(server)[1])
    equal(value(samples, "hypercache_requests_total", operation="set", status="ok", node="n7"), 100.0)
    equal(value(samples, "hypercache_requests_total", operation="get"), 200.0)
    equal(value(samples, "hypercache_requests_total", operation="incr", status="error"), 1.0)
    equal(value(samples, "hypercache_errors_total", code="ERR"), 1.0)
    equal(value(samples, "hypercache_request_duration_seconds_count", operation="get"), 200.0)
    equal(value(samples, "hypercache_request_duration_seconds_bucket", operation="get", le="+Inf"), 200.0)
    equal(value(samples, "hypercache_cache_hits_total"), 100.0)
    equal(value(samples, "hypercache_cache_misses_total"), 100.0)
    equal(value(samples, "hypercache_cache_hit_ratio"), 0.5)
    equal(value(samples, "hypercache_keys", store="default"), 100.0)
    equal(value(samples, "hypercache_events_total", kind="node_started"), 1.0)


def test_buckets_grow_and_end_with_all():
    need_ours()
    with Daemon() as server, server.client() as client:
        for i in range(300):
            client.command("SET", f"k{i}", "v" * i)
        samples = samples_of(page_of(server)[1])
    buckets = sorted((float(dict(labels)["le"]), count) for (name, labels), count in samples.items()
                     if name == "hypercache_request_duration_seconds_bucket" and ("operation", "set") in labels)
    equal([count for _, count in buckets], sorted(count for _, count in buckets))
    equal(buckets[0][0], 1e-05)
    equal(buckets[-1], (float("inf"), 300.0))


def test_three_nodes_of_a_cluster_tell_members_slots_and_lag_of_each_pair():
    need_ours()
    with Cluster(3) as nodes:
        nodes.settle()
        with nodes[0].client() as client:
            for i in range(300):
                equal(client.command("SET", f"key:{i}", "v"), "OK")

        def judge():
            pages = []
            for node in nodes:
                text = page_of(node)[1]
                judge_by_promtool(text)
                judge_by_openmetrics_parser(page_of(node, OPENMETRICS)[1])
                pages.append(samples_of(text))
            return pages
        pages = under_load(nodes[0], judge)
    for page in pages:
        equal(value(page, "hypercache_members", state="alive"), 3.0)
        equal(value(page, "hypercache_slots_served"), 16384.0)
        lags = [labels for name, labels in page if name == "hypercache_replication_lag_seconds"]
        equal(len(lags), 2)
        equal(len({dict(labels)["source"] for labels in lags}), 1)
    equal(sum(value(page, "hypercache_slots_own") for page in pages), 16384.0)
    assert sum(value(page, "hypercache_proxied_requests_total") for page in pages) > 0
    equal(len({series for page in pages for series in page}), sum(map(len, pages)))  # no node tells another's


def events_of(node, *words):
    with node.client() as client:
        return [json.loads(one) for one in client.command("HC.EVENTS", "COUNT", 256, *words)]


def test_what_happens_to_a_member_is_an_event_on_the_others():
    need_ours()
    with Cluster(3) as nodes:
        nodes.settle()

        def told(kind):
            return lambda: [one for one in events_of(nodes[0]) if one["event"] == kind]
        assert told("cluster_formed")() and told("node_joined")() and told("sync_ended")()
        nodes[2].kill()
        failed = wait_until(told("node_failed"), "node 0 tells that node 2 has failed", 60)[0]
        equal((failed["severity"], failed["runbook"], failed["component"]),
              ("critical", "docs/runbooks/node-down.md", "GOSSIP"))
        nodes.start(2)
        wait_until(told("node_rejoined"), "node 0 tells that it is back", 60)
        nodes.settle()


if __name__ == "__main__":
    main(globals())
