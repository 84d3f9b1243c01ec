"""Open switches: what they cut off is dead, and nothing else changes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grid_fed_rl.feeders import (
    Bus,
    Connection,
    Feeder,
    Line,
    Load,
    LoadModel,
    Switch,
    Terminal,
    Transformer,
    Winding,
    load,
)
from grid_fed_rl.powerflow import compile_network, measures, nominal_setpoint, solve
from grid_fed_rl.powerflow.opendss import OpenDSS

ABC = (1, 2, 3)
WYE, DELTA = Connection.WYE, Connection.DELTA


@pytest.fixture(scope="module")
def ring() -> Feeder:
    """Buses a to d in a ring of lines and switches, d behind a transformer, loads on b to e.

    a -s1- b -line- c -s2- a, and c -s3- d -transformer- e; f hangs on b by phase 2.
    """
    feeder = load("ieee13")
    code = feeder.line_codes["mtx601"]
    one = feeder.line_codes["mtx607"]
    buses = {name: Bus(name, 4.16) for name in "abcdf"} | {"e": Bus("e", 0.48)}

    def switch(name: str, from_: str, to: str, phases: tuple[int, ...] = ABC) -> Switch:
        return Switch(name, Terminal(from_, phases), Terminal(to, phases), f"short{len(phases)}", 1)

    def short(n: int) -> tuple[tuple[complex, ...], ...]:
        return tuple(tuple(0.1 * (i == j) + 0j for j in range(n)) for i in range(n))

    def demand(bus: str, phases: tuple[int, ...], kv: float, model: LoadModel) -> Load:
        return Load(f"at_{bus}", Terminal(bus, phases), WYE, model, 120.0, 40.0, kv)

    shorts = {
        f"short{n}": replace(
            code, name=f"short{n}", z_ohm_per_km=short(n), c_nf_per_km=tuple([(0.0,) * n] * n)
        )
        for n in (1, 3)
    }
    loads = [
        demand("b", ABC, 4.16, LoadModel.PQ),
        demand("c", ABC, 4.16, LoadModel.I),
        demand("e", ABC, 0.48, LoadModel.Z),
        demand("f", (2,), 2.4, LoadModel.PQ),
    ]
    switches = [
        switch("s1", "a", "b"),
        switch("s2", "a", "c"),
        switch("s3", "c", "d"),
        switch("s4", "b", "f", (2,)),
    ]
    first = Winding(Terminal("d", ABC), DELTA, 4.16, 500.0, 0.5)
    second = Winding(Terminal("e", ABC), WYE, 0.48, 500.0, 0.5)
    return Feeder(
        name="ring",
        source=replace(feeder.source, bus="a", kv_ll=4.16),
        buses=buses,
        line_codes={"mtx601": code, "mtx607": one, **shorts},
        lines={"bc": Line("bc", Terminal("b", ABC), Terminal("c", ABC), "mtx601", 300.0)},
        switches={one.name: one for one in switches},
        transformers={"t": Transformer("t", (first, second), (4.0,))},
        loads={one.name: one for one in loads},
    )


# Closed switches of a row, and the buses that are then dead.
STATES = [
    ("1111", ""),
    ("1011", ""),
    ("0111", ""),
    ("0011", "bcdef"),
    ("1101", "de"),
    ("1110", "f"),
    ("0000", "bcdef"),
    ("1000", "def"),
]


def test_what_no_closed_path_reaches_is_dead(ring: Feeder) -> None:
    network = compile_network(ring)
    closed = [[c == "1" for c in state] for state, _ in STATES]
    flow = solve(network, nominal_setpoint(network).with_(switch_closed=closed))
    assert flow.converged.all()
    for row, (_, dead) in enumerate(STATES):
        for k, name in enumerate(network.node_names):
            is_dead = name[0] in dead
            assert (flow.v_pu[row, k] == 0) == is_dead, (row, name)
            assert is_dead or 0.9 < abs(flow.v_pu[row, k]) < 1.1
    served = measures.load_kw(network, flow) > 0
    expected = [[f"at_{bus}"[-1] not in dead for bus in "bcef"] for _, dead in STATES]
    np.testing.assert_array_equal(served, expected)


def test_open_switches_are_opendss_open_lines(ring: Feeder) -> None:
    network = compile_network(ring)
    closed = [[c == "1" for c in state] for state, _ in STATES]
    setpoint = nominal_setpoint(network).with_(switch_closed=closed)
    ours, theirs = solve(network, setpoint, tolerance_pu=1e-10), OpenDSS(network).solve(setpoint)
    assert theirs.converged.all()
    np.testing.assert_allclose(ours.v_pu, theirs.v_pu, rtol=0, atol=1e-8)


@settings(max_examples=30, deadline=None)
@given(state=st.lists(st.booleans(), min_size=4, max_size=4))
def test_a_row_in_a_mixed_batch_is_the_feeder_with_those_switches(
    ring: Feeder, state: list[bool]
) -> None:
    """State as a set-point, and state as the feeder was found, are one."""
    network = compile_network(ring)
    mixed = nominal_setpoint(network).with_(switch_closed=[[True] * 4, state, [False] * 4])
    found = {
        name: replace(switch, closed=closed)
        for (name, switch), closed in zip(ring.switches.items(), state, strict=True)
    }
    alone = compile_network(replace(ring, switches=found))
    np.testing.assert_array_equal(
        solve(network, mixed).v_pu[1], solve(alone, nominal_setpoint(alone)).v_pu[0]
    )


def test_an_island_comes_back_with_its_switch(ring: Feeder) -> None:
    """Started from 0 V, and closed again, a row ends where it would have from the flat start."""
    network = compile_network(ring)
    setpoint = nominal_setpoint(network)
    dead = solve(network, setpoint.with_(switch_closed=False))
    again = solve(network, setpoint, start_pu=dead.v_pu)
    assert again.converged.all()
    np.testing.assert_allclose(again.v_pu, solve(network, setpoint).v_pu, rtol=0, atol=1e-7)


def test_a_load_with_one_dead_end_draws_nothing(ring: Feeder) -> None:
    """Its circuit is open."""
    one = Load("across", Terminal("f", (2, 4)), DELTA, LoadModel.Z, 10.0, 0.0, 4.16)
    switches = {
        **ring.switches,
        "s5": Switch("s5", Terminal("b", (1,)), Terminal("f", (4,)), "short1", 1.0, closed=False),
    }
    feeder = replace(ring, switches=switches, loads={**ring.loads, "across": one})
    network = compile_network(feeder)
    both = nominal_setpoint(network, 2).with_(switch_closed=[[1, 1, 1, 1, 0], [1, 1, 1, 1, 1]])
    flow = solve(network, both)
    assert flow.converged.all()
    assert flow.v_pu[0, network.node_index["f.4"]] == 0
    drawn_kw = measures.load_kw(network, flow)[:, network.loads.index("across")]
    assert drawn_kw[0] == 0.0
    assert drawn_kw[1] == pytest.approx(10.0, rel=0.1)
    without = compile_network(replace(feeder, loads=ring.loads))
    alone = solve(without, nominal_setpoint(without)).v_pu[0]
    np.testing.assert_allclose(flow.v_pu[0], alone, rtol=0, atol=1e-9)


def test_a_dead_conductor_floats(ring: Feeder) -> None:
    """Phase 3 of a line open at both its ends is no earth wire beside the live ones."""
    feeder = load("ieee13")
    single = {
        f"s{k}": Switch(f"s{k}", Terminal("a", (k,)), Terminal("b", (k,)), "short1", 1.0)
        for k in ABC
    }
    loads = {
        f"at_{k}": Load(f"at_{k}", Terminal("d", (k,)), WYE, LoadModel.PQ, 300.0, 100.0, 2.4)
        for k in (1, 2)
    }
    line = Line("l", Terminal("b", ABC), Terminal("c", ABC), "mtx601", 2000.0)
    last = Switch("last", Terminal("c", ABC), Terminal("d", ABC), "short3", 1.0)
    network = compile_network(
        replace(
            ring,
            buses={name: Bus(name, 4.16) for name in "abcd"},
            source=replace(feeder.source, bus="a", kv_ll=4.16),
            lines={"l": line},
            switches={**single, "last": last},
            transformers={},
            loads=loads,
        )
    )
    setpoint = nominal_setpoint(network).with_(switch_closed=[True, True, False, True])
    ours, theirs = solve(network, setpoint, tolerance_pu=1e-10), OpenDSS(network).solve(setpoint)
    assert (ours.v_pu == 0).sum() == 3
    np.testing.assert_allclose(ours.v_pu, theirs.v_pu, rtol=0, atol=1e-7)
