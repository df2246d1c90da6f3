"""metrics_page.py - a node's /metrics, fetched and judged by others: promtool, and the reference parser of OpenMetrics."""
import re
import subprocess
import urllib.request

from harness import Skip, equal, need_program

SAMPLE = re.compile(r'^(\w+)(\{.*\})? (\S+)( # .*)?$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def page_of(server, accept="*/*"):
    """(content type, text) of a node's page."""
    port = server.info()["http_port"]
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept": accept})
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def samples_of(text):
    """{(name, frozenset of labels): value}; no series may be there twice, which promtool would not notice."""
    samples = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, labels, value, _ = SAMPLE.match(line).groups()
        series = name, frozenset(LABEL.findall(labels or ""))
        assert series not in samples, f"twice: {line}"
        samples[series] = float(value)
    return samples


def value(samples, name, **labels):
    """The sum of all series of that name with these labels among their own; at least one."""
    wanted = set(labels.items())
    found = [v for (n, own), v in samples.items() if n == name and wanted <= own]
    assert found, f"no series {name} {labels}"
    return sum(found)


def judge_by_promtool(text):
    ran = subprocess.run([need_program("promtool"), "check", "metrics"], input=text, text=True, check=False,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    equal((ran.returncode, ran.stdout), (0, ""), "promtool check metrics")


def judge_by_openmetrics_parser(text):
    """The names of the families, as the Python client library reads them."""
    try:
        from prometheus_client.openmetrics.parser import text_string_to_metric_families
    except ImportError:
        raise Skip("python3-prometheus-client is not installed") from None
    return {family.name for family in text_string_to_metric_families(text)}
