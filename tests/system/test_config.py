"""test_config.py - what is set at run time outlives a restart where CONFIG REWRITE was asked."""
import os
import tempfile

from harness import Closed, Daemon, equal, main, need_ours, wait_until

FILE = """# our node
cache:
  max_memory: 32MB   # enough for now
stores:
  - name: default
    default_ttl: 1h
  - {name: sessions, eviction_policy: lru, cuckoo_filter: true}
"""


def _pairs(values):
    """A RESP2 map; texts are decoded."""
    texts = [value.decode() if isinstance(value, bytes) else value for value in values]
    return dict(zip(texts[::2], texts[1::2]))


def _setting(client, name):
    return _pairs(client.command("CONFIG", "GET", name))[name]


def test_a_rewritten_file_keeps_comments_and_counts_at_the_next_start():
    need_ours()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "node.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(FILE)
        with Daemon("--config", path) as server, server.client() as client:
            equal(client.command("CONFIG", "SET", "maxmemory", "64mb", "maxmemory-policy", "volatile-ttl",
                                 "timeout", "300"), "OK")
            equal(client.command("CONFIG", "REWRITE"), "OK")
            equal(os.listdir(folder), ["node.yaml"])
            with open(path, encoding="utf-8") as file:
                equal(file.read(), FILE.replace("32MB ", "64MB ").replace(
                    "# enough for now\n", "# enough for now\n  eviction: volatile-ttl\n") +
                    "\nnetwork:\n  idle_timeout: 5m\n")
        with Daemon("--config", path) as server, server.client() as client:
            equal(_setting(client, "maxmemory"), str(64 << 20))
            equal(_setting(client, "maxmemory-policy"), "volatile-ttl")
            equal(_setting(client, "timeout"), "300")


def test_listed_stores_are_there_with_their_settings():
    need_ours()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "node.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(FILE)
        with Daemon("--config", path) as server, server.client() as client:
            equal(client.command("STORES"), [b"0", b"sessions"])
            about = _pairs(client.command("STORE", "INFO", "sessions"))
            equal((about["eviction"], about["filter_bits"] > 0), ("allkeys-lru", True))
            equal(client.command("SET", "a", "1"), "OK")
            equal(3590 < client.command("TTL", "a") <= 3600, True)
            equal(client.command("SELECT", "sessions"), "OK")
            equal(client.command("SET", "a", "1"), "OK")
            equal(client.command("TTL", "a"), -1)


def test_an_idle_timeout_set_at_run_time_ends_silent_clients():
    need_ours()
    with Daemon() as server, server.client() as silent, server.client() as busy:
        equal(silent.command("PING"), "PONG")
        equal(busy.command("CONFIG", "SET", "network.idle_timeout", "100"), "OK")

        def only_one_is_left():
            return busy.command("CLIENT", "LIST").count(b"id=") == 1

        wait_until(only_one_is_left, "the silent client is closed")
        try:
            silent.command("PING")
        except (Closed, OSError):
            return
        raise AssertionError("the silent client was served")


if __name__ == "__main__":
    main(globals())
