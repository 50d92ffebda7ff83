"""WebSockets byte for byte: a client's and an upstream's side, without any library's opinion."""
import base64
import hashlib
import os
import socket as sockets
import struct
import threading
import zlib
from pathlib import Path

from support.client import Client, request
from support.message import Closed, Reader
from support.upstream import early

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
RSV1 = 0x40    # beside the opcode of a message's first frame: compressed


HELD_BESIDE_KERNEL = 4_000_000    # by the gateway, and by a client with a small receive buffer: well above both


def held_on_the_way():
    """gives: bytes a sender may be rid of while nobody reads: the kernel's largest buffers of the sender's socket and of
    both of the gateway's (tcp_wmem, tcp_rmem), and the gateway's own"""
    write, read = (int(Path(f"/proc/sys/net/ipv4/tcp_{name}").read_text().split()[2]) for name in ("wmem", "rmem"))
    return 2 * write + read + HELD_BESIDE_KERNEL


def accept_of(key):
    return base64.b64encode(hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()


def handshake(key=None, version="13"):
    key = key or base64.b64encode(os.urandom(16)).decode()
    return [("Connection", "keep-alive, Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", version),
            ("Sec-WebSocket-Key", key)]


def frame(opcode, payload=b"", mask=None, fin=True):
    payload = payload.encode() if isinstance(payload, str) else payload
    first = (0x80 if fin else 0) | opcode
    bit = 0x80 if mask else 0
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first, bit | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, bit | 127, size)
    if not mask:
        return head + payload
    return head + mask + apply(mask, payload)


def apply(mask, payload):
    whole = (mask * (len(payload) // 4 + 1))[:len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(whole, "big")).to_bytes(len(payload), "big")


def closing(code, reason=""):
    return struct.pack("!H", code) + reason.encode()


class Deflate:
    """One direction of permessage-deflate (RFC 7692): messages packed, or messages unpacked. `takeover`: each may refer
    to those before it."""

    def __init__(self, takeover=True):
        self._takeover = takeover
        self._start()

    def _start(self):
        self._packer, self._unpacker = zlib.compressobj(wbits=-15), zlib.decompressobj(wbits=-15)

    def pack(self, payload):
        if not self._takeover:
            self._start()
        return (self._packer.compress(payload) + self._packer.flush(zlib.Z_SYNC_FLUSH))[:-4]

    def unpack(self, payload):
        if not self._takeover:
            self._start()
        return self._unpacker.decompress(payload + b"\0\0\xff\xff")


class Socket:
    """One end: frames over a `support.client.Client` or a `support.upstream.Connection`."""

    def __init__(self, connection, masks):
        self.connection, self.masks, self.fin, self.packed = connection, masks, True, False

    def send(self, payload, opcode=TEXT, fin=True):
        self.connection.send(frame(opcode, payload, os.urandom(4) if self.masks else None, fin))
        return self

    def receive(self):
        """gives: (opcode, payload); `fin` and `packed` (RSV1) are the frame's then. A frame of the wrong side's masking is a fault"""
        reader = self.connection.reader
        first, second = reader.take(2)
        self.fin, self.packed = bool(first >> 7), bool(first & RSV1)
        assert (second >> 7) == (0 if self.masks else 1), "masked by the wrong side"
        size = second & 127
        if size == 126:
            size, = struct.unpack("!H", reader.take(2))
        elif size == 127:
            size, = struct.unpack("!Q", reader.take(8))
        mask = reader.take(4) if second >> 7 else None
        payload = reader.take(size)
        return first & 15, apply(mask, payload) if mask else payload

    def message(self):
        opcode, payload = self.receive()
        assert opcode in (TEXT, BINARY), (opcode, payload)
        return payload

    def close_code(self):
        """Reads on to a Close. gives: its code and reason"""
        while True:
            opcode, payload = self.receive()
            if opcode == CLOSE:
                return (struct.unpack("!H", payload[:2])[0], payload[2:].decode()) if payload else (None, "")

    def close(self, code=1000, reason=""):
        self.send(closing(code, reason), CLOSE)


class WebSocket(Socket):
    """A client's, open when the constructor returns."""

    def __init__(self, port, target="/", fields=(), behind=b"", **options):
        super().__init__(Client(port, **options), masks=True)
        key = base64.b64encode(os.urandom(16)).decode()
        self.connection.send(request("GET", target, [*handshake(key), *fields]) + behind)
        self.opening = self.connection.response()
        assert self.opening.status == 101, (self.opening.start, self.opening.body)
        assert self.opening.get("Sec-WebSocket-Accept") == accept_of(key)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.socket.close()


def switching(asked, **changes):
    """The head of a good 101, or of one with other fields (None: without)."""
    fields = {"Upgrade": "websocket", "Connection": "Upgrade",
              "Sec-WebSocket-Accept": accept_of(asked.get("Sec-WebSocket-Key", "")),
              **{name.replace("_", "-"): value for name, value in changes.items()}}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
    return f"HTTP/1.1 101 Switching Protocols\r\n{lines}\r\n".encode()


def opened(serve, behind=b""):
    """A script that answers the handshake and then runs serve(socket)."""
    @early
    def script(connection, asked):
        connection.send(switching(asked) + behind)
        try:
            serve(Socket(connection, masks=False))
        except Closed as end:
            connection.ended = "reset" if end.reset else "closed"
        connection.close()
    return script


def echo(socket):
    """Until a Close has been answered, or the other side ends."""
    while True:
        opcode, payload = socket.receive()
        socket.send(payload, opcode)
        if opcode == CLOSE:
            socket.connection.ended = f"close {struct.unpack('!H', payload[:2])[0] if payload else None}"
            return


class QuietUpstream:
    """Opens every socket that it is asked for and says nothing more: thousands of them, with one thread."""

    def __init__(self):
        self._listener = sockets.create_server(("127.0.0.1", 0), backlog=4096)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._open = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        try:
            while True:
                one, _ = self._listener.accept()
                self._open.append(one)
                one.sendall(switching(Reader(lambda: one.recv(65536)).head()))
        except OSError:
            return

    def end(self, first):
        """Ends all but the `first` so many."""
        for one in self._open[first:]:
            one.close()

    def stop(self):
        self._listener.shutdown(sockets.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            one.close()
