"""Kirchhoff's first law at every node, with matrices and loads written down a second time.

Also of feeders that nobody drew: a four-wire line, a transformer of any connection, and
loads of every model, DER, banks and reactors on any conductors.

Branches are stamped here into one dense matrix in siemens, loads and DER answer to
voltage by a plain reading of OpenDSS's source: what the compiled engine finds must
make the currents of both add up to what the substation feeds in.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from grid_fed_rl.feeders import (
    Bus,
    Capacitor,
    Connection,
    Feeder,
    Generator,
    Line,
    LineCode,
    Load,
    LoadModel,
    Pv,
    Reactor,
    Regulator,
    Source,
    Storage,
    Switch,
    Terminal,
    Transformer,
    Winding,
    load,
)
from grid_fed_rl.powerflow import (
    Network,
    PowerFlow,
    Setpoint,
    compile_network,
    measures,
    nominal_setpoint,
    primitives,
    solve,
)
from grid_fed_rl.powerflow.opendss import OpenDSS

Complex = NDArray[np.complex128]
Element = Load | Pv | Storage | Generator
WYE, WYE_N, DELTA = Connection
ABC, ABCN = (1, 2, 3), (1, 2, 3, 4)

# A delta side that nothing but anti-float holds to ground has its potential to nine
# digits: a tighter tolerance is rounding.
TIGHT_PU = 1e-8


def branch_admittance(network: Network, setpoint: Setpoint, row: int) -> Complex:
    """Nodal admittance in siemens without the source; the last node is ground."""
    feeder, n = network.feeder, network.n_nodes
    y = np.zeros((n + 1, n + 1), dtype=np.complex128)

    def add(terminals: list[Terminal], primitive: Complex) -> None:
        nodes = [k for terminal in terminals for k in network.nodes_of(terminal)]  # ground: -1
        for a, i in enumerate(nodes):
            for b, j in enumerate(nodes):
                y[i, j] += primitive[a, b]

    closed = setpoint.switch_closed[row]
    switches = [s for s, shut in zip(feeder.switches.values(), closed, strict=True) if shut]
    for line in (*feeder.lines.values(), *switches):
        code = feeder.line_codes[line.code]
        add([line.from_, line.to], primitives.line_admittance(line, code, feeder.frequency_hz))
    taps = {name: [w.tap_pu for w in t.windings] for name, t in feeder.transformers.items()}
    for regulator, at in zip(feeder.regulators.values(), setpoint.tap_position[row], strict=True):
        taps[regulator.transformer][regulator.winding - 1] = 1.0 + regulator.step_pu * float(at)
    for name, transformer in feeder.transformers.items():
        terminals = [winding.terminal for winding in transformer.windings]
        add(terminals, primitives.transformer_admittance(transformer, taps[name]))
    for capacitor, step in zip(
        feeder.capacitors.values(), setpoint.capacitor_step[row], strict=True
    ):
        whole = primitives.capacitor_admittance(capacitor)
        add([capacitor.terminal], whole * (step / capacitor.n_steps))
    for reactor in feeder.reactors.values():
        ends = [end for end in (reactor.from_, reactor.to) if end is not None]
        add(ends, primitives.reactor_admittance(reactor))
    return y


def leg_current(element: Element, s: complex, v: complex) -> complex:
    """Current of a leg of rated power s at v, all per unit of the rated leg.

    A plain reading of OpenDSS's ``Load.pas`` and ``generator.pas``.
    """
    size, y = abs(v), s.conjugate()
    low, high = element.v_min_pu, element.v_max_pu
    if not isinstance(element, Load):
        third = 3.0 if element.connection is DELTA and len(element.terminal.phases) == 2 else 1.0
        if size <= low:
            return y / low**2 / third * v
        return y / high**2 / third * v if size > high else (s / v).conjugate()
    if element.model is LoadModel.Z or size <= element.v_low_pu:
        return y * v

    def line(at_window: float) -> float:
        share = (size - element.v_low_pu) / (low - element.v_low_pu)
        return (element.v_low_pu + share * (at_window - element.v_low_pu)) / size

    def of_power(u: complex) -> complex:
        if size <= low:
            return line(1.0 / low) * u
        return u / high**2 if size > high else u / size**2

    def of_current(u: complex) -> complex:
        if size <= low:
            return line(1.0) * u
        return u / high if size > high else u / size

    inside = low < size <= high
    p, q = s.real, -1j * s.imag
    match element.model:
        case LoadModel.PQ:
            return y * of_power(v)
        case LoadModel.I:
            return y * of_current(v)
        case LoadModel.MOTOR:
            return p * of_power(v) + q * (v if inside else of_power(v))
        case LoadModel.CVR if inside:
            watts, vars_ = (size**exponent / size**2 for exponent in element.cvr)
            return (p * watts + q * vars_) * v
        case LoadModel.CVR:
            return y * of_power(v)
        case LoadModel.FIXED_Q | LoadModel.FIXED_X:
            limit = low if size <= low else high
            fixed = inside and element.model is LoadModel.FIXED_Q
            return p * (of_power(v) if inside else v / limit**2) + q * (of_power(v) if fixed else v)
    z_p, i_p, s_p, z_q, i_q, s_q, cut = element.zipv
    active = z_p * v + i_p * of_current(v) + s_p * of_power(v)
    reactive = z_q * v + i_q * of_current(v) + s_q * of_power(v)
    on = 1.0 / (1.0 + math.exp(-1000.0 * (size - cut))) if cut > 0.0 else 1.0
    return on * (p * active + q * reactive)


def drawn_currents(network: Network, setpoint: Setpoint, row: int, v_v: Complex) -> Complex:
    """Amperes that loads and DER draw from every node; ground is the last."""
    feeder = network.feeder
    drawn = np.zeros(network.n_nodes + 1, dtype=np.complex128)
    ders = [*feeder.pvs.values(), *feeder.storages.values(), *feeder.generators.values()]
    demands = setpoint.load_kw[row] + 1j * setpoint.load_kvar[row]
    injections = -setpoint.der_kw[row] - 1j * setpoint.der_kvar[row]
    elements: list[Element] = [*feeder.loads.values(), *ders]
    for element, s_kva in zip(elements, [*demands, *injections], strict=True):
        nodes = network.nodes_of(element.terminal)
        ring = element.connection is DELTA and len(nodes) == 3
        if element.connection is WYE:
            legs = [(node, -1) for node in nodes]
        elif element.connection is WYE_N:
            legs = [(node, nodes[-1]) for node in nodes[:-1]]
        else:
            legs = [(nodes[k], nodes[k - 2]) for k in range(3)] if ring else [(nodes[0], nodes[1])]
        to_neutral = element.connection is not DELTA and len(legs) in (2, 3)
        rated_v = element.kv * 1000.0 / (math.sqrt(3) if to_neutral else 1.0)
        for start, stop in legs:
            v = complex(v_v[start] - v_v[stop]) / rated_v
            if v != 0.0:
                s = complex(s_kva) * 1000.0 / len(legs)
                current = leg_current(element, s, v) / rated_v
                drawn[start] += current
                drawn[stop] -= current
    return drawn


def source_currents(network: Network, v_v: Complex) -> Complex:
    """Amperes that the substation feeds into every node."""
    source = network.feeder.source
    injected = np.zeros(network.n_nodes + 1, dtype=np.complex128)
    nodes = network.nodes_of(Terminal(source.bus, ABC))
    behind = primitives.source_voltage(source) - v_v[nodes]
    injected[nodes] = primitives.source_admittance(source) @ behind
    return injected


def assert_kirchhoff(network: Network, setpoint: Setpoint) -> PowerFlow:
    """Currents add up at every live node of every row; power is balanced."""
    flow = solve(network, setpoint, tolerance_pu=TIGHT_PU)
    assert flow.converged.all()
    delivered = measures.source_kw(network, flow) + 1j * measures.source_kvar(network, flow)
    for row in range(setpoint.n_rows):
        v_v = np.append(flow.v_pu[row] * network.v_base_v, 0.0)
        y = branch_admittance(network, setpoint, row)
        drawn = drawn_currents(network, setpoint, row, v_v)
        fed = source_currents(network, v_v)
        imbalance = np.abs(y @ v_v + drawn - fed)[:-1]
        # A volt's last digit times the admittance beside the node: closed switches
        # have a million siemens.
        rounding = (4e-15 * np.abs(y).sum(axis=1) * np.abs(v_v).max())[:-1]
        moved = 4.0 * TIGHT_PU * np.abs(drawn).max()  # by the last iteration
        dead = flow.v_pu[row] == 0.0
        within = imbalance < 1e-6 + moved + rounding
        assert within[~dead].all(), network.node_names[imbalance.argmax()]
        s_kva = (v_v @ fed.conj()) / 1000.0
        assert abs(delivered[row] - s_kva) < 1e-4 + 1e-7 * abs(s_kva)
    return flow


def equipped(name: str) -> Network:
    """A shipped feeder with a PV system, a battery and a generator, all between phases.

    Where a delta feeds it, nothing but anti-float holds the bus to ground.
    """
    feeder = load(name)
    bus = next(b for b in reversed(list(feeder.buses)) if feeder.phases_of(b) == ABC)
    kv, at = feeder.buses[bus].kv_ll, Terminal(bus, ABC)
    feeder = feeder.with_(
        pvs=[Pv("roof", at, DELTA, kv, 30.0, 30.0)],
        storages=[Storage("cell", at, DELTA, kv, 20.0, 80.0, 20.0)],
    )
    mill = Generator("mill", at, DELTA, kv, 50.0)
    return compile_network(replace(feeder, generators={**feeder.generators, "mill": mill}))


@pytest.mark.parametrize(
    "name", ["ieee4_gyd", "ieee4_oyod", "ieee13", "ieee34", "ieee37", "ieee123"]
)
def test_shipped_feeders(name: str, random_setpoint: Callable[[Network, int], Setpoint]) -> None:
    network = equipped(name)
    rng = np.random.default_rng(7)
    setpoint = random_setpoint(network, 8)
    closed = rng.random(setpoint.switch_closed.shape) < 0.8
    assert_kirchhoff(
        network,
        setpoint.with_(
            switch_closed=closed,
            der_kw=rng.uniform(-20, 30, setpoint.der_kw.shape),
            der_kvar=rng.uniform(-10, 10, setpoint.der_kw.shape),
        ),
    )


# What may stand on a bus of four conductors, 4.16 kV between phases.
SPANS = [
    (WYE, (2,), 2.4),
    (WYE, (3, 1), 4.16),
    (WYE, ABC, 4.16),
    (WYE_N, (1, 4), 2.4),
    (WYE_N, (2, 3, 4), 4.16),
    (WYE_N, ABCN, 4.16),
    (DELTA, (1, 3), 4.16),
    (DELTA, (3, 2, 1), 4.16),
]


@st.composite
def load_at(draw: st.DrawFn, name: str) -> Load:
    connection, phases, kv = draw(st.sampled_from(SPANS))
    z_p, i_p, z_q, i_q = (draw(st.floats(0.0, 0.5)) for _ in range(4))
    return Load(
        name,
        Terminal("b", phases),
        connection,
        draw(st.sampled_from(LoadModel)),
        draw(st.floats(-30.0, 150.0)),
        draw(st.floats(-30.0, 80.0)),
        kv,
        draw(st.sampled_from([0.8, 0.85])),
        draw(st.sampled_from([1.15, 1.2])),
        draw(st.sampled_from([0.3, 0.5])),
        cvr=draw(st.sampled_from([(1.0, 2.0), (0.8, 3.0), (0.4, 4.7), (2.0, 0.0)])),
        zipv=(z_p, i_p, 1 - z_p - i_p, z_q, i_q, 1 - z_q - i_q, draw(st.sampled_from([0.0, 0.6]))),
    )


@st.composite
def der_at(draw: st.DrawFn, name: str) -> Pv:
    connection, phases, kv = draw(st.sampled_from(SPANS))
    p_kw, q_kvar = draw(st.floats(0.0, 80.0)), draw(st.floats(-40.0, 40.0))
    return Pv(name, Terminal("b", phases), connection, kv, 90.0, 99.0, p_kw=p_kw, q_kvar=q_kvar)


@st.composite
def transformer_to_c(draw: st.DrawFn) -> Transformer:
    """From bus b to bus c (0.48 kV, wye or delta) and, at times, on to a delta at bus d."""
    low = draw(st.sampled_from([WYE, DELTA]))
    windings = [
        Winding(Terminal("b", ABC), draw(st.sampled_from([WYE, DELTA])), 4.16, 500.0, 0.6),
        Winding(Terminal("c", ABC), low, 0.48, 500.0, 0.5, draw(st.sampled_from([1.0, 0.975]))),
    ]
    if draw(st.booleans()):
        windings.append(Winding(Terminal("d", ABC), DELTA, 2.4, 200.0, 0.8))
    x = (4.0,) if len(windings) == 2 else (4.0, 6.0, 3.0)
    core = draw(st.floats(0.0, 0.5)), draw(st.floats(0.0, 2.0))
    return Transformer("t", tuple(windings), x, 1.0, *core, draw(st.booleans()))


@st.composite
def feeders(draw: st.DrawFn) -> Feeder:
    """A source at bus a, four conductors to bus b, a transformer beyond, anything on bus b."""
    z = np.full((4, 4), 0.05 + 0.4j) + np.eye(4) * (0.3 + 0.6j)
    c = np.full((4, 4), -1.5) + np.eye(4) * 11.0
    code = LineCode("four", tuple(map(tuple, z.tolist())), tuple(map(tuple, c.tolist())))
    length_m = draw(st.floats(50.0, 1500.0))
    ends = Terminal("a", ABCN), Terminal("b", ABCN)
    t = draw(transformer_to_c())
    demand = Load("mill", Terminal("c", ABC), DELTA, LoadModel.PQ, 90.0, 40.0, 0.48, 0.7, 1.3)
    loads = [demand, *(draw(load_at(f"l{k}")) for k in range(draw(st.integers(0, 4))))]
    pvs = [draw(der_at(f"p{k}")) for k in range(draw(st.integers(0, 2)))]
    connection, phases, kv = draw(st.sampled_from(SPANS))
    bank = Capacitor("bank", Terminal("b", phases), connection, 60.0, kv, 3)
    coil = Reactor("coil", Terminal("b", (4,)), None, complex(draw(st.floats(0.1, 9.0)), 0.1))
    winding = draw(st.integers(1, len(t.windings)))
    levels = {"a": 4.16, "b": 4.16, "c": 0.48, "d": 2.4}
    if len(t.windings) == 2:
        del levels["d"]
    return Feeder(
        name="drawn",
        source=Source("source", "a", 4.16, 1.0, 0.0, 0.001 + 0.004j, 0.002 + 0.006j),
        buses={name: Bus(name, kv) for name, kv in levels.items()},
        line_codes={"four": code},
        lines={"ab": Line("ab", *ends, "four", length_m)},
        switches={"twin": Switch("twin", *ends, "four", length_m / 2)},
        transformers={"t": t},
        regulators={"r": Regulator("r", "t", winding)},
        reactors={"coil": coil},
        capacitors={"bank": bank},
        loads={one.name: one for one in loads},
        pvs={one.name: one for one in pvs},
    )


@settings(max_examples=40, deadline=None)
@given(
    feeders(),
    st.lists(
        st.tuples(st.integers(-16, 16), st.integers(0, 3), st.booleans()), min_size=1, max_size=3
    ),
)
def test_any_feeder(feeder: Feeder, rows: list[tuple[int, int, bool]]) -> None:
    """Kirchhoff's law holds, and OpenDSS says the same."""
    network = compile_network(feeder)
    tap, step, shut = zip(*rows, strict=True)
    setpoint = nominal_setpoint(network, len(rows)).with_(
        tap_position=np.array(tap)[:, None],
        capacitor_step=np.array(step)[:, None],
        switch_closed=np.array(shut)[:, None],
    )
    ours, theirs = assert_kirchhoff(network, setpoint), OpenDSS(network).solve(setpoint)
    # On a floating delta OpenDSS, too, may not reach 1e-10. A load whose law jumps at
    # the end of its window may have two solutions: each engine keeps the other's.
    apart = np.abs(ours.v_pu - theirs.v_pu).max(axis=1) > 1e-6
    again = solve(network, setpoint, start_pu=theirs.v_pu)
    v_pu = np.where(apart[:, None], again.v_pu, ours.v_pu)
    assert np.abs(v_pu - theirs.v_pu)[theirs.converged].max(initial=0.0) < 1e-7
