"""test_monitoring.py - a real Prometheus scrapes a node: every expression of the dashboards returns data, an alert reaches a
webhook through Alertmanager, and what the runbooks say to type works.

Configurations are those of server/monitoring, with this test's ports and shorter times.
"""
import glob
import http.server
import json
import os
import re
import subprocess
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request

from cluster import Cluster
from harness import BUILD, ROOT, Daemon, equal, free_port, main, need_ours, need_program, note, run_program, wait_until
from node_modules import npm

MONITORING = os.path.join(ROOT, "server/monitoring")
FACES = {"$__rate_interval": "20s", "$job": ".*", "$node": ".*", "$operation": ".*"}
GRAFANA_TYPES = ["@grafana/schema@13.2.3", "typescript@5.9.3"]
FOLDERS = ["--persistence.enabled=true", "--data-dir", "data", "--max-memory", "8mb"]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def text_of(*path):
    with open(os.path.join(MONITORING, *path), encoding="utf-8") as file:
        return file.read()


class Program:
    """A server of somebody else's that runs while the block does."""

    def __init__(self, folder, *command):
        self.log = os.path.join(folder, os.path.basename(command[0]) + ".log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def ready(self, address):
        wait_until(lambda: self.process.poll() is not None or fetched(address), f"{address} answers", 60)
        with open(self.log, encoding="utf-8", errors="replace") as log:
            assert self.process.poll() is None, log.read()[-2000:]


def fetched(address):
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            return answer.read()
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


class Prometheus(Program):
    """Scrapes nodes every second, with the rules of server/monitoring, waiting times shortened."""

    def __init__(self, folder, ports, alertmanager=9):
        program = need_program("prometheus")
        self.port = free_port()
        for name in ("recording.yml", "alerts.yml"):
            rules = re.sub(r"for: \d+m", "for: 1s", text_of("prometheus", name))
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(rules)
        config = text_of("prometheus", "prometheus.yml").split("  # Or all that a DNS name")[0]
        targets = ", ".join(f'"127.0.0.1:{port}"' for port in ports)
        config = config.replace("15s", "1s").replace('"127.0.0.1:9080"', targets)
        with open(os.path.join(folder, "prometheus.yml"), "w", encoding="utf-8") as file:
            file.write(config.replace("127.0.0.1:9093", f"127.0.0.1:{alertmanager}"))
        super().__init__(folder, program, "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", "--enable-feature=exemplar-storage",
                         f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=error")
        self.ready(f"http://127.0.0.1:{self.port}/-/ready")

    def query(self, expr):
        """Samples of an instant query."""
        asked = urllib.parse.urlencode({"query": expr})
        answer = fetched(f"http://127.0.0.1:{self.port}/api/v1/query?{asked}")
        assert answer is not None, expr
        told = json.loads(answer)
        equal(told["status"], "success", expr)
        return told["data"]["result"]


    def exemplars(self):
        """Ids of commands that are examples of a bucket."""
        answer = fetched(f"http://127.0.0.1:{self.port}/api/v1/query_exemplars?start=0&end=9999999999&query="
                         "hypercache_request_duration_seconds_bucket")
        return [one["labels"]["trace_id"] for series in json.loads(answer)["data"] for one in series["exemplars"]]


def expressions(name):
    """{expression: panel} of one dashboard, variables replaced."""
    dashboard = json.loads(text_of("grafana/dashboards", name + ".json"))
    found = {}
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            expr = target["expr"]
            for face, value in FACES.items():
                expr = expr.replace(face, value)
            found[expr] = panel["title"]
    return found


def all_return_data(prometheus, names):
    """Asks until each expression of these dashboards returned data; says how many there are."""
    missing = {expr: f"{name}: {panel}" for name in names for expr, panel in expressions(name).items()}
    count = len(missing)

    def all_answered():
        for expr in list(missing):
            if prometheus.query(expr):
                del missing[expr]
        return not missing
    try:
        wait_until(all_answered, "every expression returns data", 120)
    except AssertionError:
        raise AssertionError(f"no data: {missing}") from None
    return count


def load(server, stop):
    """Every counter that a dashboard rates moves."""
    with server.client() as client, server.client() as filtered:
        filtered.command("SELECT", "filtered")
        number = 0
        while not stop.is_set():
            for _ in range(50):
                number += 1
                client.command("SET", f"key:{number % 5000}", "v" * 2000, "PX", 3000)
                client.command("GET", f"key:{number % 7000}")
                filtered.command("GET", f"none:{number}")
            client.command("INCR", f"key:{number % 5000}")


def test_every_expression_of_the_dashboards_returns_data():
    need_ours()
    names = ["hypercache-overview", "hypercache-performance", "hypercache-persistence"]
    with tempfile.TemporaryDirectory(prefix="hypercached-test-") as folder:
        with Daemon(*FOLDERS) as server, server.client() as client:
            equal(client.command("STORE", "CREATE", "filtered", "FILTER", "12"), "OK")
            equal(client.command("SET", "first", "v"), "OK")
            equal(client.command("SAVE"), "OK")
            stop = threading.Event()
            loader = threading.Thread(target=load, args=(server, stop))
            loader.start()
            try:
                with Prometheus(folder, [server.http_port]) as prometheus:
                    count = all_return_data(prometheus, names)
                    equal(prometheus.query("ALERTS{alertname=\"HypercacheDown\"}"), [])
                    client.command("CONFIG", "SET", "slowlog.threshold_us", "0")  # all are slow now
                    wait_until(prometheus.exemplars, "a slow command is an exemplar", 60)
            finally:
                stop.set()
                loader.join()
    note(f"{count} expressions")


def test_every_expression_of_the_cluster_s_dashboard_returns_data_of_three_nodes():
    need_ours()
    with tempfile.TemporaryDirectory(prefix="hypercached-test-") as folder, Cluster(3) as nodes:
        nodes.settle()
        with nodes[0].client() as client:
            for i in range(300):
                equal(client.command("SET", f"key:{i}", "v"), "OK")
        ports = [node.info()["http_port"] for node in nodes]
        with Prometheus(folder, ports) as prometheus:
            count = all_return_data(prometheus, ["hypercache-cluster"])
            for expr in ("HypercacheSplit", "HypercacheMemberDown", "HypercacheSlotsUnserved"):
                equal(prometheus.query(f'ALERTS{{alertname="{expr}"}}'), [])
    note(f"{count} expressions")


class Webhook(http.server.ThreadingHTTPServer):
    """Takes what Alertmanager sends."""

    def __init__(self):
        self.alerts = []
        super().__init__(("127.0.0.1", 0), Receiver)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.alerts += json.loads(body)["alerts"]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_an_alert_reaches_a_webhook_through_alertmanager():
    need_ours()
    program = need_program("prometheus-alertmanager")
    with tempfile.TemporaryDirectory(prefix="hypercached-test-") as folder, Webhook() as webhook:
        port = free_port()
        config = text_of("alertmanager/alertmanager.yml").replace("127.0.0.1:9999", "127.0.0.1:%d" % webhook.server_port)
        with open(os.path.join(folder, "alertmanager.yml"), "w", encoding="utf-8") as file:
            file.write(re.sub(r"group_wait: \d+s", "group_wait: 1s", config))
        with Program(folder, program, "--config.file=alertmanager.yml", "--storage.path=alerts",
                     f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=") as alertmanager:
            alertmanager.ready(f"http://127.0.0.1:{port}/-/ready")
            with Daemon() as server, Prometheus(folder, [server.http_port], port) as prometheus:
                wait_until(lambda: prometheus.query("hypercache_build_info"), "the node is scraped", 60)
                server.kill()
                told = wait_until(lambda: [alert for alert in webhook.alerts if alert["status"] == "firing"],
                                  "the webhook hears of it", 120)
    names = {alert["labels"]["alertname"] for alert in told}
    equal(names, {"HypercacheDown"})
    equal(told[0]["labels"]["severity"], "critical")
    equal(told[0]["annotations"]["runbook_url"], "docs/runbooks/node-down.md")
    assert os.path.exists(os.path.join(ROOT, told[0]["annotations"]["runbook_url"]))


def test_the_commands_of_the_runbooks_work():
    need_ours()
    ran = 0
    with Daemon(*FOLDERS) as server:
        for path in sorted(glob.glob(os.path.join(ROOT, "docs/runbooks/*.md"))):
            with open(path, encoding="utf-8") as file:
                blocks = BLOCK.findall(file.read())
            for language, text in blocks:
                assert language in ("sh", "text"), f"{path}: a block of {language!r}"
                if language == "text":
                    continue
                for line in text.strip().split("\n"):
                    line = line.replace("6379", str(server.port)).replace("9080", str(server.http_port))
                    code, out, err = run_program("/bin/sh", "-e", "-c", line, cwd=server.folder)
                    assert code == 0 and not out.startswith(("ERR", "(error)")), f"{path}: {line}: {out}{err}"
                    ran += 1
    assert ran > 20
    note(f"{ran} commands")


def judge_types(folder, dashboards):
    """What the compiler has against them."""
    with open(os.path.join(folder, "dashboards.ts"), "w", encoding="utf-8") as file:
        file.write('import type { Dashboard } from "@grafana/schema";\n'
                   "type Plain<T> = T extends string ? `${T}` : { [K in keyof T]: Plain<T[K]> };  // enums as JSON has them\n"
                   f"export const dashboards: Plain<Dashboard>[] = [{','.join(dashboards)}];\n")
    _, out, err = run_program("node", "node_modules/typescript/bin/tsc", "--noEmit", "--skipLibCheck", "--strict",
                              "--module", "nodenext", "dashboards.ts", cwd=folder)
    return out + err


def test_the_dashboards_are_of_the_type_that_grafana_publishes():
    need_ours()
    folder, dashboards = npm(*GRAFANA_TYPES, kind="module"), []
    for path in sorted(glob.glob(os.path.join(MONITORING, "grafana/dashboards/*.json"))):
        with open(path, encoding="utf-8") as file:
            dashboards.append(file.read())
    equal(judge_types(folder, dashboards), "", "complaints")
    spoiled = dashboards[0].replace('"schemaVersion": 39', '"schemaVersion": "39"')
    assert judge_types(folder, [spoiled]), "a wrong type is seen"


if __name__ == "__main__":
    main(globals())
