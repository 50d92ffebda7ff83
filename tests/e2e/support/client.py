"""A client that sends exactly the bytes it is told to, at the pace it is told to."""
import socket
import ssl
import struct

from support.message import Closed, Reader, encode
from support.timing import DEADLINE_SECONDS


READ_BYTES_MAX = 64 << 20


def request(method="GET", target="/", fields=(), body=b"", host="localhost", **more):
    """Bytes of a request; Host comes first unless host is None."""
    first = [("Host", host)] if host is not None else []
    return encode(f"{method} {target} HTTP/1.1", [*first, *fields], body, **more)


class Client:
    """One connection, to a port or to the path of a unix socket. `tls` is an ssl.SSLContext;
    `receive_buffer`
    makes a reader that the kernel cannot help."""

    def __init__(self, port, host="127.0.0.1", tls=None, server_name="localhost", source=None,
                 receive_buffer=None, session=None):
        local = not isinstance(port, int)
        family = socket.AF_UNIX if local else socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family)
        self.socket.settimeout(DEADLINE_SECONDS)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(str(port) if local else (host, port))
        if not local:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            # Otherwise a reset would look like a good end.
            self.socket = tls.wrap_socket(self.socket, server_hostname=server_name,
                                          session=session, suppress_ragged_eofs=False)
        self.reader = Reader(lambda: self.socket.recv(65536))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)
        return self

    def send_in_steps(self, data, step=1):
        """Each piece in a packet of its own (no Nagle)."""
        for at in range(0, len(data), step):
            self.socket.sendall(data[at:at + step])
        return self

    def response(self, method="GET"):
        return self.reader.response(method)

    def ask(self, method="GET", target="/", fields=(), body=b"", **more):
        self.send(request(method, target, fields, body, **more))
        return self.response(method)

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def reset(self):
        """Closes with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def read_to_end(self):
        """All bytes until the peer closes; a reset raises Closed."""
        data = bytearray(self.reader.buffer)
        self.reader.buffer.clear()
        try:
            while piece := self.socket.recv(65536):
                data += piece
                assert len(data) < READ_BYTES_MAX, "no end of it"
        except (ConnectionError, ssl.SSLError):
            raise Closed(data, reset=True) from None
        return bytes(data)

    def read_to_end_whatever_happens(self):
        """The same, a reset being an end like another."""
        try:
            return self.read_to_end()
        except Closed as end:
            return end.got

    def is_closed(self):
        """Waits for the peer's close: true when it comes, in whichever way, with no byte before
        it."""
        try:
            return self.read_to_end() == b""
        except Closed as end:
            return end.got == b""
        except TimeoutError:
            return False

    def is_open(self):
        """Nothing has arrived, no byte and no end."""
        self.socket.setblocking(False)
        try:
            return self.socket.recv(1, socket.MSG_PEEK) != b""
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        finally:
            self.socket.settimeout(DEADLINE_SECONDS)


def say_end(tls_socket):
    """The close_notify of TLS, without waiting for the other side's: what is sent ends, what is
    received need not."""
    timeout = tls_socket.gettimeout()
    tls_socket.settimeout(0)
    try:
        tls_socket.unwrap()
    except (ssl.SSLWantReadError, OSError):
        pass
    finally:
        tls_socket.settimeout(timeout)


def ask(port, method="GET", target="/", fields=(), body=b"", **options):
    """One request on a connection of its own."""
    connection = {key: options.pop(key) for key in ("tls", "server_name", "source", "session")
                  if key in options}
    with Client(port, **connection) as client:
        return client.ask(method, target, fields, body, **options)
