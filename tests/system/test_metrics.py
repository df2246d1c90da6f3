"""test_metrics.py - GET /metrics under load, read by promtool and by the reference parser of OpenMetrics."""
import threading

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


if __name__ == "__main__":
    main(globals())
