"""test_logs.py - every line of the log fits its schema under load and faults, and no output that fails delays a request."""
import json
import os

from harness import Daemon, Skip, equal, main, need_ours, note, wait_until
from harness import ROOT
from metrics_page import page_of, samples_of, value


def schema_judge():
    try:
        import jsonschema
    except ImportError:
        raise Skip("python3-jsonschema is not installed") from None
    with open(os.path.join(ROOT, "docs/format/log.schema.json"), encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return [line for line in file.read().split("\n") if line]


def work(client, rounds):
    """Requests of many kinds, good and bad, with keys of any bytes."""
    for i in range(rounds):
        client.command("SET", b"\xff\x00\"\\\n key:%d" % i, "v" * (i % 300))
        client.command("GET", f"key:{i}")
        client.command("INCR", b"\xff\x00\"\\\n key:%d" % i)
        client.command("AUTH", "mallory\n", "secret-password")
        client.command("NONESUCH", "x")
    client.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")


def test_every_line_fits_the_schema_under_load_and_faults():
    need_ours()
    judge = schema_judge()
    flags = ["--log-level", "trace", "--slowlog.threshold_us=0", "--persistence.enabled=true", "--data-dir", "data",
             "--logging.output=stderr,file", "--logging.file=node.log", "--max-memory", "8mb"]
    with Daemon(*flags) as server:
        with server.client() as client:
            work(client, 30)  # fewer lines than the queue holds, however slow the writer
            client.command("CONFIG", "SET", "slowlog.threshold_us", "-1", "logging.level", "info")
            equal(client.command("SAVE"), "OK")
            for i in range(4000):  # memory becomes short
                client.command("SET", f"big:{i}", "v" * 3000)
        log = os.path.join(server.folder, "data", "node.log")
        wait_until(lambda: any("memory_pressure" in line for line in lines_of(log)), "a line about memory")
        server.process.terminate()
        server.process.wait(30)
        lines = lines_of(log)
        for line in lines:
            told = json.loads(line)
            faults = [fault.message for fault in judge.iter_errors(told)]
            equal(faults, [], line)
        events = {json.loads(line).get("event") for line in lines} - {None}
        for wanted in ("node_started", "node_stopped", "config_changed", "auth_failed", "latency_high",
                       "memory_pressure", "snapshot_finished", "recovered"):
            assert wanted in events, f"no event {wanted} among {sorted(events)}"
        assert not any("secret-password" in line for line in lines)
        correlated = [json.loads(line) for line in lines if "correlationId" in line]
        assert correlated and all(len(line["correlationId"]) == 32 for line in correlated)
    note(f"{len(lines)} lines, {len(events)} kinds of events")


def test_a_full_disk_for_the_log_costs_lines_and_no_request():
    need_ours()
    flags = ["--log-level", "debug", "--slowlog.threshold_us=0", "--logging.output=file", "--logging.file=/dev/full"]
    with Daemon(*flags) as server, server.client() as client:
        for i in range(2000):
            equal(client.command("SET", f"key:{i}", "v"), "OK")
        lost = wait_until(lambda: value(samples_of(page_of(server)[1]), "hypercache_log_lines_dropped_total"),
                          "lost lines are counted")
    note(f"{lost:g} lines lost")


def test_keys_are_shown_hashed_or_not_at_all():
    need_ours()
    with Daemon("--log-level", "debug", "--slowlog.threshold_us=0", "--logging.keys=hashed") as server:
        with server.client() as client:
            client.command("SET", "user:4711", "v")
            client.command("CONFIG", "SET", "logging.keys", "off")
            client.command("SET", "user:4712", "v")
            client.command("CONFIG", "SET", "logging.keys", "plain")
            client.command("SET", "user:4713", "v")
            events = b"".join(client.command("HC.EVENTS"))
        wait_until(lambda: "user:4713" in server.tail(), "the last line is there")
        text = "\n".join(lines_of(server.log_path))
        assert "user:4711" not in text and "user:4712" not in text
        assert b"user:4711" not in events
        told = [json.loads(line) for line in lines_of(server.log_path)]
        hashed = [line["key"] for line in told if line.get("operation") == "set" and "key" in line][0]
        equal(len(hashed), 16)


def test_trace_shows_requests_places_and_log_steps_while_it_is_on():
    need_ours()
    flags = ["--persistence.enabled=true", "--data-dir", "data"]
    with Daemon(*flags) as server, server.client() as client:
        def lines(component):
            told = [json.loads(line) for line in lines_of(server.log_path) if line.startswith("{")]
            return [line for line in told if line["level"] == "TRACE" and line["component"] == component]

        client.command("SET", "quiet", "v")
        for component in ("RESP_SERVER", "STORAGE_ENGINE", "PERSISTENCE"):
            equal(lines(component), [])
            client.command("CONFIG", "SET", "logging.components", f"{component}=trace")
            wait_until(lambda c=component: client.command("SET", "loud", "value") == "OK" and lines(c),
                       f"{component} says something", 60)
            line = lines(component)[0]
            client.command("CONFIG", "SET", "logging.components", "")
            if component == "RESP_SERVER":
                assert line["requestBytes"] == 12 or line["operation"] != "set"
            elif component == "STORAGE_ENGINE":
                equal((line["key"], line["valueBytes"], line["operation"]), ("loud", 5, "set"))
                assert line["segmentState"] and line["memoryBytes"] > 9
            else:
                assert line["bytes"] > 0 or line["syncs"] > 0


def test_files_are_rotated_and_the_oldest_goes():
    need_ours()
    flags = ["--log-level", "debug", "--slowlog.threshold_us=0", "--logging.output=file", "--logging.file=node.log",
             "--data-dir", "data", "--logging.max_file_size=32KB", "--logging.max_files=3"]
    with Daemon(*flags) as server, server.client() as client:
        folder = os.path.join(server.folder, "data")
        for i in range(1000):
            client.command("SET", f"key:{i}", "v")
        names = ["node.log", "node.log.1", "node.log.2"]
        wait_until(lambda: sorted(name for name in os.listdir(folder) if name.startswith("node.log")) == names,
                   "three files are there, and no more")
        for name in names[1:]:
            assert os.path.getsize(os.path.join(folder, name)) <= 32 << 10
            for line in lines_of(os.path.join(folder, name)):
                json.loads(line)


if __name__ == "__main__":
    main(globals())
