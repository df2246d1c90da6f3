"""http_client.py - HTTP/1.1 over a plain socket, read strictly: what a proxy in front would see.

    with HttpClient(port) as client:
        reply = client.ask("PUT", "/api/cache/k", b"value", {"If-None-Match": "*"})
        reply.status, reply.headers["etag"], reply.body, reply.json()

Bytes go out as given (send), so requests may be as wrong as a test wants.
"""
import json
import socket

TIMEOUT_S = 60.0
READ_BYTES = 1 << 16


class Ended(Exception):
    """The server closed the connection where a response was expected."""


class Reply:
    """One response."""

    def __init__(self, version, status, reason, headers, body):
        self.version, self.status, self.reason, self.headers, self.body = version, status, reason, headers, body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.reason} {self.body[:300]!r}"


def request(method, target, body=None, headers=None, version="HTTP/1.1"):
    """The bytes of a sound request."""
    fields = {"Host": "localhost"}
    if body is not None:
        fields["Content-Length"] = str(len(body))
    fields.update(headers or {})
    lines = [f"{method} {target} {version}"] + [f"{k}: {v}" for k, v in fields.items() if v is not None]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


class HttpClient:
    """One connection."""

    def __init__(self, port, timeout_s=TIMEOUT_S, receive_bytes=None):
        self.socket = socket.socket()
        self.socket.settimeout(timeout_s)
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def finish_sending(self):
        self.socket.shutdown(socket.SHUT_WR)

    def _more(self):
        try:
            got = self.socket.recv(READ_BYTES)
        except ConnectionResetError:
            got = b""
        if not got:
            raise Ended(self.pending)
        self.pending += got

    def _take(self, size):
        while len(self.pending) < size:
            self._more()
        taken, self.pending = self.pending[:size], self.pending[size:]
        return taken

    def read(self, method="GET"):
        """The next response; a method of HEAD has no body."""
        while b"\r\n\r\n" not in self.pending:
            self._more()
        head, self.pending = self.pending.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        version, status, reason = lines[0].split(" ", 2)
        assert version == "HTTP/1.1", lines[0]
        headers = {}
        for line in lines[1:]:
            name, value = line.split(": ", 1)
            assert name.lower() not in headers and "\n" not in line and "\r" not in line, lines
            headers[name.lower()] = value
        status = int(status)
        has_body = method != "HEAD" and status >= 200 and status not in (204, 304)
        if has_body and "content-length" not in headers:
            body = self.read_until_closed()
        else:
            body = self._take(int(headers["content-length"])) if has_body else b""
        return Reply(version, status, reason, headers, body)

    def read_until_closed(self):
        """All that comes until the server closes."""
        while True:
            try:
                self._more()
            except Ended:
                taken, self.pending = self.pending, b""
                return taken

    def is_closed(self):
        """Waits for the end; fails if bytes come instead."""
        left = self.read_until_closed()
        assert left == b"", f"more bytes than the response: {left[:200]!r}"
        return True

    def ask(self, method, target, body=None, headers=None):
        self.send(request(method, target, body, headers))
        return self.read(method)


def ask(port, method, target, body=None, headers=None):
    """One request on a connection of its own."""
    with HttpClient(port) as client:
        return client.ask(method, target, body, headers)
