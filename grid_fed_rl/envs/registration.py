"""Ids of the environments, and what Gymnasium calls to make them.

Importing this module imports no engine: entry points are strings, and the rooms
they need are loaded when an environment is made.
"""

from typing import Any

import gymnasium

__all__ = ["ENV_IDS", "register"]

ENV_IDS = {
    "GridFedRL/IEEE13-VVO-v0": "ieee13",
    "GridFedRL/IEEE123-VVO-v0": "ieee123",
}


def register() -> None:
    """Register every id with Gymnasium; ids already there are left alone."""
    for env_id, feeder in ENV_IDS.items():
        if env_id not in gymnasium.registry:
            gymnasium.register(
                env_id,
                entry_point="grid_fed_rl.envs.registration:make_single",
                vector_entry_point="grid_fed_rl.envs.registration:make_vector",
                kwargs={"feeder": feeder},
            )


def make_single(feeder: str, **kwargs: Any) -> gymnasium.Env:
    """Make the single environment of the volt-var task; see `vvo.vvo_case`."""
    from grid_fed_rl.envs.single import GridEnv
    from grid_fed_rl.envs.vvo import vvo_case

    return GridEnv(vvo_case(feeder, **kwargs))


def make_vector(
    feeder: str, num_envs: int = 1, autoreset_mode: str = "NextStep", **kwargs: Any
) -> gymnasium.vector.VectorEnv:
    """Make the vector environment of the volt-var task; see `vvo.vvo_case`."""
    from grid_fed_rl.envs.vector import GridVectorEnv
    from grid_fed_rl.envs.vvo import vvo_case

    return GridVectorEnv(vvo_case(feeder, **kwargs), num_envs, autoreset_mode)
