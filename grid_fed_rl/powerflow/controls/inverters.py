"""Inverters that follow volt-var and volt-watt curves (IEEE 1547-2018, 5.3.3, 5.4.2).

An inverter sees the mean magnitude of its leg voltages, per unit of its rating, and
injects

    q = volt_var(v) kva,    p = min(offered, volt_watt(v) kw),

with reactive power first where both exceed its rating, as the standard asks of
category B: p is cut to ``sqrt(kva**2 - q**2)``. What it draws is limited by the rating
alone. Without one of the curves it keeps to what the set-point says of that power.

Voltages answer to powers through the power flow, so this is a fixed point. It is
found for all inverters of a row together by Anderson's mixing (D. G. Anderson,
Journal of the ACM 12, 1965): each step is the damped one, corrected by what the last
few steps taught.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.errors import PowerFlowError
from grid_fed_rl.feeders import Pv, Storage
from grid_fed_rl.feeders.shunts import Curve
from grid_fed_rl.powerflow.flow import PowerFlow
from grid_fed_rl.powerflow.network import Network
from grid_fed_rl.powerflow.primitives import legs_of, rated_leg_kv
from grid_fed_rl.powerflow.setpoint import Setpoint

__all__ = ["Inverters", "Mixing", "inverters_of"]

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Complex = NDArray[np.complex128]

STEADY = 1e-7  # share of its rating by which an inverter at rest may miss its curve
DAMPING = 0.3
MEMORY = 4  # earlier steps that a step learns from


@dataclass(frozen=True, slots=True)
class _Alike:
    """Inverters that have the same curves."""

    of: Index  # which of the inverters
    volt_var: Curve
    volt_watt: Curve


@dataclass(frozen=True, slots=True)
class Inverters:
    """The inverters of a network that follow a curve."""

    network: Network
    column: Index  # (inverter,) columns of the DER powers
    kva: Floats  # (inverter,)
    kw: Floats
    start: Index  # (leg, inverter) columns of both ends; -1 is ground, at both where it has fewer
    stop: Index
    n_legs: Index  # (inverter,)
    leg_v: Floats  # (inverter,) rated
    alike: tuple[_Alike, ...]

    def misses(self, flow: PowerFlow, offered: Setpoint, at: Index) -> Floats:
        """How far each is from where its curves want it in some rows: (at, 2 x inverter) shares."""
        return self._targets(flow.v_pu[at], offered, at) - self.shares(flow.setpoint, at)

    def _targets(self, v_pu: Complex, offered: Setpoint, at: Index) -> Floats:
        """Share of its rating that each should inject, active and then reactive."""
        kw, q = (power[at][:, self.column] for power in (offered.der_kw, offered.der_kvar))
        seen_pu, p = self._seen_pu(v_pu), kw.copy()
        for some in self.alike:
            v, k = seen_pu[:, some.of], some.of
            if some.volt_watt:
                least = np.minimum(kw[:, k], _along(some.volt_watt, v) * self.kw[k])
                p[:, k] = np.where(kw[:, k] > 0.0, least, kw[:, k])
            if some.volt_var:
                q[:, k] = _along(some.volt_var, v) * self.kva[k]
        q = np.clip(q, -self.kva, self.kva)
        most = np.sqrt(self.kva**2 - q**2)
        return np.concatenate([np.clip(p, -most, most) / self.kva, q / self.kva], axis=1)

    def _seen_pu(self, v_pu: Complex) -> Floats:
        """(at, inverter) mean magnitude of its leg voltages."""
        v = np.zeros((len(v_pu), self.network.n_nodes + 1), dtype=np.complex128)
        np.multiply(v_pu, self.network.v_base_v, out=v[:, :-1])
        across = [np.abs(v[:, a] - v[:, b]) for a, b in zip(self.start, self.stop, strict=True)]
        return sum(across, np.zeros(())) / self.n_legs / self.leg_v

    def shares(self, setpoint: Setpoint, at: Index) -> Floats:
        """What each injects in some rows, active and then reactive: (at, 2 x inverter) shares."""
        powers = (setpoint.der_kw, setpoint.der_kvar)
        return np.concatenate([power[at][:, self.column] / self.kva for power in powers], axis=1)

    def write(self, setpoint: Setpoint, at: Index, shares: Floats) -> None:
        """Let them inject so much in some rows of a set-point."""
        shares, n, where = np.clip(shares, -1.0, 1.0), len(self.column), np.ix_(at, self.column)
        setpoint.der_kw[where] = shares[:, :n] * self.kva
        setpoint.der_kvar[where] = shares[:, n:] * self.kva


class Mixing:
    """Anderson's mixing of a batch of fixed points, row by row.

    Args:
        n_rows: Rows of the batch.
        n: Unknowns of a row.
    """

    def __init__(self, n_rows: int, n: int) -> None:
        self._dx = np.zeros((n_rows, 0, n))
        self._df = np.zeros((n_rows, 0, n))
        self._last: tuple[Floats, Floats] | None = None

    def step(self, x: Floats, f: Floats) -> Floats:
        """Where to go from `x`, which misses its fixed point by `f`: (batch, n)."""
        if self._last is not None:
            x_last, f_last = self._last
            self._dx = np.concatenate([self._dx, (x - x_last)[:, None]], axis=1)[:, -MEMORY:]
            self._df = np.concatenate([self._df, (f - f_last)[:, None]], axis=1)[:, -MEMORY:]
        self._last = x, f
        plain = x + DAMPING * f
        if not self._df.shape[1]:
            return plain
        gram = self._df @ self._df.transpose(0, 2, 1)
        # A little of the diagonal, so that steps that taught the same do no harm.
        ridge = 1e-12 * np.trace(gram, axis1=1, axis2=2)[:, None, None] + 1e-300
        gram = gram + ridge * np.eye(gram.shape[1])
        weights = np.linalg.solve(gram, self._df @ f[:, :, None])[:, :, 0]
        learnt = ((self._dx + DAMPING * self._df) * weights[:, :, None]).sum(axis=1)
        return plain - learnt

    def rows(self, index: NDArray[np.bool_]) -> None:
        """Keep some rows only."""
        self._dx, self._df = self._dx[index], self._df[index]
        if self._last is not None:
            self._last = self._last[0][index], self._last[1][index]


def _along(curve: Curve, v_pu: Floats) -> Floats:
    """A curve at these voltages, level outside its points."""
    x, y = zip(*curve, strict=True)
    return np.interp(v_pu, x, y)


def inverters_of(network: Network) -> Inverters:
    """The inverters of a network that have curves to follow.

    Raises:
        PowerFlowError: one has no rating to follow them with.
    """
    ders: list[Pv | Storage] = [
        *network.feeder.pvs.values(),
        *network.feeder.storages.values(),
    ]
    column, legs, leg_v = [], [], []
    alike = defaultdict[tuple[Curve, Curve], list[int]](list)
    for k, der in enumerate(ders):
        if der.control is None or not (der.control.volt_var or der.control.volt_watt):
            continue
        if der.kva <= 0.0:
            raise PowerFlowError(
                f"inverter {der.name!r}: kva is {der.kva}; expected more than 0 of one that has "
                f"curves"
            )
        nodes = network.nodes_of(der.terminal)
        alike[der.control.volt_var, der.control.volt_watt].append(len(column))
        column.append(k)
        spans = legs_of(der.connection, len(nodes))
        legs.append([(nodes[a], -1 if b is None else nodes[b]) for a, b in spans])
        leg_v.append(rated_leg_kv(der.connection, len(nodes), der.kv) * 1000.0)
    n_legs = np.array([len(one) for one in legs], dtype=np.int64)
    ends = np.full((2, n_legs.max(initial=0), len(legs)), -1)
    for k, one in enumerate(legs):
        ends[:, : len(one), k] = np.transpose(one)
    those = [ders[k] for k in column]
    return Inverters(
        network=network,
        column=np.array(column, dtype=np.int64),
        kva=np.array([one.kva for one in those], dtype=np.float64),
        kw=np.array([one.kw_dc if isinstance(one, Pv) else one.kw for one in those], dtype=float),
        start=ends[0],
        stop=ends[1],
        n_legs=n_legs,
        leg_v=np.array(leg_v, dtype=np.float64),
        alike=tuple(_Alike(np.array(of, dtype=np.int64), *curves) for curves, of in alike.items()),
    )
