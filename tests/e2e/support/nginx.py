"""A real nginx as upstream."""
import os
import subprocess
from pathlib import Path

from support.client import Client
from support.ports import free_port
from support.timing import DEADLINE_SECONDS, wait_until


class Nginx:
    """`server` holds the lines of its one server block; files go under `.root`."""

    def __init__(self, folder, server="location / { root html; }", wrapper=()):
        self.folder = Path(folder)
        self.root = self.folder / "html"
        self.root.mkdir(parents=True)
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        user = "user root;" if os.getuid() == 0 else ""
        temporary = " ".join(f"{kind}_temp_path {self.folder}/tmp;" for kind in
                             ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.folder / "nginx.conf").write_text(f"""
{user} daemon off; worker_processes 1; pid {self.folder}/pid; error_log {self.folder}/error.log;
events {{ worker_connections 1024; }}
http {{ access_log off; client_max_body_size 0; default_type text/plain; {temporary}
  keepalive_requests 1000000;
  server {{ listen {self.address}; server_name _; {server} }} }}
""")
        self.process = subprocess.Popen(
            [*wrapper, "/usr/sbin/nginx", "-p", str(self.folder), "-c", "nginx.conf",
             "-e", str(self.folder / "error.log")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._ready, "nginx is ready")

    def _ready(self):
        assert self.process.poll() is None, (self.folder / "error.log").read_text()
        try:
            with Client(self.port):
                return True
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait(DEADLINE_SECONDS)
