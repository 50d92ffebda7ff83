"""How long the release build takes from nothing, and after an edit of one policy: rows for docs/benchmarks/README.md.

A copy of what is committed is built in a temporary folder, without a compiler's cache. The wall clock means something
only where nothing else runs.
"""
import argparse
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "CCACHE_DISABLE": "1"}


def run(folder, *command):
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {done.returncode}\n{done.stdout[-4000:]}")
    return done.stdout


def copy_tree(folder):
    archive = folder / "tree.tar"
    run(ROOT, "git", "archive", "--output", str(archive), "HEAD")
    run(folder, "tar", "-xf", str(archive))
    archive.unlink()


def measure(title, folder, *commands):
    """Runs them and prints a row: wall clock and CPU (user and system, of all their children)."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    said = [run(folder, *command) for command in commands]
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if "no work to do" in said[-1]:
        raise SystemExit(f"{title}: nothing to build")
    print(f"| {title} | {wall:.1f} s | {cpu:.1f} s |", flush=True)


def edited(folder, name):
    """As after an edit: newer than whatever was made of it."""
    path = folder / name
    path.write_text(path.read_text() + "// edited\n")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--program", default="sluice", help="the target that is built first")
    options.add_argument("--rest", default="all", help="the target that has the tests too; '' leaves it out")
    options.add_argument("--edit", default="src/policy/cors/cors.cc", help="the source that is edited")
    options.add_argument("--tests", default="test_policy", help="the target of its tests; '' leaves it out")
    options.add_argument("--jobs", type=int, default=os.cpu_count())
    chosen = options.parse_args()
    ninja = ["ninja", "-C", "build/release", f"-j{chosen.jobs}"]
    with tempfile.TemporaryDirectory(prefix="sluice-build-time-") as name:
        folder = Path(name)
        copy_tree(folder)
        print(f"| build, {chosen.jobs} at a time | wall clock | CPU |\n|---|---|---|", flush=True)
        measure(f"`{chosen.program}`, from nothing", folder, ["cmake", "--preset", "release"], [*ninja, chosen.program])
        if chosen.rest:
            measure("all tests beside it", folder, [*ninja, chosen.rest])
        edited(folder, chosen.edit)
        measure(f"`{chosen.program}` after an edit of `{chosen.edit}`", folder, [*ninja, chosen.program])
        if chosen.tests:
            measure(f"`{chosen.tests}` after it", folder, [*ninja, chosen.tests])


if __name__ == "__main__":
    main()
