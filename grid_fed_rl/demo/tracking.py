"""Learning curves and results, sent to Weights & Biases where that is chosen."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from grid_fed_rl.demo.config import DemoConfig

__all__ = ["Tracker", "tracking"]


class Tracker(Protocol):
    """Takes numbers as they come."""

    def __call__(self, numbers: Mapping[str, float], /) -> None:
        """Take numbers by name."""
        ...


@contextmanager
def tracking(config: DemoConfig, folder: Path, settings: Mapping[str, Any]) -> Iterator[Tracker]:
    """Open the tracker of the configuration; without one, numbers go nowhere."""
    if config.tracking.kind == "none":
        yield lambda _: None
        return
    import wandb

    run = wandb.init(
        project=config.tracking.project,
        mode=config.tracking.mode,
        name=folder.name,
        dir=folder,
        config=dict(settings),
    )
    try:
        yield lambda numbers: run.log(dict(numbers))
    finally:
        run.finish()
