"""test_loading.py - a node that is loading its data says so, over RESP and HTTP, and may be stopped.

How long loading takes is the machine's affair, so where a test must see it, strace delays each read.
"""
from daemon import Daemon, free_port
from durable_daemon import Durable
from harness import Closed, Error, equal, main, need_ours, note, wait_until
from http_client import Ended, ask
from tracer import kill_traced, need_strace, traced

LOADED_KEYS = 20_000 if Daemon.sanitizer else 200_000


def _answers(server):
    try:
        with server.client(timeout_s=60) as client:
            return client.command("PING") is not None
    except (OSError, Closed):
        return False


def _fill(server, keys):
    server.start()
    with server.client(timeout_s=60) as client:
        for start in range(0, keys, 1000):
            client.pipeline([("SET", f"key:{number}", "v" * 300) for number in range(start, start + 1000)])
        equal(client.command("WAITAOF", "1", "0", "0"), [1, 0])
    server.kill()


def test_commands_are_answered_with_loading_until_the_data_is_there():
    need_ours()
    with Durable("--threads", "1") as server:
        _fill(server, LOADED_KEYS)
        server.launch()  # told to end while it loads, it ends, and nothing is lost
        wait_until(lambda: _answers(server), "the node answers", 60)
        equal(server.stop(), 0)
        note("ended while loading" if "while loading" in server.said() else "loaded before it was told to end")
        seen = set()
        server.launch()

        def loaded():
            try:
                with server.client(timeout_s=60) as client:
                    get, info = client.pipeline([("GET", "key:1"), ("INFO", "persistence")])
                    if isinstance(get, Error):
                        assert get.startswith("LOADING"), get
                        seen.add("loading")
                        assert b"loading:0" in info or b"loading_loaded_perc:" in info, info
                    return not isinstance(get, Error)
            except (OSError, Closed):
                return False

        wait_until(loaded, "the data is there", 240)
        note("LOADING was seen" if seen else "it was too quick to be seen loading")
        with server.client() as client:
            equal(client.command("DBSIZE"), LOADED_KEYS)


def _http_says(port):
    """What the node answers to three requests; None: it does not listen yet."""
    try:
        return [ask(port, "GET", target) for target in ("/health", "/health/ready", "/api/cache/key:1")]
    except (OSError, Ended):
        return None


def test_http_is_alive_not_ready_and_serves_no_key_until_the_data_is_there():
    strace = need_strace()
    port = free_port()
    with Durable("--threads", "1", environment={"HYPERCACHE_NETWORK_HTTP_PORT": str(port)}) as server:
        _fill(server, 5000)
        server.launch(prefix=traced(strace, "pread64:delay_enter=10000"))
        refused = []

        def loaded():
            said = _http_says(port)
            if said is None:
                return False
            alive, ready, value = said
            equal(alive.status, 200)
            if value.status == 200:
                return ready.status == 200
            equal((value.status, value.json()["code"]), (503, "LOADING"))
            if ready.status != 200:
                equal((ready.status, ready.json()["reasons"]), (503, ["loading"]))
                refused.append(ready)
            return False

        wait_until(loaded, "the data is there", 120)
        assert refused, "nobody was told that it is loading"
        equal(ask(port, "GET", "/api/cache/key:4999").json()["value"], "v" * 300)
        kill_traced(server)


if __name__ == "__main__":
    main(globals())
