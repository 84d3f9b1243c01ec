"""A main job that is whole and takes seconds, and what it said."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from grid_fed_rl.cli.configuration import compose
from grid_fed_rl.demo import run

Settings = dict[str, Any]
Job = Callable[..., str]

TINY = (
    "feeder=ieee13",
    "~utilities.desert",
    "~utilities.northern",
    "~utilities.milltown",
    "size.steps=24",
    "size.batch_size=16",
    "federated.rounds=2",
    "privacy.rounds=2",
    "privacy.local_steps=1",
    "evaluation.lanes=64",
    "evaluation.validation_days=1",
    "evaluation.curve_points=1",
)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny() -> Settings:
    """Settings of the job with two utilities on the small feeder and hardly any learning."""
    return compose(TINY)


@pytest.fixture(scope="session")
def job(tiny: Settings) -> Job:
    """Run the job by a name and return what stood on an 80-column screen."""

    def finish(runs_dir: Path, name: str, **changes: object) -> str:
        screen = io.StringIO()
        settings = {**tiny, "runs_dir": str(runs_dir), "run": name, **changes}
        report = run(settings, Console(file=screen, width=80))
        assert report == runs_dir / name / "report.html"
        return screen.getvalue()

    return finish
