"""How loads and DER answer to voltage: the constants of `kernels.Legs`.

Between `v_min` and `v_max` of its rated voltage an element draws constant power,
current or impedance. Above, it is the impedance that it has at `v_max`; below
`v_low`, its rated impedance; between `v_low` and `v_min` its current is
interpolated linearly. This is OpenDSS's Load (models 1, 2 and 5; ``vlowpu``,
``vminpu``, ``vmaxpu``). DER are constant power in a wider window.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.feeders import Feeder, Generator, Load, LoadModel, Pv, Storage
from grid_fed_rl.powerflow import kernels, primitives
from grid_fed_rl.powerflow.assembly import columns_of
from grid_fed_rl.powerflow.ordering import Elimination

__all__ = ["VoltageAnswer", "legs", "voltage_answer"]


class VoltageAnswer(NamedTuple):
    """A load model and the window, per unit of rated voltage, in which it holds."""

    model: LoadModel
    v_low_pu: float
    v_min_pu: float
    v_max_pu: float


def voltage_answer(element: Load | Pv | Storage | Generator) -> VoltageAnswer:
    """How an element answers to voltage."""
    if isinstance(element, Load):
        return VoltageAnswer(element.model, element.v_low_pu, element.v_min_pu, element.v_max_pu)
    return VoltageAnswer(LoadModel.PQ, 0.5, element.v_min_pu, element.v_max_pu)


def _constants(answer: VoltageAnswer, rated_pu: float) -> tuple[float, ...]:
    """(low, nominal, high, g_low, g_high, mid_0, mid_1, c1, c2) of `kernels.Legs`."""
    g_rated = 1.0 / rated_pu**2
    if answer.model is LoadModel.Z:
        return math.inf, math.inf, math.inf, g_rated, g_rated, 0.0, 0.0, 0.0, 0.0
    low, nominal, high = (rated_pu * v for v in answer[1:])
    if answer.model is LoadModel.PQ:
        i_nominal, g_high, c1, c2 = 1.0 / nominal, 1.0 / high**2, 0.0, 1.0
    else:
        i_nominal, g_high, c1, c2 = 1.0 / rated_pu, g_rated / answer.v_max_pu, 1.0 / rated_pu, 0.0
    i_low = low * g_rated
    slope = (i_nominal - i_low) / (nominal - low)
    return low, nominal, high, g_rated, g_high, i_low - slope * low, slope, c1, c2


def legs(
    feeder: Feeder,
    node_index: Mapping[str, int],
    elimination: Elimination,
    v_base_v: NDArray[np.float64],
) -> kernels.Legs:
    """Legs of all loads, then PV, then storage; nodes by their place in the elimination."""
    rows: list[tuple[float, ...]] = []
    elements = [
        *feeder.loads.values(),
        *feeder.pvs.values(),
        *feeder.storages.values(),
        *feeder.generators.values(),
    ]
    for column, element in enumerate(elements):
        nodes = columns_of(node_index, element.terminal)
        spans = primitives.legs_of(element.connection, len(nodes))
        kv = primitives.rated_leg_kv(element.connection, len(nodes), element.kv)
        constants = _constants(voltage_answer(element), kv * 1000.0 / v_base_v[nodes[0]])
        for start, stop in spans:
            a = elimination.position[nodes[start]]
            b = elimination.n_nodes if stop is None else elimination.position[nodes[stop]]
            rows.append((a, b, column, 1.0 / len(spans), *constants))
    columns = np.array(rows, dtype=np.float64).reshape(-1, len(kernels.Legs._fields)).T.copy()
    start, stop, element = columns[:3].astype(np.int32)
    return kernels.Legs(start, stop, element, *columns[3:])
