"""What a step of restoration brought: reward, costs, and the words of IEEE 1366."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.flisr.case import FLISRCase
from grid_fed_rl.envs.flisr.masks import Refusal
from grid_fed_rl.envs.flisr.snapshot import FLISRSnapshot

__all__ = ["costs_of", "info_of", "not_served_kwh", "terms_of"]

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Channels = dict[str, tuple[Floats, Counts]]


def not_served_kwh(case: FLISRCase, snapshot: FLISRSnapshot) -> Floats:
    """(lane,) energy that customers would have drawn in the step and did not get."""
    missing_kw = (snapshot.demand_kw * ~snapshot.served).sum(axis=1)
    return missing_kw * case.config.step_h * snapshot.acted


def terms_of(case: FLISRCase, snapshot: FLISRSnapshot) -> dict[str, Floats]:
    """Terms of the reward by name, each (lane,), dollars.

    A collapse ends the episode, and the feeder is dark for the rest of it: that is charged
    at once, at the demand of the step, so that no collapse is cheap.
    """
    config = case.config
    price = config.lost_load_usd_per_kwh
    left_h = (config.horizon - snapshot.step) * config.step_h
    rest_kwh = snapshot.demand_kw.sum(axis=1) * left_h * snapshot.terminated
    terms = {
        "energy_not_served": -price * not_served_kwh(case, snapshot),
        "collapse": -price * rest_kwh,
        "switching": -config.operation_usd * (snapshot.action > 0),
    }
    return {name: np.asarray(term, dtype=np.float64) for name, term in terms.items()}


def costs_of(case: FLISRCase, snapshot: FLISRSnapshot) -> Channels:
    """Magnitude and count of every channel, each (lane,).

    - ``voltage``: excursions of live nodes added up, per unit; nodes.
    - ``thermal``: shares above the rating added up; branches. Only with ratings.
    - ``radiality``: closed loops; the same.
    - ``switching``: operations of the agent; the same.
    """
    sections, config = case.sections, case.config
    alive = sections.energises(snapshot.live) & snapshot.flow.converged[:, None]
    excursion = config.limits.excursion_pu(snapshot.v_pu) * alive
    operations = (snapshot.action > 0).astype(np.int64)
    loops = snapshot.loops
    channels: Channels = {"voltage": (excursion.sum(axis=1), (excursion > 0.0).sum(axis=1))}
    if case.rated:
        above = np.maximum(snapshot.loading - config.loading, 0.0)
        channels["thermal"] = (above.sum(axis=1), (above > 0.0).sum(axis=1))
    channels["radiality"] = (loops.astype(np.float64), loops)
    channels["switching"] = (operations.astype(np.float64), operations)
    return channels


def info_of(
    case: FLISRCase, snapshot: FLISRSnapshot, terms: Mapping[str, Floats]
) -> dict[str, Any]:
    """The info of every lane, without masks; see `FLISRVectorEnv` for its entries."""
    n, acted = len(snapshot.step), snapshot.acted
    channels = costs_of(case, snapshot)
    costs = {name: np.where(acted, cost, 0.0) for name, (cost, _) in channels.items()}
    violations = {name: np.where(acted, count, 0) for name, (_, count) in channels.items()}
    dark = (case.customers * ~snapshot.served).sum(axis=1)
    minutes = (dark * case.config.step_minutes * acted).astype(np.float64)
    served_kw = (snapshot.demand_kw * snapshot.served).sum(axis=1)
    return {
        "cost": sum(costs.values(), np.zeros(n)),
        "costs": costs,
        "violations": violations,
        "reward_terms": {name: np.where(acted, term, 0.0) for name, term in terms.items()},
        "customers_interrupted": dark,
        "customer_minutes": minutes,
        "saidi_minutes": minutes / case.customers.sum(),
        "not_served_kwh": not_served_kwh(case, snapshot),
        "served_kwh": served_kw * case.config.step_h * acted,
        "operations": (snapshot.action > 0).astype(np.int64),
        "tripped": snapshot.tripped.sum(axis=1),
        "crew_operations": snapshot.crew_operations,
        "action_executed": snapshot.action,
        "refused": snapshot.refused.astype(np.int64),
        "action_mask": snapshot.legal.astype(np.int8),
        "fault_section": snapshot.faults.section[:, 0],
        "hour": snapshot.hour.copy(),
        "converged": snapshot.flow.converged,
    }


def refusal_words(case: FLISRCase, action: int, code: int) -> str:
    """Why an action is refused, naming the switch."""
    switch = case.sections.switches[(action - 1) // 2]
    return f"{case.action_names[action]!r}: switch {switch!r} {Refusal(code).words}"
