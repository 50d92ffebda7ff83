"""Every parser has a fuzz target, a corpus, and its row in the documents."""
import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FUZZ = ROOT / "tests" / "fuzz"
TARGETS = sorted(path.stem for path in FUZZ.glob("*_fuzz.cc"))
CORPUS_BYTES_MAX = 1 << 20


def runner():
    spec = importlib.util.spec_from_file_location("fuzz_run", FUZZ / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows():
    """{target: the cells of its row} of docs/fuzzing.md"""
    page = (ROOT / "docs" / "fuzzing.md").read_text()
    return {cells[0].strip("` "): [cell.strip() for cell in cells[1:]] for cells in
            (line.strip("|").split("|") for line in page.splitlines() if line.startswith("| `"))}


def test_there_are_targets():
    assert len(TARGETS) >= 9


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_names_its_parser_and_has_a_corpus(name):
    run = runner()
    for entry in run.PARSERS[name]:
        path, _, functions = entry.partition(":")
        source = (ROOT / "src" / path).read_text()
        assert all(function in source for function in functions.split(",")), entry
    assert len(list(run.seeds_of(name).iterdir())) >= 4


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_has_its_row(name):
    assert name in rows(), f"docs/fuzzing.md has no row for {name}"
    seconds, executions, coverage, *_ = rows()[name]
    assert int(seconds) > 0 and int(executions.replace(",", "")) > 0
    assert re.fullmatch(r"\d+(\.\d)? %", coverage)


def test_the_corpora_are_small():
    total = sum(path.stat().st_size for path in (FUZZ / "corpus").rglob("*") if path.is_file())
    assert total < CORPUS_BYTES_MAX
