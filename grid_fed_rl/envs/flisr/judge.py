"""Whether switch states keep within limits: a power flow of each, at the worst to come."""

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.flisr.case import FLISRCase
from grid_fed_rl.envs.flisr.dynamics import hour_of_day, setpoint_of, solved
from grid_fed_rl.envs.flisr.snapshot import FLISRSnapshot
from grid_fed_rl.powerflow import PowerFlow, measures

__all__ = ["Judge"]

TOLERANCE = 1e-9  # of a cost, beyond rounding
AT_ONCE = 256  # rows of one power flow

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]


class Judge:
    """Judges switch states for one lane as it stands.

    Every load is taken at its highest of the steps that are left. States are within
    limits if voltages and loadings leave them no further than the lane does now, or than
    the feeder does when nothing is wrong, whichever is further.

    Args:
        case: What the environment is made of.
        one: A snapshot of one lane.
    """

    def __init__(self, case: FLISRCase, one: FLISRSnapshot) -> None:
        self._case = case
        config = case.config
        steps = np.arange(one.step[0], max(config.horizon, one.step[0] + 1))
        rows = np.unique(case.row_at(one.hour, steps))
        excess = 1.0 + config.cold_load_excess
        self._load_kw = excess * case.year.load_kw[rows].max(axis=0, keepdims=True).astype(float)
        self._load_kvar = excess * case.year.load_kvar[rows].max(axis=0, keepdims=True).astype(
            float
        )
        self._hour = hour_of_day(case, case.row_at(one.hour, one.step))
        self._taps = one.flow
        known = np.concatenate([one.closed, case.sections.normal[None]])
        self._most = self._excesses(known)[0].max(axis=0)

    def within(self, closed: Flags) -> Flags:
        """(row,) whether switch states (row, switch) keep within limits."""
        excess, converged = self._excesses(closed)
        return converged & (excess <= self._most + TOLERANCE).all(axis=1)

    def worst_section(self, closed: Flags) -> int | None:
        """Section whose voltage is furthest outside of limits in switch states (switch,)."""
        flow, alive = self._solved(closed[None])
        excursion = self._case.config.limits.excursion_pu(np.abs(flow.v_pu)) * alive
        worst = int(np.argmax(excursion[0]))
        outside = excursion[0, worst] > TOLERANCE
        return int(self._case.sections.node_section[worst]) if outside else None

    def spare(self, closed: Flags) -> Floats:
        """(row,) share of its rating that the most loaded branch has left.

        On a feeder without ratings, the lowest live voltage, per unit.
        """
        flow, alive = self._solved(closed)
        if self._case.rated:
            return 1.0 - measures.loading(self._case.network, flow).share.max(axis=1)
        return np.where(alive, np.abs(flow.v_pu), np.inf).min(axis=1)

    def _excesses(self, closed: Flags) -> tuple[Floats, Flags]:
        """(row, channel) how far voltages and loadings leave their limits; (row,) converged."""
        excess, converged = np.zeros((len(closed), 2)), np.zeros(len(closed), dtype=bool)
        limits, network = self._case.config.limits, self._case.network
        for first in range(0, len(closed), AT_ONCE):
            rows = slice(first, first + AT_ONCE)
            flow, alive = self._solved(closed[rows])
            excess[rows, 0] = (limits.excursion_pu(np.abs(flow.v_pu)) * alive).sum(axis=1)
            share = measures.loading(network, flow).share - self._case.config.loading
            excess[rows, 1] = np.maximum(share, 0.0).sum(axis=1)
            converged[rows] = flow.converged
        return excess, converged

    def _solved(self, closed: Flags) -> tuple[PowerFlow, Flags]:
        case, sections = self._case, self._case.sections
        live = sections.standing(closed).live
        served = sections.serves(live)
        setpoint = setpoint_of(case, closed, served, self._load_kw, self._load_kvar, self._taps)
        flow = solved(case, setpoint, np.repeat(self._hour, len(closed)), None, None)
        return flow, sections.energises(live)
