"""The compiled feeder: the only crossing from SI to per unit.

A node is a conductor at a bus, ``bus.phase``. The per-unit base is 1 MVA everywhere and the
nominal line-to-neutral voltage of each bus, so that an admittance between nodes
i and j is ``Y V_i V_j / S``.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.feeders import Feeder, Terminal, check
from grid_fed_rl.powerflow import kernels, linear_kernels, primitives
from grid_fed_rl.powerflow.answers import Legs
from grid_fed_rl.powerflow.assembly import GROUND, S_BASE_KVA, columns_of, stamp
from grid_fed_rl.powerflow.branch_assembly import branch_table
from grid_fed_rl.powerflow.branches import BranchTable
from grid_fed_rl.powerflow.injections import legs
from grid_fed_rl.powerflow.islands import zones
from grid_fed_rl.powerflow.ordering import Elimination, eliminate

__all__ = ["GROUND", "S_BASE_KVA", "Network", "compile_network"]

Complex = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class Network:
    """A feeder made ready to be solved, many rows at a time.

    Attributes:
        feeder: What it was compiled from.
        node_names: ``bus.phase`` of each node; columns of every voltage array.
        node_index: Column of each node, by name.
        v_base_v: (node,) nominal line-to-neutral volts.
        regulators: Names; columns of tap positions.
        capacitors: Names; columns of capacitor steps.
        switches: Names; columns of switch states.
        loads: Names; columns of load powers.
        ders: Names, PV first, then storage, then generators; columns of DER powers.
        tap_step_pu: (regulator,) voltage of one tap step.
        tap_lowest: (regulator,) lowest position; neutral is 0.
        tap_highest: (regulator,) highest position.
        capacitor_steps: (capacitor,) steps of the bank.
        source_nodes: (3,) columns of the substation's phases.
        source_current_pu: (node,) Norton current of the substation.
        source_admittance_pu: (3, 3) Norton admittance of the substation.
        elimination: How the admittance matrix is eliminated.
        interior: Factors of the part of it that no row changes.
        boundary: The part that differs from row to row.
        zones: What switches can cut off from the source.
        sites: Where current enters.
        legs: Where loads and DER inject current; they count nodes by `leg_nodes`.
        leg_nodes: Columns of the nodes that loads and DER stand on.
    """

    feeder: Feeder
    node_names: tuple[str, ...]
    node_index: dict[str, int]
    v_base_v: NDArray[np.float64]
    regulators: tuple[str, ...]
    capacitors: tuple[str, ...]
    switches: tuple[str, ...]
    loads: tuple[str, ...]
    ders: tuple[str, ...]
    tap_step_pu: NDArray[np.float64]
    tap_lowest: NDArray[np.int32]
    tap_highest: NDArray[np.int32]
    capacitor_steps: NDArray[np.int32]
    source_nodes: NDArray[np.int64]
    source_current_pu: Complex
    source_admittance_pu: Complex
    elimination: Elimination
    interior: linear_kernels.Interior
    boundary: linear_kernels.Boundary
    zones: linear_kernels.Zones
    sites: kernels.Sites
    legs: Legs
    leg_nodes: NDArray[np.int32]

    @cached_property
    def branches(self) -> BranchTable:
        """What currents, powers and losses of branches are made of."""
        return branch_table(self.feeder, self.node_index, self.v_base_v)

    @cached_property
    def v_flat_pu(self) -> Complex:
        """(node,) voltages without load, taps at neutral, capacitors open, switches closed."""
        taps, banks, switches, *powers = (np.zeros(n) for _, n in self.row_shapes)
        row = np.concatenate([taps, banks, np.ones_like(switches), *powers])
        v_pu = np.zeros(self.n_nodes, dtype=np.complex128)
        # Without currents of loads the first iteration is the answer.
        kernels.solve_row(self.plan, row, v_pu, 0.0, 1)
        return v_pu

    @cached_property
    def row_shapes(self) -> tuple[tuple[int, int], ...]:
        """Shapes of the arrays of a set-point of one row."""
        taps, banks, switches = len(self.regulators), len(self.capacitors), len(self.switches)
        loads, ders = len(self.loads), len(self.ders)
        return tuple((1, n) for n in (taps, banks, switches, loads, loads, ders, ders))

    @cached_property
    def plan(self) -> kernels.Plan:
        """What the kernels know of it."""
        return kernels.Plan(
            self.elimination.order,
            self.elimination.n_quiet,
            self.interior,
            self.boundary,
            self.zones,
            self.sites,
            self.legs,
            self.steps,
            len(self.switches),
            len(self.loads),
            len(self.ders),
        )

    def __getstate__(self) -> dict[str, object]:
        """All but the plan, which another process makes anew."""
        return {name: part for name, part in self.__dict__.items() if name != "plan"}

    @cached_property
    def steps(self) -> kernels.Steps:
        """How far a tap position or capacitor step reaches."""
        return kernels.Steps(
            self.tap_step_pu, self.tap_lowest, self.tap_highest, self.capacitor_steps
        )

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.node_names)

    def nodes_of(self, terminal: Terminal) -> list[int]:
        """Columns of a terminal's conductors, in their order; `GROUND` for node 0."""
        return columns_of(self.node_index, terminal)


def compile_network(feeder: Feeder) -> Network:
    """Compile a feeder for the batched engine.

    Raises:
        FeederError: the feeder has faults; all of them are listed.
    """
    check(feeder, ratings=False)
    nodes = [(bus, phase) for bus in feeder.buses for phase in feeder.phases_of(bus)]
    node_names = tuple(f"{bus}.{phase}" for bus, phase in nodes)
    node_index = {name: k for k, name in enumerate(node_names)}
    v_base_v = np.array([feeder.buses[bus].kv_ll for bus, _ in nodes]) * 1000.0 / math.sqrt(3)
    source_nodes, y_source_pu, i_source_pu = _source(feeder, node_index, v_base_v)
    leg_nodes = _leg_nodes(feeder, node_index)

    stamps = stamp(feeder, node_index, v_base_v)
    stamps.add(source_nodes, primitives.source_admittance(feeder.source))
    quiet = np.ones(len(nodes), dtype=np.bool_)
    quiet[[*source_nodes, *leg_nodes]] = False
    elimination = eliminate(len(nodes), stamps.pairs, quiet, stamps.boundary(len(nodes)))
    interior, boundary = stamps.factorise(elimination)
    regulators = feeder.regulators.values()
    source_current_pu = np.zeros(len(nodes), dtype=np.complex128)
    source_current_pu[source_nodes] = i_source_pu
    return Network(
        feeder=feeder,
        node_names=node_names,
        node_index=node_index,
        v_base_v=v_base_v,
        regulators=tuple(feeder.regulators),
        capacitors=tuple(feeder.capacitors),
        switches=tuple(feeder.switches),
        loads=tuple(feeder.loads),
        ders=(*feeder.pvs, *feeder.storages, *feeder.generators),
        tap_step_pu=np.array([r.step_pu for r in regulators]),
        tap_lowest=_positions([(r.tap_min_pu - 1.0) / r.step_pu for r in regulators]),
        tap_highest=_positions([(r.tap_max_pu - 1.0) / r.step_pu for r in regulators]),
        capacitor_steps=_positions([c.n_steps for c in feeder.capacitors.values()]),
        source_nodes=np.array(source_nodes),
        source_current_pu=source_current_pu,
        source_admittance_pu=y_source_pu,
        elimination=elimination,
        interior=interior,
        boundary=boundary,
        zones=zones(feeder, node_index, elimination, source_nodes),
        sites=kernels.Sites(
            position=elimination.position[leg_nodes],
            source=elimination.position[source_nodes],
            source_re=i_source_pu.real.copy(),
            source_im=i_source_pu.imag.copy(),
        ),
        legs=legs(feeder, {node_names[k]: i for i, k in enumerate(leg_nodes)}, len(leg_nodes)),
        leg_nodes=leg_nodes,
    )


def _source(
    feeder: Feeder, node_index: Mapping[str, int], v_base_v: NDArray[np.float64]
) -> tuple[list[int], Complex, Complex]:
    """Columns of the substation's phases, its Norton admittance and current."""
    nodes = columns_of(node_index, Terminal(feeder.source.bus, (1, 2, 3)))
    base_v = v_base_v[nodes]
    y_pu = primitives.source_admittance(feeder.source) * np.outer(base_v, base_v)
    y_pu /= S_BASE_KVA * 1000.0
    return nodes, y_pu, y_pu @ (primitives.source_voltage(feeder.source) / base_v)


def _leg_nodes(feeder: Feeder, node_index: Mapping[str, int]) -> NDArray[np.int32]:
    """Columns of the nodes that loads and DER stand on, rising."""
    kinds = (feeder.loads, feeder.pvs, feeder.storages, feeder.generators)
    terminals = [one.terminal for kind in kinds for one in kind.values()]
    on = {k for terminal in terminals for k in columns_of(node_index, terminal)}
    return np.array(sorted(on - {GROUND}), dtype=np.int32)


def _positions(steps: list[float]) -> NDArray[np.int32]:
    return np.rint(np.array(steps)).astype(np.int32)
