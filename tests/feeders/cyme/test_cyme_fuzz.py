"""Exports gone wrong in every way that the fuzzer knows: a `CymeError`, or a dataset."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cyme_mutations import Case, Samples, draw
from fuzz_cyme import ROOT, check
from hypothesis import given, settings
from hypothesis import strategies as st

CORPUS = Path(__file__).parent / "corpus"
SAMPLES = Samples()
BITS = tuple(
    dict.fromkeys(
        line for export in SAMPLES.texts[:1] for _, text in export for line in text.split("\n")
    )
)


@given(st.integers(min_value=0))
@settings(max_examples=200, deadline=None)
def test_mutated_samples_make_a_dataset_or_faults(seed: int):
    check(draw(SAMPLES, f"hypothesis:{seed}"))


@given(st.lists(st.sampled_from(BITS) | st.text(max_size=20), max_size=40), st.booleans())
@settings(max_examples=100, deadline=None)
def test_lines_of_samples_in_any_order_make_a_dataset_or_faults(lines: list[str], whole: bool):
    head = ["[GENERAL]", "CYME_VERSION=9.0", "[SI]"] if whole else []
    check(Case(False, (("any.txt", "\n".join(head + lines).encode("utf-8", "replace")),)))


@given(st.binary(max_size=300), st.booleans())
@settings(max_examples=100, deadline=None)
def test_any_bytes_make_faults(data: bytes, xml: bool):
    assert check(Case(xml, (("any", data),)))


@pytest.mark.parametrize("case", sorted(CORPUS.iterdir()), ids=lambda path: path.name)
def test_what_once_broke_a_reader_does_not_again(case: Path):
    files = tuple((file.name, file.read_bytes()) for file in sorted(case.iterdir()))
    check(Case(files[0][0].endswith(".sxst"), files))


def fuzzed(kept: Path, cases: int) -> dict:
    command = [sys.executable, str(ROOT / "benchmarks" / "fuzz_cyme.py"), "--seed=7", "--json"]
    done = subprocess.run(
        [*command, f"--cases={cases}", f"--kept={kept}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_fuzzer_goes_on_where_it_stopped(tmp_path: Path):
    first = fuzzed(tmp_path, 30)
    assert (first["cases"], first["read"] + first["refused"], first["broken"]) == (30, 30, [])
    again = fuzzed(tmp_path, 40)
    assert (again["cases"], again["text"] + again["xml"]) == (40, 40)
    whole = fuzzed(tmp_path / "other", 40)
    for key in ("read", "refused", "text", "xml", "faults"):
        assert again[key] == whole[key]
