"""An upstream that records what reaches it, byte for byte, and answers as a script says.

A script is a function of (connection, request). It sends what it likes; the request's body is read
before it
runs unless the script is marked with @early. It may keep a connection by returning, or end it.
"""
import collections
import socket
import ssl
import struct
import threading

from support.message import Closed, Reader, encode
from support.timing import DEADLINE_SECONDS, wait_until


def answer(status=200, body=b"hello", fields=(), reason="OK", **more):
    """A script that always sends this response."""
    data = response(status, body, fields, reason, **more)

    def script(connection, request):
        connection.send(data if request.method != "HEAD" else data[:len(data) - len(body)])
    return script


def response(status=200, body=b"hello", fields=(), reason="OK", **more):
    return encode(f"HTTP/1.1 {status} {reason}", fields, body, **more)


def raw(data, then="keep"):
    """A script that sends these bytes and then keeps, closes or resets the connection."""
    def script(connection, _):
        connection.send(data)
        {"keep": lambda: None, "close": connection.close, "reset": connection.reset}[then]()
    return script


def early(script):
    """Marks a script that runs as soon as the head has come; it may call
    connection.read_body(request)."""
    script.early = True
    return script


def in_turn(*scripts):
    """The first request gets the first script and so on; the last serves all that follow."""
    left = collections.deque(scripts)
    lock = threading.Lock()

    @early
    def script(connection, request):
        with lock:
            chosen = left[0] if len(left) == 1 else left.popleft()
        if not getattr(chosen, "early", False):
            connection.read_body(request)
        chosen(connection, request)
    return script


def listen_at(path):
    """A listening unix socket."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(512)
    return listener


class Connection:
    def __init__(self, upstream, sock, number):
        self.upstream, self.socket, self.number = upstream, sock, number
        self.reader = Reader(lambda: self.socket.recv(65536))
        self.ended = None        # "closed" or "reset": how the gateway ended it
        self.open = True
        self.body_read = False

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError as error:
            self.open = False
            self.ended = self.ended or ("reset" if isinstance(error, ConnectionError) else "closed")

    def send_in_steps(self, data, step=1):
        for at in range(0, len(data), step):
            self.send(data[at:at + step])

    def read_body(self, request):
        if not self.body_read:
            self.body_read = True
            self.reader.request_body(request)
        return request.body

    def close(self):
        self.open = False
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def reset(self):
        self.open = False
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # shutdown() would send a FIN first; close() of the only descriptor sends the RST.
        self.socket.close()

    def stall(self, event=None):
        """Does nothing until the event (or the end of the test), then returns whether it came."""
        return (event or self.upstream.over).wait(6 * DEADLINE_SECONDS)

    def wait_for_end(self):
        """Reads and forgets until the gateway ends the connection; gives "closed" or "reset"."""
        try:
            while self.socket.recv(65536):
                pass
            self.ended = "closed"
        except OSError:
            self.ended = "reset"
        self.open = False
        return self.ended

    def serve(self):
        try:
            if self.upstream.on_connect:
                self.upstream.on_connect(self)
            while self.open:
                request = self.reader.head()
                request.connection = self.number
                self.body_read = False
                self.upstream._arrived(request)
                script = self.upstream.script
                if not getattr(script, "early", False):
                    self.read_body(request)
                script(self, request)
                if self.open:
                    self.read_body(request)
                request.done.set()
        except Closed as end:
            self.ended = "reset" if end.reset else "closed"
            self.leftover = end.got
        except (OSError, ssl.SSLError):
            self.ended = self.ended or "closed"
        finally:
            self.close()


class Upstream:
    """Listens at once; `requests` and `connections` grow as they come."""

    def __init__(self, script=None, host="127.0.0.1", port=0, path=None, tls=None, on_connect=None,
                 receive_buffer=None):
        self.script = script or answer()
        self.on_connect = on_connect
        self.tls = tls
        self.requests, self.connections = [], []
        self.failures = []                  # handshakes that did not succeed
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._listener = listen_at(path) if path else socket.create_server(
            (host, port), backlog=512, family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        if receive_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.port = None if path else self._listener.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        self.address = f"unix:{path}" if path else f"{shown}:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connection, args=(sock,), daemon=True).start()

    def _connection(self, sock):
        if self.port:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(6 * DEADLINE_SECONDS)
        if self.tls:
            try:
                sock = self.tls.wrap_socket(sock, server_side=True)
            except (OSError, ssl.SSLError) as error:
                with self._lock:
                    self.failures.append(error)
                return
        with self._lock:
            connection = Connection(self, sock, len(self.connections))
            self.connections.append(connection)
        connection.serve()

    def _arrived(self, request):
        request.done = threading.Event()
        with self._lock:
            self.requests.append(request)

    def wait_for_requests(self, count):
        wait_until(lambda: len(self.requests) >= count, f"{count} requests at the upstream")
        return self.requests

    def wait_for_connections(self, count):
        wait_until(lambda: len(self.connections) >= count, f"{count} connections at the upstream")
        return self.connections

    @property
    def last(self):
        """The last request, whole."""
        request = self.wait_for_requests(1)[-1]
        assert request.done.wait(DEADLINE_SECONDS), "the upstream's script has not ended"
        return request

    def stop(self):
        self.over.set()
        # shutdown wakes the accepting thread, which close alone does not.
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        for connection in list(self.connections):
            connection.close()
