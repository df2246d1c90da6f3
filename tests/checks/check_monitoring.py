#!/usr/bin/python3
"""check_monitoring.py - server/monitoring is sound: dashboards by rule, rules and alerts by promtool, a page for each alert.

Dashboards: a title, a description, a unit and a target for each panel; the datasource a variable; rates over
$__rate_interval; nothing editable; ids, places and names unique; no metric that no node tells.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys

MONITORING = pathlib.Path("server/monitoring")
RUNBOOKS = pathlib.Path("docs/runbooks")
DASHBOARDS = sorted((MONITORING / "grafana/dashboards").glob("*.json"))
METRIC = re.compile(r"\b(?:hypercache|process)_[a-z0-9_]+\b")
RANGE = re.compile(r"\b(rate|irate|increase|delta)\(\w+(?:\{[^}]*\})?\[([^\]]+)\]")
LONG_RANGES = ("1d",)  # of a figure for a day, whatever the graph shows
RATED = re.compile(r"(\w+_(?:total|bucket|sum|count))\b")
RATE_CALL = re.compile(r"\b(?:rate|irate|increase)\((\w+)")
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
PROMQL_FACES = {"$__rate_interval": "5m", "$job": ".*", "$node": ".*", "$operation": ".*"}


def told_by_nodes():
    """Names of all series that the daemon's sources name, as they stand on the page."""
    names = set()
    for path in sorted(pathlib.Path("server").rglob("*.c")):
        for name in re.findall(r'"((?:hypercache|process)_[a-z0-9_]+)"', path.read_text()):
            names |= {name, name + "_total", name + "_info", name + "_bucket", name + "_sum", name + "_count"}
    return names


def metrics_of(text):
    """Names of metrics in an expression; recorded ones, which have colons, are not among them."""
    return set(METRIC.findall(re.sub(r"\w+(?::\w+)+", "", re.sub(r'"[^"]*"', '""', text))))


def expressions(dashboard):
    """(panel, expression)"""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def check_panel(panel):
    if panel["type"] == "row":
        return
    for field in ("title", "description"):
        if not panel.get(field):
            yield f"no {field}"
    if not panel.get("fieldConfig", {}).get("defaults", {}).get("unit"):
        yield "no unit"
    if panel.get("datasource") != DATASOURCE:
        yield "the datasource is no variable"
    if not panel.get("targets"):
        yield "no target"
    for target in panel.get("targets", []):
        if target.get("datasource") != DATASOURCE:
            yield f"target {target.get('refId')}: the datasource is no variable"
        if not target.get("legendFormat"):
            yield f"target {target.get('refId')}: no legend"


def check_expression(expr, known):
    for function, time in RANGE.findall(expr):
        if time != "$__rate_interval" and time not in LONG_RANGES:
            yield f"{function} over {time}, not $__rate_interval"
    rated = set(RATE_CALL.findall(expr))
    for name in set(RATED.findall(expr)) - rated:
        yield f"{name} is a counter, and not rated"
    if "up{" not in expr and 'node=~"$node"' not in expr:
        yield "does not follow the variable node"
    for name in metrics_of(expr) - known:
        yield f"{name} is told by no node"


def check_dashboard(path, known):
    dashboard = json.loads(path.read_text())
    panels = dashboard["panels"]
    if dashboard["uid"] != path.stem:
        yield "uid and file differ"
    if dashboard.get("editable") is not False:
        yield "it is editable"
    if not dashboard.get("description"):
        yield "no description"
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    if variables.get("datasource", {}).get("type") != "datasource":
        yield "no variable datasource"
    for name, variable in variables.items():
        if variable["type"] == "query" and variable.get("refresh") != 2:
            yield f"variable {name} does not follow the time"
    if len({panel["id"] for panel in panels}) != len(panels):
        yield "two panels have one id"
    titles = [panel["title"] for panel in panels if panel["type"] != "row"]
    for title in sorted({title for title in titles if titles.count(title) > 1}):
        yield f"two panels are called {title}"
    for panel in panels:
        place = panel["gridPos"]
        if place["x"] + place["w"] > 24:
            yield f"{panel['title']}: wider than the page"
        for problem in check_panel(panel):
            yield f"{panel['title']}: {problem}"
    for where, expr in expressions(dashboard):
        for problem in check_expression(expr, known):
            yield f"{where}: {problem}"


def check_pages():
    """Each alert, event and program that names a page has it, and each page is named."""
    alerts = (MONITORING / "prometheus/alerts.yml").read_text()
    tests = (MONITORING / "prometheus/alerts_test.yml").read_text()
    events = pathlib.Path("lib/observe/event_kinds.c").read_text()
    named = {}
    for alert, rest in re.findall(r"- alert: (\w+)\n(.*?)(?=\n      - alert|\Z)", alerts, re.S):
        page = re.search(r"runbook_url: docs/runbooks/([a-z-]+\.md)", rest)
        named.setdefault(page.group(1) if page else "", []).append(alert)
        for word in ("fires", "does not fire"):
            if f"name: {alert} {word}\n" not in tests:
                yield f"alerts_test.yml does not show that {alert} {word}"
    for page in re.findall(r'PAGE\("([a-z-]+)"\)', events):
        named.setdefault(page + ".md", [])
    for source in pathlib.Path("server/operate").glob("*.c"):
        for page in re.findall(r"docs/runbooks/([a-z-]+\.md)", source.read_text()):
            named.setdefault(page, [])
    for page, alerts_of in sorted(named.items()):
        path = RUNBOOKS / page
        if not path.is_file():
            yield f"no page {path}"
            continue
        for alert in alerts_of:
            if f"`{alert}`" not in path.read_text():
                yield f"{path} does not name {alert}"
    for path in sorted(RUNBOOKS.glob("*.md")):
        if path.name != "README.md" and path.name not in named:
            yield f"{path} belongs to no alert, event or program"
        for link in re.findall(r"\]\(([^)#]+)", path.read_text()):
            if not (path.parent / link).exists():
                yield f"{path} leads to {link}, which is not there"
    for name in sorted(metrics_of(re.sub(r"^.*(record|alert|summary|description|runbook_url):", "", alerts, flags=re.M))
                       - told_by_nodes()):
        yield f"alerts.yml: {name} is told by no node"


def check_by(program, *arguments, text=None):
    ran = subprocess.run([program, *arguments], input=text, text=True, check=False, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT)
    if ran.returncode != 0:
        yield f"{program} {' '.join(arguments[:2])}: {ran.stdout[-2000:]}"


def expressions_as_rules():
    """All expressions of all dashboards as rules, for promtool to read."""
    rules = []
    for path in DASHBOARDS:
        for number, (_, expr) in enumerate(expressions(json.loads(path.read_text()))):
            for face, value in PROMQL_FACES.items():
                expr = expr.replace(face, value)
            rules.append({"record": f"dashboard:{path.stem.replace('-', '_')}:{number}", "expr": expr})
    return json.dumps({"groups": [{"name": "dashboards", "rules": rules}]})  # JSON is YAML


def check_by_programs():
    rules = str(MONITORING / "prometheus")
    if shutil.which("promtool"):
        yield from check_by("promtool", "check", "config", f"{rules}/prometheus.yml")
        yield from check_by("promtool", "check", "rules", f"{rules}/alerts.yml", f"{rules}/recording.yml")
        yield from check_by("promtool", "test", "rules", f"{rules}/alerts_test.yml")
        yield from check_by("promtool", "check", "rules", "/dev/stdin", text=expressions_as_rules())
    else:
        print("SKIP promtool is not installed: rules are not run")
    if shutil.which("amtool"):
        yield from check_by("amtool", "check-config", str(MONITORING / "alertmanager/alertmanager.yml"))
    else:
        print("SKIP amtool is not installed: Alertmanager's configuration is not read")


def main():
    problems, known = [], told_by_nodes()
    for path in DASHBOARDS:
        problems += [f"{path.name}: {problem}" for problem in check_dashboard(path, known)]
    problems += check_pages()
    problems += check_by_programs()
    for problem in problems:
        print(problem)
    print(f"monitoring: {len(DASHBOARDS)} dashboards, {len(problems)} problems")
    return 1 if problems or len(DASHBOARDS) != 4 else 0


if __name__ == "__main__":
    sys.exit(main())
