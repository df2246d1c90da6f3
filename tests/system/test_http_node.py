"""test_http_node.py - what a node tells of itself over HTTP is what it has, does and is set to."""
from harness import Daemon, equal, main, need_ours
from http_client import ask


def told(server, target):
    answer = ask(server.http_port, "GET", target)
    equal(answer.status, 200, target)
    return answer.json()


def test_the_configuration_has_kinds_and_units():
    need_ours()
    with Daemon("--max-memory", "64mb", "--cache.default_ttl", "90s") as server:
        settings = told(server, "/api/config")["settings"]
    rows = (
        ("cache.max_memory", {"value": "64MB", "bytes": 64 << 20, "changeable": True}),
        ("cache.default_ttl", {"value": "90s", "milliseconds": 90000, "changeable": False}),
        ("network.http", {"value": True, "changeable": False}),
        ("network.resp_port", {"value": server.port, "changeable": False}),
        ("network.bind", {"value": "127.0.0.1", "changeable": False}),
    )
    for name, want in rows:
        equal(settings[name], want, name)


def test_figures_follow_what_was_done():
    need_ours()
    with Daemon("--max-memory", "64mb") as server, server.client() as client:
        for command in (("SET", "a", "1"), ("SET", "b", "2", "EX", "100"), ("GET", "a"), ("GET", "none")):
            client.command(*command)
        stats = told(server, "/stats")
    want = {"keys": 2, "keys_with_expiry": 1, "hits": 1, "misses": 1, "hit_ratio": 0.5, "evicted": 0, "expired": 0}
    equal({name: stats[name] for name in want}, want)
    memory = stats["memory"]
    equal(memory["max_bytes"], 64 << 20)
    equal(memory["used_bytes"], memory["dataset_bytes"] + memory["overhead_bytes"])
    assert memory["peak_bytes"] >= memory["used_bytes"] > memory["dataset_bytes"] > 0, memory
    assert memory["resident_bytes"] > memory["used_bytes"], memory
    assert stats["connections"] >= 2 and stats["http_connections"] >= 1 and stats["commands"] >= 4, stats


def test_the_slow_log_has_its_fields_by_name_the_latest_first():
    need_ours()
    with Daemon() as server, server.client() as client:
        client.command("CLIENT", "SETNAME", "me")
        client.command("CONFIG", "SET", "slowlog-log-slower-than", "0")
        client.command("SET", "slow", "1")
        client.command("CONFIG", "SET", "slowlog-log-slower-than", "10000")
        entries = told(server, "/api/slowlog?count=10")["entries"]
        equal(len(told(server, "/api/slowlog?count=1")["entries"]), 1)
    mine = [entry for entry in entries if entry["arguments"] == ["SET", "slow", "1"]]
    equal(len(mine), 1)
    equal(mine[0]["client_name"], "me")
    assert mine[0]["client"].startswith("127.0.0.1:") and mine[0]["timestamp"] > 1700000000, mine
    ids = [entry["id"] for entry in entries]
    equal(ids, sorted(ids, reverse=True))


def test_clients_are_told_with_their_fields():
    need_ours()
    with Daemon() as server, server.client() as client:
        client.command("CLIENT", "SETNAME", "me")
        number = client.command("CLIENT", "ID")
        clients = {one["id"]: one for one in told(server, "/api/clients")["clients"]}
    assert len(clients) >= 2, clients  # and who asks
    equal((clients[number]["name"], clients[number]["db"], clients[number]["cmd"]), ("me", 0, "client|id"))


if __name__ == "__main__":
    main(globals())
