from dataclasses import replace

import numpy as np
import pytest

from grid_fed_rl.envs.flisr import FLISRCase, FLISRConfig, FLISRVectorEnv, flisr_case
from grid_fed_rl.scenarios import Year, year_from_arrays


def flat_year(case: FLISRCase, factor: float = 1.0) -> Year:
    """One day on which every load draws its nominal power, times a factor, all day."""
    loads = case.network.feeder.loads.values()
    hours = np.ones((24, 1)) * factor
    return year_from_arrays(
        "flat",
        hours * np.array([one.kw for one in loads]),
        hours * np.array([one.kvar for one in loads]),
        np.zeros((24, 0)),
        np.zeros(24),
        np.zeros(24),
    )


@pytest.fixture(scope="session")
def flat():
    """A case on which loads never change and no second fault comes."""

    def make(feeder: str = "ieee123", factor: float = 1.0, **changes) -> FLISRCase:
        config = FLISRConfig(**{"second_fault": 0.0, **changes})
        case = flisr_case(feeder, config=config)
        return replace(case, year=flat_year(case, factor), hours=np.arange(24))

    return make


@pytest.fixture(scope="session")
def do():
    """Carry out actions by their names, one lane: the result of the last."""

    def run(envs: FLISRVectorEnv, *names: str):
        result = None
        for name in names:
            result = envs.step([envs.case.action_names.index(name)])
        assert result is not None
        return result

    return run


@pytest.fixture
def legal():
    """One random legal action a lane."""

    def draw(rng: np.random.Generator, mask: np.ndarray) -> np.ndarray:
        return np.argmax(rng.random(mask.shape) * mask, axis=-1)

    return draw
