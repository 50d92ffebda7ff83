"""An upstream that speaks HTTP/2 over python3-h2 and answers as a script says: a function of (connection, request)."""
import queue
import socket
import threading
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import h2.settings


@dataclass
class Request:
    stream: int
    headers: list
    body: bytes = b""
    trailers: list = field(default_factory=list)
    connection: int = 0
    arrived: queue.SimpleQueue = field(default_factory=queue.SimpleQueue)   # body, None for its end, a code for a reset

    def get(self, name):
        values = [value for key, value in self.headers if key == name]
        return values[0] if values else None


class H2Connection:
    def __init__(self, upstream, sock, number):
        self.upstream, self.socket, self.number = upstream, sock, number
        self.requests, self.resets, self.open = {}, [], True
        self.left = {}                 # of bodies of send_large()
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=False, header_encoding="utf-8", validate_outbound_headers=False, normalize_outbound_headers=False,
            normalize_inbound_headers=False))
        if upstream.settings:
            self.h2.local_settings = h2.settings.Settings(client=False, initial_values=upstream.settings)
        self.lock = threading.RLock()

    def flush(self):
        with self.lock:
            data = self.h2.data_to_send()
            if data:
                try:
                    self.socket.sendall(data)
                except OSError:
                    self.open = False

    def serve(self):
        self.h2.initiate_connection()
        self.flush()
        while self.open:
            try:
                data = self.socket.recv(65536)
            except OSError:
                data = b""
            if not data:
                break
            with self.lock:
                events = self.h2.receive_data(data)
            for event in events:
                self.take(event)
            self.flush()
        self.open = False
        self.socket.close()        # before anybody can say something more: it may have been told to reset
        for request in self.requests.values():
            request.arrived.put(-1)

    def take(self, event):
        if isinstance(event, h2.events.RequestReceived):
            request = Request(event.stream_id, event.headers, connection=self.number)
            self.requests[event.stream_id] = request
            self.upstream.requests.append(request)
            if self.upstream.early:
                self.upstream.script(self, request)
        elif isinstance(event, h2.events.DataReceived):
            self.requests[event.stream_id].body += event.data
            self.requests[event.stream_id].arrived.put(event.data)
            if self.upstream.on_data:
                self.upstream.on_data(self, self.requests[event.stream_id], event.data)
            if self.upstream.windows and event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.WindowUpdated):
            for stream in [event.stream_id] if event.stream_id else list(self.left):
                self.push(stream)
        elif isinstance(event, h2.events.TrailersReceived):
            self.requests[event.stream_id].trailers = event.headers
        elif isinstance(event, h2.events.StreamEnded):
            self.requests[event.stream_id].arrived.put(None)
            if not self.upstream.early:
                self.upstream.script(self, self.requests[event.stream_id])
        elif isinstance(event, h2.events.StreamReset):
            self.resets.append((event.stream_id, int(event.error_code)))
            self.requests[event.stream_id].arrived.put(int(event.error_code))

    def answer(self, request, body=b"hello", status=200, fields=(), trailers=(), interim=()):
        with self.lock:
            for head in interim:
                self.h2.send_headers(request.stream, head)
            self.h2.send_headers(request.stream, [(":status", str(status)), *fields], end_stream=not body and not trailers)
            if body:
                self.h2.send_data(request.stream, body, end_stream=not trailers)
            if trailers:
                self.h2.send_headers(request.stream, trailers, end_stream=True)
            self.flush()

    def send_large(self, stream, size):
        """A body of so many zeros, as the windows open: on the thread that reads."""
        self.left[stream] = size
        self.push(stream)

    def push(self, stream):
        with self.lock:
            while left := self.left.get(stream):
                room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size, left)
                if room <= 0:
                    break
                self.left[stream] = left - room
                self.h2.send_data(stream, bytes(room), end_stream=left == room)
            self.flush()

    def reset(self, request, code):
        with self.lock:
            self.h2.reset_stream(request.stream, code)
            self.flush()

    def close(self):
        self.open = False
        self.socket.shutdown(socket.SHUT_RDWR)


class H2Upstream:
    """with H2Upstream(script) as upstream: its address is upstream.address. `windows`: what is received is given back at
    once; `tunnels`: extended CONNECT is offered."""

    def __init__(self, script, streams=None, early=False, tls=None, on_data=None, tunnels=False, windows=True):
        self.script, self.early, self.tls, self.on_data, self.windows = script, early, tls, on_data, windows
        codes = h2.settings.SettingCodes
        self.settings = {} if streams is None else {codes.MAX_CONCURRENT_STREAMS: streams}
        if tunnels:
            self.settings[codes.ENABLE_CONNECT_PROTOCOL] = 1
        self.requests, self.connections = [], []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        # shutdown wakes the accepting thread; else it may accept for who gets the descriptor next.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.connections:
            try:
                connection.close()
            except OSError:
                pass

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=[sock], daemon=True).start()

    def serve(self, sock):
        try:
            sock = self.tls.wrap_socket(sock, server_side=True) if self.tls else sock
        except OSError:
            return
        connection = H2Connection(self, sock, len(self.connections))
        self.connections.append(connection)
        connection.serve()
