"""test_redis_benchmark.py - redis-benchmark runs to its end without an error, as in the README of many a project."""
import re

from harness import Daemon, equal, main, need_program, note, run_program, served

REQUESTS = 20_000 if not Daemon.sanitizer else 4_000
PIPELINES = (1, 16, 64)
COMPLAINTS = re.compile(r"error|warning|could not|refused", re.IGNORECASE)


def _benchmark(server, *arguments):
    """Runs redis-benchmark with 50 clients and returns its lines 'name: 12345.00 requests per second'."""
    code, out, err = run_program(need_program("redis-benchmark"), "-p", str(server.port), "-c", "50",
                                 "-n", str(REQUESTS), "-q", *arguments)
    equal(code, 0, err + out)
    assert not COMPLAINTS.search(out + err), out + err
    return re.findall(r"([^\r\n]+): ([0-9.]+) requests per second", out)


def test_ping_set_get_incr_mset_at_pipelines_of_1_16_64():
    with Daemon() as server, server.client() as client:
        for depth in PIPELINES:
            rows = _benchmark(server, "-t", "ping,set,get,incr,mset", "-P", str(depth))
            equal(len(rows), 6, f"-P {depth}: {rows}")  # ping twice: inline and as an array
            counted = int(client.command("GET", "counter:__rand_int__"))
            assert REQUESTS <= counted < REQUESTS + 50 * depth, counted  # it fills its last pipelines
            client.command("DEL", "counter:__rand_int__")
            note(f"P={depth}: " + " ".join(f"{float(rate) / 1000:.0f}k" for _, rate in rows))
            served(server, client)


def test_random_keys_and_larger_values():
    with Daemon() as server, server.client() as client:
        for depth in PIPELINES:
            rows = _benchmark(server, "-t", "set,get", "-r", "100000", "-d", "1000", "-P", str(depth))
            equal(len(rows), 2, f"-P {depth}")
        keys = client.command("DBSIZE")
        assert 1000 < keys <= 100_000, keys


def test_a_command_line_of_its_own_mget():
    with Daemon() as server, server.client() as client:
        client.command("MSET", *[word for number in range(10) for word in (f"key:{number}", "v")])
        for depth in PIPELINES:
            rows = _benchmark(server, "-P", str(depth), "MGET", *[f"key:{number}" for number in range(10)])
            equal(len(rows), 1, f"-P {depth}")
        rows = _benchmark(server, "-P", "16", "-r", "1000", "MSET", *[f"key:__rand_int__:{n}" for n in range(10)])
        equal(len(rows), 1)


def test_threads_of_the_benchmark_and_resp3():
    with Daemon() as server:
        equal(len(_benchmark(server, "--threads", "2", "-t", "set,get", "-P", "16")), 2)
        equal(len(_benchmark(server, "-3", "-t", "set,get", "-P", "16")), 2)


if __name__ == "__main__":
    main(globals())
