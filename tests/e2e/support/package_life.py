"""The life of the package: installed, started as its unit says, edited, upgraded, removed, purged.

Run as root in namespaces of its own (mount, network, processes): the machine's root is laid under
an overlay in memory, and all that happens stays there. Each step is said; an AssertionError ends it.
"""
import ctypes
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

CONFIG = Path("/etc/sluice/sluice.toml")
NOTIFY = "/run/notify.sock"


def run(*command, code=0):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def enter_overlay(memory):
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "tmpfs", "tmpfs", memory)
    upper, work, merged = (Path(memory) / name for name in ("upper", "work", "merged"))
    for folder in (upper, work, merged):
        folder.mkdir(mode=0o755)
    run("mount", "-t", "overlay", "overlay", "-o",
        f"lowerdir=/,upperdir={upper},workdir={work}", str(merged))
    # Empty: no service manager, and nobody else's sockets.
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", f"{merged}/run")
    run("mount", "-t", "proc", "proc", f"{merged}/proc")
    run("mount", "--rbind", "/dev", f"{merged}/dev")
    os.chroot(merged)
    os.chdir("/")
    run("ip", "link", "set", "lo", "up")


def dpkg(*arguments):
    os.environ.update(DEBIAN_FRONTEND="noninteractive", PATH="/usr/sbin:/usr/bin:/sbin:/bin")
    return run("dpkg", "--force-confdef", "--force-confold", "--force-depends", *arguments)


def mode_of(path):
    facts = os.stat(path)
    return f"{facts.st_mode & 0o7777:o}", facts.st_uid, facts.st_gid


def sluice_ids():
    uid, gid = run("getent", "passwd", "sluice").split(":")[2:4]
    return int(uid), int(gid)


def unit(key):
    text = Path("/lib/systemd/system/sluice.service").read_text()
    return re.search(rf"^{key}=(.*)$", text, re.MULTILINE).group(1)


def get(port, path="/"):
    with socket.create_connection(("127.0.0.1", port), 10) as one:
        one.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while data := one.recv(65536):
            answer += data
    return answer.decode()


def privileges():
    """The command that gives up all that the unit does not leave."""
    capability = unit("AmbientCapabilities").removeprefix("CAP_").lower()
    assert unit("CapabilityBoundingSet") == unit("AmbientCapabilities")
    assert unit("NoNewPrivileges") == "yes" and unit("User") == unit("Group") == "sluice"
    only = f"-all,+{capability}"
    return ["setpriv", "--reuid=sluice", "--regid=sluice", "--clear-groups", f"--inh-caps={only}",
            f"--ambient-caps={only}", f"--bounding-set={only}", "--no-new-privs"]


def deny_write_execute():
    """MemoryDenyWriteExecute, where the kernel has it (6.3)."""
    assert unit("MemoryDenyWriteExecute") == "yes"
    ctypes.CDLL(None).prctl(65, 1, 0, 0, 0)   # PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN


class Service:
    """ExecStart of the unit, as its user, with what the service manager would give it."""

    def __init__(self):
        Path(NOTIFY).unlink(missing_ok=True)
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(NOTIFY)
        os.chmod(NOTIFY, 0o666)
        self.manager.settimeout(20)
        uid, gid = sluice_ids()
        runtime = Path("/run/sluice")
        runtime.mkdir(mode=0o750, exist_ok=True)
        os.chown(runtime, uid, gid)
        self.process = subprocess.Popen(
            [*privileges(), *shlex.split(unit("ExecStart"))], umask=int(unit("UMask"), 8), cwd="/",
            preexec_fn=deny_write_execute,
            env={"NOTIFY_SOCKET": NOTIFY, "PATH": "/usr/bin:/bin"})
        self.said = []

    def wait_for(self, word):
        while word not in self.said:
            self.said += self.manager.recv(4096).decode().split("\n")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.wait_for("STOPPING=1")
        self.process.send_signal(signal.SIGTERM)   # no need to wait for drain_delay
        assert self.process.wait(45) == 0


def install(deb):
    dpkg("-i", deb)
    uid, gid = sluice_ids()
    assert uid != 0 and mode_of("/etc/sluice") == ("750", 0, gid)
    assert mode_of("/var/log/sluice") == ("750", uid, gid)
    run("sluice", "check", str(CONFIG))
    enabled = Path("/etc/systemd/system/multi-user.target.wants/sluice.service")
    assert enabled.is_symlink(), "the unit is not enabled"
    print("installed")


def serve():
    service = Service()
    service.wait_for("READY=1")
    answer = get(8080)
    assert answer.startswith("HTTP/1.1 200") and "Sluice is installed" in answer, answer
    assert get(9901, "/readyz").startswith("HTTP/1.1 200")
    log = Path("/var/log/sluice/access.log")
    deadline = time.monotonic() + 10
    while not (log.exists() and '"path":"/"' in log.read_text()):
        assert time.monotonic() < deadline, "no line in the access log"
        time.sleep(0.02)
    assert mode_of(log)[1:] == sluice_ids()
    rotate(log, service)
    service.stop()
    print("served")


def rotate(log, service):
    """logrotate by the package's file; what systemctl would signal is signalled here."""
    if not Path("/usr/sbin/logrotate").exists():
        print("logrotate is not installed: rotation not tried")
        return
    run("/usr/sbin/logrotate", "--force", "--state", "/run/logrotate", "/etc/logrotate.d/sluice")
    assert log.with_suffix(".log.1").exists() and not log.exists()
    service.process.send_signal(signal.SIGUSR1)
    deadline = time.monotonic() + 10
    while not log.exists():
        assert time.monotonic() < deadline, "the log was not opened anew"
        time.sleep(0.02)


def reload(service, text):
    """By the unit's ExecReload, as its user."""
    CONFIG.write_text(text)
    service.said.clear()
    run(*privileges(), *shlex.split(unit("ExecReload")))
    service.wait_for("RELOADING=1")
    service.wait_for("READY=1")


def upgrade(deb):
    edited = CONFIG.read_text().replace("Sluice is installed.", "Edited by hand.")
    edited = edited.replace("127.0.0.1:8080", "127.0.0.1:80")
    CONFIG.write_text(edited)
    dpkg("-i", deb)
    assert CONFIG.read_text() == edited, "the edit was lost"
    assert CONFIG.with_name("sluice.toml.dpkg-dist").exists(), "the package's new one is not there"
    service = Service()
    service.wait_for("READY=1")
    assert "Edited by hand." in get(80)
    reload(service, edited.replace("Edited by hand.", "Reloaded."))
    assert "Reloaded." in get(80)
    service.stop()
    print("upgraded")


def remove():
    dpkg("-r", "sluice")
    assert CONFIG.exists() and not Path("/usr/bin/sluice").exists()
    dpkg("-P", "sluice")
    assert not CONFIG.exists() and not Path("/var/log/sluice").exists()
    assert not Path("/lib/systemd/system/sluice.service").exists()
    print("purged")


def main():
    first, second, memory = sys.argv[1:]
    keep = [Path(first).read_bytes(), Path(second).read_bytes()]
    enter_overlay(memory)
    for name, data in zip(("/run/first.deb", "/run/second.deb"), keep):
        Path(name).write_bytes(data)
    install("/run/first.deb")
    serve()
    upgrade("/run/second.deb")
    remove()


main()
