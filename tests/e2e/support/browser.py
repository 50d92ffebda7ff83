"""A headless Chromium, driven over the WebDriver protocol (W3C) by plain HTTP."""
import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile

from support.ports import free_port
from support.timing import SLOW, wait_until

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-dev-shm-usage"]
# A page's question is asked by script and answered by calling the last argument.
FETCH = """
const [url, options, done] = arguments;
fetch(url, options).then(async response => done({
  status: response.status, text: await response.text(), headers: Object.fromEntries(response.headers),
})).catch(error => done({ error: error.name }));
"""


class Browser:
    def __init__(self, *arguments):
        self.profile = tempfile.mkdtemp(prefix="sluice-chromium-")
        self.port = free_port()
        self.process = subprocess.Popen([DRIVER, f"--port={self.port}"], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            wait_until(self._ready, "chromedriver is ready", 10 * SLOW)
            options = {"binary": CHROMIUM, "args": [*ARGUMENTS, *arguments, f"--user-data-dir={self.profile}"]}
            capabilities = {"alwaysMatch": {"goog:chromeOptions": options}}
            self.session = self._ask("POST", "/session", {"capabilities": capabilities})["sessionId"]
        except BaseException:
            self.close()
            raise

    def _ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20 * SLOW)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            value = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        assert not (isinstance(value, dict) and "error" in value and "message" in value), value
        return value

    def _ready(self):
        try:
            return self._ask("GET", "/status")["ready"]
        except OSError:
            return False

    def open(self, url):
        self._ask("POST", f"/session/{self.session}/url", {"url": url})

    def fetch(self, url, **options):
        """fetch() by the open page. gives: {status, text, headers}, or {error}"""
        return self.run(FETCH, url, options)

    def run(self, script, *arguments):
        """A script in the open page. gives: what it calls its last argument with"""
        return self._ask("POST", f"/session/{self.session}/execute/async",
                         {"script": script, "args": list(arguments)})

    def close(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)
