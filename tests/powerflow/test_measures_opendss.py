"""Measures of every shipped feeder against OpenDSS, element by element.

Relative to the largest of an element, 1e-6. Below an absolute floor no engine knows
anything: currents at a node balance to the last digit of its voltage times the
largest admittance beside it, which is some microamperes at a closed switch of a
tenth of a micro-ohm.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import opendssdirect
import pytest
from numpy.typing import NDArray

from grid_fed_rl.feeders import load, names
from grid_fed_rl.feeders.opendss import commands
from grid_fed_rl.powerflow import (
    Network,
    PowerFlow,
    Setpoint,
    compile_network,
    measures,
    nominal_setpoint,
    solve,
)

RELATIVE = 1e-6
LAST_DIGIT = np.finfo(np.float64).eps
OPEN_S = 1e-12  # OpenDSS leaves a picosiemens at an open conductor
LEAST_A = 1e-7  # of currents nothing is asked below
N_RANDOM = {"ieee8500": 1, "ieee8500_unbalanced": 1, "european_lv": 1}


class Element(NamedTuple):
    """What OpenDSS says of an element: amperes, kW and kvar."""

    buses: list[str]  # (terminal,)
    nodes: NDArray[np.int64]  # (terminal, conductor)
    current_a: NDArray[np.complex128]  # (terminal, conductor)
    power_kva: NDArray[np.complex128]  # (terminal, conductor)
    losses_kva: complex
    floor_a: float
    v: float


class Reference:
    """OpenDSS solving one row of a set-point; elements are then asked by name."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.dss: Any = opendssdirect.NewContext()
        self.dss.Basic.AllowForms(False)
        for command in commands(network.feeder):
            self.say(command.replace(" switch=yes", ""))
        self.say("set controlmode=off tolerance=1e-10 maxiterations=500")

    def say(self, command: str) -> None:
        self.dss.Text.Command(command)

    def solve(self, setpoint: Setpoint, row: int) -> None:
        network, feeder = self.network, self.network.feeder
        for k, regulator in enumerate(feeder.regulators.values()):
            tap = float(1.0 + setpoint.tap_position[row, k] * network.tap_step_pu[k])
            self.say(f"transformer.{regulator.transformer}.wdg={regulator.winding}")
            self.say(f"transformer.{regulator.transformer}.tap={tap!r}")
        for name, step in zip(network.capacitors, setpoint.capacitor_step[row], strict=True):
            n_steps = feeder.capacitors[name].n_steps
            self.say(
                f"capacitor.{name}.states=[{' '.join(str(int(k < step)) for k in range(n_steps))}]"
            )
        for name, closed in zip(network.switches, setpoint.switch_closed[row], strict=True):
            for end in (1, 2):
                self.say(f"{'close' if closed else 'open'} line.{name} {end}")
        for k, name in enumerate(network.loads):
            self.dss.Loads.Name(name)
            self.dss.Loads.kW(float(setpoint.load_kw[row, k]))
            self.dss.Loads.kvar(float(setpoint.load_kvar[row, k]))
        self.dss.Solution.Solve()
        assert self.dss.Solution.Converged()

    def element(self, name: str) -> Element:
        kind, bare = name.split(".", 1)
        full = f"line.{bare}" if kind == "switch" else name
        assert self.dss.Circuit.SetActiveElement(full) >= 0, full
        active = self.dss.CktElement
        shape = (active.NumTerminals(), active.NumConductors())
        admittance = np.abs(complexes(active.YPrim())).max()
        size = np.abs(complexes(active.Voltages())).max()
        return Element(
            buses=[bus.split(".")[0].lower() for bus in active.BusNames()],
            nodes=np.array(active.NodeOrder()).reshape(shape),
            current_a=complexes(active.Currents()).reshape(shape),
            power_kva=complexes(active.Powers()).reshape(shape),
            losses_kva=complexes(active.Losses())[0] / 1000.0,
            floor_a=(4.0 * LAST_DIGIT * admittance + OPEN_S) * size,
            v=size,
        )


def complexes(flat: object) -> NDArray[np.complex128]:
    return np.asarray(flat, dtype=np.float64).view(np.complex128)


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
            solved.reference.solve(solved.flow.setpoint, row)
            yield row

    return rows


def test_branches_are_opendss_elements(
    solved: Solved, each_row: Callable[[], Iterator[int]]
) -> None:
    """Currents, powers and losses of every conductor of every element."""
    network, flow, reference = solved
    flows = measures.branch_flows(network, flow)
    losses = measures.element_losses(network, flow)
    ends, phases = np.array(flows.conductors.ends), np.array(flows.conductors.phases)
    for row in each_row():
        elements = {name: reference.element(name) for name in losses.elements}
        floors_a = defaultdict[str, float](float)
        for theirs in elements.values():
            for bus in theirs.buses:
                floors_a[bus] = max(floors_a[bus], theirs.floor_a)
        for k, (name, theirs) in enumerate(elements.items()):
            columns = np.array(flows.indices(name))
            within_a = RELATIVE * np.abs(theirs.current_a).max() + LEAST_A
            within_a += max(floors_a[bus] for bus in theirs.buses)
            for end in range(1, ends[columns].max() + 1):
                ours = columns[ends[columns] == end]
                n = len(ours)
                np.testing.assert_array_equal(phases[ours], theirs.nodes[end - 1, :n], name)
                expected_a = theirs.current_a[end - 1, :n]
                assert np.abs(flows.current_a[row, ours] - expected_a).max() <= within_a, name
                expected_kva = theirs.power_kva[end - 1, :n]
                within_kva = within_a * theirs.v / 1000.0
                assert np.abs(flows.power_kva[row, ours] - expected_kva).max() <= within_kva, name
            through_kva = np.abs(theirs.power_kva).sum()
            floor_kva = theirs.nodes.size * theirs.floor_a * theirs.v / 1000.0
            floor_kva += 4.0 * LAST_DIGIT * through_kva
            within_kva = RELATIVE * abs(theirs.losses_kva) + floor_kva
            assert abs(losses.kva[row, k] - theirs.losses_kva) <= within_kva, name


def test_totals_are_opendss_totals(solved: Solved, each_row: Callable[[], Iterator[int]]) -> None:
    """Losses, source power, and what loads draw."""
    network, flow, reference = solved
    losses = measures.losses_kw(network, flow) + 1j * measures.losses_kvar(network, flow)
    source = measures.source_kw(network, flow) + 1j * measures.source_kvar(network, flow)
    drawn = measures.load_kw(network, flow) + 1j * measures.load_kvar(network, flow)
    for row in each_row():
        dss = reference.dss
        lost = complexes(dss.Circuit.Losses())[0] / 1000.0
        delivered = -complexes(dss.Circuit.TotalPower())[0]
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
