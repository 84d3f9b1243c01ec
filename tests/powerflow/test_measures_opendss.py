"""Measures of every shipped feeder against OpenDSS, element by element.

How close is said in `opendss_elements`.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pytest

from grid_fed_rl.feeders import load, names
from grid_fed_rl.powerflow import (
    Network,
    PowerFlow,
    compile_network,
    measures,
    nominal_setpoint,
    solve,
)
from tests.powerflow.opendss_elements import (
    RELATIVE,
    Reference,
    assert_branches_agree,
    complexes,
)

N_RANDOM = {"ieee8500": 1, "ieee8500_unbalanced": 1, "european_lv": 1}


class Solved(NamedTuple):
    network: Network
    flow: PowerFlow
    reference: Reference


@pytest.fixture(scope="module", params=names())
def solved(request: pytest.FixtureRequest) -> Solved:
    """A feeder as it is, then at random taps, steps, switches and loads."""
    network = compile_network(load(request.param))
    n = N_RANDOM.get(request.param, 3)
    nominal = nominal_setpoint(network, 1 + n)
    rng = np.random.default_rng(7)
    closed = nominal.switch_closed.copy()
    # The last row has one switch more open than the feeder has.
    if closed.shape[1]:
        closed[-1, rng.integers(closed.shape[1])] = False
    share = np.vstack(
        [np.ones((1, len(network.loads))), rng.uniform(0.2, 1.0, (n, len(network.loads)))]
    )
    taps, steps = nominal.tap_position.copy(), nominal.capacitor_step.copy()
    taps[1:] = np.clip(rng.integers(-6, 9, taps[1:].shape), network.tap_lowest, network.tap_highest)
    steps[1:] = rng.integers(0, network.capacitor_steps + 1, steps[1:].shape)
    setpoint = nominal.with_(
        tap_position=taps,
        capacitor_step=steps,
        switch_closed=closed,
        load_kw=nominal.load_kw * share,
        load_kvar=nominal.load_kvar * share,
    )
    flow = solve(network, setpoint)
    assert flow.converged.all()
    return Solved(network, flow, Reference(network))


@pytest.fixture
def each_row(solved: Solved) -> Callable[[], Iterator[int]]:
    """Solve the rows in OpenDSS, one after the other."""

    def rows() -> Iterator[int]:
        for row in range(solved.flow.setpoint.n_rows):
            assert solved.reference.solve(solved.flow.setpoint, row)
            yield row

    return rows


def test_branches_are_opendss_elements(
    solved: Solved, each_row: Callable[[], Iterator[int]]
) -> None:
    """Currents, powers and losses of every conductor of every element."""
    for row in each_row():
        assert_branches_agree(*solved, row)


def test_totals_are_opendss_totals(solved: Solved, each_row: Callable[[], Iterator[int]]) -> None:
    """Losses, source power, and what loads draw."""
    network, flow, reference = solved
    losses = measures.losses_kw(network, flow) + 1j * measures.losses_kvar(network, flow)
    source = measures.source_kw(network, flow) + 1j * measures.source_kvar(network, flow)
    drawn = measures.load_kw(network, flow) + 1j * measures.load_kvar(network, flow)
    for row in each_row():
        dss = reference.dss
        lost = complexes(dss.Circuit.Losses())[0] / 1000.0
        delivered = reference.source_kva()
        assert abs(losses[row] - lost) <= RELATIVE * abs(lost)
        assert abs(source[row] - delivered) <= RELATIVE * abs(delivered)
        for k, name in enumerate(network.loads):
            theirs = reference.element(f"load.{name}").power_kva.sum()
            assert abs(drawn[row, k] - theirs) <= RELATIVE * abs(theirs) + 1e-12, name


def test_unbalance_is_opendss_sequence_voltages(
    solved: Solved, each_row: Callable[[], Iterator[int]]
) -> None:
    network, flow, reference = solved
    vuf = measures.sequence_unbalance_percent(network, flow)
    for row in each_row():
        for k, bus in enumerate(measures.three_phase_buses(network)):
            reference.dss.Circuit.SetActiveBus(bus)
            _, positive, negative = reference.dss.Bus.SeqVoltages()
            if np.isnan(vuf[row, k]):
                assert positive < 1e-3  # dead
            else:
                assert vuf[row, k] == pytest.approx(100.0 * negative / positive, rel=1e-6, abs=1e-6)
