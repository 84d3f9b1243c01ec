"""Set-points: what they start from, how they change, and what they may not hold."""

from functools import partial
from typing import Any

import numpy as np
import pytest

from grid_fed_rl.errors import PowerFlowError
from grid_fed_rl.feeders import Connection, Pv, Terminal, load
from grid_fed_rl.powerflow import (
    LocalControls,
    Network,
    Setpoint,
    compile_network,
    nominal_setpoint,
    solve,
)
from grid_fed_rl.powerflow.opendss import OpenDSS


@pytest.fixture(scope="module")
def network() -> Network:
    pv = Pv("roof", Terminal("675", (1, 2, 3)), Connection.WYE, 4.16, 100.0, 100.0)
    return compile_network(load("ieee13").with_(pvs=[pv]))


@pytest.fixture
def setpoint(network: Network) -> Setpoint:
    return nominal_setpoint(network, 3)


def test_nominal_is_what_the_feeder_says(network: Network) -> None:
    one = nominal_setpoint(network)
    assert one.n_rows == 1
    assert one.tap_position.tolist() == [[0, 0, 0]]
    assert one.capacitor_step.tolist() == [[1, 1]]
    assert one.switch_closed.tolist() == [[True]]
    assert (one.load_kw.sum(), one.load_kvar.sum()) == (3466.0, 2102.0)
    assert (one.der_kw.tolist(), one.der_kvar.tolist()) == ([[0.0]], [[0.0]])
    assert nominal_setpoint(network, 5).n_rows == 5


def test_with_broadcasts_over_the_batch(setpoint: Setpoint) -> None:
    changed = setpoint.with_(
        tap_position=[1, -2, 3], load_kw=0.0, der_kw=[[1.0], [2.0], [3.0]], capacitor_step=False
    )
    assert changed.tap_position.tolist() == [[1, -2, 3]] * 3
    assert changed.tap_position.dtype == np.int32
    assert changed.load_kw.shape == (3, 15)
    assert not changed.load_kw.any()
    assert changed.der_kw[:, 0].tolist() == [1.0, 2.0, 3.0]
    assert not changed.capacitor_step.any()
    np.testing.assert_array_equal(changed.load_kvar, setpoint.load_kvar)
    assert all(getattr(changed, name).flags.c_contiguous for name in Setpoint.__slots__)


def test_one_row_grows_to_the_batch_it_is_given(network: Network) -> None:
    grown = nominal_setpoint(network).with_(der_kw=np.arange(4.0)[:, None])
    assert grown.n_rows == 4
    assert {getattr(grown, name).shape[0] for name in Setpoint.__slots__} == {4}


def test_whole_numbers_may_come_as_floats(setpoint: Setpoint) -> None:
    assert setpoint.with_(tap_position=[1.0, 2.0, -3.0]).tap_position[0].tolist() == [1, 2, -3]


def test_rows_are_rows(setpoint: Setpoint) -> None:
    numbered = setpoint.with_(der_kw=[[1.0], [2.0], [3.0]])
    assert numbered.rows(np.array([2, 0])).der_kw[:, 0].tolist() == [3.0, 1.0]
    assert numbered.rows(np.array([False, True, False])).der_kw[:, 0].tolist() == [2.0]
    assert numbered.rows(slice(1, None)).n_rows == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"taps": [1, 2, 3]}, "a set-point has no 'taps'; it has tap_position, capacitor_step"),
        (
            {"tap_position": [1.0, 2.5, 3.0]},
            "set-point tap_position holds 2.5; expected whole numbers",
        ),
        (
            {"tap_position": [1.0, np.nan, 3.0]},
            "set-point tap_position holds nan; expected whole numbers",
        ),
        (
            {"tap_position": 2**32 + 1},
            "set-point tap_position holds 4294967297; expected whole numbers",
        ),
        ({"switch_closed": np.nan}, "set-point switch_closed holds nan; expected true or false"),
        ({"switch_closed": 2}, "set-point switch_closed holds 2; expected true or false"),
        ({"switch_closed": "no"}, "set-point switch_closed is of type <U2; expected true or false"),
        ({"load_kw": "much"}, "set-point load_kw is of type <U4; expected numbers"),
        ({"load_kw": 1 + 2j}, "set-point load_kw is of type complex128; expected numbers"),
        ({"load_kw": [[1.0], [1.0, 2.0]]}, "set-point load_kw is ragged: rows differ in length"),
        (
            {"load_kw": [1.0, 2.0]},
            r"set-point load_kw of shape \(2,\) does not broadcast to \(3, 15\)",
        ),
        (
            {"der_kw": [[1.0], [2.0]]},
            r"set-point der_kw of shape \(2, 1\) does not broadcast to \(3, 1\)",
        ),
        (
            {"der_kw": np.ones((4, 1))},
            r"set-point tap_position of shape \(3, 3\) does not broadcast to \(4, 3\)",
        ),
    ],
)
def test_with_refuses(setpoint: Setpoint, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(PowerFlowError, match=message):
        setpoint.with_(**changes)


def test_a_batch_has_no_negative_number_of_rows(network: Network) -> None:
    assert solve(network, nominal_setpoint(network, 0)).v_pu.shape == (0, 41)
    with pytest.raises(PowerFlowError, match="n_rows is -1; expected 0 or more"):
        nominal_setpoint(network, -1)


@pytest.mark.parametrize(
    ("name", "column", "value", "message"),
    [
        (
            "tap_position",
            2,
            17,
            "row 1: tap_position of regulator 'reg3' is 17; expected -16 to 16",
        ),
        (
            "tap_position",
            0,
            -17,
            "row 1: tap_position of regulator 'reg1' is -17; expected -16 to 16",
        ),
        (
            "capacitor_step",
            1,
            2,
            "row 1: capacitor_step of capacitor 'cap2' is 2; expected 0 to 1",
        ),
        (
            "capacitor_step",
            0,
            -1,
            "row 1: capacitor_step of capacitor 'cap1' is -1; expected 0 to 1",
        ),
        ("load_kw", 0, np.nan, "row 1: load_kw of load '671' is nan; expected a finite number"),
        ("load_kvar", 4, np.inf, "row 1: load_kvar of load '645' is inf; expected a finite number"),
        ("der_kw", 0, np.nan, "row 1: der_kw of der 'roof' is nan; expected a finite number"),
        ("der_kvar", 0, -np.inf, "row 1: der_kvar of der 'roof' is -inf; expected a finite number"),
    ],
)
def test_solve_names_the_element_and_the_value(
    network: Network, setpoint: Setpoint, name: str, column: int, value: float, message: str
) -> None:
    array = getattr(setpoint, name).copy()
    array[1, column] = value
    wrong = setpoint.with_(**{name: array})
    for engine in (partial(solve, network), OpenDSS(network).solve):
        with pytest.raises(PowerFlowError, match=message):
            engine(wrong)


@pytest.mark.parametrize("name", Setpoint.__slots__)
def test_solve_refuses_another_feeders_shape(
    network: Network, setpoint: Setpoint, name: str
) -> None:
    arrays = {slot: getattr(setpoint, slot) for slot in Setpoint.__slots__}
    arrays[name] = np.zeros((3, 99), dtype=arrays[name].dtype)
    message = rf"set-point {name} has shape \(3, 99\); feeder 'ieee13' takes \(3, \d+\)"
    with pytest.raises(PowerFlowError, match=message):
        solve(network, Setpoint(**arrays))


@pytest.mark.parametrize("shape", [(41,), (2, 41), (3, 40)])
def test_solve_refuses_a_start_of_another_shape(
    network: Network, setpoint: Setpoint, shape: tuple[int, ...]
) -> None:
    with pytest.raises(PowerFlowError, match=r"start_pu has shape .*; expected \(1 or 3, 41\)"):
        solve(network, setpoint, start_pu=np.ones(shape, dtype=complex))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start_pu": np.full((1, 41), np.nan)}, "start_pu holds .*nan.*; expected finite numbers"),
        ({"tolerance_pu": 0.0}, "tolerance_pu is 0.0; expected a number above 0"),
        ({"tolerance_pu": np.nan}, "tolerance_pu is nan; expected a number above 0"),
        ({"max_iterations": 0}, "max_iterations is 0; expected 1 or more"),
        ({"threads": 0}, "threads is 0; expected 1 or more"),
        ({"threads": -1}, "threads is -1; expected 1 or more"),
        ({"engine": "fast"}, "engine is 'fast'; expected 'batched' or 'opendss'"),
        ({"controls": "all"}, "controls is 'all'; expected True, False or a LocalControls"),
        ({"controls": None}, "controls is None; expected True, False or a LocalControls"),
    ],
)
def test_solve_refuses_options_that_make_no_sense(
    network: Network, setpoint: Setpoint, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(PowerFlowError, match=message):
        solve(network, setpoint, **options)


@pytest.mark.parametrize("engine", ["batched", "opendss"])
def test_solve_refuses_another_network_s_controls(
    network: Network, setpoint: Setpoint, engine: Any
) -> None:
    others = LocalControls(compile_network(load("ieee4_yy")))
    with pytest.raises(PowerFlowError, match=r"controls are of feeder 'ieee4_yy', .* 'ieee13'"):
        solve(network, setpoint, controls=others, engine=engine)
