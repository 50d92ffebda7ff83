"""Builds the fuzz targets and runs each for a while; a finding stays under build/fuzz/findings."""
import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "fuzz"


def build(names):
    subprocess.run(["cmake", "--preset", "fuzz"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "--quiet", "-C", BUILD, *names], check=True)


def run(name, seconds):
    """Fuzzes one target; new inputs go to the build folder, the checked-in corpus is only read."""
    seeds = ROOT / "tests" / "fuzz" / "corpus" / name.removesuffix("_fuzz")
    found, corpus = BUILD / "findings" / name, BUILD / "corpus" / name
    for folder in (found, corpus):
        folder.mkdir(parents=True, exist_ok=True)
    command = [BUILD / name, corpus, *([seeds] if seeds.is_dir() else []),
               f"-max_total_time={seconds}", f"-artifact_prefix={found}/", "-print_final_stats=1"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace",
                          env={**os.environ, "ASAN_OPTIONS": "detect_leaks=1"})
    if done.returncode != 0:
        print(f"{name}: FAILED, input in {found}\n{done.stderr[-6000:]}")
    else:
        runs = [line for line in done.stderr.splitlines() if "number_of_executed_units" in line]
        print(f"{name}: clean, {runs[0].split()[-1] if runs else '?'} runs")
    return done.returncode == 0


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("names", nargs="*", help="targets; all when none is given")
    chosen = options.parse_args()
    names = chosen.names or sorted(p.stem for p in (ROOT / "tests" / "fuzz").glob("*_fuzz.cc"))
    build(names)
    results = [run(name, chosen.seconds) for name in names]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    sys.exit(0 if results and all(results) else 1)


if __name__ == "__main__":
    main()
