"""Ids of the environments, and what Gymnasium calls to make them.

Importing this module imports no engine: entry points are strings, and the rooms
they need are loaded when an environment is made.
"""

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from os import PathLike
from typing import TYPE_CHECKING, Any

import gymnasium

from grid_fed_rl.errors import TaskError

if TYPE_CHECKING:
    from grid_fed_rl.envs.action import ActionMode
    from grid_fed_rl.envs.case import Case
    from grid_fed_rl.envs.mapdn import MAPDNEnv, MAPDNVectorEnv
    from grid_fed_rl.envs.powergym import PowerGymEnv, PowerGymVectorEnv
    from grid_fed_rl.envs.single import GridEnv
    from grid_fed_rl.envs.vector import GridVectorEnv
    from grid_fed_rl.feeders import Feeder

__all__ = [
    "CUSTOM_IDS",
    "ENV_IDS",
    "FLISR_IDS",
    "MAPDN_IDS",
    "POWERGYM_IDS",
    "TASKS",
    "case_of",
    "register",
]

FEEDERS = {
    "IEEE13": "ieee13",
    "IEEE34": "ieee34",
    "IEEE37": "ieee37",
    "IEEE123": "ieee123",
    "IEEE8500": "ieee8500",
}

# What assembles the case of a task: a module of this room, and a function of it.
TASKS = {"VVO": ("vvo", "vvo_case"), "DER": ("der", "der_case"), "EV": ("ev", "ev_case")}

ENV_IDS = {
    f"GridFedRL/{feeder}-{task}-v0": (task, name)
    for task in TASKS
    for feeder, name in FEEDERS.items()
}
"""Ids, and the task and feeder of each."""

CUSTOM_IDS = {f"GridFedRL/Custom-{task}-v0": task for task in TASKS}
"""Ids of the tasks on a feeder of one's own, which `feeder` names: a folder or a script."""

# By the names that the benchmark gives its systems; see `powergym`.
POWERGYM_IDS = {
    f"GridFedRL/PowerGym-{system}-v0": system
    for system in ("13Bus", "34Bus", "123Bus", "13Bus_soc", "34Bus_soc", "123Bus_soc")
}

# Compatible with MAPDN; see `mapdn`.
MAPDN_IDS = ("GridFedRL/MAPDN-Case33-v0",)

# Restoration after a fault; see `flisr`.
FLISR_IDS = {
    "GridFedRL/IEEE123-FLISR-v0": "ieee123",
    "GridFedRL/IEEE8500-FLISR-v0": "ieee8500",
    "GridFedRL/BaranWu33-FLISR-v0": "baran_wu_33",
}


def register() -> None:
    """Register every id with Gymnasium; ids already there are left alone."""
    for env_id, (task, feeder) in ENV_IDS.items():
        fixed = {"task": task, "feeder": feeder}
        _register(env_id, f"{__name__}:make_single", f"{__name__}:make_vector", fixed)
    for env_id, task in CUSTOM_IDS.items():
        _register(env_id, f"{__name__}:make_single", f"{__name__}:make_vector", {"task": task})
    for env_id, feeder in FLISR_IDS.items():
        room = "grid_fed_rl.envs.flisr.make"
        _register(env_id, f"{room}:make_single", f"{room}:make_vector", {"feeder": feeder})
    for env_id, system in POWERGYM_IDS.items():
        entries = f"{__name__}:make_powergym", f"{__name__}:make_powergym_vector"
        _register(env_id, *entries, {"system": system})
    for env_id in MAPDN_IDS:
        _register(env_id, f"{__name__}:make_mapdn", f"{__name__}:make_mapdn_vector", {})


def _register(env_id: str, single: str, vector: str, fixed: dict[str, Any]) -> None:
    if env_id not in gymnasium.registry:
        gymnasium.register(
            env_id,
            entry_point=single,
            vector_entry_point=vector,
            kwargs=fixed,
        )


def make_single(
    task: str,
    feeder: "str | PathLike[str] | Feeder | None" = None,
    action_mode: "ActionMode" = "continuous",
    render_mode: str | None = None,
    **options: Any,
) -> "GridEnv":
    """Make the single environment of a task on a feeder.

    Args:
        task: One of `TASKS`.
        feeder: A shipped name, a folder of tables, an OpenDSS script, or a feeder.
        action_mode: ``continuous`` or ``multidiscrete``.
        render_mode: ``human``, ``rgb_array`` or None.
        **options: What the task's own function takes.

    Raises:
        TaskError: an option is unknown, or names what does not exist.
    """
    from grid_fed_rl.envs.single import GridEnv

    return GridEnv(case_of(task, feeder, options), action_mode, render_mode)


def make_vector(
    task: str,
    feeder: "str | PathLike[str] | Feeder | None" = None,
    num_envs: int = 1,
    autoreset_mode: str = "NextStep",
    threads: int | None = None,
    action_mode: "ActionMode" = "continuous",
    render_mode: str | None = None,
    **options: Any,
) -> "GridVectorEnv":
    """Make the vector environment of a task on a feeder.

    Raises:
        TaskError: an option is unknown, or names what does not exist.
    """
    from grid_fed_rl.envs.vector import GridVectorEnv

    case = case_of(task, feeder, options)
    return GridVectorEnv(case, num_envs, autoreset_mode, threads, action_mode, render_mode)


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


def make_mapdn(**options: Any) -> "MAPDNEnv":
    """Make the single environment of MAPDN's 33-bus task; see `mapdn.mapdn_task`.

    Raises:
        TaskError: an option is unknown or out of bounds.
        ScenarioError: the data are missing or of another form.
    """
    from grid_fed_rl.envs.mapdn import MAPDNEnv, mapdn_task

    return MAPDNEnv(mapdn_task(**options))


def make_mapdn_vector(
    num_envs: int = 1,
    autoreset_mode: str = "NextStep",
    threads: int | None = None,
    **options: Any,
) -> "MAPDNVectorEnv":
    """Make the vector environment of MAPDN's 33-bus task.

    Raises:
        TaskError: an option is unknown or out of bounds.
        ScenarioError: the data are missing or of another form.
    """
    from grid_fed_rl.envs.mapdn import MAPDNVectorEnv, mapdn_task

    return MAPDNVectorEnv(mapdn_task(**options), num_envs, autoreset_mode, threads)


def case_of(
    task: str, feeder: "str | PathLike[str] | Feeder | None", options: Mapping[str, Any]
) -> "Case":
    """The case of a task on a feeder.

    Raises:
        TaskError: no feeder is named, or an option is unknown or names what does not exist.
    """
    if feeder is None:
        raise TaskError(
            "no feeder; name one: feeder='path/to/folder' of tables, an OpenDSS script (.dss) "
            "or a shipped feeder's name"
        )
    module, function = TASKS[task]
    assemble: Callable[..., Case] = getattr(import_module(f"{__package__}.{module}"), function)
    known = [name for name in inspect.signature(assemble).parameters if name != "feeder"]
    unknown = sorted(options.keys() - set(known))
    if unknown:
        raise TaskError(f"no option {unknown[0]!r}; known: {', '.join(known)}")
    return assemble(feeder, **options)
