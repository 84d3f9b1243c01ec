"""Feeders that nobody wrote: every law holds on them, and OpenDSS says the same.

A seed is a feeder of `random_feeders`. What bounds the agreement of two engines on a
row is known: the rounding of the admittances, and a picosiemens that OpenDSS leaves at
an open conductor, times what the network answers to them. A delta side of 25 kV that
anti-float alone holds has 1e-10 S to ground: there even OpenDSS's digits end at 1e-3.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from grid_fed_rl.feeders import (
    Bus,
    Capacitor,
    Connection,
    Feeder,
    Line,
    LineCode,
    Load,
    LoadModel,
    Reactor,
    Source,
    Storage,
    Switch,
    SwitchKind,
    Terminal,
    Transformer,
    Winding,
    read_opendss,
    read_tables,
    validate,
    write_opendss,
    write_tables,
)
from grid_fed_rl.powerflow import (
    Network,
    PowerFlow,
    Setpoint,
    compile_network,
    measures,
    nominal_setpoint,
    sensitivity,
    solve,
)
from grid_fed_rl.powerflow.opendss import OpenDSS
from tests.powerflow.random_feeders import random_feeder, random_setpoint
from tests.powerflow.rounding import rounding_pu

WYE, WYE_N, DELTA = Connection
ABC = (1, 2, 3)

SEEDS = range(16)
N_ROWS = 4
# Both engines stop within this of their answers; what is beyond it is rounding.
STOPS_PU = 2e-9
ROUNDING = 4.0  # times the bound of one engine: there are two, and each divides too


class Solved(NamedTuple):
    """A feeder, and both engines' answers to some rows."""

    network: Network
    ours: PowerFlow
    theirs: PowerFlow
    within_pu: Any  # (batch, node)


@pytest.fixture(scope="module", params=SEEDS, ids="seed{}".format)
def solved(request: pytest.FixtureRequest) -> Solved:
    network = compile_network(random_feeder(request.param))
    return both(network, random_setpoint(network, request.param, N_ROWS))


def both(network: Network, setpoint: Setpoint) -> Solved:
    ours, theirs = solve(network, setpoint), OpenDSS(network, 1e-9).solve(setpoint)
    live = np.where(theirs.v_pu == 0.0, 0.0, ours.v_pu)
    floor = [rounding_pu(network, setpoint, row, v) for row, v in enumerate(live)]
    return Solved(network, ours, theirs, STOPS_PU + ROUNDING * np.array(floor))


def assert_same_voltages(found: Solved) -> None:
    assert found.ours.converged.all()
    assert found.theirs.converged.all()
    apart = np.abs(found.ours.v_pu - found.theirs.v_pu)
    row, node = np.unravel_index((apart / found.within_pu).argmax(), apart.shape)
    name = found.network.node_names[node]
    assert apart[row, node] <= found.within_pu[row, node], f"row {row}, node {name}"


@pytest.mark.parametrize("seed", SEEDS)
def test_there_is_no_fault_in_them(seed: int) -> None:
    assert validate(random_feeder(seed)) == []


def test_opendss_finds_the_same_voltages(solved: Solved) -> None:
    """As found, and at any taps, steps, switches and loads."""
    assert_same_voltages(solved)


def test_the_bound_is_tight(solved: Solved) -> None:
    """Most nodes are known to 1e-8 pu: the law above is not an empty one."""
    assert np.quantile(solved.within_pu, 0.5) < 1e-8


def test_a_row_alone_is_the_row_in_its_batch(solved: Solved) -> None:
    setpoint = random_setpoint(solved.network, 99, 37)
    whole = solve(solved.network, setpoint)
    for row in (0, 18, 36):
        alone = solve(solved.network, setpoint.rows(np.array([row])))
        np.testing.assert_array_equal(alone.v_pu[0], whole.v_pu[row])


@pytest.mark.parametrize("seed", SEEDS)
def test_tables_carry_them(seed: int, tmp_path: Path) -> None:
    feeder = random_feeder(seed)
    write_tables(feeder, tmp_path / "tables")
    assert read_tables(tmp_path / "tables") == feeder


@pytest.mark.parametrize("seed", SEEDS)
def test_scripts_carry_them(seed: int, tmp_path: Path) -> None:
    feeder = random_feeder(seed)
    back = read_opendss(write_opendss(feeder, tmp_path / "script")).feeder
    assert back == as_read(feeder)
    network, again = compile_network(feeder), compile_network(back)
    ours, theirs = (solve(n, nominal_setpoint(n)) for n in (network, again))
    columns = [again.node_index[name] for name in network.node_names]
    within_pu = STOPS_PU + ROUNDING * rounding_pu(network, ours.setpoint, 0, ours.v_pu[0])
    assert (np.abs(theirs.v_pu[0, columns] - ours.v_pu[0]) <= within_pu).all()


def as_read(feeder: Feeder) -> Feeder:
    """The feeder in the one of several equal writings that a script comes back in."""
    transformers = {
        name: replace(
            t,
            windings=tuple(
                w
                if w.connection is not WYE_N or w.terminal.phases[-1]
                else replace(
                    w, connection=WYE, terminal=w.terminal._replace(phases=w.terminal.phases[:-1])
                )
                for w in t.windings
            ),
        )
        for name, t in feeder.transformers.items()
    }
    reactors = {
        name: r if r.to is not None else replace(r, **_one_leg("from_", r))
        for name, r in feeder.reactors.items()
    }
    capacitors = {
        name: replace(_one_step(c), **_one_leg("terminal", c))
        for name, c in feeder.capacitors.items()
    }
    return replace(feeder, transformers=transformers, reactors=reactors, capacitors=capacitors)


def _one_leg(field: str, shunt: Reactor | Capacitor) -> dict[str, Any]:
    terminal: Terminal = getattr(shunt, field)
    if shunt.connection is WYE or len(terminal.phases) > 2:
        return {}
    if not any(terminal.phases[1:]):
        return {field: terminal._replace(phases=terminal.phases[:1]), "connection": WYE}
    return {"connection": DELTA}


def _one_step(c: Capacitor) -> Capacitor:
    """OpenDSS draws too much where a delta bank has steps: one of what is closed is written."""
    if c.connection is not DELTA or len(c.terminal.phases) < 3:
        return c
    kvar = c.kvar * max(c.steps_closed, 1) / c.n_steps
    return replace(c, kvar=kvar, n_steps=1, steps_closed=min(c.steps_closed, 1))


def test_power_goes_nowhere_unseen(solved: Solved) -> None:
    """What the source feeds in is what loads draw, DER do not inject and elements lose."""
    network, flow = solved.network, solved.ours
    fed = measures.source_kw(network, flow) + measures.der_kw(network, flow).sum(axis=1)
    drawn = measures.load_kw(network, flow).sum(axis=1)
    lost = measures.element_losses(network, flow).kva.real.sum(axis=1)
    through = np.abs(measures.load_kw(network, flow)).sum(axis=1) + np.abs(fed) + 1.0
    np.testing.assert_allclose((fed - drawn - lost) / through, 0.0, atol=1e-6)


def test_sensitivities_are_slopes(solved: Solved) -> None:
    """Of the voltages to the first load's power, by central differences, as found."""
    network = solved.network
    flow = solve(network, solved.ours.setpoint.rows(np.array([0])), tolerance_pu=1e-9)
    if not network.loads:
        return
    slope = sensitivity(network, flow, p=[f"load.{network.loads[0]}"], q=[], taps=[]).p.v_pu[
        0, :, 0
    ]
    kw = flow.setpoint.load_kw
    step = np.zeros_like(kw)
    step[0, 0] = 1e-3 * abs(kw[0, 0])
    ends = [
        solve(network, flow.setpoint.with_(load_kw=kw + sign * step), start_pu=flow.v_pu).v_pu[0]
        for sign in (1.0, -1.0)
    ]
    difference = (ends[1] - ends[0]) / (2.0 * step[0, 0])
    within = 1e-3 * np.abs(slope).max() + 2.0 * solved.within_pu[0].max() / step[0, 0]
    assert np.abs(difference - slope).max() <= within


# What random feeders found, each in its smallest form.


def code(n: int, c_nf: float = 0.0) -> LineCode:
    z = tuple(tuple(0.3 + 0.7j if i == j else 0.05 + 0.3j for j in range(n)) for i in range(n))
    c = tuple(tuple(c_nf if i == j else -0.15 * c_nf for j in range(n)) for i in range(n))
    return LineCode(f"c{n}", z, c)


@pytest.fixture
def chain() -> Callable[..., Feeder]:
    """Make buses a, b and c, sections by `name: (from, to)`, and loads on them."""

    def make(
        lines: dict[str, tuple[str, str]], switches: dict[str, tuple[str, str]], **shunts: Any
    ) -> Feeder:
        def ends(pair: tuple[str, str]) -> tuple[Terminal, Terminal, str]:
            near, far = (Terminal.parse(text) for text in pair)
            return near, far, f"c{len(near.phases)}"

        feeder = Feeder(
            name="chain",
            source=Source("source", "a", 4.16, 1.0, 0.0, 0.01 + 0.04j, 0.02 + 0.06j),
            buses={name: Bus(name, 4.16) for name in "abc"},
            line_codes={f"c{n}": code(n, 10.0) for n in range(1, 5)},
            lines={name: Line(name, *ends(pair), 2000.0) for name, pair in lines.items()},
            switches={name: Switch(name, *ends(pair), 10.0) for name, pair in switches.items()},
        )
        placed = {kind: {one.name: one for one in ones} for kind, ones in shunts.items()}
        return replace(feeder, **placed)

    return make


def house(terminal: str, connection: Connection = WYE, kw: float = 100.0) -> Load:
    return Load(
        "house", Terminal.parse(terminal), connection, LoadModel.PQ, kw, 40.0, 2.4, 0.8, 1.2
    )


def at(feeder: Feeder, **changes: Any) -> Solved:
    network = compile_network(feeder)
    return both(network, nominal_setpoint(network).with_(**changes))


def test_a_neutral_that_a_switch_cuts_off_is_dead(chain: Callable[..., Feeder]) -> None:
    """It has no admittance at all; the row was not a number."""
    switches = {"s": ("a.1.2.3.0", "b.1.2.3.4")}
    feeder = chain({"l": ("b.1.2.3.4", "c.1.2.3.4")}, switches, loads=[house("c.1.4", WYE_N)])
    found = at(feeder, switch_closed=[[True], [False]])
    assert_same_voltages(found)
    dead = [name[0] != "a" for name in found.network.node_names]
    assert (found.ours.v_pu[1, dead] == 0.0).all()
    assert (np.abs(found.ours.v_pu[0]) > 0.0).all()


def test_a_neutral_that_a_line_earths_is_no_island(chain: Callable[..., Feeder]) -> None:
    feeder = chain({"ab": ("a.1.0", "b.1.4"), "bc": ("b.1.4", "c.1.4")}, {})
    assert validate(feeder) == []


def test_a_wye_leg_between_phases_has_their_voltage(chain: Callable[..., Feeder]) -> None:
    """Its rated voltage was held to be that of a leg to ground."""
    load = replace(house("b.1.2", WYE_N), kv=4.16)
    feeder = chain({"ab": ("a.1.2", "b.1.2"), "bc": ("b.1.2", "c.1.2")}, {}, loads=[load])
    assert validate(feeder) == []
    assert_same_voltages(at(feeder))


def test_a_battery_on_a_dead_island_disturbs_nobody(chain: Callable[..., Feeder]) -> None:
    """OpenDSS went on looking for the voltages of an island that nothing holds."""
    cell = Storage(
        "cell", Terminal("c", ABC), WYE, 4.16, 90.0, 300.0, 90.0, p_kw=80.0, v_min_pu=0.3
    )
    switches = {"s": ("a.1.2.3", "b.1.2.3")}
    feeder = chain({"l": ("b.1.2.3", "c.1.2.3")}, switches, storages=[cell])
    assert_same_voltages(at(feeder, switch_closed=[[False]]))


def test_a_fuse_of_four_conductors_stays_closed(
    chain: Callable[..., Feeder], tmp_path: Path
) -> None:
    """OpenDSS's fuse, even a disabled one, opens the fourth conductor unless told."""
    feeder = chain(
        {"l": ("b.1.2.3.4", "c.1.2.3.4")},
        {"s": ("a.1.2.3.0", "b.1.2.3.4")},
        loads=[house("c.1.4", WYE_N)],
    )
    switches = {"s": replace(feeder.switches["s"], kind=SwitchKind.FUSE)}
    feeder = replace(feeder, switches=switches)
    assert read_opendss(write_opendss(feeder, tmp_path)).feeder.switches == switches


def test_a_dead_conductor_floats_beside_live_ones(chain: Callable[..., Feeder]) -> None:
    """It was earthed at both ends, and what a loop of it took moved the others by 6e-3."""
    switches = {f"s{k}": (f"a.{k}", f"b.{k}") for k in ABC} | {"t": ("c.1.2.3", "d.1.2.3")}
    feeder = chain(
        {"l": ("b.1.2.3", "c.1.2.3")},
        switches,
        loads=[
            house("c.1"),
        ],
    )
    feeder = replace(feeder, buses={**feeder.buses, "d": Bus("d", 4.16)})
    found = at(feeder, switch_closed=[[True, True, False, True]])
    assert found.ours.converged.all()
    # The earthing by which the engine keeps its matrix regular, a millionth per unit.
    assert np.abs(found.ours.v_pu - found.theirs.v_pu).max() < 1e-7
    assert found.ours.v_pu[0, found.network.node_index["d.3"]] == 0.0


def test_a_dead_side_stays_dead_though_its_neutral_is_earthed(
    chain: Callable[..., Feeder],
) -> None:
    """Beyond its own switch; else loads and DER of an island would look for a voltage."""
    lines = {"l": ("b.1.2.3.4", "c.1.2.3.4")}
    windings = (
        Winding(Terminal("d", ABC), DELTA, 4.16, 500.0, 0.5),
        Winding(Terminal("e", (1, 2, 3, 4)), WYE_N, 4.16, 500.0, 0.5),
    )
    earth = Reactor("earth", Terminal("c", (4,)), None, 1.0 + 0j)
    switches = {"s": ("a.1.2.3", "d.1.2.3"), "t": ("e.1.2.3.4", "b.1.2.3.4")}
    feeder = chain(lines, switches, loads=[house("c.1.4", WYE_N)], reactors=[earth])
    feeder = replace(
        feeder,
        buses={**feeder.buses, "d": Bus("d", 4.16), "e": Bus("e", 4.16)},
        transformers={"t": Transformer("t", windings, (4.0,))},
    )
    found = at(feeder, switch_closed=[[True, True], [False, True]])
    assert_same_voltages(found)
    dead = [name[0] in "bcde" and name[-1] != "4" for name in found.network.node_names]
    assert (found.ours.v_pu[1, dead] == 0.0).all()
