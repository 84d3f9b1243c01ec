"""Line-drop regulators: what they see, and how far they would move.

The compensator sees ``|V / PT + (R + jX) I / CT|``, V across the first coil of the
tapped winding and I flowing into its first conductor; or, where the regulator
watches a remote bus, ``|V / PT|`` there. It wants to act while that is further than
half a band from its setting, or while the winding's voltage exceeds its limit, and
then moves seven tenths of the way, rounded down, and at least one step. This is
OpenDSS's RegControl looking forward, in static mode.
"""

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.feeders import Connection, LineDropControl, Regulator
from grid_fed_rl.powerflow import primitives
from grid_fed_rl.powerflow.controls.regulator_kernels import RegulatorRules
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


def _currents(network: Network, regulator: Regulator) -> tuple[list[int], list[NDArray]]:
    """Conductors of the transformer; row of its first tapped conductor by tap part."""
    transformer = network.feeder.transformers[regulator.transformer]
    parts = primitives.tap_parts(transformer, regulator.winding)
    before = transformer.windings[: regulator.winding - 1]
    row = sum(len(w.terminal.phases) for w in before)
    nodes = [k for w in transformer.windings for k in network.nodes_of(w.terminal)]
    return nodes, [part[row] for part in parts]


def regulators_of(network: Network) -> RegulatorRules:
    """The regulators of a network that have a control of their own and may move."""
    found = [
        (column, r, r.control)
        for column, r in enumerate(network.feeder.regulators.values())
        if r.control is not None and r.control.max_steps > 0
    ]
    columns = np.array([column for column, _, _ in found], dtype=np.int64)
    around = [_currents(network, r) for _, r, _ in found]
    m = max((len(nodes) for nodes, _ in around), default=0)
    places = np.full((len(found), m), GROUND, dtype=np.int64)
    y = np.zeros((len(found), 3, m), dtype=np.complex128)
    for k, (nodes, rows) in enumerate(around):
        places[k, : len(nodes)] = nodes
        y[k, :, : len(nodes)] = rows

    def each(values: list[float]) -> NDArray[np.float64]:
        return np.array(values, dtype=np.float64)

    def ends(values: list[list[int]]) -> NDArray[np.int64]:
        return np.array(values, dtype=np.int64).reshape(-1, 2)

    rules = RegulatorRules(
        column=columns,
        lowest=network.tap_lowest[columns].astype(np.int64),
        highest=network.tap_highest[columns].astype(np.int64),
        v_reg=each([c.v_reg for _, _, c in found]),
        half_band_v=each([c.band_v / 2.0 for _, _, c in found]),
        pt_ratio=each([c.pt_ratio for _, _, c in found]),
        ct_primary_a=each([c.ct_primary_a for _, _, c in found]),
        z_v=np.array(
            [complex(c.r_v, c.x_v) if c.monitored is None else 0.0 for _, _, c in found],
            dtype=np.complex128,
        ),
        v_limit=each([c.v_limit if c.v_limit > 0 else np.inf for _, _, c in found]),
        coil_v=each([_coil_v(network, r) for _, r, _ in found]),
        step_pu=each([r.step_pu for _, r, _ in found]),
        max_steps=np.array([c.max_steps for _, _, c in found], dtype=np.int64),
        delay_s=each([c.delay_s for _, _, c in found]),
        seen=ends([_seen_ends(network, r, c) for _, r, c in found]),
        local=ends([_coil_ends(network, r) for _, r, _ in found]),
        around=places,
        y=y,
    )
    return RegulatorRules(*map(read_only, rules))


def _coil_v(network: Network, regulator: Regulator) -> float:
    winding = network.feeder.transformers[regulator.transformer].windings[regulator.winding - 1]
    n = len(winding.terminal.phases)
    return primitives.rated_leg_kv(winding.connection, n, winding.kv) * 1000.0
