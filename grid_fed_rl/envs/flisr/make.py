"""What Gymnasium calls to make the restoration task."""

from typing import TypedDict, Unpack

from grid_fed_rl.envs.flisr.case import FLISRCase, flisr_case
from grid_fed_rl.envs.flisr.config import FLISRConfig
from grid_fed_rl.envs.flisr.env import FLISREnv, FLISRVectorEnv
from grid_fed_rl.errors import TaskError
from grid_fed_rl.scenarios import UtilityConfig

__all__ = ["FLISROptions", "make_single", "make_vector"]


class FLISROptions(TypedDict, total=False):
    """What `gymnasium.make` takes for the restoration task; see `flisr_case`."""

    utility: str | UtilityConfig
    year_seed: int
    split: str
    config: FLISRConfig | None


def make_single(feeder: str, **options: Unpack[FLISROptions]) -> FLISREnv:
    """Make the single environment.

    Raises:
        TaskError: an option is unknown, or names what does not exist.
    """
    return FLISREnv(_case(feeder, options))


def make_vector(
    feeder: str,
    num_envs: int = 1,
    autoreset_mode: str = "NextStep",
    threads: int | None = None,
    **options: Unpack[FLISROptions],
) -> FLISRVectorEnv:
    """Make the vector environment.

    Raises:
        TaskError: an option is unknown, or names what does not exist.
    """
    return FLISRVectorEnv(_case(feeder, options), num_envs, autoreset_mode, threads)


def _case(feeder: str, options: FLISROptions) -> FLISRCase:
    known = FLISROptions.__annotations__
    unknown = sorted(options.keys() - known.keys())
    if unknown:
        raise TaskError(f"no option {unknown[0]!r}; known: {', '.join(known)}")
    return flisr_case(feeder, **options)
