"""Line-drop regulators: what they see, and how far they would move.

The compensator sees ``|V / PT + (R + jX) I / CT|``, V across the first coil of the
tapped winding and I flowing into its first conductor; or, where the regulator
watches a remote bus, ``|V / PT|`` there. It wants to act while that is further than
half a band from its setting, or while the winding's voltage exceeds its limit, and
then moves seven tenths of the way, rounded down, and at least one step. This is
OpenDSS's RegControl looking forward, in static mode.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.feeders import Connection, LineDropControl, Regulator
from grid_fed_rl.powerflow import primitives
from grid_fed_rl.powerflow.flow import PowerFlow
from grid_fed_rl.powerflow.network import Network

__all__ = ["Regulators", "regulators_of"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SHARE_OF_THE_WAY = 0.7


@dataclass(frozen=True, slots=True)
class Regulators:
    """Regulators that have a control, as arrays over them; volts and siemens.

    Places of conductors index the network's nodes with ground after the last.
    """

    network: Network
    column: Ints  # column of the tap positions
    v_reg: Floats
    half_band_v: Floats
    pt_ratio: Floats
    ct_primary_a: Floats
    z_v: NDArray[np.complex128]  # R + jX in volts at rated current; 0 if it watches a bus
    v_limit: Floats  # infinite where there is none
    coil_v: Floats  # rated volts across the winding's coil
    step_pu: Floats
    max_steps: Ints
    delay_s: Floats
    seen: Ints  # (regulator, 2) conductors whose difference it holds
    local: Ints  # (regulator, 2) the same at its own winding
    around: Ints  # (regulator, conductor) conductors of all windings
    y_fixed: NDArray[np.complex128]  # (regulator, conductor) current of its conductor
    y_crossing: NDArray[np.complex128]  # the part scaled by 1/t
    y_second: NDArray[np.complex128]  # the part scaled by 1/t^2

    def seen_v(self, flow: PowerFlow) -> Floats:
        """Voltage each compensator sees, 120 V base: (batch, regulator)."""
        v = _with_ground(flow, self.network)
        seen = v[:, self.seen[:, 0]] - v[:, self.seen[:, 1]]
        t = 1.0 + flow.setpoint.tap_position[:, self.column] * self.step_pu
        around = v[:, self.around]
        current = (
            (around * self.y_fixed).sum(-1)
            + (around * self.y_crossing).sum(-1) / t
            + (around * self.y_second).sum(-1) / t**2
        )
        return np.abs(seen / self.pt_ratio + self.z_v * current / self.ct_primary_a)

    def wanted_steps(
        self, flow: PowerFlow, v_reg_shift: Floats | float = 0.0
    ) -> tuple[NDArray[np.bool_], Floats]:
        """Whether each is out of band, and the steps to its setting: (batch, regulator)."""
        v = _with_ground(flow, self.network)
        short_v = self.v_reg + v_reg_shift - self.seen_v(flow)
        local = np.abs(v[:, self.local[:, 0]] - v[:, self.local[:, 1]]) / self.pt_ratio
        too_high = local > self.v_limit
        out = (np.abs(short_v) > self.half_band_v) | too_high
        short_v = np.where(too_high, self.v_limit - local, short_v)
        steps = np.rint(short_v * self.pt_ratio / self.coil_v / self.step_pu)
        return out, np.where(out, steps, 0.0)

    def move(self, steps: Floats) -> NDArray[np.int32]:
        """Steps taken at once where so many are wanted."""
        # In the order of OpenDSS's operations, for the rounding down is theirs.
        some = np.trunc(SHARE_OF_THE_WAY * (np.abs(steps) * self.step_pu) / self.step_pu)
        taken = np.minimum(np.maximum(some, 1.0), self.max_steps)
        return np.where(steps == 0.0, 0.0, np.sign(steps) * taken).astype(np.int32)


def _with_ground(flow: PowerFlow, network: Network) -> NDArray[np.complex128]:
    """Volts of the nodes, and of ground after them: (batch, node + 1)."""
    v = np.zeros((len(flow.v_pu), network.n_nodes + 1), dtype=np.complex128)
    np.multiply(flow.v_pu, network.v_base_v, out=v[:, :-1])
    return v


def _coil_ends(network: Network, regulator: Regulator) -> list[int]:
    """Conductors at both ends of the first coil of the tapped winding."""
    transformer = network.feeder.transformers[regulator.transformer]
    winding = transformer.windings[regulator.winding - 1]
    nodes = network.nodes_of(winding.terminal)
    direction = primitives.delta_direction(transformer)
    start, end = primitives.legs_of(winding.connection, len(nodes), direction)[0]
    return [nodes[start], -1 if end is None else nodes[end]]


def _seen_ends(network: Network, regulator: Regulator, control: LineDropControl) -> list[int]:
    if control.monitored is None:
        return _coil_ends(network, regulator)
    transformer = network.feeder.transformers[regulator.transformer]
    nodes = network.nodes_of(control.monitored)
    across = transformer.windings[regulator.winding - 1].connection is Connection.DELTA
    return [nodes[0], nodes[1] if across and len(nodes) > 1 else -1]


def _currents(network: Network, regulator: Regulator) -> tuple[list[int], list[NDArray]]:
    """Conductors of the transformer; row of its first tapped conductor by tap part."""
    transformer = network.feeder.transformers[regulator.transformer]
    parts = primitives.tap_parts(transformer, regulator.winding)
    before = transformer.windings[: regulator.winding - 1]
    row = sum(len(w.terminal.phases) for w in before)
    nodes = [k for w in transformer.windings for k in network.nodes_of(w.terminal)]
    return nodes, [part[row] for part in parts]


def regulators_of(network: Network) -> Regulators:
    """The regulators of a network that have a control of their own and may move."""
    found = [
        (column, r, r.control)
        for column, r in enumerate(network.feeder.regulators.values())
        if r.control is not None and r.control.max_steps > 0
    ]
    around = [_currents(network, r) for _, r, _ in found]
    shape = (len(found), max((len(nodes) for nodes, _ in around), default=0))
    places = np.full(shape, -1, dtype=np.int64)
    y = np.zeros((3, *shape), dtype=np.complex128)
    for k, (nodes, rows) in enumerate(around):
        places[k, : len(nodes)] = nodes
        y[:, k, : len(nodes)] = rows

    def each(values: list[float]) -> Floats:
        return np.array(values, dtype=np.float64)

    def ends(values: list[list[int]]) -> Ints:
        return np.array(values, dtype=np.int64).reshape(-1, 2)

    return Regulators(
        network=network,
        column=np.array([column for column, _, _ in found], dtype=np.int64),
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
        y_fixed=y[0],
        y_crossing=y[1],
        y_second=y[2],
    )


def _coil_v(network: Network, regulator: Regulator) -> float:
    winding = network.feeder.transformers[regulator.transformer].windings[regulator.winding - 1]
    n = len(winding.terminal.phases)
    return primitives.rated_leg_kv(winding.connection, n, winding.kv) * 1000.0
