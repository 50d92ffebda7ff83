"""The compiler's cache, for those who have one: nothing is built of a header's text of another day."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

LAUNCHER = Path(__file__).resolve().parents[2] / "packaging" / "cmake" / "ccache-launcher"
BUILD = f"""cmake_minimum_required(VERSION 3.20)
project(small CXX)
set(CMAKE_CXX_COMPILER_LAUNCHER {LAUNCHER})
add_executable(small main.cc)
target_compile_options(small PRIVATE -fpch-preprocess)
target_precompile_headers(small PRIVATE ${{CMAKE_SOURCE_DIR}}/wide.h)
"""


@pytest.mark.skipif(not shutil.which("ccache"), reason="no ccache here")
def test_a_precompiled_header_is_never_that_of_another_day(tmp_path):
    (tmp_path / "CMakeLists.txt").write_text(BUILD)
    (tmp_path / "main.cc").write_text('#include "wide.h"\n#include <cstdio>\nint main() { std::printf("%d", kWide); }\n')
    environment = {**os.environ, "CCACHE_DIR": str(tmp_path / "cache"), "CCACHE_TEMPDIR": str(tmp_path / "cache")}
    environment.pop("CCACHE_DISABLE", None)
    build = tmp_path / "build"

    def made_of(value):
        (tmp_path / "wide.h").write_text(f"#pragma once\ninline constexpr int kWide = {value};\n")
        os.utime(tmp_path / "wide.h", ns=(made_of.time, made_of.time))   # ninja compares times, and this is quick
        made_of.time += 1_000_000_000
        for command in (["cmake", "-G", "Ninja", "-B", build], ["ninja", "-C", build]):
            subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
        return subprocess.run([build / "small"], check=True, capture_output=True, text=True).stdout

    made_of.time = (tmp_path / "main.cc").stat().st_mtime_ns + 10_000_000_000
    for second in (2, 3):   # each after a first build of the same text, which the cache knows the second time
        shutil.rmtree(build, ignore_errors=True)
        assert made_of(1) == "1"
        assert made_of(second) == str(second)
