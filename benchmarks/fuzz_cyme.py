"""CYME's readers under mutated exports: only a `CymeError` ever leaves them, and nothing hangs.

A case follows from the seed and its number, so that a run goes on where it stopped: what is done
of a seed is kept in `runs/fuzz_cyme`. A case that breaks something is written there too, to be
mended and then kept in tests/feeders/cyme/corpus.

    python benchmarks/fuzz_cyme.py --cases 100000 --seed 1
    python benchmarks/fuzz_cyme.py --cases 100000 --seed 1 --json --samples EXPORT [EXPORT ...]
    python benchmarks/fuzz_cyme.py --atheris 300

With `--atheris SECONDS` the package atheris, if it is installed, mutates the bytes itself, led by
which lines of the readers they reach.
"""

import argparse
import json
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from time import process_time
from typing import Any

from cyme_mutations import Case, Samples, draw
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "runs" / "fuzz_cyme"
LIMIT_S = 10.0  # of the processor, a case; the largest sample takes a fiftieth of a second
CHUNK = 1000


class TooLong(Exception):  # noqa: N818
    """A case took more of the processor than any case may."""


@dataclass
class Tally:
    """What became of the cases of a seed."""

    seed: int
    samples: list[str]  # folders besides the fixtures; other samples make other cases
    cases: int = 0
    read: int = 0  # made a dataset
    refused: int = 0  # raised CymeError
    text: int = 0
    xml: int = 0
    faults: int = 0  # in all errors together
    slowest_s: float = 0.0
    processor_s: float = 0.0
    broken: list[str] = field(default_factory=list)


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Interrupt what takes more of the processor."""

    def stop(*_: object) -> None:
        raise TooLong(f"more than {seconds} s")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        signal.signal(signal.SIGVTALRM, before)


def check(case: Case) -> int:
    """Read a case.

    Returns:
        How many faults it has; 0 where it makes a dataset.

    Raises:
        Exception: the readers let through what they should not; whatever it is.
    """
    from grid_fed_rl.errors import CymeError
    from grid_fed_rl.feeders.cyme.text_reader import read_text_data
    from grid_fed_rl.feeders.cyme.xml_reader import read_xml_data

    try:
        if case.xml:
            read_xml_data(*case.files[0])
        else:
            read_text_data(case.files)
    except CymeError as error:
        faults = error.faults
        words = str(error)
    else:
        return 0
    assert faults, "an error without faults"
    assert words, "an error without words"
    for fault in faults:
        assert getattr(fault, "expected", ""), f"{fault!r} says not what would be right"
    return len(faults)


def keep(folder: Path, name: str, case: Case) -> None:
    """Write a case down, as the corpus of the tests has them."""
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    for file, data in case.files:
        (place / file).write_bytes(data)


def fuzz(seed: int, cases: int, kept: Path, others: Sequence[Path], *, quiet: bool) -> Tally:
    """Run the cases of a seed that are not done yet."""
    state = kept / f"seed-{seed}.json"
    names = [folder.name for folder in others]
    tally = Tally(**json.loads(state.read_text())) if state.exists() else Tally(seed, names)
    if tally.samples != names:
        sys.exit(f"{state} was begun with samples {tally.samples}, not {names}; take another seed")
    samples = Samples(others)
    bar = Progress(
        TextColumn("cases"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=quiet,
    )
    kept.mkdir(parents=True, exist_ok=True)
    with bar:
        task = bar.add_task("cases", total=cases, completed=min(cases, tally.cases))
        while tally.cases < cases:
            for number in range(tally.cases, min(cases, tally.cases + CHUNK)):
                one(tally, samples, number, kept)
            state.write_text(json.dumps(asdict(tally), indent=1))
            bar.update(task, completed=tally.cases)
    return tally


def one(tally: Tally, samples: Samples, number: int, kept: Path) -> None:
    """Run one case and count it."""
    case = draw(samples, f"{tally.seed}:{number}")
    start = process_time()
    try:
        with limit(LIMIT_S):
            faults = check(case)
    except Exception as error:
        name = f"{tally.seed}-{number}"
        tally.broken.append(f"{name}: {type(error).__name__}: {error}"[:300])
        keep(kept, name, case)
        (kept / name / "traceback").write_text(traceback.format_exc())
        faults = 0
    else:
        tally.read += not faults
        tally.refused += bool(faults)
    took = process_time() - start
    tally.slowest_s = max(tally.slowest_s, took)
    tally.processor_s += took
    tally.faults += faults
    tally.xml += case.xml
    tally.text += not case.xml
    tally.cases += 1


def with_atheris(seconds: int, others: Sequence[Path]) -> None:
    """Let atheris mutate bytes: the first says whether they are XML. Does not return."""
    try:
        atheris: Any = import_module("atheris")
    except ImportError:
        sys.exit("atheris is not installed here; pip install atheris, or leave --atheris out")
    with atheris.instrument_imports(include=["grid_fed_rl.feeders.cyme"]):
        check(Case(False, ()))

    def test(data: bytes) -> None:
        xml = data[:1] == b"x"
        with limit(LIMIT_S):
            check(Case(xml, (("file", data[1:]),)))

    with tempfile.TemporaryDirectory() as folder:
        samples = Samples(others)
        for i in range(200):
            case = draw(samples, f"atheris:{i}")
            data = b"".join(data for _, data in case.files)
            Path(folder, str(i)).write_bytes((b"x" if case.xml else b"t") + data)
        atheris.Setup([sys.argv[0], f"-max_total_time={seconds}", "-max_len=20000", folder], test)
        atheris.Fuzz()


def main() -> None:
    """Run the cases of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one object, and no bar")
    parser.add_argument(
        "--samples", type=Path, nargs="+", default=[], help="folders of text exports, to be mutated"
    )
    parser.add_argument("--kept", type=Path, default=KEPT, help="where progress and finds go")
    parser.add_argument("--atheris", type=int, metavar="SECONDS", help="let atheris mutate")
    arguments = parser.parse_args()
    if arguments.atheris:
        with_atheris(arguments.atheris, arguments.samples)
    tally = fuzz(
        arguments.seed,
        arguments.cases,
        arguments.kept,
        arguments.samples,
        quiet=arguments.json,
    )
    if arguments.json:
        print(json.dumps(asdict(tally)))
    else:
        print(
            f"{tally.cases} cases: {tally.read} read, {tally.refused} refused with "
            f"{tally.faults} faults, {len(tally.broken)} broken; "
            f"{tally.text} text, {tally.xml} XML; slowest {tally.slowest_s:.3f} s"
        )
        print(*tally.broken, sep="\n")
    sys.exit(1 if tally.broken else 0)


if __name__ == "__main__":
    main()
