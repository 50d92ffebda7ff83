"""Connections that stand idle while something happens to the gateway: HTTP/1.1 plain and over TLS, HTTP/2 over TLS."""
import socket
import ssl

from attacks import END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, frame

EACH = 50
TARGET = b"/service42/items/7"
H1_REQUEST = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % TARGET
GOAWAY, ACK = 7, 1
# GET, https, localhost, the path; nothing is left in the table
H2_HEAD = b"\x82\x87\x01\x09localhost\x04" + bytes((len(TARGET),)) + TARGET
H2_OK = 0x88                       # :status 200, the table's own


class H1:
    def __init__(self, port, context=None):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")

    def serves(self):
        """Whether it answers a request and stays."""
        self.socket.sendall(H1_REQUEST)
        return self.socket.recv(4096).startswith(b"HTTP/1.1 200")


class H2(H1):
    def __init__(self, port, context):
        super().__init__(port, context)
        self.left, self.stream = b"", -1
        self.socket.sendall(PREFACE + frame(SETTINGS, 0, 0) + frame(SETTINGS, ACK, 0))

    def serves(self):
        self.stream += 2
        self.socket.sendall(frame(HEADERS, END_HEADERS | END_STREAM, self.stream, H2_HEAD))
        found = False
        while True:
            kind, flags, stream, payload = self._frame()
            if kind is None or kind == GOAWAY:
                return False
            found |= kind == HEADERS and stream == self.stream and payload[0] == H2_OK
            if stream == self.stream and flags & END_STREAM:
                return found

    def _frame(self):
        """gives: kind (None: the connection has ended), flags, stream, payload"""
        while len(self.left) < 9 or len(self.left) < 9 + int.from_bytes(self.left[:3], "big"):
            data = self.socket.recv(65536)
            if not data:
                return None, 0, 0, b""
            self.left += data
        size, head = int.from_bytes(self.left[:3], "big"), self.left[:9]
        payload, self.left = self.left[9:9 + size], self.left[9 + size:]
        return head[3], head[4], int.from_bytes(head[5:], "big"), payload


class Idle:
    """All of them, used once."""

    def __init__(self, port, tls_port):
        contexts = {}
        for name in ("http/1.1", "h2"):
            contexts[name] = context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.set_alpn_protocols([name])
        self.all = [make() for make in (lambda: H1(port), lambda: H1(tls_port, contexts["http/1.1"]),
                                        lambda: H2(tls_port, contexts["h2"])) for _ in range(EACH)]
        self.made = self.kept()

    def kept(self):
        """How many of them still serve."""
        count = 0
        for one in self.all:
            try:
                count += one.serves()
            except OSError:
                pass
        return count

    def close(self):
        for one in self.all:
            one.socket.close()
