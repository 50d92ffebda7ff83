"""A gRPC service by Debian's python3-grpcio, without protoc: messages are bytes. And its client's side."""
import threading
from concurrent import futures

import grpc
from support.timing import DEADLINE_SECONDS

OPTIONS = [("grpc.max_receive_message_length", 64 << 20), ("grpc.max_send_message_length", 64 << 20),
           ("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]
DETAILS = b"\x08\x05\x12\x04gone\x00\xff"      # any bytes: what a google.rpc.Status would be


class Service:
    """/test.Peer/NAME is the method of that name; what it saw is kept."""

    def __init__(self, tls=None):
        """`tls`: a certificate and its key; then `secure_address` is there, too."""
        self.asked = []                         # the paths of all calls
        self.metadata = {}                      # of the last call
        self.cancelled = threading.Event()      # a call ended before its handler did
        self.started = threading.Event()
        self.opened = threading.Event()         # somebody asked Open: lets Gate go on
        self.over = threading.Event()
        self.server = grpc.server(futures.ThreadPoolExecutor(max_workers=64), options=OPTIONS)
        self.server.add_generic_rpc_handlers((Handlers(self),))
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.address = f"127.0.0.1:{self.port}"
        if tls:
            cert, key = (path.read_bytes() for path in tls)
            credentials = grpc.ssl_server_credentials([(key, cert)])
            self.secure_address = f"127.0.0.1:{self.server.add_secure_port('127.0.0.1:0', credentials)}"
        self.server.start()

    def stop(self):
        self.over.set()
        self.server.stop(0.5).wait()

    # one message to one

    def Echo(self, message, _):
        return message

    def Size(self, message, _):
        return b"x" * int(message)

    def Greet(self, message, context):
        context.send_initial_metadata((("x-first", "1"), ("x-first-bin", b"\x00\xff\x01")))
        context.set_trailing_metadata((("x-last", "2"), ("x-last-bin", b"\xfe\x00")))
        return message

    def Refuse(self, _, context):               # nothing was sent yet: trailers only
        context.set_trailing_metadata((("grpc-status-details-bin", DETAILS),))
        context.abort(grpc.StatusCode.NOT_FOUND, "kein Gerät: 100 %")

    def Hang(self, _, context):
        context.add_callback(self.cancelled.set)
        self.started.set()
        while context.is_active() and not self.over.wait(0.005):
            pass
        return b""

    def Open(self, message, _):
        self.opened.set()
        return message

    # one to many, many to one, many to many

    def Count(self, message, context):
        for n in range(int(message)):
            yield b"%d" % n

    def Gate(self, message, context):           # the second answer waits until the first was acted upon
        yield message
        if not self.opened.wait(DEADLINE_SECONDS):
            context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "nobody asked Open")
        yield message

    def Break(self, message, context):          # in the middle of a stream
        yield from (message, message)
        context.abort(grpc.StatusCode.DATA_LOSS, "half way")

    def Cancel(self, message, context):         # by the server, behind `message` answers
        for _ in range(int(message)):
            yield b"x"
        self.asked.append("cancelling")
        context.cancel()
        while not self.over.wait(0.005) and context.is_active():
            pass

    def Tick(self, message, context):           # until somebody ends it
        context.add_callback(self.cancelled.set)
        self.started.set()
        yield message
        while context.is_active() and not self.over.wait(0.005):
            pass

    def Sum(self, messages, _):
        return b"%d" % sum(len(message) for message in messages)

    def Chat(self, messages, _):
        for message in messages:
            yield message.upper()


KINDS = {"Echo": "unary_unary", "Size": "unary_unary", "Greet": "unary_unary", "Refuse": "unary_unary",
         "Hang": "unary_unary", "Open": "unary_unary",
         "Gate": "unary_stream", "Count": "unary_stream", "Break": "unary_stream", "Cancel": "unary_stream", "Tick": "unary_stream",
         "Sum": "stream_unary", "Chat": "stream_stream"}


class Handlers(grpc.GenericRpcHandler):
    def __init__(self, service):
        self.behind = service

    def service(self, details):
        self.behind.asked.append(details.method)
        package, _, name = details.method.rpartition("/")
        if package != "/test.Peer" or name not in KINDS:
            return None
        self.behind.metadata = {key: value for key, value in details.invocation_metadata}
        return getattr(grpc, KINDS[name] + "_rpc_method_handler")(getattr(self.behind, name))


class Peer:
    """A channel to a gateway: peer.Echo(b"x"), peer.Chat(iterator)... as grpcio's callables."""

    def __init__(self, port, credentials=None, service="test.Peer"):
        target = f"localhost:{port}" if credentials else f"127.0.0.1:{port}"
        self.channel = grpc.secure_channel(target, credentials, OPTIONS) if credentials \
            else grpc.insecure_channel(target, OPTIONS)
        self.service = service

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()

    def __getattr__(self, name):
        return getattr(self.channel, KINDS[name])(f"/{self.service}/{name}")

