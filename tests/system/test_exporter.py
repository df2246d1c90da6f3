"""test_exporter.py - prometheus-redis-exporter, as Debian ships it, scrapes a node.

Its page is judged line by line: no scrape error, and series of keys, memory, commands and latency
that say what was done.
"""
import re
import subprocess
import urllib.error
import urllib.request

from harness import Daemon, equal, free_port, main, need_ours, need_program, note, wait_until

SAMPLE = re.compile(r"^(\w+)(\{.*\})? (\S+)$")
LABEL = re.compile(r'(\w+)="([^"]*)"')


def page_of(address):
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            return answer.read().decode()
    except (urllib.error.URLError, ConnectionError):
        return None


def scrape(server, *flags):
    """The exporter's samples: {(name, frozenset of labels): value}."""
    port = free_port()
    exporter = subprocess.Popen(
        [need_program("prometheus-redis-exporter"), "-redis.addr", f"redis://127.0.0.1:{server.port}",
         "-web.listen-address", f"127.0.0.1:{port}", *flags],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        page = wait_until(lambda: page_of(f"http://127.0.0.1:{port}/metrics"), "the exporter answers")
    finally:
        exporter.kill()
        said = exporter.communicate()[1].decode()
    faults = [line for line in said.splitlines() if "level=error" in line or "level=warn" in line]
    equal(faults, [], "what the exporter complains of")
    samples = {}
    for line in page.splitlines():
        if line.startswith("#") or not line.startswith("redis_"):
            continue
        name, labels, value = SAMPLE.match(line).groups()
        samples[name, frozenset(LABEL.findall(labels or ""))] = float(value)
    return samples


def value(samples, name, **labels):
    """The one sample of that name with these labels among its own."""
    wanted = set(labels.items())
    found = [v for (n, own), v in samples.items() if n == name and wanted <= own]
    equal(len(found), 1, f"samples {name} {labels}")
    return found[0]


def test_series_of_keys_memory_commands_and_latency_are_there():
    need_ours()
    with Daemon("--max-memory", "64mb") as server, server.client() as client:
        client.command("CONFIG", "SET", "slowlog-log-slower-than", "0", "latency-monitor-threshold", "1")
        for i in range(100):
            equal(client.command("SET", f"key:{i}", "value", "EX", 1000), "OK")
        equal(client.command("GET", "key:1"), b"value")
        equal(client.command("GET", "none"), None)
        equal(str(client.command("GET")).split()[0], "ERR")
        client.command("SELECT", 3)
        equal(client.command("SET", "k", "v"), "OK")
        samples = scrape(server, "-include-system-metrics", "-check-single-keys", "db3=k")
    equal(value(samples, "redis_up"), 1)
    equal(value(samples, "redis_exporter_last_scrape_error"), 0)
    equal(value(samples, "redis_db_keys", db="db0"), 100)
    equal(value(samples, "redis_db_keys_expiring", db="db0"), 100)
    equal(value(samples, "redis_db_keys", db="db3"), 1)
    assert 0 < value(samples, "redis_db_avg_ttl_seconds", db="db0") <= 1000
    equal(value(samples, "redis_keyspace_hits_total"), 1)
    equal(value(samples, "redis_keyspace_misses_total"), 1)
    for name in ("memory_used_bytes", "memory_used_rss_bytes", "memory_used_peak_bytes",
                 "memory_used_dataset_bytes", "mem_fragmentation_ratio", "mem_clients_normal",
                 "total_system_memory_bytes"):
        assert value(samples, f"redis_{name}") > 0, name
    if not Daemon.sanitizer:  # whose allocator tells nothing
        assert value(samples, "redis_allocator_allocated_bytes") > 0
    equal(value(samples, "redis_memory_max_bytes"), 64 << 20)
    equal(value(samples, "redis_commands_total", cmd="set"), 101)
    equal(value(samples, "redis_commands_rejected_calls_total", cmd="get"), 1)
    assert value(samples, "redis_commands_duration_seconds_total", cmd="set") > 0
    equal(value(samples, "redis_errors_total", err="ERR"), 1)
    equal(value(samples, "redis_latency_percentiles_usec_count", cmd="set"), 101)
    assert value(samples, "redis_latency_percentiles_usec", cmd="set", quantile="99") > 0
    assert value(samples, "redis_slowlog_length") > 100
    assert value(samples, "redis_connected_clients") >= 2
    equal(value(samples, "redis_instance_info", redis_mode="standalone", role="master"), 1)
    equal(value(samples, "redis_key_size", db="db3", key="k"), 1)
    note(f"{len(samples)} samples")


def test_a_node_that_did_nothing_is_scraped_without_error():
    need_ours()
    with Daemon() as server:
        samples = scrape(server, "-export-client-list", "-include-config-metrics")
    equal(value(samples, "redis_up"), 1)
    equal(value(samples, "redis_exporter_last_scrape_error"), 0)
    assert any(name == "redis_connected_clients_details" for name, _ in samples)


if __name__ == "__main__":
    main(globals())
