"""Learning curves and results, sent to Weights & Biases where that is chosen."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from grid_fed_rl.demo.config import DemoConfig
from grid_fed_rl.demo.learners import LEARNERS
from grid_fed_rl.errors import GridFedRLError

__all__ = ["Tracker", "tracking"]


class Tracker(Protocol):
    """Takes numbers as they come."""

    def __call__(self, numbers: Mapping[str, float], /) -> None:
        """Take numbers by name."""
        ...


@contextmanager
def tracking(config: DemoConfig, folder: Path) -> Iterator[Tracker]:
    """Open the tracker of the configuration; without one, numbers go nowhere.

    Raises:
        GridFedRLError: Weights & Biases is to be reached and is not.
    """
    if config.tracking.kind == "none":
        yield lambda _: None
        return
    import wandb

    try:
        run = wandb.init(
            project=config.tracking.project,
            mode=config.tracking.mode,
            name=folder.name,
            dir=folder,
            config=asdict(config),
        )
    except wandb.Error as error:
        raise GridFedRLError(
            f"tracking.mode is {config.tracking.mode!r}: {str(error).rstrip('.')}; log in with "
            "'wandb login', or choose tracking.mode=offline"
        ) from error
    with run:
        for name in LEARNERS:
            run.define_metric(f"{name}/score_usd_per_day", step_metric=f"{name}/steps")
        yield lambda numbers: run.log(dict(numbers))
