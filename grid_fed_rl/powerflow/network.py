"""The compiled feeder: the only crossing from SI to per unit.

Nodes are bus.phase pairs. The per-unit base is 1 MVA everywhere and the
nominal line-to-neutral voltage of each bus, so that an admittance between nodes
i and j is ``Y V_i V_j / S``.

What varies from row to row enters through a short vector of factors a row:
``1/t`` and ``1/t^2`` for the tap of each regulator, 0 or 1 for each capacitor.
The nodal admittance is affine in them (`kernels.Matrix`).
"""

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders import (
    Capacitor,
    Connection,
    Feeder,
    Load,
    LoadModel,
    Pv,
    Storage,
    Terminal,
    check,
)
from grid_fed_rl.powerflow import kernels, primitives
from grid_fed_rl.powerflow.ordering import Schedule, schedule

__all__ = ["S_BASE_KVA", "Network", "compile_network"]

S_BASE_KVA = 1000.0
DER_V_MIN_PU, DER_V_MAX_PU, DER_V_LOW_PU = 0.8, 1.2, 0.5

Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class Network:
    """A feeder made ready to be solved, many rows at a time.

    Attributes:
        feeder: What it was compiled from.
        node_names: ``bus.phase`` of each node; columns of every voltage array.
        v_base_v: Nominal line-to-neutral volts of each node.
        regulators: Names; columns of tap positions.
        capacitors: Names; columns of capacitor states.
        loads: Names; columns of load powers.
        ders: Names, PV first and then storage; columns of DER powers.
        tap_step_pu: Voltage of one tap step of each regulator.
        tap_lowest: Lowest position of each regulator (neutral is 0).
        tap_highest: Highest position of each regulator.
        v_flat_pu: (node,) voltages without load at neutral taps.
    """

    feeder: Feeder
    node_names: tuple[str, ...]
    v_base_v: NDArray[np.float64]
    regulators: tuple[str, ...]
    capacitors: tuple[str, ...]
    loads: tuple[str, ...]
    ders: tuple[str, ...]
    tap_step_pu: NDArray[np.float64]
    tap_lowest: NDArray[np.int32]
    tap_highest: NDArray[np.int32]
    schedule: Schedule
    matrix: kernels.Matrix
    legs: kernels.Legs
    source_nodes: NDArray[np.int64]
    source_current_pu: Complex  # (node,) Norton current
    source_admittance_pu: Complex  # (3, 3)
    branch_conductance_pu: NDArray[np.float64]  # (entry,) base, without the source
    v_flat_pu: Complex  # (node,)

    @cached_property
    def node_index(self) -> dict[str, int]:
        """Column of each node."""
        return {name: k for k, name in enumerate(self.node_names)}

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.node_names)

    def nodes_of(self, terminal: Terminal) -> list[int]:
        """Columns of a terminal's conductors, in their order."""
        return [self.node_index[f"{terminal.bus}.{phase}"] for phase in terminal.phases]

    def entry_nodes(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Original nodes (i, j) of every entry of the schedule."""
        order = self.schedule.order.astype(np.int64)
        columns = np.repeat(np.arange(self.n_nodes), np.diff(self.schedule.column))
        return (
            np.concatenate([order, order[self.schedule.row]]),
            np.concatenate([order, order[columns]]),
        )


class _Stamps:
    """Collects element admittances by node pair and by factor."""

    def __init__(self, v_base_v: NDArray[np.float64]) -> None:
        self._v_base_v = v_base_v
        self.base: dict[tuple[int, int], complex] = defaultdict(complex)
        self.terms: dict[tuple[int, int, int], complex] = defaultdict(complex)

    def add(self, nodes: list[int], y: Complex, factor: int | None = None) -> None:
        """Add a primitive matrix in siemens between nodes, scaled by a factor."""
        scale = self._v_base_v[nodes]
        y_pu = y * np.outer(scale, scale) / (S_BASE_KVA * 1000.0)
        for a, i in enumerate(nodes):
            for b, j in enumerate(nodes):
                if i <= j and y_pu[a, b] != 0:
                    # An element with two conductors on one node meets it twice.
                    if factor is None:
                        self.base[i, j] += y_pu[a, b]
                    else:
                        self.terms[i, j, factor] += y_pu[a, b]


def _node_names(feeder: Feeder) -> tuple[str, ...]:
    phases: dict[str, set[int]] = defaultdict(set)
    phases[feeder.source.bus] |= {1, 2, 3}
    branches = [*feeder.lines.values(), *feeder.switches.values()]
    terminals = [terminal for b in branches for terminal in (b.from_, b.to)]
    terminals += [w.terminal for t in feeder.transformers.values() for w in t.windings]
    for terminal in terminals:
        phases[terminal.bus] |= set(terminal.phases)
    return tuple(f"{bus}.{phase}" for bus in feeder.buses for phase in sorted(phases[bus]))


def _stamp_transformers(feeder: Feeder, network: "_Numbering", stamps: _Stamps) -> None:
    controlled = {r.transformer: k for k, r in enumerate(feeder.regulators.values())}
    for transformer in feeder.transformers.values():
        nodes = [n for w in transformer.windings for n in network.nodes(w.terminal)]
        if transformer.name not in controlled:
            stamps.add(nodes, primitives.transformer_admittance(transformer))
            continue
        k = controlled[transformer.name]
        ideal = replace(transformer, antifloat_ppm=0.0)
        whole = primitives.transformer_admittance(transformer, (1.0, 1.0))
        y = primitives.transformer_admittance(ideal, (1.0, 1.0))
        n = len(transformer.windings[0].terminal.phases)
        crossing, second = np.zeros_like(y), np.zeros_like(y)
        crossing[:n, n:], crossing[n:, :n] = y[:n, n:], y[n:, :n]
        second[n:, n:] = y[n:, n:]
        stamps.add(nodes, whole - crossing - second)
        stamps.add(nodes, crossing, factor=2 * k)
        stamps.add(nodes, second, factor=2 * k + 1)


@dataclass(frozen=True)
class _Numbering:
    names: tuple[str, ...]

    @cached_property
    def index(self) -> dict[str, int]:
        return {name: k for k, name in enumerate(self.names)}

    def nodes(self, terminal: Terminal) -> list[int]:
        return [self.index[f"{terminal.bus}.{phase}"] for phase in terminal.phases]


def _stamp(feeder: Feeder, numbering: _Numbering, v_base_v: NDArray[np.float64]) -> _Stamps:
    """Stamp every element but the source."""
    stamps = _Stamps(v_base_v)
    for line in feeder.lines.values():
        y = primitives.line_admittance(line, feeder.line_codes[line.code], feeder.frequency_hz)
        stamps.add(numbering.nodes(line.from_) + numbering.nodes(line.to), y)
    for switch in feeder.switches.values():
        if switch.closed:
            nodes = numbering.nodes(switch.from_) + numbering.nodes(switch.to)
            stamps.add(nodes, primitives.switch_admittance(switch))
    _stamp_transformers(feeder, numbering, stamps)
    first = 2 * len(feeder.regulators)
    for k, capacitor in enumerate(feeder.capacitors.values()):
        y = primitives.capacitor_admittance(capacitor)
        stamps.add(numbering.nodes(capacitor.terminal), y, factor=first + k)
    return stamps


def _matrix(
    stamps: _Stamps, sched: Schedule, source_nodes: list[int], y_source_pu: Complex
) -> tuple[kernels.Matrix, NDArray[np.float64]]:
    base = np.zeros(sched.n_entries, dtype=complex)
    for (i, j), y in stamps.base.items():
        base[sched.entry(i, j)] += y
    branch_conductance = base.real.copy()
    for a, i in enumerate(source_nodes):
        for b, j in enumerate(source_nodes):
            if i <= j:
                base[sched.entry(i, j)] += y_source_pu[a, b]
    terms = [(sched.entry(i, j), f, y) for (i, j, f), y in stamps.terms.items()]
    entry = np.array([t[0] for t in terms], dtype=np.int32)
    factor = np.array([t[1] for t in terms], dtype=np.int32)
    value = np.array([t[2] for t in terms], dtype=complex)
    matrix = kernels.Matrix(
        base.real.copy(), base.imag.copy(), entry, factor, value.real.copy(), value.imag.copy()
    )
    return matrix, branch_conductance


def _answer_constants(
    model: LoadModel, rated_pu: float, v_min_pu: float, v_max_pu: float, v_low_pu: float
) -> tuple[float, ...]:
    """(low, nominal, high, g_low, g_high, mid_0, mid_1, c1, c2) of `kernels.Legs`."""
    g_rated = 1.0 / rated_pu**2
    if model is LoadModel.Z:
        return math.inf, math.inf, math.inf, g_rated, g_rated, 0.0, 0.0, 0.0, 0.0
    low, nominal, high = (rated_pu * v for v in (v_low_pu, v_min_pu, v_max_pu))
    if model is LoadModel.PQ:
        i_nominal, g_high, c1, c2 = 1.0 / nominal, 1.0 / high**2, 0.0, 1.0
    else:
        i_nominal, g_high, c1, c2 = 1.0 / rated_pu, g_rated / v_max_pu, 1.0 / rated_pu, 0.0
    i_low = low * g_rated
    slope = (i_nominal - i_low) / (nominal - low)
    return low, nominal, high, g_rated, g_high, i_low - slope * low, slope, c1, c2


def _legs(feeder: Feeder, numbering: _Numbering, sched: Schedule, v_base_v) -> kernels.Legs:
    rows: list[tuple[float, ...]] = []
    elements: list[Load | Pv | Storage] = [
        *feeder.loads.values(),
        *feeder.pvs.values(),
        *feeder.storages.values(),
    ]
    for column, element in enumerate(elements):
        nodes = numbering.nodes(element.terminal)
        legs = primitives.legs_of(element.connection, len(nodes))
        kv = primitives.rated_leg_kv(element.connection, len(nodes), element.kv)
        rated_pu = kv * 1000.0 / v_base_v[nodes[0]]
        if isinstance(element, Load):
            window = (element.v_min_pu, element.v_max_pu, element.v_low_pu)
            constants = _answer_constants(element.model, rated_pu, *window)
        else:
            window = (DER_V_MIN_PU, DER_V_MAX_PU, DER_V_LOW_PU)
            constants = _answer_constants(LoadModel.PQ, rated_pu, *window)
        for start, stop in legs:
            a = sched.position[nodes[start]]
            b = sched.n_nodes if stop is None else sched.position[nodes[stop]]
            rows.append((a, b, column, 1.0 / len(legs), *constants))
    table = np.array(rows).reshape(-1, 13)
    index = table[:, :3].T.astype(np.int32)
    values = [np.ascontiguousarray(column) for column in table[:, 3:].T]
    return kernels.Legs(*(np.ascontiguousarray(row) for row in index), *values)


def _no_load(stamps: _Stamps, n: int, y_source: Complex, nodes: list[int], current: Complex):
    """Voltages without load, neutral taps and capacitors open: the flat start."""
    y = np.zeros((n, n), dtype=complex)
    n_taps = 1 + max((f for _, _, f in stamps.terms), default=-1)
    for (i, j), value in stamps.base.items():
        y[i, j] += value
    for (i, j, factor), value in stamps.terms.items():
        if factor < n_taps and value.real != 0:
            y[i, j] += value
    y = y + np.triu(y, 1).T
    y[np.ix_(nodes, nodes)] += y_source
    return np.linalg.solve(y, current)


def compile_network(feeder: Feeder) -> Network:
    """Compile a feeder for the batched engine.

    Raises:
        FeederError: the feeder has faults; all of them are listed.
    """
    check(feeder)
    numbering = _Numbering(_node_names(feeder))
    n = len(numbering.names)
    v_base_v = np.array(
        [feeder.buses[name.rsplit(".", 1)[0]].kv_ll for name in numbering.names]
    ) * (1000.0 / math.sqrt(3))
    stamps = _stamp(feeder, numbering, v_base_v)
    source_nodes = numbering.nodes(Terminal(feeder.source.bus, (1, 2, 3)))
    v_source = v_base_v[source_nodes]
    y_source = primitives.source_admittance(feeder.source)
    y_source_pu = y_source * np.outer(v_source, v_source) / (S_BASE_KVA * 1000.0)
    current = np.zeros(n, dtype=complex)
    current[source_nodes] = y_source_pu @ (primitives.source_voltage(feeder.source) / v_source)
    pairs = {(i, j) for i, j in stamps.base if i != j}
    pairs |= {(i, j) for i, j, _ in stamps.terms if i != j}
    pairs |= {(i, j) for i in source_nodes for j in source_nodes if i < j}
    sched = schedule(n, pairs)
    matrix, conductance = _matrix(stamps, sched, source_nodes, y_source_pu)
    regulators = tuple(feeder.regulators.values())
    steps = np.array([r.step_pu for r in regulators])
    for regulator in regulators:
        if abs(1.0 - regulator.tap_min_pu) % regulator.step_pu > 1e-9 and (
            regulator.step_pu - abs(1.0 - regulator.tap_min_pu) % regulator.step_pu > 1e-9
        ):
            raise FeederError(
                f"regulator {regulator.name!r}: neutral (1.0) is not on a step between "
                f"{regulator.tap_min_pu} and {regulator.tap_max_pu} in {regulator.n_steps} steps"
            )
    network = Network(
        feeder=feeder,
        node_names=numbering.names,
        v_base_v=v_base_v,
        regulators=tuple(feeder.regulators),
        capacitors=tuple(feeder.capacitors),
        loads=tuple(feeder.loads),
        ders=(*feeder.pvs, *feeder.storages),
        tap_step_pu=steps,
        tap_lowest=np.array(
            [round((r.tap_min_pu - 1.0) / r.step_pu) for r in regulators], dtype=np.int32
        ),
        tap_highest=np.array(
            [round((r.tap_max_pu - 1.0) / r.step_pu) for r in regulators], dtype=np.int32
        ),
        schedule=sched,
        matrix=matrix,
        legs=_legs(feeder, numbering, sched, v_base_v),
        source_nodes=np.array(source_nodes),
        source_current_pu=current,
        source_admittance_pu=y_source_pu,
        branch_conductance_pu=conductance,
        v_flat_pu=_no_load(stamps, n, y_source_pu, source_nodes, current),
    )
    return network
