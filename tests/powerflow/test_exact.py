"""Either engine's voltages are those of the same equations solved with forty digits."""

from functools import cache

import numpy as np
import pytest

from grid_fed_rl.feeders import load
from grid_fed_rl.powerflow import (
    Network,
    Setpoint,
    compile_network,
    nominal_setpoint,
    solve,
)
from tests.powerflow.exact import exact_voltages

# Feeder, tolerance of the solution, and how near it must come.
#
# ieee13 and ieee123 have switches of a tenth of a micro-ohm, ieee37 a floating delta
# side on which nothing stands. On that of ieee4_yd loads stand, held to ground by a
# millionth of the rating: the last digit of their currents, times that impedance, is
# what a double leaves there.
FEEDERS = [
    ("ieee13", 1e-12, 1e-11),
    ("ieee34", 1e-12, 1e-11),
    ("ieee37", 1e-12, 1e-11),
    ("ieee123", 1e-12, 1e-11),
    ("ieee4_yd", 2e-10, 1e-9),
    ("ieee4_gyd", 2e-10, 1e-9),
    ("ieee4_oyod", 2e-10, 1e-9),
]
ROWS = 4


@cache
def network_of(name: str) -> Network:
    return compile_network(load(name))


def rows_of(network: Network) -> Setpoint:
    """Random taps, capacitor steps and loads; one switch opens in the last row."""
    rng = np.random.default_rng(23)
    nominal = nominal_setpoint(network, ROWS)
    closed = nominal.switch_closed.copy()
    closed[: ROWS - 1] = True
    closed[-1:, -1:] = False
    share = rng.uniform(0.2, 1.5, nominal.load_kw.shape)
    lowest, highest = network.tap_lowest, network.tap_highest + 1
    return nominal.with_(
        tap_position=rng.integers(lowest, highest, nominal.tap_position.shape),
        capacitor_step=rng.integers(0, network.capacitor_steps + 1, nominal.capacitor_step.shape),
        switch_closed=closed,
        load_kw=nominal.load_kw * share,
        load_kvar=nominal.load_kvar * share,
    )


@pytest.mark.parametrize("device", [None, "cpu"], ids=["compiled", "torch"])
@pytest.mark.parametrize(("name", "tolerance_pu", "within_pu"), FEEDERS)
def test_voltages_are_those_of_forty_digits(
    name: str, tolerance_pu: float, within_pu: float, device: str | None
):
    network = network_of(name)
    flow = solve(network, rows_of(network), tolerance_pu=tolerance_pu, device=device)
    assert flow.converged.all()
    assert (np.abs(flow.v_pu) > 0.5).sum() > 0.7 * flow.v_pu.size  # most nodes are live
    for row in range(ROWS):
        exact = exact_voltages(network, flow, row)
        assert np.abs(flow.v_pu[row] - exact).max() < within_pu
