"""Runs every suite and sums up: `N passed, N failed` is the last line, exit 1 on failure.

Groups: release (C++ tests, include graph, end to end), asan (C++ tests, end to end),
tsan (what has threads). Failures are printed in full, the rest in one line per suite. SLUICE_FULL=1
makes the end to end tests longer and larger.
"""
import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
import xml.etree.ElementTree as xml
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
SUMMARY = ROOT / "build" / "test-summary.txt"
GROUPS = ("release", "asan", "tsan")
THREADED = ("base", "control", "export", "loop", "net", "observe", "policy")  # unit folders with threads: these run under TSan
CPP_SECONDS_MAX = 300                 # for one test program, sanitized ones included
FULL = bool(os.environ.get("SLUICE_FULL"))   # end to end tests at the sizes and for the times that are promised
E2E_SECONDS_MAX = 7200 if FULL else 900
AT_ONCE = 4                           # programs of tests, and files of end to end tests: they mostly wait
SANITIZER_ENV = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=99",
    "TSAN_OPTIONS": "halt_on_error=0:exitcode=99:second_deadlock_stack=1",
}


@dataclass
class Sum:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list = field(default_factory=list)   # texts to print

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures = self.failures + other.failures

    def __str__(self):
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def broken(text):
    """A suite that could not run at all."""
    return Sum(failed=1, failures=[text])


def run(command, seconds, **options):
    """gives: (exit code, output); a time-out is a failure like another"""
    try:
        child = subprocess.Popen([str(part) for part in command], cwd=ROOT, text=True,
                                 errors="replace",
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    except OSError as error:
        return 127, f"*** {command[0]}: {error.strerror}"
    try:
        output, _ = child.communicate(timeout=seconds)
        return child.returncode, output
    except subprocess.TimeoutExpired:
        return 124, f"{interrupt(child)}\n*** not done within {seconds} s: {command[0]}"


def interrupt(child):
    """Ends it by SIGINT first, so that pytest stops the gateways that it started; gives its
    output."""
    child.send_signal(signal.SIGINT)
    try:
        return child.communicate(timeout=60)[0]
    except subprocess.TimeoutExpired:
        child.kill()
        return child.communicate()[0]


def ninja(preset, targets):
    # -k 0: what can be built is built, so that its tests still run.
    return ["ninja", "--quiet", "-k", "0", "-C", f"build/{preset}", *targets]


class Ahead:
    """The next group's build, on what the tests before it leave of the processors."""
    child = None

    @classmethod
    def start(cls, preset, targets=()):
        if run(["cmake", "--preset", preset], 120)[0] == 0:
            cls.child = subprocess.Popen(["chrt", "--idle", "0", *ninja(preset, targets)], cwd=ROOT,
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @classmethod
    def finish(cls):
        if cls.child:
            cls.child.wait()     # nothing else runs now, so it has all of them
            cls.child = None


def build(preset, targets=()):
    Ahead.finish()
    code, output = run(["cmake", "--preset", preset], 120)
    if code == 0:
        code, output = run(ninja(preset, targets), 1800)
    return Sum(passed=1) if code == 0 else broken(tail(output, 200))


def tail(text, lines):
    kept = text.splitlines()[-lines:]
    return "\n".join(kept)


def cpp_programs():
    """Names of the test programs that the sources ask for, built or not."""
    names = [path.name for path in sorted((TESTS / "unit").iterdir())
             if path.is_dir() and any(path.rglob("*.cc"))]
    return [*(f"test_{name}" for name in names), "test_flow"]


def cpp(preset, programs=None):
    total = Sum()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for one in pool.map(lambda program: cpp_program(preset, program), programs or cpp_programs()):
            total.add(one)
    return total


def cpp_program(preset, program):
    binary = ROOT / "build" / preset / program
    report = ROOT / "build" / preset / f"{program}.json"
    report.unlink(missing_ok=True)
    if not binary.exists():
        return broken(f"{program}: not built")
    code, output = run([binary, "--gtest_brief=1", f"--gtest_output=json:{report}"],
                       CPP_SECONDS_MAX, env={**os.environ, **SANITIZER_ENV})
    try:
        result = read_gtest(json.loads(report.read_text()))
    except (OSError, ValueError):
        return broken(f"{program}: ended with code {code} before its report\n{tail(output, 200)}")
    # a leak or a race found at the end; a program without a test
    if not result.failed and (code != 0 or result.passed + result.skipped == 0):
        result.failed += 1
    if result.failed:
        result.failures = [f"{program}: code {code}\n{tail(output, 300)}"]
    return result


def read_gtest(report):
    result = Sum()
    for suite in report["testsuites"]:
        for test in suite["testsuite"]:
            if test.get("result") == "SKIPPED" or test.get("status") == "NOTRUN":
                result.skipped += 1
            elif test.get("failures"):
                result.failed += 1
            else:
                result.passed += 1
    return result


def pytest(name, paths, preset=None, marks=None):
    report = ROOT / "build" / f"pytest-{name.replace(' ', '-')}.xml"
    report.parent.mkdir(exist_ok=True)
    report.unlink(missing_ok=True)
    environment = {**os.environ, **SANITIZER_ENV, "PYTHONDONTWRITEBYTECODE": "1"}
    if preset:
        binary = ROOT / "build" / preset / "sluice"
        if not binary.exists():
            return broken(f"{name}: {binary} is not built")
        environment["SLUICE_BINARY"] = str(binary)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short",
               *(["-n", str(AT_ONCE), "--dist", "loadfile"] if preset else []),
               f"--junitxml={report}", *(["-m", marks] if marks else []), *paths]
    code, output = run(command, E2E_SECONDS_MAX, env=environment)
    try:
        result = read_junit(xml.parse(report).getroot())
    except (OSError, xml.ParseError):
        return broken(f"{name}: pytest ended with code {code}\n{tail(output, 200)}")
    if code not in (0, 1) and not result.failed:
        result.failed += 1
    if result.failed:
        result.failures = [output]
    return result


def read_junit(root):
    result = Sum()
    for case in root.iter("testcase"):
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            result.failed += 1
        elif "skipped" in kinds:
            result.skipped += 1
        else:
            result.passed += 1
    return result


def together(*suites):
    """Suites that mostly wait, at the same time."""
    total = Sum()
    with ThreadPoolExecutor(len(suites)) as pool:
        for one in pool.map(lambda suite: suite(), suites):
            total.add(one)
    return total


def targets_of(group):
    """What is built of it; nothing means all."""
    return [*(f"test_{name}" for name in THREADED), "sluice", "plugin_api_version"] if group == "tsan" else []


def suites(groups):
    """(group, name, function) in the order in which they run."""
    threaded = [f"test_{name}" for name in THREADED]
    every = [
        ("release", "build", lambda: build("release")),
        ("release", "unit and flow", lambda: cpp("release")),
        ("release", "include graph", lambda: pytest("include-graph",
                                                    ["tests/include_graph_test.py"])),
        ("release", "bench report", lambda: pytest("bench-report", ["tests/bench_report_test.py"])),
        ("release", "end to end", lambda: pytest("e2e-release", ["tests/e2e"], "release")),
        ("asan", "build", lambda: build("asan")),
        ("asan", "unit and flow", lambda: cpp("asan")),
        ("asan", "end to end", lambda: pytest("e2e-asan", ["tests/e2e"], "asan")),
        ("tsan", "build", lambda: build("tsan", targets_of("tsan"))),
        ("tsan", "all tests", lambda: together(lambda: cpp("tsan", threaded),
                                               lambda: pytest("e2e-tsan", ["tests/e2e"], "tsan", "threads"))),
    ]
    return [suite for suite in every if suite[0] in groups]


def attempt(name, suite):
    """The suite's sum, whatever happens within it."""
    try:
        return suite()
    except Exception:   # a suite may break, the sum may not
        return broken(f"{name}: {traceback.format_exc()}")


def cpu_seconds():
    """What the children that have ended used, user and system."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", nargs="+", default=GROUPS, choices=GROUPS)
    chosen = options.parse_args().only
    groups = [group for group in GROUPS if group in chosen]
    os.umask(0o022)
    total = Sum()
    for group, name, suite in suites(groups):
        started, used = time.monotonic(), cpu_seconds()
        result = attempt(name, suite)
        if name == "build" and group != groups[-1]:
            after = groups[groups.index(group) + 1]
            Ahead.start(after, targets_of(after))
        total.add(result)
        print(f"{group:8} {name:14} {result} ({time.monotonic() - started:.0f} s, "
              f"{cpu_seconds() - used:.0f} s of CPU)", flush=True)
        for text in result.failures:
            print(text, flush=True)
    if total.skipped:
        print(f"{total.skipped} skipped")
    last = f"{total.passed} passed, {total.failed} failed"
    SUMMARY.parent.mkdir(exist_ok=True)
    SUMMARY.write_text(f"{last}\n")
    print(last)
    sys.exit(1 if total.failed else 0)


if __name__ == "__main__":
    main()
