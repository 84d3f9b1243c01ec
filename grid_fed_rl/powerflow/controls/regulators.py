"""Line-drop regulators: what they see, and how far they would move.

The compensator sees ``|V / PT + (R + jX) I / CT|``, V across the first coil of the
tapped winding and I flowing into its first conductor; or, where the regulator
watches a remote bus, ``|V / PT|`` there. It wants to act while that is further than
half a band from its setting, or while the winding's voltage exceeds its limit, and
then moves seven tenths of the way, rounded down, and at least one step. This is
OpenDSS's RegControl looking forward, in static mode.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.feeders import Connection, LineDropControl, Regulator
from grid_fed_rl.powerflow import primitives
from grid_fed_rl.powerflow.controls.regulator_kernels import REGULATOR, RegulatorRules
from grid_fed_rl.powerflow.controls.seen_kernels import TERM
from grid_fed_rl.powerflow.kernels import read_only
from grid_fed_rl.powerflow.network import GROUND, Network

__all__ = ["regulators_of"]


def _coil_ends(network: Network, regulator: Regulator) -> list[int]:
    """Conductors at both ends of the first coil of the tapped winding."""
    transformer = network.feeder.transformers[regulator.transformer]
    winding = transformer.windings[regulator.winding - 1]
    nodes = network.nodes_of(winding.terminal)
    direction = primitives.delta_direction(transformer)
    start, end = primitives.legs_of(winding.connection, len(nodes), direction)[0]
    return [nodes[start], GROUND if end is None else nodes[end]]


def _seen_ends(network: Network, regulator: Regulator, control: LineDropControl) -> list[int]:
    if control.monitored is None:
        return _coil_ends(network, regulator)
    transformer = network.feeder.transformers[regulator.transformer]
    nodes = network.nodes_of(control.monitored)
    across = transformer.windings[regulator.winding - 1].connection is Connection.DELTA
    return [nodes[0], nodes[1] if across and len(nodes) > 1 else GROUND]


def _terms(network: Network, regulator: Regulator) -> NDArray[Any]:
    """Of the current into its first tapped conductor."""
    transformer = network.feeder.transformers[regulator.transformer]
    parts = primitives.tap_parts(transformer, regulator.winding)
    before = transformer.windings[: regulator.winding - 1]
    row = sum(len(w.terminal.phases) for w in before)
    nodes = [k for w in transformer.windings for k in network.nodes_of(w.terminal)]
    terms = np.zeros(len(nodes), dtype=TERM)
    terms["node"] = nodes
    terms["fixed"], terms["crossing"], terms["second"] = (part[row] for part in parts)
    return terms


def regulators_of(network: Network) -> RegulatorRules:
    """The regulators of a network that have a control of their own and may move."""
    found = [
        (column, r, r.control)
        for column, r in enumerate(network.feeder.regulators.values())
        if r.control is not None and r.control.max_steps > 0
    ]
    each, terms = np.zeros(len(found), dtype=REGULATOR), np.zeros(0, dtype=TERM)
    for own, (column, regulator, control) in zip(each, found, strict=True):
        own["column"] = column
        own["lowest"], own["highest"] = network.tap_lowest[column], network.tap_highest[column]
        own["step_pu"] = regulator.step_pu
        own["v_reg"] = control.v_reg
        own["half_band_v"] = control.band_v / 2.0
        own["pt_ratio"] = control.pt_ratio
        own["ct_primary_a"] = control.ct_primary_a
        own["z_v"] = complex(control.r_v, control.x_v) if control.monitored is None else 0.0
        own["v_limit"] = control.v_limit if control.v_limit > 0.0 else np.inf
        own["coil_v"] = _coil_v(network, regulator)
        own["max_steps"] = control.max_steps
        own["delay_s"] = control.delay_s
        own["seen_start"], own["seen_stop"] = _seen_ends(network, regulator, control)
        own["coil_start"], own["coil_stop"] = _coil_ends(network, regulator)
        own["first_term"] = len(terms)
        terms = np.concatenate([terms, _terms(network, regulator)])
        own["last_term"] = len(terms)
    return RegulatorRules(read_only(each), read_only(terms))


def _coil_v(network: Network, regulator: Regulator) -> float:
    winding = network.feeder.transformers[regulator.transformer].windings[regulator.winding - 1]
    n = len(winding.terminal.phases)
    return primitives.rated_leg_kv(winding.connection, n, winding.kv) * 1000.0
