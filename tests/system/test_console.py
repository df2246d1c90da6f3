"""test_console.py - the console in a browser we did not write: what it shows is what the node says.

Debian's chromium is driven by playwright-core (console/browser.js).  Screenshots of every page, at
1280 and 390 pixels, are left in $BUILD/console.  Without chromium, or when npm cannot fetch
playwright-core, the tests that need a browser skip and say so; those of the served files do not.
"""
import http.client
import json
import os
import re
import subprocess
import threading

from cluster import Cluster, members_of
from harness import (BUILD, ROOT, Daemon, equal, main, need_ours, need_program, note, run_program,
                     wait_until)
from node_modules import npm

PLAYWRIGHT = "playwright-core@1.65.1"
SHOTS = os.path.join(BUILD, "console")
WAIT_S = 60 if not Daemon.sanitizer else 240
PAGES = ("overview", "cluster", "keys", "command", "slowlog", "clients", "events", "traces", "debug")
KEYS_LISTED = ".keys tbody td:first-child button"


# ---- the browser ----


def _http_port(server):
    return int(server.info()["http_port"])


class Browser:
    """One chromium for all tests; an order is a method: browser.text(of="#health")."""

    one = None

    @classmethod
    def get(cls):
        need_ours()
        need_program("node")
        chromium = need_program("chromium")
        if cls.one is None or cls.one.process.poll() is not None:
            cls.one = cls(chromium)
        return cls.one

    def __init__(self, chromium):
        self.process = subprocess.Popen(
            ["node", os.path.join(ROOT, "tests/system/console/browser.js"), npm(PLAYWRIGHT), str(WAIT_S * 1000), chromium],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __getattr__(self, name):
        def order(**options):
            self.process.stdin.write(json.dumps({"do": name, **options}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
            if not line:
                raise AssertionError("the browser ended")
            answer = json.loads(line)
            if "error" in answer:
                raise AssertionError(f"{name} {options}: {answer['error']}")
            return answer["value"]
        return order

    def visit(self, server, page="overview", **options):
        self.open(url=f"http://127.0.0.1:{_http_port(server)}/", **options)
        self.until(of="#node", matches="up ")
        self.go(to=f"#/{page}")

    def is_well(self, server):
        """No error on the browser's console, no request to anybody else."""
        seen = self.seen()
        equal(seen["problems"], [], "what the browser complains of")
        equal(seen["hosts"], [f"127.0.0.1:{_http_port(server)}"], "who was asked")

    @classmethod
    def close(cls):
        if cls.one is not None:
            cls.one.process.stdin.close()
            cls.one.process.wait(30)


class Load:
    """Clients that set and get until the block ends."""

    def __init__(self, server):
        self.server, self.ending, self.rounds = server, threading.Event(), 0
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        with self.server.client() as client:
            client.command("CLIENT", "SETNAME", "load")
            while not self.ending.wait(0.01):  # leaves the browser its part of the processor
                for i in range(50):
                    client.command("SET", f"load:{self.rounds % 20}:{i}", "x" * 100, "EX", "3600")
                    client.command("GET", f"load:{self.rounds % 40}:{i}")
                self.rounds += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()


def _tile(browser, name):
    return browser.text(of=f'.tile[aria-label="{name}"] .figure')


# ---- what is served ----


def _get(server, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=WAIT_S)
    connection.request("GET", path, headers=headers)
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    return reply, body


def test_every_file_is_served_with_policy_type_and_tag():
    need_ours()
    with Daemon() as server:
        folder = os.path.join(ROOT, "server/console/page")
        names = [os.path.relpath(os.path.join(at, name), folder) for at, _, files in os.walk(folder) for name in files]
        types = {"html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8", "txt": "text/plain; charset=utf-8",
                 "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
        for name in names:
            path = "/" if name == "index.html" else f"/console/{name}"
            reply, body = _get(server, path)
            equal(reply.status, 200, path)
            with open(os.path.join(folder, name), "rb") as file:
                equal(body == file.read(), True, f"the bytes of {path}")
            equal(reply.headers["Content-Type"], types[name.rsplit(".", 1)[1]], path)
            policy = reply.headers["Content-Security-Policy"]
            equal(policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';"), True, policy)
            equal("unsafe" in policy, False, policy)
            again, nothing = _get(server, path, **{"If-None-Match": reply.headers["ETag"]})
            equal((again.status, nothing), (304, b""), f"{path} asked for again")
        note(f"{len(names)} files")


# ---- pages ----


def _fill(server):
    """Keys of all kinds, a slow command, a setting that changed."""
    with server.client() as client:
        for i in range(120):
            client.command("SET", f"user:{i}:name", f"User number {i}", "EX", "3600")
        client.command("SET", "session:1", '{"id": 1, "note": "gr\u00fc\u00dfe"}')
        client.command("SET", b"bin\xff\x00key", bytes(range(256)))
        client.command("CONFIG", "SET", "slowlog-log-slower-than", "0")
        client.command("GET", "a-key-for-the-slow-log")
        client.command("CONFIG", "SET", "slowlog-log-slower-than", "10000")


def _look(browser, page):
    """Waits until the page shows what it has to show here."""
    shows = {
        "overview": ("#changes", "slowlog.threshold_us"),
        "cluster": ("main", "stands alone"),
        "keys": (KEYS_LISTED, "^user:"),
        "command": (".session", "Tab completes"),
        "slowlog": ("tbody td", "a-key-for-the-slow-log"),
        "clients": ("tbody td", "^load$"),
        "events": (".stream p", "slowlog.threshold_us"),
        "traces": ("main", "No traces"),
        "debug": ("#durations td", "%"),
    }
    browser.go(to=f"#/{page}")
    browser.until(of=shows[page][0], matches=shows[page][1])
    browser.evaluate(code="new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_every_page_opens_under_load_at_both_widths():
    browser = Browser.get()
    os.makedirs(SHOTS, exist_ok=True)
    with Daemon() as server:
        _fill(server)  # before there are others who fill the slow log
        _open_every_page(browser, server)


def _open_every_page(browser, server):
    with Load(server):
        for width, height in ((1280, 900), (390, 844)):
            browser.visit(server, width=width, height=height)
            browser.until(of='.tile[aria-label="Operations"] .figure', matches=r"^[1-9][\d.]* ?K?/s$")
            for page in PAGES:
                _look(browser, page)
                browser.shot(to=os.path.join(SHOTS, f"{page}-{width}.png"), full=page != "command")
                wide = browser.evaluate(code="Math.max(0, document.documentElement.scrollWidth - innerWidth)")
                equal(wide, 0, f"{page} is wider than {width} pixels by")
                equal(browser.evaluate(code="document.querySelectorAll('#nav [aria-current]').length"), 1, page)
            browser.is_well(server)
        browser.visit(server, dark=True)
        _look(browser, "overview")
        browser.shot(to=os.path.join(SHOTS, "overview-1280-dark.png"))
        browser.is_well(server)


def test_overview_shows_what_info_says():
    browser = Browser.get()
    with Daemon("--max-memory", "64mb") as server:
        browser.visit(server)
        before = browser.evaluate(code="[...document.querySelectorAll('.tile, .chart')].map((e) => e.getBoundingClientRect().height)")
        with Load(server) as load:
            _fill(server)
            browser.until(of='.tile[aria-label="Operations"] .figure', matches=r"^[1-9][\d.]* ?K?/s$")
            browser.until(of='.tile[aria-label="Hit ratio"] .figure', matches=r"^[1-9][\d.]* ?%$")
            browser.until(of='.tile[aria-label="p99 latency"] .figure', matches=r"^[\d.]+ ?(µs|ms)$")
            wait_until(lambda: load.rounds > 20, "the load has gone round", WAIT_S)
        info = server.info()
        calls = f"{int(info['cmdstat_set'].split('calls=')[1].split(',')[0]):,}"
        browser.until(of="#commands tr", matches=f"^SET.*{calls}")
        keys = int(info["db0"].split("keys=")[1].split(",")[0])
        browser.until(of=".pairs", matches=f"Keys{keys:,}Eviction{info['maxmemory_policy']}")
        shown = re.fullmatch(r"([\d.]+)KB", _tile(browser, "Memory"))
        assert shown and abs(float(shown[1]) - int(info["used_memory"]) / 1024) < 4, (shown, info["used_memory"])
        equal(browser.text(of='.tile[aria-label="Memory"] .about').endswith("of 64.0 MB"), True, "the limit")
        browser.until(of='.tile[aria-label="Operations"] .about', matches=r"^0 read, 0 write$")
        after = browser.evaluate(code="[...document.querySelectorAll('.tile, .chart')].map((e) => e.getBoundingClientRect().height)")
        equal(after, before, "heights with and without figures")
        equal(browser.count(of=".chart canvas"), 7, "charts drawn")
        browser.is_well(server)


def test_debug_mode_is_used_from_the_page():
    browser = Browser.get()
    with Daemon("--security.http_admin=true") as server:
        with server.client() as client:
            client.command("SET", "user:1", "v")
            browser.visit(server, "debug")
            browser.until(of="#debug-mode", matches="Debug mode is off")
            browser.click(of="#debug-mode button", text="Turn it on")
            browser.until(of="#levels td", matches="^STORAGE_ENGINE$")
            browser.evaluate(code="document.querySelector('#levels select').value = 'RESP_SERVER'")
            browser.click(of="#levels button", text="Set")
            browser.until(of="#levels tr", matches="^RESP_SERVERTRACEto INFO in ")
            browser.click(of="#levels button", text="Take all back")
            browser.until(of="#levels tr", matches="^RESP_SERVERINFO–$")
            browser.click(of="#capture button", text="Start")
            browser.until(of="#capture p", matches="^Runs; ")
            client.command("SET", "<b>captured</b>", "v")
            browser.click(of="#capture button", text="Read again")
            browser.until(of="#capture td.wide", matches="<b>captured</b>")
            equal(browser.count(of="#capture b"), 0, "elements made from a key")
            browser.click(of="#capture button", text="Stop")
            browser.until(of="#capture p", matches="^Stopped; ")
            browser.until(of="#profiles", matches="Allocations are counted with debug.performance_profiling")
            browser.until(of="#shards td", matches="^1$")
            browser.fill(of="#inspector .field", value="user:1")
            browser.click(of="#inspector button", text="Look")
            browser.until(of="#inspector .pairs", matches="segment state(open|sealed).*served bythis node")
        for width, height in ((1280, 900), (390, 844)):
            browser.visit(server, "debug", width=width, height=height)
            browser.until(of="#shards td", matches="^1$")
            browser.shot(to=os.path.join(SHOTS, f"debug-mode-{width}.png"))
            wide = browser.evaluate(code="Math.max(0, document.documentElement.scrollWidth - innerWidth)")
            equal(wide, 0, f"debug mode is wider than {width} pixels by")
        browser.is_well(server)


def test_without_the_role_the_console_is_read_only():
    browser = Browser.get()
    with Daemon("--debug.enabled=true") as server, server.client() as client:
        client.command("SET", "k", "v")
        browser.visit(server, "keys")
        browser.click(of=KEYS_LISTED, text="k")
        browser.until(of=".preview", matches="^v$")
        words = browser.texts(of="#details button") + browser.texts(of="#details textarea")
        equal([word for word in words if "Save" in word or "Delete" in word or word == "v"], [], "what edits a key")
        browser.go(to="#/clients")
        browser.until(of="tbody td", matches="^127.0.0.1:")
        equal(browser.count(of="tbody button:not([disabled])"), 0, "buttons that close a client")
        browser.go(to="#/debug")
        browser.until(of="#levels", matches="Read-only: see security.http_admin")
        browser.until(of="#shards td", matches="^0$")
        equal(browser.count(of="#capture"), 0, "a capture, which shows what clients send")
        equal(browser.count(of="#levels form"), 0, "a form that changes levels")
        browser.until(of="#profiles", matches="Profiles need security.http_admin")
        browser.is_well(server)


HOSTILE = (
    "<img src=x onerror=\"window.owned=1\">",
    "<script>window.owned=1</script>",
    "\"><svg onload=window.owned=1>",
    "javascript:window.owned=1",
    "{{constructor.constructor('window.owned=1')()}}",
    "new\nline\x07bell",
    "gnp.exe\u202etxt",
    "__proto__",
)


def test_hostile_keys_and_values_stay_text():
    browser = Browser.get()
    with Daemon() as server:
        with server.client() as client:
            for name in HOSTILE:
                client.command("SET", name, name)
                client.command("CLIENT", "SETNAME", "<img/src=x/onerror=window.owned=1>")
            client.command("SET", b"\xff<b>\xfe", b"\xff<b>\xfe")
            client.command("CONFIG", "SET", "slowlog-log-slower-than", "0")
            for name in HOSTILE:
                client.command("GET", name)
            client.command("CONFIG", "SET", "slowlog-log-slower-than", "10000")
            browser.visit(server, "keys")
            browser.until(of=KEYS_LISTED, matches="^<script>")
            shown = browser.texts(of=KEYS_LISTED)
            want = [HOSTILE[0], HOSTILE[1], HOSTILE[2], HOSTILE[4], "new\\nline\\x07bell", "gnp.exe\\u{202e}txt", "__proto__", "\\xff<b>\\xfe"]
            for name in want:
                equal(name in shown, True, f"{name!r} among {shown}")
            for name in (HOSTILE[0], HOSTILE[1], "\\xff<b>\\xfe"):
                browser.click(of=KEYS_LISTED, text=name)
                browser.until(of="#key-name", matches="^" + "".join("\\" + c if not c.isalnum() else c for c in name) + "$")
                equal(browser.count(of="main img, main script, main svg, main iframe"), 0, "elements made from a key")
            browser.until(of=".preview", matches="ff 3c 62 3e fe")
            browser.go(to="#/slowlog")
            browser.until(of="tbody td", matches="<script>")
            browser.go(to="#/clients")
            browser.until(of="tbody td", matches="<img/src=x")
            equal(browser.count(of="main img, main script"), 0, "elements made from a name")
            browser.go(to="#/command")
            browser.fill(of=".prompt .field", value='ECHO "<img src=x onerror=window.owned=1>"')
            browser.press(key="Enter")
            browser.until(of=".session .answered", matches="^\"<img src=x")
            equal(browser.count(of="main img"), 0, "elements made from a reply")
        equal(browser.evaluate(code="typeof window.owned"), "undefined", "a script that was a key")
        browser.is_well(server)


def test_keys_by_prefix_in_bounded_steps():
    browser = Browser.get()
    with Daemon() as server:
        with server.client() as client:
            for i in range(300):
                client.command("MSET", *[f"{kind}:{i}:{part}" if part % 2 else "value" for kind in ("user", "order") for part in range(1, 5)][:8])
            client.command("SET", "alone", "x" * 5000, "EX", "600")
        total = None
        with server.client() as client:
            total = client.command("DBSIZE")
        browser.visit(server, "keys")
        browser.until(of="#main", matches=f"{total:,} found in {total:,} of {total:,} keys")
        equal(browser.texts(of=".keys td.number.muted")[:2], ["600 keys", "600 keys"], "keys of the prefixes")
        browser.click(of=KEYS_LISTED, text="user:")
        browser.until(of=".crumbs", matches="^all keysuser:$")
        browser.click(of=".crumbs button", text="all keys")
        browser.click(of=KEYS_LISTED, text="alone")
        browser.until(of="#key-length", matches="^5,000 bytes$")
        browser.until(of="#key-ttl", matches=r"^in (9 min|10 min)")
        equal(len(browser.text(of=".preview")), 4096, "characters of the preview")
        browser.fill(of="input[type=search]", value="order:7:*")
        browser.press(key="Enter")
        browser.until(of=".keys", matches="order:")
        browser.until(of="#main", matches="2 found in")
        browser.fill(of="input[type=search]", value="nothing-like-it")
        browser.press(key="Enter")
        browser.until(of="#main", matches="No such key")
        browser.is_well(server)


def _run(browser, line, matches):
    browser.fill(of=".prompt .field", value=line)
    browser.press(key="Enter")
    browser.until(of=".session", matches=matches)


def test_command_line_completes_and_reads_but_does_not_write():
    browser = Browser.get()
    with Daemon() as server:
        with server.client() as client:
            client.command("MSET", "a", "1", "b", "2")
            browser.visit(server, "command")
            browser.until(of=".title", matches="read-only")
            browser.click(of=".prompt .field")
            browser.type(text="stor")
            browser.until(of=".completions li", matches="^STORE LIST")
            browser.fill(of=".prompt .field", value="")
            browser.type(text="mge")
            browser.until(of=".completions li", matches="^MGET")
            browser.press(key="Tab")
            equal(browser.evaluate(code="document.querySelector('.prompt .field').value"), "MGET ", "completed")
            browser.until(of=".hint", matches=r"^MGET key \[key …\]")
            browser.type(text="a b none")
            browser.press(key="Enter")
            browser.until(of=".session", matches=r'1\) "1"\n2\) "2"\n3\) \(nil\)')
            _run(browser, "DBSIZE", r"\(integer\) 2")
            _run(browser, "INFO keyspace", "db0:keys=2,")
            _run(browser, "GET 'unclosed", "a quote is not closed")
            _run(browser, "NOSUCH", "unknown command 'NOSUCH'")
            browser.is_well(server)
            _run(browser, "SET a 3", r"SET a 3\s*Not allowed: .*security.http_admin")
            _run(browser, "flushall", r"flushall\s*Not allowed: .*security.http_admin")
            equal((client.command("GET", "a"), client.command("DBSIZE")), (b"1", 2), "after all that")
            browser.press(key="ArrowUp")
            equal(browser.evaluate(code="document.querySelector('.prompt .field').value"), "flushall", "what was run last")


def test_keys_are_edited_and_clients_closed_where_that_is_allowed():
    browser = Browser.get()
    with Daemon("--security.http_admin=true") as server:
        with server.client() as client, server.client() as victim:
            client.command("SET", "k", "old")
            victim.command("CLIENT", "SETNAME", "victim")
            browser.visit(server, "keys")
            browser.click(of=KEYS_LISTED, text="k")
            browser.until(of="#details button", matches="Save value")
            browser.fill(of="#details textarea", value="new value")
            browser.click(of="#details button", text="Save value")
            browser.until(of="#details [role=status]", matches="Saved")
            equal(client.command("GET", "k"), b"new value")
            browser.fill(of="#details input", value="500")
            browser.click(of="#details button", text="Set")
            browser.until(of="#details [role=status]", matches="Expires in 500 s")
            equal(client.command("TTL", "k") in (499, 500), True, "time to live")
            browser.click(of="#details button", text="Delete")
            browser.click(of="#details button", text="Delete for good?")
            browser.until(of="#details [role=status]", matches="Deleted")
            equal(client.command("EXISTS", "k"), 0)
            browser.go(to="#/clients")
            browser.fill(of="input[type=search]", value="victim")
            browser.until(of="tbody", matches="^((?!load).)*victim")
            browser.click(of="tbody button", text="Close")
            browser.click(of="tbody button", text="Sure?")
            browser.until(of="main [role=status]", matches="Closed client")
            equal("name=victim" in client.command("CLIENT", "LIST").decode(), False, "the client is listed")
        browser.is_well(server)


def test_what_changed_is_told_with_its_time_and_a_dead_node_is_named():
    browser = Browser.get()
    with Daemon("--max-memory", "32mb") as server:
        browser.visit(server)
        with server.client() as client:
            client.command("CONFIG", "SET", "maxmemory", "16mb")
            browser.until(of="#changes li", matches=r"\d\d:\d\d:\d\dSetting cache.max_memory is now 16MB")
            for i in range(300):
                client.command("MSET", *[word for k in range(100) for word in (f"fill:{i}:{k}", "x" * 1000)])
        browser.until(of="#changes li", matches=r"Evicting began \([\d.]+ ?K?/s\)")
        browser.go(to="#/events")
        browser.until(of=".stream p", matches="Setting cache.max_memory is now 16MB")
        browser.go(to="#/overview")
        browser.is_well(server)
        server.kill()
        browser.until(of="#health.is-bad", matches="^Node not reachable: .* since")


def test_cluster_of_three_is_shown_and_a_dead_member_is_named():
    browser = Browser.get()
    os.makedirs(SHOTS, exist_ok=True)
    with Cluster(3) as nodes:
        nodes.settle()
        with Load(nodes[0]):
            for width, height in ((1280, 900), (390, 844)):
                browser.visit(nodes[0], "cluster", width=width, height=height)
                browser.until(of="#members tbody", matches="this node.*alive")
                equal(len([state for state in browser.texts(of="#members tbody tr") if "alive" in state]), 3, "members alive")
                browser.until(of=".ring", matches="100 %of slots served")
                browser.until(of="#lag tbody tr", matches=r"127.0.0.1:\d+.*ms")
                equal(browser.count(of="#lag tbody tr"), 2, "peers with a lag")
                served = sum(int(member["slots"]) for member in members_of(nodes[0].info()))
                equal(served, 16384, "slots by INFO")
                browser.shot(to=os.path.join(SHOTS, f"cluster-of-three-{width}.png"))
                wide = browser.evaluate(code="Math.max(0, document.documentElement.scrollWidth - innerWidth)")
                equal(wide, 0, f"wider than {width} pixels by")
            for page, (of, matches) in {"clients": ("tbody td", "^load$"), "overview": ("#commands tr", "^SET")}.items():
                browser.go(to=f"#/{page}")
                browser.until(of=of, matches=matches)
            browser.is_well(nodes[0])
            name = f"127.0.0.1:{nodes[2].port}"
            nodes[2].kill()
            browser.until(of="#health", matches=f"{name} is (suspect|dead)")
            browser.until(of="#health.is-bad", matches=f"{name} is dead since")
            browser.go(to="#/cluster")
            browser.until(of="#members tbody tr", matches=f"{name}.*dead")
            browser.is_well(nodes[0])


def test_keys_of_a_node_of_a_cluster_are_those_it_serves():
    browser = Browser.get()
    with Cluster(3, "--debug.enabled=true", "--security.http_admin=true") as nodes:
        nodes.settle()
        for i in range(30):
            equal(nodes.insist(i % 3, "SET", f"k{i}", f"value {i}"), "OK")
        shown = []
        for node in nodes:
            browser.visit(node, "keys")
            browser.until(of="#main", matches=r"[1-9]\d* found in")
            mine = browser.texts(of=KEYS_LISTED)
            browser.click(of=KEYS_LISTED, text=mine[0])
            browser.until(of=".preview", matches=f"^value {mine[0][1:]}$")
            browser.is_well(node)
            shown += mine
        equal(sorted(shown), sorted(f"k{i}" for i in range(30)), "keys over the pages of all nodes")
        browser.go(to="#/debug")
        browser.fill(of="#inspector .field", value=mine[0])
        browser.click(of="#inspector button", text="Look")
        browser.until(of="#inspector .pairs", matches="served bythis node")


def test_traces_of_the_node_are_listed_and_shown():
    browser = Browser.get()
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with Daemon("--tracing.enabled=true", "--tracing.exporter=none", "--tracing.sample_ratio=0") as server:
        with server.client() as client:
            client.command("HC.TRACE", parent, "SET", "k", "v")
        browser.visit(server, "traces")
        browser.until(of=".title", matches="0 % of requests are traced")
        browser.until(of="table[aria-label=Traces] tbody tr", matches="SET")
        browser.click(of="table[aria-label=Traces] button")
        browser.until(of="#details", matches="4bf92f3577b34da6a3ce929d0e0e4736")
        for name in ("SET", "parse", "store"):
            browser.until(of=".falls li", matches=f"^{name}")
        browser.is_well(server)


def test_a_trace_is_a_waterfall_over_its_nodes():
    """The answers are made up here: what is asked is how the page draws them."""
    browser = Browser.get()
    spans = [
        {"span_id": "a", "parent_id": None, "name": "GET", "node": "node-1", "start_us": 1000, "duration_us": 1000},
        {"span_id": "c", "parent_id": "b", "name": "store <b>", "node": "node-2", "start_us": 1500, "duration_us": 250, "error": True},
        {"span_id": "b", "parent_id": "a", "name": "proxy", "node": "node-1", "start_us": 1250, "duration_us": 500},
    ]
    trace = {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "name": "GET", "start_us": 1000, "duration_us": 1000, "spans": spans}
    with Daemon() as server:
        browser.visit(server)
        browser.answer(path="/openapi.json", json={"paths": {"/api/traces": {"get": {"summary": "traces"}}}})
        browser.answer(path="/api/traces", json={"enabled": True, "sample_ratio": 0.01, "traces": [trace]})
        browser.reload()
        browser.until(of="#node", matches="up ")
        browser.go(to="#/traces")
        browser.until(of=".title", matches="1 % of requests are traced")
        browser.click(of=".keys button", text="GET")
        browser.until(of=".falls", matches="node-2")
        equal(browser.texts(of=".falls li"), ["GET node-11.00 ms", "proxy node-1500 µs", "store <b> node-2250 µs"], "spans, from the root")
        lefts = browser.evaluate(code="[...document.querySelectorAll('.falls .track > span')].map((e) => [e.style.left, e.style.width, e.className])")
        equal(lefts, [["0%", "100%", ""], ["25%", "50%", ""], ["50%", "25%", "is-bad"]], "where the bars stand")
        browser.is_well(server)


def test_pages_by_keyboard_alone():
    browser = Browser.get()
    with Daemon() as server:
        _fill(server)
        browser.visit(server)
        browser.press(key="Tab")
        equal(browser.evaluate(code="document.activeElement.className"), "skip", "the first stop")
        browser.press(key="g")
        browser.press(key="k")
        browser.until(of="h1", matches="^Keys$")
        browser.until(of=KEYS_LISTED, matches="^user:")
        browser.press(key="/")
        equal(browser.evaluate(code="document.activeElement.type"), "search", "behind /")
        browser.evaluate(code=f"document.querySelector('{KEYS_LISTED}').focus()")
        browser.press(key="Enter")
        browser.until(of=".crumbs", matches="user:")
        outline = browser.evaluate(code="getComputedStyle(document.querySelector('.crumbs button')).outlineStyle")
        equal(outline, "none", "of what has no focus")
        browser.evaluate(code="document.querySelector('.crumbs button').focus()")
        browser.press(key="Shift+Tab")
        browser.press(key="Tab")
        equal(browser.evaluate(code="getComputedStyle(document.activeElement).outlineStyle"), "solid", "of what has it")
        for key, title in (("c", "Cluster"), ("l", "Command line"), ("s", "Slow log"), ("n", "Clients"), ("e", "Events"),
                           ("t", "Traces"), ("d", "Debug"), ("o", "Overview")):
            browser.evaluate(code="document.activeElement.blur()")
            browser.press(key="g")
            browser.press(key=key)
            browser.until(of="h1", matches=f"^{title}$")
        browser.is_well(server)


if __name__ == "__main__":
    try:
        main(globals())
    finally:
        Browser.close()
