"""Learning to run real, unbalanced, three-phase distribution feeders.

Importing the package registers its environments with Gymnasium, so that
`gymnasium.make("GridFedRL/IEEE123-VVO-v0")` knows them. The import is cheap on
purpose: it loads neither torch nor Flower nor a power-flow engine. The names
below are loaded from their rooms when they are first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from grid_fed_rl.envs.registration import ENV_IDS, register

if TYPE_CHECKING:
    from grid_fed_rl.envs.case import Case
    from grid_fed_rl.envs.make import make_env
    from grid_fed_rl.envs.multi_agent import parallel_env
    from grid_fed_rl.envs.single import GridEnv
    from grid_fed_rl.envs.vector import GridVectorEnv
    from grid_fed_rl.errors import GridFedRLError
    from grid_fed_rl.feeders import Feeder, load, names, read_tables, validate, write_tables
    from grid_fed_rl.policy import Policy
    from grid_fed_rl.powerflow import (
        Network,
        PowerFlow,
        Setpoint,
        compile_network,
        nominal_setpoint,
        solve,
    )

__version__ = "0.1.0"

__all__ = [
    "ENV_IDS",
    "Case",
    "Feeder",
    "GridEnv",
    "GridFedRLError",
    "GridVectorEnv",
    "Network",
    "Policy",
    "PowerFlow",
    "Setpoint",
    "__version__",
    "compile_network",
    "load",
    "make_env",
    "names",
    "nominal_setpoint",
    "parallel_env",
    "read_tables",
    "solve",
    "validate",
    "write_tables",
]

_ROOMS = {
    "Case": "envs.case",
    "Feeder": "feeders",
    "GridEnv": "envs.single",
    "GridFedRLError": "errors",
    "GridVectorEnv": "envs.vector",
    "Network": "powerflow",
    "Policy": "policy",
    "PowerFlow": "powerflow",
    "Setpoint": "powerflow",
    "compile_network": "powerflow",
    "load": "feeders",
    "make_env": "envs.make",
    "names": "feeders",
    "nominal_setpoint": "powerflow",
    "parallel_env": "envs.multi_agent",
    "read_tables": "feeders",
    "solve": "powerflow",
    "validate": "feeders",
    "write_tables": "feeders",
}

register()


def __getattr__(name: str) -> object:
    """Load a public name from its room when it is first asked for."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
