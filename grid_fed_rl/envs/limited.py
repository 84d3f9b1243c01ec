"""Limits as a shield knows them: how far they are left, and how levers bring them back.

There are three kinds:

- voltages and the substation's power move linearly, by slopes that all lanes share;
- currents, powers of transformers and unbalance are sizes of phasors. A phasor z moves
  linearly, and its size along the tangent ``Re(conj(z) dz) / |z|``, which is another in
  every lane: those nearest to their limit get one;
- ramps, states of charge and operations are a lever's own: see `bounds`.

Excesses of all kinds are counted in units that weigh about alike.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.costs import (
    CostChannel,
    HeadCost,
    LoadingCost,
    OperationsCost,
    RampCost,
    UnbalanceCost,
    VoltageCost,
    channels_of,
    narrowed,
)
from grid_fed_rl.envs.levers import ACTIVE_POWER, Levers, Nudged
from grid_fed_rl.envs.snapshot import Snapshot
from grid_fed_rl.powerflow import PowerFlow, measures
from grid_fed_rl.safety import Limits

__all__ = ["Limited", "Rows"]

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]

UNIT_PU = 0.01  # of voltage
UNIT_SHARE = 0.01  # of a rating, of stored energy; of nominal load, for the substation's power
UNIT_PERCENT = 0.1  # of unbalance
AIM = 0.4  # units further within limits of voltage than they ask: what slopes are good for
FINE = 0.003  # the same for what has no settings, once the rest has them; and of other limits
TANGENTS = 12  # phasors of a kind that a lane looks at


@dataclass(frozen=True, slots=True)
class Rows:
    """What holds the limits in some lanes, in units, for moves x of the levers.

    Attributes:
        shared: (row, lever) the same in all lanes.
        own: (lane, row, lever) of each lane.
        low: (lane, row) least of shared and then own rows times x.
        high: (lane, row) most of it.
        ease: (row,) by how much less is enough for what has no settings.
    """

    shared: Floats
    own: Floats
    low: Floats
    high: Floats
    ease: Floats

    def lanes(self, index: NDArray[np.int64]) -> "Rows":
        """Some lanes alone."""
        return Rows(self.shared, self.own[index], self.low[index], self.high[index], self.ease)

    def outside(self, x: Floats) -> Floats:
        """(lane, move, row) how far moves of (lane, move, lever) leave each row outside."""
        own = np.einsum("lrj,lmj->lmr", self.own, x)
        value = np.concatenate([x @ self.shared.T, own], axis=2)
        return np.maximum(np.maximum(self.low[:, None] - value, value - self.high[:, None]), 0.0)

    def missed(self, x: Floats) -> Floats:
        """(lane,) by how much a move of (lane, lever) misses the worst row, eased."""
        return (self.outside(x[:, None]) - self.ease).max(axis=(1, 2), initial=0.0)


@dataclass(frozen=True, eq=False)
class _Linear:
    """What moves linearly: (lane, thing) in units, from `low` to `high`; aimed further within."""

    value: Callable[[PowerFlow], Floats]
    slopes: Floats  # (thing, lever)
    low: float
    high: float
    aim: float


@dataclass(frozen=True, eq=False)
class _Phasors:
    """What moves linearly in the complex plane: (lane, thing) in units, of size up to `most`."""

    value: Callable[[PowerFlow], Complex]
    slopes: Complex  # (thing, lever)
    most: float

    def tangents(self, seen: PowerFlow) -> tuple[Floats, Floats]:
        """Of those nearest to the limit: (lane, row, lever) slopes, and (lane, row) room."""
        z = self.value(seen)
        n = min(TANGENTS, z.shape[1])
        which = np.argpartition(-np.abs(z), n - 1, axis=1)[:, :n]
        z = np.take_along_axis(z, which, axis=1)
        size = np.abs(z)
        along = z.conj() / np.where(size > 0.0, size, 1.0)
        return (along[:, :, None] * self.slopes[which]).real, self.most - size


class Limited:
    """The limits of a case.

    Args:
        case: What the environment is made of.
        limits: What must hold.
        margins: Distances that predictions keep: of voltages, per unit, and of loading and
            the substation's power, as a share of ratings and of the nominal load.
        levers: What may be moved.
        threads: Threads of the power flow.

    Raises:
        TaskError: the limits are on what the case does not have, or a margin leaves no room.
    """

    def __init__(
        self,
        case: Case,
        limits: Limits,
        margins: tuple[float, float],
        levers: Levers,
        threads: int | None,
    ) -> None:
        self._case, self._levers = case, levers
        nominal_kw = max(sum(one.kw for one in case.network.feeder.loads.values()), 1.0)
        self._unit_kw = UNIT_SHARE * nominal_kw
        channels = channels_of(limits, case.network, case.groups)
        self._channels = [narrowed(one, *margins, nominal_kw) for one in channels]
        nudged = levers.nudged(threads)
        parts = [self._part(channel, nudged) for channel in self._channels]
        self._linear = [one for one in parts if isinstance(one, _Linear)]
        self._phasors = [one for one in parts if isinstance(one, _Phasors)]
        none = np.empty((0, len(levers.each)))
        self._shared = np.concatenate([none, *(one.slopes for one in self._linear)])
        aims = [np.full(len(one.slopes), one.aim) for one in self._linear]
        self._aims = np.concatenate([np.empty(0), *aims])

    def _part(self, channel: CostChannel, nudged: Nudged) -> _Linear | _Phasors | None:
        """A channel as what moves with levers; None where it is a lever's own."""
        case, network, unit_kw = self._case, self._case.network, self._unit_kw
        match channel:
            case VoltageCost(limits=limits, nodes=nodes):
                kept = slice(None) if nodes is None else np.array(nodes, dtype=np.int64)

                def voltages(flow: PowerFlow) -> Floats:
                    return case.service_pu(flow.v_pu)[:, kept] / UNIT_PU

                aim = min(AIM, 0.25 * (limits.v_max_pu - limits.v_min_pu) / UNIT_PU)
                ends = limits.v_min_pu / UNIT_PU, limits.v_max_pu / UNIT_PU
                return _Linear(voltages, nudged.slopes(voltages), *ends, aim)
            case HeadCost(import_kw=import_kw, export_kw=export_kw):

                def delivered(flow: PowerFlow) -> Floats:
                    return measures.source_kw(network, flow)[:, None] / unit_kw

                # Loads draw less at less voltage, but local controls would bring that back.
                is_power = self._levers.dear >= ACTIVE_POWER
                slopes = np.where(is_power, nudged.slopes(delivered), 0.0)
                low = -np.inf if export_kw is None else -export_kw / unit_kw
                high = np.inf if import_kw is None else import_kw / unit_kw
                return _Linear(delivered, slopes, low, high, FINE)
            case LoadingCost(most=most):

                def loads(flow: PowerFlow) -> Complex:
                    return measures.loading_phasors(network, flow) / UNIT_SHARE

                return _Phasors(loads, nudged.slopes(loads), most / UNIT_SHARE)
            case UnbalanceCost(most_percent=most):

                def unbalance(flow: PowerFlow) -> Complex:
                    share = measures.negative_over_positive(network, flow)
                    return np.nan_to_num(share) * (100.0 / UNIT_PERCENT)

                return _Phasors(unbalance, nudged.slopes(unbalance), most / UNIT_PERCENT)
        return None

    # ---- how far limits are left --------------------------------------------------

    def excess(self, after: Snapshot) -> Floats:
        """How far limits are left, in units, added up: (lane,); 0 exactly where they hold."""
        parts = (channel(after)[0] / self._unit(channel) for channel in self._channels)
        return sum(parts, np.zeros(len(after.step)))

    def _unit(self, channel: CostChannel) -> float:
        match channel:
            case VoltageCost():
                return UNIT_PU
            case UnbalanceCost():
                return UNIT_PERCENT
            case HeadCost() | RampCost():
                return self._unit_kw
            case OperationsCost():
                return 1.0
        return UNIT_SHARE

    # ---- how levers bring them back -------------------------------------------------

    def rows(self, seen: PowerFlow, wider: float = 1.0) -> Rows:
        """What moves from where the lanes stand have to bring about.

        Args:
            seen: Where they stand.
            wider: Times that voltages are aimed within their limits.
        """
        n, n_levers = len(seen.v_pu), len(self._levers.each)
        low, high, own = [np.empty((n, 0))], [np.empty((n, 0))], [np.empty((n, 0, n_levers))]
        for one in self._linear:
            value = one.value(seen)
            low.append(one.low - value)
            high.append(one.high - value)
        for one in self._phasors:
            slopes, room = one.tangents(seen)
            own.append(slopes)
            low.append(np.full_like(room, -np.inf))
            high.append(room)
        least, most, tangents = (np.concatenate(parts, axis=1) for parts in (low, high, own))
        aims = np.full(least.shape[1], FINE)
        aims[: len(self._aims)] = np.maximum(wider * self._aims, FINE)
        ease = np.zeros_like(aims)
        ease[: len(self._aims)] = np.maximum(self._aims - FINE, 0.0)
        return Rows(self._shared, tangents, least + aims, most - aims, ease)
