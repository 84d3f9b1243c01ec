"""What OpenDSS says of every element, and how measures are held to it.

Relative to the largest of an element, 1e-6. Below an absolute floor no engine knows
anything: currents at a node balance to the last digit of its voltage times the
largest admittance beside it, which is some microamperes at a closed switch of a
tenth of a micro-ohm.
"""

from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np
import opendssdirect
from numpy.typing import NDArray

from grid_fed_rl.powerflow import Network, PowerFlow, Setpoint, measures
from grid_fed_rl.powerflow.assembly import S_BASE_KVA
from grid_fed_rl.powerflow.opendss import script

__all__ = ["RELATIVE", "Element", "Reference", "assert_branches_agree", "complexes", "floors_a"]

RELATIVE = 1e-6
LAST_DIGIT = np.finfo(np.float64).eps
OPEN_S = 1e-12  # OpenDSS leaves a picosiemens at an open conductor
LEAST_A = 1e-7  # of currents nothing is asked below
DROP = 0.01  # per unit of voltage along a section: what a current too much there takes


class Element(NamedTuple):
    """What OpenDSS says of an element: amperes, kW and kvar."""

    buses: list[str]  # (terminal,)
    nodes: NDArray[np.int64]  # (terminal, conductor)
    current_a: NDArray[np.complex128]  # (terminal, conductor)
    power_kva: NDArray[np.complex128]  # (terminal, conductor)
    losses_kva: complex
    admittance_s: NDArray[np.float64]  # (conductor, conductor) magnitudes
    floor_a: float
    v: float

    @property
    def floor_kva(self) -> float:
        """Of losses nothing is asked below."""
        floor_kva = self.nodes.size * self.floor_a * self.v / 1000.0
        return floor_kva + 4.0 * LAST_DIGIT * float(np.abs(self.power_kva).sum())


class Reference:
    """OpenDSS solving one row of a set-point; elements are then asked by name."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.dss: Any = opendssdirect.NewContext()
        self.dss.Basic.AllowForms(False)
        for command in script(network.feeder):
            self.say(command)
        self.say("set controlmode=off tolerance=1e-10 maxiterations=500")
        self.steps = {name: c.steps_closed for name, c in network.feeder.capacitors.items()}

    def say(self, command: str) -> None:
        self.dss.Text.Command(command)

    def solve(self, setpoint: Setpoint, row: int) -> bool:
        """Solve a row; return whether OpenDSS converged."""
        network, feeder = self.network, self.network.feeder
        for k, regulator in enumerate(feeder.regulators.values()):
            tap = float(1.0 + setpoint.tap_position[row, k] * network.tap_step_pu[k])
            self.say(f"transformer.{regulator.transformer}.wdg={regulator.winding}")
            self.say(f"transformer.{regulator.transformer}.tap={tap!r}")
        for name, step in zip(network.capacitors, setpoint.capacitor_step[row], strict=True):
            if step != self.steps[name]:
                n_steps = feeder.capacitors[name].n_steps
                states = " ".join(str(int(k < step)) for k in range(n_steps))
                self.say(f"capacitor.{name}.states=[{states}]")
                self.steps[name] = step
        for name, closed in zip(network.switches, setpoint.switch_closed[row], strict=True):
            for end in (1, 2):
                self.say(f"{'close' if closed else 'open'} line.{name} {end}")
        for k, name in enumerate(network.loads):
            self.dss.Loads.Name(name)
            self.dss.Loads.kW(float(setpoint.load_kw[row, k]))
            self.dss.Loads.kvar(float(setpoint.load_kvar[row, k]))
        for k, name in enumerate(network.ders):
            self.dss.Generators.Name(f"der_{name}")
            self.dss.Generators.kW(float(setpoint.der_kw[row, k]))
            self.dss.Generators.kvar(float(setpoint.der_kvar[row, k]))
        self.dss.Solution.Solve()
        return bool(self.dss.Solution.Converged())

    def element(self, name: str) -> Element:
        kind, bare = name.split(".", 1)
        full = f"line.{bare}" if kind == "switch" else name
        assert self.dss.Circuit.SetActiveElement(full) >= 0, full
        active = self.dss.CktElement
        shape = (active.NumTerminals(), active.NumConductors())
        admittance = np.abs(complexes(active.YPrim()))
        size = np.abs(complexes(active.Voltages())).max()
        return Element(
            buses=[bus.split(".")[0].lower() for bus in active.BusNames()],
            nodes=np.array(active.NodeOrder()).reshape(shape),
            current_a=complexes(active.Currents()).reshape(shape),
            power_kva=complexes(active.Powers()).reshape(shape),
            losses_kva=complexes(active.Losses())[0] / 1000.0,
            admittance_s=admittance.reshape(shape[0] * shape[1], -1),
            floor_a=(4.0 * LAST_DIGIT * admittance.max() + OPEN_S) * size,
            v=size,
        )

    def v_pu(self) -> NDArray[np.complex128]:
        """(node,) in the network's order; of dead nodes what OpenDSS has there."""
        order = map(str.lower, self.dss.Circuit.YNodeOrder())
        volts = dict(zip(order, complexes(self.dss.Circuit.YNodeVArray()), strict=True))
        at_nodes = [volts[name.lower()] for name in self.network.node_names]
        return np.array(at_nodes, dtype=np.complex128) / self.network.v_base_v

    def source_kva(self) -> complex:
        """What the substation delivers."""
        return -complexes(self.dss.Circuit.TotalPower())[0]


def complexes(flat: object) -> NDArray[np.complex128]:
    return np.asarray(flat, dtype=np.float64).view(np.complex128)


def floors_a(elements: dict[str, Element]) -> dict[str, float]:
    """Amperes below which the currents of each element mean nothing."""
    by_bus = defaultdict[str, float](float)
    for one in elements.values():
        for bus in one.buses:
            by_bus[bus] = max(by_bus[bus], one.floor_a)
    return {name: LEAST_A + max(by_bus[bus] for bus in one.buses) for name, one in elements.items()}


def assert_branches_agree(
    network: Network,
    flow: PowerFlow,
    reference: Reference,
    row: int,
    live_floor_pu: float = 0.0,
) -> None:
    """Currents, powers and losses of every conductor of every element of a row.

    Args:
        network: The feeder.
        flow: Our solution.
        reference: OpenDSS at its own solution of the row.
        row: Which.
        live_floor_pu: Current below which nothing is asked of elements with a live node.
    """
    one = flow.rows(slice(row, row + 1))
    flows, losses = measures.branch_flows(network, one), measures.element_losses(network, one)
    ends, phases = np.array(flows.conductors.ends), np.array(flows.conductors.phases)
    live = np.append(one.v_pu[0] != 0.0, False)[network.branches.node]
    base_a = S_BASE_KVA * 1000.0 / np.append(network.v_base_v, np.inf)[network.branches.node]
    elements = {name: reference.element(name) for name in losses.elements}
    floors = floors_a(elements)
    for k, (name, theirs) in enumerate(elements.items()):
        columns = np.array(flows.indices(name))
        within_a = RELATIVE * np.abs(theirs.current_a).max() + floors[name]
        for end in range(1, ends[columns].max() + 1):
            ours = columns[ends[columns] == end]
            n = len(ours)
            np.testing.assert_array_equal(phases[ours], theirs.nodes[end - 1, :n], name)
            within = within_a + live_floor_pu * base_a[ours] * live[ours]
            apart = np.abs(flows.current_a[0, ours] - theirs.current_a[end - 1, :n])
            assert (apart <= within).all(), (row, name, end)
            apart = np.abs(flows.power_kva[0, ours] - theirs.power_kva[end - 1, :n])
            assert (apart <= within * theirs.v / 1000.0).all(), (row, name, end)
        within_kva = RELATIVE * abs(theirs.losses_kva) + theirs.floor_kva
        if live[columns].any():
            within_kva += live_floor_pu * S_BASE_KVA * DROP
        assert abs(losses.kva[0, k] - theirs.losses_kva) <= within_kva, (row, name)
