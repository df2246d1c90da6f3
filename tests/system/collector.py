"""collector.py - a collector of spans: takes what is posted, and reads it in each of the three forms.

    with Collector() as collector:
        ... --tracing.endpoint=collector.url ...
        collector.spans()       each a dictionary: trace, id, parent, name, kind, node, attributes, failed
"""
import base64
import http.server
import json
import os
import tempfile
import threading

from harness import ROOT, need_program, run_program
from node_modules import npm

KINDS = {1: "INTERNAL", 2: "SERVER", 3: "CLIENT", 4: "PRODUCER", 5: "CONSUMER"}


def value_of(value):
    """Of an attribute, as a text."""
    return str(next(iter(value.values())))


def decoded(body):
    """A body of OTLP's protobuf, by OpenTelemetry's own code."""
    folder = npm("@opentelemetry/otlp-transformer@0.57.2", "protobufjs@7.5.4", "@opentelemetry/api@1.9.0")
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        code, out, err = run_program(need_program("node"), os.path.join(ROOT, "tests/system/collector/decode.js"),
                                     folder, file.name)
    assert code == 0, err
    return json.loads(out)


def _hex(text, is_json):
    return text if is_json or not text else base64.b64decode(text).hex()


def _of_otlp(request, is_json):
    for resource in request["resourceSpans"]:
        about = {one["key"]: value_of(one["value"]) for one in resource["resource"]["attributes"]}
        assert about["service.name"] == "hypercached", about
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                assert int(span["endTimeUnixNano"]) >= int(span["startTimeUnixNano"]) > 10**18, span
                yield {"trace": _hex(span["traceId"], is_json), "id": _hex(span["spanId"], is_json),
                       "parent": _hex(span.get("parentSpanId", ""), is_json), "name": span["name"],
                       "kind": KINDS[span["kind"]], "node": about["service.instance.id"],
                       "failed": span.get("status", {}).get("code") == 2,
                       "attributes": {one["key"]: value_of(one["value"]) for one in span.get("attributes", [])}}


def _of_zipkin(spans):
    for span in spans:
        tags = span["tags"]
        yield {"trace": span["traceId"], "id": span["id"], "parent": span.get("parentId", ""), "name": span["name"],
               "kind": span.get("kind", "INTERNAL"), "node": span["localEndpoint"]["serviceName"],
               "failed": "error" in tags, "attributes": tags}


class Collector:
    """`status`: what it answers with, from then on."""

    def __init__(self, status=200):
        self.status = status
        self.bodies = []  # (path, type, bytes)
        self.told = {}    # of those read: their spans

        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if owner.status < 300:
                    owner.bodies.append((self.path, self.headers["Content-Type"], body))
                self.send_response(owner.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def spans(self):
        """All that came so far."""
        for number, (path, kind, body) in enumerate(list(self.bodies)):
            if number in self.told:
                continue
            if kind == "application/x-protobuf":
                found = _of_otlp(decoded(body), False)
            elif path == "/api/v2/spans":
                found = _of_zipkin(json.loads(body))
            else:
                found = _of_otlp(json.loads(body), True)
            self.told[number] = list(found)
        return [span for number in sorted(self.told) for span in self.told[number]]
