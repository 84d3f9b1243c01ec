"""Random policies, unshielded and shielded, on days of a case."""

from dataclasses import replace

import numpy as np

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.costs import VoltageCost, channels_of
from grid_fed_rl.envs.dynamics import attempt, moment_at, start_of
from grid_fed_rl.envs.shield import ShieldVector
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.safety import Limits


def spread(case: Case, n: int):
    """Days of a case, evenly spaced."""
    return case.days[np.linspace(0, len(case.days) - 1, n).astype(int)]


def limited(case: Case, limits: Limits) -> Case:
    """The case with these limits as its costs."""
    return replace(case, costs=channels_of(limits, case.network, case.groups))


def run(case: Case, days, seed: int = 0, **options):
    """Random actions, unshielded and shielded: violations, (step, lane), and reasons."""
    n, rng = len(days), np.random.default_rng(seed)
    plain, shield = GridVectorEnv(case, n), ShieldVector(GridVectorEnv(case, n), **options)
    for env in (plain, shield):
        env.reset(options={"day": days})
    before, after, reasons = [], [], []
    for _ in range(case.horizon):
        action = rng.uniform(-1.0, 1.0, (n, len(case.action_names))).astype(np.float32)
        before.append(plain.step(action)[4]["cost"] > 0.0)
        info = shield.step(action)[4]
        if options.get("foresight", "exact") == "exact":
            np.testing.assert_array_equal(info["shield"]["safe"], info["cost"] == 0.0)
        after.append(info["cost"] > 0.0)
        reasons.append(info["shield"]["reason"])
    return np.array(before), np.array(after), np.array(reasons)


def holds(case: Case, before, action):
    """(lane,) whether actions hold the limits."""
    moment, start = moment_at(case, before.next_row), start_of(case, before)
    flow = attempt(case, before.states, start, moment, action).flow
    (voltage,) = case.costs
    assert isinstance(voltage, VoltageCost)
    kept = slice(None) if voltage.nodes is None else list(voltage.nodes)
    v_pu = case.service_pu(flow.v_pu)[:, kept]
    return voltage.limits.excursion_pu(v_pu).sum(axis=1) == 0.0
