"""The Debian package: what is in it, and its life on a machine."""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.timing import BINARY

ROOT = Path(__file__).parents[2]
TOOLS = ("dpkg-deb", "dpkg-buildpackage", "dh")
pytestmark = [
    pytest.mark.plain_build,
    pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason="debhelper is not installed"),
]


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          timeout=120, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    return Path(run(ROOT / "packaging" / "build-deb", BINARY.parent, folder).strip())


@pytest.fixture(scope="module")
def next_package(package, tmp_path_factory):
    """The same as a later version, whose configuration to begin with has changed."""
    folder = tmp_path_factory.mktemp("next")
    tree = folder / "tree"
    run("dpkg-deb", "-R", package, tree)
    control = tree / "DEBIAN" / "control"
    control.write_text(re.sub(r"^Version: .*", "Version: 99.0", control.read_text(),
                              flags=re.MULTILINE))
    config = tree / "etc" / "sluice" / "sluice.toml"
    config.write_text(config.read_text() + "# of the next version\n")
    deb = folder / "next.deb"
    run("dpkg-deb", "--root-owner-group", "-b", tree, deb)
    return deb


def test_it_holds_what_a_machine_needs(package):
    listing = {}
    for line in run("dpkg-deb", "-c", package).splitlines():
        mode, owner, _, _, _, name = line.split(None, 5)
        listing[name.removeprefix(".")] = (mode, owner)
    for name, mode in {"/usr/bin/sluice": "-rwxr-xr-x",
                       "/lib/systemd/system/sluice.service": "-rw-r--r--",
                       "/etc/sluice/sluice.toml": "-rw-r--r--",
                       "/etc/logrotate.d/sluice": "-rw-r--r--",
                       "/usr/include/sluice/plugin.h": "-rw-r--r--",
                       "/usr/share/man/man8/sluice.8.gz": "-rw-r--r--",
                       "/usr/share/doc/sluice/operations.md": "-rw-r--r--",
                       "/usr/share/doc/sluice/copyright": "-rw-r--r--"}.items():
        assert listing.get(name) == (mode, "root/root"), f"{name}: {listing.get(name)}"
    programs = [name for name, (mode, _) in listing.items() if mode.startswith("-") and "x" in mode]
    assert programs == ["/usr/bin/sluice"]   # one binary (G7)


def test_its_control_data_name_the_libraries_and_the_edited_files(package):
    control = run("dpkg-deb", "-I", package)
    version = re.search(r"project\(sluice VERSION ([\d.]+)",
                        (ROOT / "CMakeLists.txt").read_text()).group(1)
    assert f" Version: {version}\n" in control
    depends = re.search(r"^ Depends: (.*)$", control, re.MULTILINE).group(1)
    for name in ("adduser", "libc6", "libssl3", "libuv1", "libc-ares2", "libtomlplusplus3", "libwebsockets17"):
        assert re.search(rf"\b{re.escape(name)}\b", depends), f"{name} in {depends}"
    files = run("dpkg-deb", "-I", package, "conffiles").split()
    assert sorted(files) == ["/etc/logrotate.d/sluice", "/etc/sluice/sluice.toml"]


@pytest.mark.skipif(not shutil.which("lintian"), reason="lintian is not installed")
def test_lintian_finds_no_error(package):
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", str(package)],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def namespaces():
    """Whether this user may make the namespaces that package_life.py needs."""
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("ip"):
        return False
    probe = "mount -t tmpfs t /mnt && mkdir /mnt/u /mnt/w /mnt/m && " \
            "mount -t overlay o -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w /mnt/m"
    return subprocess.run(["unshare", "--mount", "--net", "sh", "-c", probe],
                          capture_output=True).returncode == 0


@pytest.mark.skipif(not namespaces(), reason="not root with overlay file systems")
def test_it_installs_serves_keeps_an_edit_on_upgrade_and_goes(package, next_package, tmp_path):
    script = Path(__file__).parent / "support" / "package_life.py"
    said = run("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", sys.executable,
               script, package, next_package, tmp_path)
    assert [word for word in said.split("\n") if word in
            ("installed", "served", "upgraded", "purged")] == \
        ["installed", "served", "upgraded", "purged"], said
