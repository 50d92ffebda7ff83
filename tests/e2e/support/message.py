"""HTTP/1 messages as the tests see them: strict, exact, and without any library's opinion."""
import json
import ssl
from dataclasses import dataclass, field


class Closed(Exception):
    """The peer closed (or reset) before the message was complete; `.got` is what had come."""

    def __init__(self, got=b"", reset=False):
        super().__init__(f"closed{' by reset' if reset else ''} after {bytes(got)[:200]!r}")
        self.got = bytes(got)
        self.reset = reset


@dataclass
class Message:
    start: str                     # start line
    fields: list                   # (name, value) as on the wire, in order
    head: bytes = b""              # start line to empty line, byte for byte
    body: bytes = b""              # decoded
    raw_body: bytes = b""          # as on the wire, chunk framing and trailers included
    trailers: list = field(default_factory=list)
    informational: list = field(default_factory=list)   # responses only: the 1xx before it

    def get(self, name, default=None):
        """The value of the only field of that name."""
        values = self.all(name)
        assert len(values) < 2, f"{name} is there {len(values)} times: {values}"
        return values[0] if values else default

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def has(self, name):
        return bool(self.all(name))

    def names(self):
        return [key.lower() for key, _ in self.fields]

    @property
    def raw(self):
        return self.head + self.raw_body

    # requests
    @property
    def method(self):
        return self.start.split(" ")[0]

    @property
    def target(self):
        return self.start.split(" ")[1]

    # responses
    @property
    def status(self):
        return int(self.start.split(" ")[1])

    @property
    def reason(self):
        return self.start.split(" ", 2)[2]

    def json(self):
        return json.loads(self.body)


def parse_head(block):
    """needs: a whole head block, its CRLFCRLF included"""
    lines = block.decode("latin-1").split("\r\n")
    assert lines[-2:] == ["", ""], f"head does not end well: {block!r}"
    fields = []
    for line in lines[1:-2]:
        name, colon, value = line.partition(":")
        assert colon and name and name == name.strip(), f"bad field line {line!r}"
        fields.append((name, value.strip(" \t")))
    return Message(lines[0], fields, head=block)


class Reader:
    """Reads messages from `receive()`, which gives b"" at the end."""

    def __init__(self, receive):
        self._receive = receive
        self.buffer = bytearray()

    def _more(self):
        try:
            data = self._receive()
        except (ConnectionError, ssl.SSLEOFError):
            raise Closed(self.buffer, reset=True) from None
        if not data:
            raise Closed(self.buffer)
        self.buffer += data

    def take(self, count):
        while len(self.buffer) < count:
            self._more()
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def until(self, mark):
        start = 0
        while (at := self.buffer.find(mark, start)) < 0:
            start = max(0, len(self.buffer) - len(mark))
            self._more()
        return self.take(at + len(mark))

    def head(self):
        return parse_head(self.until(b"\r\n\r\n"))

    def chunked(self, message):
        raw, body = bytearray(), bytearray()
        while True:
            line = self.until(b"\r\n")
            raw += line
            size = int(line.split(b";")[0].strip(), 16)
            if size == 0:
                break
            data = self.take(size + 2)
            assert data.endswith(b"\r\n")
            raw += data
            body += data[:-2]
        while (line := self.until(b"\r\n")) != b"\r\n":
            raw += line
            name, _, value = line[:-2].decode("latin-1").partition(":")
            message.trailers.append((name, value.strip()))
        message.raw_body, message.body = bytes(raw + b"\r\n"), bytes(body)

    def to_close(self, message):
        try:
            while True:
                self._more()
        except Closed as end:
            if end.reset:
                raise
        message.body = message.raw_body = bytes(self.buffer)
        self.buffer.clear()

    def request_body(self, message):
        if message.get("Transfer-Encoding"):
            self.chunked(message)
        else:
            message.body = message.raw_body = self.take(int(message.get("Content-Length", 0)))

    def response(self, method="GET"):
        informational = []
        while True:
            message = self.head()
            if message.status >= 200 or message.status == 101:
                break
            informational.append(message)
        message.informational = informational
        if method == "HEAD" or message.status in (101, 204, 304):
            return message
        if message.get("Transfer-Encoding"):
            self.chunked(message)
        elif message.has("Content-Length"):
            size = int(message.get("Content-Length"))
            message.body = message.raw_body = self.take(size)
        else:
            self.to_close(message)
        return message


# Messages that get no Content-Length of their own accord when they have no body.
_NO_LENGTH = ("GET ", "HEAD ", "DELETE ", "OPTIONS ", "CONNECT ", "TRACE ",
              "HTTP/1.1 1", "HTTP/1.1 204", "HTTP/1.1 304")


def encode(start, fields=(), body=b"", chunks=None, trailers=()):
    """Bytes of a message: Content-Length for a body, chunked when `chunks` (a list) is given."""
    lines = [start, *(f"{name}: {value}" for name, value in fields)]
    payload = body
    if chunks is not None:
        lines.append("Transfer-Encoding: chunked")
        payload = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n"
        payload += b"".join(f"{name}: {value}\r\n".encode() for name, value in trailers) + b"\r\n"
    elif body or not start.startswith(_NO_LENGTH):
        if not any(name.lower() == "content-length" for name, _ in fields):
            lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + payload
