"""Ids of the environments, and what Gymnasium calls to make them.

Importing this module imports no engine: entry points are strings, and the rooms
they need are loaded when an environment is made.
"""

from typing import TYPE_CHECKING, TypedDict, Unpack

import gymnasium

from grid_fed_rl.errors import TaskError

if TYPE_CHECKING:
    from grid_fed_rl.envs.action import ActionMode
    from grid_fed_rl.envs.case import Case
    from grid_fed_rl.envs.single import GridEnv
    from grid_fed_rl.envs.vector import GridVectorEnv
    from grid_fed_rl.envs.vvo import VVOConfig
    from grid_fed_rl.scenarios import UtilityConfig

__all__ = ["ENV_IDS", "FLISR_IDS", "register"]

ENV_IDS = {
    "GridFedRL/IEEE13-VVO-v0": "ieee13",
    "GridFedRL/IEEE123-VVO-v0": "ieee123",
}
FLISR_IDS = {
    "GridFedRL/IEEE123-FLISR-v0": "ieee123",
    "GridFedRL/IEEE8500-FLISR-v0": "ieee8500",
    "GridFedRL/BaranWu33-FLISR-v0": "baran_wu_33",
}


class VVOOptions(TypedDict, total=False):
    """What `gymnasium.make` takes for the volt-var task; see `vvo.vvo_case`."""

    utility: "str | UtilityConfig"
    year_seed: int
    split: str
    observe: str
    local_controls: bool
    config: "VVOConfig"


def register() -> None:
    """Register every id with Gymnasium; ids already there are left alone."""
    for env_id, feeder in ENV_IDS.items():
        if env_id not in gymnasium.registry:
            gymnasium.register(
                env_id,
                entry_point=f"{__name__}:make_single",
                vector_entry_point=f"{__name__}:make_vector",
                kwargs={"feeder": feeder},
            )
    for env_id, feeder in FLISR_IDS.items():
        if env_id not in gymnasium.registry:
            gymnasium.register(
                env_id,
                entry_point="grid_fed_rl.envs.flisr.make:make_single",
                vector_entry_point="grid_fed_rl.envs.flisr.make:make_vector",
                kwargs={"feeder": feeder},
            )


def make_single(
    feeder: str, action_mode: "ActionMode" = "continuous", **options: Unpack[VVOOptions]
) -> "GridEnv":
    """Make the single environment of the volt-var task.

    Raises:
        TaskError: an option is unknown, or names what does not exist.
    """
    from grid_fed_rl.envs.single import GridEnv

    return GridEnv(_case(feeder, options), action_mode)


def make_vector(
    feeder: str,
    num_envs: int = 1,
    autoreset_mode: str = "NextStep",
    threads: int | None = None,
    action_mode: "ActionMode" = "continuous",
    **options: Unpack[VVOOptions],
) -> "GridVectorEnv":
    """Make the vector environment of the volt-var task.

    Raises:
        TaskError: an option is unknown, or names what does not exist.
    """
    from grid_fed_rl.envs.vector import GridVectorEnv

    case = _case(feeder, options)
    return GridVectorEnv(case, num_envs, autoreset_mode, threads, action_mode)


def _case(feeder: str, options: VVOOptions) -> "Case":
    from grid_fed_rl.envs.vvo import vvo_case

    known = VVOOptions.__annotations__
    unknown = sorted(options.keys() - known.keys())
    if unknown:
        raise TaskError(f"no option {unknown[0]!r}; known: {', '.join(known)}")
    return vvo_case(feeder, **options)
