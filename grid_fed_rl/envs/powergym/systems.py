"""The benchmark's systems: folder, script and weights of the reward of each."""

from dataclasses import dataclass

from grid_fed_rl.errors import TaskError

__all__ = ["HORIZON", "SYSTEMS", "TAPS", "WHERE", "System", "known_system"]

HORIZON = 24  # steps of an episode
TAPS = 33  # settings of a regulator, from 0.9 to 1.1
WHERE = "folder 'systems' of https://github.com/siemens/powergym (MIT)"


@dataclass(frozen=True, slots=True)
class System:
    """A feeder of the benchmark and what its terms weigh.

    Attributes:
        folder: Its folder among the benchmark's systems.
        script: Its master script there.
        loss_weight: Of the share of power that is lost.
        discharge_weight: Of each battery's discharge as a share of its rating.
        soc_weight: Of each battery's distance, in the last step, from its first
            state of charge.
        move_weight: Of a tap step and of a capacitor switching.
    """

    folder: str
    script: str
    loss_weight: float
    discharge_weight: float
    soc_weight: float
    move_weight: float = 1.0 / TAPS


_SCRIPTS = {
    "13Bus": "IEEE13Nodeckt_daily.dss",
    "34Bus": "ieee34Mod1_daily.dss",
    "123Bus": "IEEE123Master_daily.dss",
}

# Weights: of loss, and in 33rds of discharge and of the last state of charge.
_WEIGHTS = {
    "13Bus": (10.0, 6, 0),
    "34Bus": (1.0, 10, 0),
    "123Bus": (10.0, 7, 0),
    "13Bus_soc": (10.0, 1, 20),
    "34Bus_soc": (1.0, 4, 500),
    "123Bus_soc": (10.0, 5, 500),
}

SYSTEMS = {
    name: System(folder, _SCRIPTS[folder], loss, discharge / TAPS, soc / TAPS)
    for name, (loss, discharge, soc) in _WEIGHTS.items()
    for folder in (name.removesuffix("_soc"),)
}


def known_system(name: str) -> System:
    """The system of that name.

    Raises:
        TaskError: there is none.
    """
    if name not in SYSTEMS:
        raise TaskError(f"PowerGym system {name!r} is unknown; known: {', '.join(SYSTEMS)}")
    return SYSTEMS[name]
