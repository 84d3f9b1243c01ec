"""Ids of the environments, and what Gymnasium calls to make them.

Importing this module imports no engine: entry points are strings, and the rooms
they need are loaded when an environment is made.
"""

from os import PathLike
from typing import TYPE_CHECKING, TypedDict, Unpack

import gymnasium

from grid_fed_rl.errors import TaskError

if TYPE_CHECKING:
    from grid_fed_rl.envs.action import ActionMode
    from grid_fed_rl.envs.case import Case
    from grid_fed_rl.envs.powergym import PowerGymEnv, PowerGymVectorEnv
    from grid_fed_rl.envs.single import GridEnv
    from grid_fed_rl.envs.vector import GridVectorEnv
    from grid_fed_rl.envs.vvo import VVOConfig
    from grid_fed_rl.scenarios import UtilityConfig

__all__ = ["ENV_IDS", "POWERGYM_IDS", "register"]

ENV_IDS = {
    "GridFedRL/IEEE13-VVO-v0": "ieee13",
    "GridFedRL/IEEE123-VVO-v0": "ieee123",
}

# By the names that the benchmark gives its systems; see `powergym`.
POWERGYM_IDS = {
    f"GridFedRL/PowerGym-{system}-v0": system
    for system in ("13Bus", "34Bus", "123Bus", "13Bus_soc", "34Bus_soc", "123Bus_soc")
}


class VVOOptions(TypedDict, total=False):
    """What `gymnasium.make` takes for the volt-var task; see `vvo.vvo_case`."""

    utility: "str | UtilityConfig"
    year_seed: int
    split: str
    observe: str
    local_controls: bool
    inverters: bool
    objective: str
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
    for env_id, system in POWERGYM_IDS.items():
        if env_id not in gymnasium.registry:
            gymnasium.register(
                env_id,
                entry_point=f"{__name__}:make_powergym",
                vector_entry_point=f"{__name__}:make_powergym_vector",
                kwargs={"system": system},
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


def make_powergym(system: str, data: str | PathLike[str] | None = None) -> "PowerGymEnv":
    """Make the single environment of a system of PowerGym; see `powergym.task`.

    Raises:
        TaskError: `data` or a file in it is missing.
    """
    from grid_fed_rl.envs.powergym import PowerGymEnv, powergym_task

    return PowerGymEnv(powergym_task(system, data))


def make_powergym_vector(
    system: str,
    data: str | PathLike[str] | None = None,
    num_envs: int = 1,
    autoreset_mode: str = "NextStep",
    threads: int | None = None,
) -> "PowerGymVectorEnv":
    """Make the vector environment of a system of PowerGym.

    Raises:
        TaskError: `data` or a file in it is missing.
    """
    from grid_fed_rl.envs.powergym import PowerGymVectorEnv, powergym_task

    return PowerGymVectorEnv(powergym_task(system, data), num_envs, autoreset_mode, threads)


def _case(feeder: str, options: VVOOptions) -> "Case":
    from grid_fed_rl.envs.vvo import vvo_case

    known = VVOOptions.__annotations__
    unknown = sorted(options.keys() - known.keys())
    if unknown:
        raise TaskError(f"no option {unknown[0]!r}; known: {', '.join(known)}")
    return vvo_case(feeder, **options)
