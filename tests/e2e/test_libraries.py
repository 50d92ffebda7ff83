"""Which shared libraries the program needs: a fixed list, so that none slips in unseen."""
import re
import subprocess

import pytest
from support.gateway import run_command
from support.timing import BINARY

NEEDED = {
    "libc.so.6", "ld-linux-x86-64.so.2", "libgcc_s.so.1", "libstdc++.so.6",   # what every program of C++ has
    "libuv.so.1",                                                             # the event loop
    "libcares.so.2",                                                          # DNS
    "libssl.so.3", "libcrypto.so.3",                                          # TLS, signatures
    "libnghttp2.so.14",                                                       # HTTP/2
    "libz.so.1",                                                              # compressed frames of WebSockets
    "libwebsockets.so.17",                                                    # health checks by WebSocket, nothing else
    "libhiredis.so.0.14",                                                     # replies of Redis
    "libargon2.so.1", "libcrypt.so.1",                                        # passwords
    "libtomlplusplus.so.3",                                                   # the configuration
    "libsimdjson.so.14",                                                      # JSON
    "libfmt.so.9",                                                            # the logs
    "libprometheus-cpp-core.so.1.0",                                          # /metrics
}


@pytest.mark.plain_build   # a sanitizer brings its own
def test_the_program_needs_these_libraries_and_no_others():
    dynamic = subprocess.run(["readelf", "-dW", str(BINARY)], capture_output=True, text=True, check=True, timeout=60).stdout
    needed = re.findall(r"\(NEEDED\).*\[(.+)\]", dynamic)
    assert len(needed) == len(set(needed)) and set(needed) == NEEDED
    assert "(RPATH)" not in dynamic and "(RUNPATH)" not in dynamic   # found where the system keeps them


def test_version_names_the_libraries_that_read_what_strangers_send():
    lines = run_command("version").stdout.splitlines()
    number = r"\d+\.\d+\.\d+"
    assert len(lines) == 5
    for line, form in zip(lines, [f"sluice {number}", f"OpenSSL {number} .+", f"llhttp {number}, nghttp2 {number}",
                                  rf"libuv {number}\S*, c-ares {number}", rf"g\+\+ {number}"], strict=True):
        assert re.fullmatch(form, line), line
