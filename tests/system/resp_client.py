"""resp_client.py - a Redis client of bytes and nothing else, so that tests see what the wire says.

Replies become Python values, and one value means one thing on the wire:

    +text  str        -text  Error (a str)   :1  int      $n  bytes     *n  list     $-1 *-1  None
    _      None       #t     bool            ,1.5  float  (n  int       %n  dict     ~n  Set (a list)
    >n     Push       =n     Verbatim (bytes, with .format)

Errors are returned, not raised: most tests here are about errors.  A server that closes the
connection raises Closed.  Every wait is bounded by the socket's timeout.
"""
import select
import socket
import struct


class Closed(Exception):
    """The server closed or reset the connection before the reply was complete."""


class Error(str):
    """An error reply, without its leading '-'."""


class Set(list):
    """A RESP3 set, in the order it came."""


class Push(list):
    """A RESP3 push message."""


class Verbatim(bytes):
    """A RESP3 verbatim string; `format` is its three letters."""

    format = ""


DEPTH_MAX = 32  # replies nest a few levels; deeper ones are a bug of the server
RECEIVE_BYTES = 1 << 18


def encode(*args):
    """One request: an array of bulk strings.  str is encoded as UTF-8, int as decimal."""
    parts = [b"*%d\r\n" % len(args)]
    for arg in args:
        if isinstance(arg, int):
            arg = b"%d" % arg
        elif isinstance(arg, str):
            arg = arg.encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(arg), arg))
    return b"".join(parts)


class Client:
    """One connection.  Not for two threads at a time."""

    def __init__(self, port, protocol=2, timeout_s=60.0, receive_bytes=None, host="127.0.0.1"):
        """`receive_bytes` bounds the kernel's receive buffer (a small TCP window)."""
        self.buffer = bytearray()
        self.at = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(timeout_s)
        self.timeout_s = timeout_s
        self.hello = None
        try:
            self.socket.connect((host, port))
            if protocol == 3:
                self.hello = self.command("HELLO", "3")
                if not isinstance(self.hello, dict):
                    raise AssertionError(f"HELLO 3 answered {self.hello!r}")
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes with RST instead of FIN, as a client that dies with data unread."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def finish_sending(self):
        """Half-closes: the server reads end of file, and may still answer."""
        self.socket.shutdown(socket.SHUT_WR)

    def send(self, data):
        """Sends raw bytes, and keeps what arrives meanwhile, so that neither side can block."""
        view = memoryview(data)
        poll = select.poll()
        poll.register(self.socket, select.POLLIN | select.POLLOUT)
        while view:
            ready = poll.poll(self.timeout_s * 1000)
            if not ready:
                raise TimeoutError(f"the server took no byte for {self.timeout_s:g} s")
            try:
                if ready[0][1] & ~select.POLLOUT:  # bytes, or an end that _receive reports
                    self._receive()
                if ready[0][1] & select.POLLOUT:
                    view = view[self.socket.send(view[:RECEIVE_BYTES]) :]
            except (ConnectionResetError, BrokenPipeError) as error:
                raise Closed(str(error)) from None

    def command(self, *args):
        """Sends one request and returns its reply."""
        self.send(encode(*args))
        return self.read()

    def inline(self, text):
        """Sends `text` as it is and returns one reply."""
        self.send(text if isinstance(text, bytes) else text.encode())
        return self.read()

    def pipeline(self, commands):
        """Sends all commands at once, then returns all replies."""
        commands = list(commands)
        self.send(b"".join(encode(*command) for command in commands))
        return [self.read() for _ in commands]

    def read(self):
        """Returns the next reply."""
        reply = self._value(0)
        if self.at == len(self.buffer):
            self.buffer.clear()
            self.at = 0
        return reply

    def skip(self, expected):
        """Whether the next bytes are `expected`; if so they are taken.  Quick, for bulk loads: waits
        for as many bytes, so no reply in question may be shorter than the expected one."""
        while len(self.buffer) < self.at + len(expected):
            self._receive()
        if not self.buffer.startswith(expected, self.at):
            return False
        self.at += len(expected)
        if self.at == len(self.buffer):
            self.buffer.clear()
            self.at = 0
        return True

    def read_until_closed(self):
        """Returns what still arrives before the server closes, as bytes; bounded by the timeout."""
        while True:
            try:
                self._receive()
            except (Closed, ConnectionResetError):
                rest = bytes(self.buffer[self.at :])
                self.buffer.clear()
                self.at = 0
                return rest

    def _receive(self):
        try:
            data = self.socket.recv(RECEIVE_BYTES)
        except ConnectionResetError as error:
            raise Closed(str(error)) from None
        if not data:
            raise Closed("end of file")
        self.buffer += data

    def _line(self):
        end = self.buffer.find(b"\r\n", self.at)
        while end < 0:
            self._receive()
            end = self.buffer.find(b"\r\n", self.at)
        line = bytes(self.buffer[self.at : end])
        self.at = end + 2
        return line

    def _bytes(self, size):
        while len(self.buffer) < self.at + size + 2:
            self._receive()
        end = self.at + size
        data = bytes(self.buffer[self.at : end])
        if self.buffer[end : end + 2] != b"\r\n":
            raise AssertionError(f"a string of {size} bytes does not end in CRLF")
        self.at = end + 2
        return data

    def _values(self, count, depth):
        return [self._value(depth + 1) for _ in range(count)]

    def _value(self, depth):
        if depth > DEPTH_MAX:
            raise AssertionError(f"a reply nests deeper than {DEPTH_MAX}")
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return Error(rest.decode(errors="backslashreplace"))
        if kind == b":" or kind == b"(":
            return int(rest)
        if kind == b"_":
            return None
        if kind == b"#":
            return {b"t": True, b"f": False}[rest]
        if kind == b",":
            return float(rest)
        if kind not in (b"$", b"=", b"!", b"*", b"%", b"~", b">"):
            raise AssertionError(f"not a reply: {line[:80]!r}")
        size = int(rest)
        if size < 0:
            return None
        return self._sized(kind, size, depth)

    def _sized(self, kind, size, depth):
        if kind == b"$":
            return self._bytes(size)
        if kind == b"!":
            return Error(self._bytes(size).decode(errors="backslashreplace"))
        if kind == b"=":
            data = self._bytes(size)
            text = Verbatim(data[4:])
            text.format = data[:3].decode()
            return text
        if kind == b"%":
            flat = self._values(2 * size, depth)
            keys = [tuple(key) if isinstance(key, list) else key for key in flat[::2]]
            return dict(zip(keys, flat[1::2]))
        values = self._values(size, depth)
        return Set(values) if kind == b"~" else Push(values) if kind == b">" else values
