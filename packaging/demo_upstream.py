"""The upstream of `make run`: says what reached it. Standard library only.

/slow       answers after two seconds        /stream   one line a second, ten of them
/upload     counts the bytes it is sent      else      method, path, headers as JSON
"""
import http.server
import json
import signal
import socketserver
import sys
import time

ADDRESS = ("127.0.0.1", 9000)


class Demo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "demo-upstream"

    def answer(self):
        path = self.path.partition("?")[0]
        received = self.read_body()
        if path.endswith("/stream"):
            return self.stream()
        if path.endswith("/slow"):
            time.sleep(2)
        if path.endswith("/upload"):
            return self.send_json({"received_bytes": received})
        return self.send_json({"method": self.command, "path": self.path,
                               "headers": dict(self.headers.items()), "body_bytes": received})

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

    def read_body(self):
        """Reads the request body and gives its size in bytes."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return sum(iter(self.read_chunk, 0))
        left = total = int(self.headers.get("Content-Length", 0))
        while left:
            left -= len(self.rfile.read(min(left, 65536)))
        return total

    def read_chunk(self):
        size = int(self.rfile.readline().split(b";")[0], 16)
        self.rfile.read(size)
        while self.rfile.readline() not in (b"\r\n", b""):
            pass
        return size

    def stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for count in range(10):
            line = b"line %d of 10\n" % (count + 1)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            self.wfile.flush()
            time.sleep(1)
        self.wfile.write(b"0\r\n\r\n")

    def send_json(self, value):
        body = (json.dumps(value, indent=2) + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        pass   # a gateway that goes away in mid-answer is no news


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server = Server(ADDRESS, Demo)
    except OSError as error:
        sys.exit(f"demo upstream: cannot listen on {ADDRESS[0]}:{ADDRESS[1]}: {error.strerror}")
    server.serve_forever()


if __name__ == "__main__":
    main()
