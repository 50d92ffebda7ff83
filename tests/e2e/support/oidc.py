"""A real OpenID provider: npm's oidc-provider, installed beside the build where npm can."""
import fcntl
import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from base64 import b64encode
from pathlib import Path

from .ports import free_port
from .timing import wait_until

HERE = Path(__file__).resolve().parents[1] / "oidc_provider"
INSTALLED = Path(__file__).resolve().parents[3] / "build" / "oidc-provider"
INSTALL_SECONDS_MAX = 120


def install():
    """gives: None once it is there, else why not"""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "npm is not installed"
    INSTALLED.mkdir(parents=True, exist_ok=True)
    with open(INSTALLED / "lock", "w") as lock:      # several test processes may come here
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = INSTALLED / "done"
        if done.exists():
            return None
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, INSTALLED)
        try:
            result = subprocess.run(["npm", "ci", "--omit=dev", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=INSTALLED,
                                    capture_output=True, text=True, timeout=INSTALL_SECONDS_MAX, check=False)
        except subprocess.TimeoutExpired:
            return "npm ci took too long"
        if result.returncode != 0:
            return f"npm ci failed: {result.stderr[-200:]}"
        done.touch()
    return None


class OidcProvider:
    def __init__(self, folder):
        self.folder, self.port, self.process, self.keys = Path(folder), free_port(), None, []
        self.issuer = f"http://127.0.0.1:{self.port}"

    def rotate(self, kid):
        """Begins anew with one more key, which signs from now on."""
        self.stop()
        made = subprocess.run(["node", "-e", """
const { generateKeyPairSync } = require("node:crypto");
const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
console.log(JSON.stringify(privateKey.export({ format: "jwk" })));
"""], capture_output=True, text=True, check=True)
        self.keys.insert(0, {**json.loads(made.stdout), "kid": kid, "use": "sig", "alg": "ES256"})
        self.start()

    def start(self):
        path = self.folder / "provider-keys.json"
        path.write_text(json.dumps({"keys": self.keys}))
        log = open(self.folder / "provider.log", "ab")
        self.process = subprocess.Popen(["node", HERE / "provider.mjs", str(self.port), path], cwd=INSTALLED,
                                        stdout=log, stderr=log)
        log.close()
        wait_until(self._answers, "the provider answers")

    def _answers(self):
        try:
            with urllib.request.urlopen(f"{self.issuer}/.well-known/openid-configuration", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def token(self):
        basic = b64encode(b"machine:known-to-the-test").decode()
        data = urllib.parse.urlencode({"grant_type": "client_credentials", "scope": "orders:read"}).encode()
        asked = urllib.request.Request(f"{self.issuer}/token", data, {"Authorization": f"Basic {basic}"})
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return json.load(answer)["access_token"]

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = None
