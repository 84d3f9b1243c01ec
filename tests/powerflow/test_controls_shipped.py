"""On every shipped feeder local controls come to rest where OpenDSS's do."""

import numpy as np
import pytest

from grid_fed_rl.feeders import load, names
from grid_fed_rl.powerflow import Network, Setpoint, compile_network, nominal_setpoint
from grid_fed_rl.powerflow.controls import LocalControls
from grid_fed_rl.powerflow.opendss import OpenDSS

SMALL = sorted(name for name in names() if not name.startswith("ieee8500"))
CONTROLLED = ["ieee13", "ieee34", "ieee34_mid", "ieee37", "ieee123", "ieee8500"]
LAW_PU = 1e-6


def random_rows(network: Network, n_rows: int, most: float) -> Setpoint:
    """Loads from a tenth up to so much of nominal; taps and capacitors anywhere."""
    rng = np.random.default_rng(8)
    nominal = nominal_setpoint(network)
    level = rng.uniform(0.1, most, (n_rows, 1)) * rng.uniform(
        0.9, 1.1, (n_rows, len(network.loads))
    )
    return nominal.with_(
        load_kw=nominal.load_kw * level,
        load_kvar=nominal.load_kvar * level,
        tap_position=rng.integers(
            network.tap_lowest, network.tap_highest + 1, (n_rows, len(network.regulators))
        ),
        capacitor_step=rng.integers(
            0, network.capacitor_steps + 1, (n_rows, len(network.capacitors))
        ),
    )


def assert_same_rest(network: Network, setpoint: Setpoint) -> None:
    ours = LocalControls(network).settle(setpoint)
    theirs = OpenDSS(network).solve(setpoint, controls=True)
    assert theirs.settled.all()
    assert ours.settled.all()
    np.testing.assert_array_equal(ours.setpoint.tap_position, theirs.setpoint.tap_position)
    np.testing.assert_array_equal(ours.setpoint.capacitor_step, theirs.setpoint.capacitor_step)
    assert np.abs(ours.v_pu - theirs.v_pu).max() < LAW_PU


@pytest.mark.parametrize("name", SMALL)
def test_sixty_random_levels_from_random_taps(name: str) -> None:
    network = compile_network(load(name))
    assert_same_rest(network, random_rows(network, 60, most=1.1))


def test_few_rows_of_the_8500_node_feeder() -> None:
    """Twelve regulators due after 15 s, nine capacitors after 80 to 102 s.

    The first row starts as the feeder is found; the second with taps and capacitors
    anywhere; the third at a third of the load, where the capacitors open.
    """
    network = compile_network(load("ieee8500"))
    rows = random_rows(network, 3, most=0.9)
    nominal = nominal_setpoint(network)
    rows = rows.with_rows(np.array([0]), nominal)
    third = nominal.with_(load_kw=nominal.load_kw / 3.0, load_kvar=nominal.load_kvar / 3.0)
    rows = rows.with_rows(np.array([2]), third)
    assert_same_rest(network, rows)
    rest = LocalControls(network).settle(rows)
    assert (rest.setpoint.capacitor_step[2] < rows.capacitor_step[2]).any()


@pytest.mark.parametrize("name", CONTROLLED)
def test_feeders_bring_the_controls_of_their_regulators(name: str) -> None:
    controls = LocalControls(compile_network(load(name)))
    assert len(controls.regulator_columns) == len(controls.network.regulators) > 0
    assert len(controls.capacitor_columns) == (9 if name == "ieee8500" else 0)
