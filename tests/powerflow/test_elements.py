"""Engine A equals engine B: small feeders, one for every kind of element."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import ArrayLike

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
    Storage,
    Switch,
    Terminal,
    Transformer,
    Winding,
)
from grid_fed_rl.powerflow import (
    PowerFlow,
    compile_network,
    nominal_setpoint,
    solve,
)
from grid_fed_rl.powerflow.opendss import OpenDSS

# OpenDSS's constant for degrees has ten digits: 4e-10. Floating delta sides, which anti-float
# alone holds to ground, have their potential to eight digits in OpenDSS.
STIFF_PU = 1e-9
FLOATING_PU = 2e-8

WYE, WYE_N, DELTA = Connection
ABC, ABCN = (1, 2, 3), (1, 2, 3, 4)
TwoBus = Callable[..., Feeder]


def largest_difference_pu(ours: PowerFlow, theirs: PowerFlow) -> float:
    assert ours.converged.all()
    assert theirs.converged.all()
    return float(np.abs(ours.v_pu - theirs.v_pu).max())


def assert_engines_agree(
    feeder: Feeder, within_pu: float = STIFF_PU, **changes: ArrayLike
) -> PowerFlow:
    """Both engines find the same voltages; ours is returned."""
    network = compile_network(feeder)
    setpoint = nominal_setpoint(network).with_(**changes)
    # The last digit of a current moves a floating side by a billionth of its voltage.
    tolerance_pu = 1e-11 if within_pu < FLOATING_PU else FLOATING_PU / 10.0
    ours = solve(network, setpoint, tolerance_pu=tolerance_pu)
    assert largest_difference_pu(ours, OpenDSS(network).solve(setpoint)) < within_pu
    return ours


def element(phases: tuple[int, ...], connection: Connection) -> tuple[Terminal, Connection, float]:
    """Terminal at bus b, connection, and the rated voltage that goes with them."""
    return Terminal("b", phases), connection, 4.16 if len(phases) > 1 else 2.4


PLACES = [
    element((2,), WYE),
    element((3, 1), WYE),
    element(ABC, WYE),
    element((1, 3), DELTA),
    element((3, 1, 2), DELTA),
]


@pytest.mark.parametrize(("terminal", "connection", "kv"), PLACES, ids=str)
@pytest.mark.parametrize("model", LoadModel)
def test_loads_of_every_model(
    two_bus: TwoBus, terminal: Terminal, connection: Connection, kv: float, model: LoadModel
) -> None:
    """Each answers to the voltage that it causes, in its window, above and below it."""
    zipv = (0.4, 0.3, 0.3, 0.2, 0.3, 0.5, 0.35)
    one = Load("one", terminal, connection, model, 300.0, 140.0, kv, 0.9, 1.1, 0.6, zipv=zipv)
    for v_pu in (0.5, 0.8, 1.0, 1.2):
        assert_engines_agree(two_bus(loads=[one], v_pu=v_pu))


@pytest.mark.parametrize(("terminal", "connection", "kv"), PLACES, ids=str)
def test_der_are_injections(
    two_bus: TwoBus, terminal: Terminal, connection: Connection, kv: float
) -> None:
    feeder = two_bus(
        loads=[Load("house", *element((1,), WYE)[:2], LoadModel.PQ, 100.0, 40.0, 2.4)],
        pvs=[Pv("roof", terminal, connection, kv, 400.0, 450.0)],
        storages=[Storage("cell", *element((2, 3), DELTA), 250.0, 1000.0, 300.0)],
        generators=[Generator("mill", *element(ABC, WYE), 200.0)],
    )
    network = compile_network(feeder)
    assert network.ders == ("roof", "cell", "mill")
    der_kw = np.array([[0.0, 0.0, 0.0], [400.0, -250.0, 90.0], [100.0, 250.0, -40.0]])
    der_kvar = np.array([[0.0, 0.0, 0.0], [-120.0, 0.0, 30.0], [90.0, 60.0, 0.0]])
    setpoint = nominal_setpoint(network, 3).with_(der_kw=der_kw, der_kvar=der_kvar)
    ours = solve(network, setpoint, tolerance_pu=1e-10)
    assert largest_difference_pu(ours, OpenDSS(network).solve(setpoint)) < STIFF_PU
    assert np.abs(ours.v_pu[1] - ours.v_pu[0]).max() > 1e-3


def test_capacitors_of_every_connection_and_step(two_bus: TwoBus) -> None:
    banks = [
        Capacitor(f"c{k}", terminal, connection, 90.0, kv, n_steps=1 + k % 3, steps_closed=k % 2)
        for k, (terminal, connection, kv) in enumerate(PLACES)
    ]
    network = compile_network(two_bus(capacitors=banks))
    assert nominal_setpoint(network).capacitor_step.tolist() == [[0, 1, 0, 1, 0]]
    steps = np.array([[0, 1, 0, 1, 0], [1, 0, 3, 0, 2], [1, 2, 2, 1, 1], [0, 0, 1, 0, 0]])
    setpoint = nominal_setpoint(network, 4).with_(capacitor_step=steps)
    ours = solve(network, setpoint)
    assert largest_difference_pu(ours, OpenDSS(network).solve(setpoint)) < STIFF_PU
    assert len(np.unique(np.abs(ours.v_pu[:, network.node_index["b.1"]]).round(9))) == 4


@pytest.mark.parametrize(("terminal", "connection"), [place[:2] for place in PLACES], ids=str)
def test_shunt_reactors(two_bus: TwoBus, terminal: Terminal, connection: Connection) -> None:
    coil = Reactor("coil", terminal, None, 2.0 + 90.0j, connection)
    with_coil = assert_engines_agree(two_bus(reactors=[coil]))
    without = assert_engines_agree(two_bus())
    assert np.abs(with_coil.v_pu - without.v_pu).max() > 1e-4


def mill(terminal: Terminal, connection: Connection, kv: float, kw: float = 120.0) -> Load:
    return Load("mill", terminal, connection, LoadModel.PQ, kw, 50.0, kv, 0.8, 1.2)


def beyond(feeder: Feeder, kv_ll: float, *loads: Load, **branches: object) -> Feeder:
    """The feeder with a bus c that a branch leads to, and loads there."""
    buses = {**feeder.buses, "c": Bus("c", kv_ll)}
    return replace(feeder, buses=buses, loads={one.name: one for one in loads}, **branches)


def test_a_series_reactor(two_bus: TwoBus) -> None:
    choke = Reactor("choke", Terminal("b", (3, 1)), Terminal("c", (3, 1)), 0.2 + 1.5j)
    load_there = mill(Terminal("c", (1, 3)), DELTA, 4.16)
    assert_engines_agree(beyond(two_bus(), 4.16, load_there, reactors={"choke": choke}))


def two_windings(
    first: tuple[Connection, tuple[int, ...]], second: tuple[Connection, tuple[int, ...]]
) -> Transformer:
    """From bus b, 4.16 kV, to bus c, 0.48 kV, with taps on both sides and a core."""

    def winding(
        bus: str, connection: Connection, phases: tuple[int, ...], kv_ll: float, tap: float
    ):
        to_neutral = connection.n_legs(len(phases)) == 1 and (connection is WYE or 0 in phases)
        kv = kv_ll / 3**0.5 if to_neutral else kv_ll
        return Winding(Terminal(bus, phases), connection, kv, 500.0, 0.6, tap)

    windings = winding("b", *first, 4.16, 1.025), winding("c", *second, 0.48, 0.9875)
    return Transformer("t", windings, (4.0,), no_load_percent=0.2, magnetising_percent=0.7)


@pytest.mark.parametrize("second", [WYE, WYE_N, DELTA])
@pytest.mark.parametrize("first", [WYE, DELTA])
@pytest.mark.parametrize("leads", [False, True])
def test_feeding_through_a_transformer(
    two_bus: TwoBus, first: Connection, second: Connection, leads: bool
) -> None:
    """A delta second side floats; a neutral of its own is earthed through a resistance."""
    at_c = ABCN if second is WYE_N else ABC
    t = replace(two_windings((first, ABC), (second, at_c)), low_side_leads=leads)
    earth = Reactor("earth", Terminal("c", (4,)), None, 0.4 + 0j)
    connection = DELTA if second is DELTA else second
    uneven = Load("one", Terminal("c", (2,)), WYE, LoadModel.Z, 30.0, 10.0, 0.277)
    feeder = beyond(
        two_bus(),
        0.48,
        mill(Terminal("c", at_c), connection, 0.48),
        *([uneven] if second is WYE_N else []),
        transformers={"t": t},
        reactors={"earth": earth} if second is WYE_N else {},
    )
    flow = assert_engines_agree(feeder, STIFF_PU if second is not DELTA else FLOATING_PU)
    if second is WYE_N:
        neutral = compile_network(feeder).node_index["c.4"]
        assert np.abs(flow.v_pu[0, neutral]) > 1e-4


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((DELTA, (3, 1)), (WYE, (1,))),
        ((WYE, (2,)), (DELTA, (0, 2))),
        ((WYE, (1, 3)), (WYE, (1, 2))),
    ],
    ids=str,
)
def test_a_service_transformer(
    two_bus: TwoBus,
    first: tuple[Connection, tuple[int, ...]],
    second: tuple[Connection, tuple[int, ...]],
) -> None:
    t = two_windings(first, second)
    n_legs = t.windings[1].n_coils
    at_c = Terminal("c", tuple(phase for phase in second[1] if phase))
    load_there = mill(at_c, WYE, t.windings[1].kv if n_legs == 1 else 0.48, kw=40.0)
    assert_engines_agree(beyond(two_bus(), 0.48, load_there, transformers={"t": t}))


@pytest.mark.parametrize("connection", [DELTA, WYE_N])
def test_a_centre_tapped_service(two_bus: TwoBus, connection: Connection) -> None:
    """Two halves of 120 V, unevenly loaded, and a load across both."""
    first = Winding(Terminal("b", (2,)), WYE, 2.4, 25.0, 0.6)
    halves = [
        Winding(Terminal("c", phases), connection, 0.12, 25.0, 1.2) for phases in ((1, 0), (0, 2))
    ]
    t = Transformer("t", (first, *halves), (2.04, 2.04, 1.36), no_load_percent=0.2)
    loads = [
        Load("kitchen", Terminal("c", (1,)), WYE, LoadModel.PQ, 6.0, 1.0, 0.12),
        Load("lamp", Terminal("c", (2,)), WYE, LoadModel.I, 1.0, 0.1, 0.12),
        Load("oven", Terminal("c", (1, 2)), DELTA, LoadModel.Z, 4.0, 0.2, 0.24),
    ]
    flow = assert_engines_agree(beyond(two_bus(), 0.208, *loads, transformers={"t": t}))
    turn_deg = np.angle(flow.v_pu[0, -2] / flow.v_pu[0, -1], deg=True)
    assert abs(turn_deg) == pytest.approx(180.0, abs=1.0)


def three_windings() -> Transformer:
    """4.16 kV to 0.48 kV with a stabilising delta of 2.4 kV."""
    windings = (
        Winding(Terminal("b", ABC), WYE, 4.16, 500.0, 0.5, 1.0125),
        Winding(Terminal("c", ABC), WYE, 0.48, 400.0, 0.7),
        Winding(Terminal("d", ABC), DELTA, 2.4, 150.0, 0.9),
    )
    return Transformer("t", windings, (4.0, 6.5, 2.2), no_load_percent=0.3, magnetising_percent=1.0)


def test_a_transformer_of_three_windings(two_bus: TwoBus) -> None:
    house = Load("house", Terminal("c", (2,)), WYE, LoadModel.PQ, 60.0, 20.0, 0.277)
    pump = Load("pump", Terminal("d", (1, 2)), DELTA, LoadModel.PQ, 30.0, 20.0, 2.4)
    feeder = beyond(two_bus(), 0.48, house, pump, transformers={"t": three_windings()})
    feeder = replace(feeder, buses={**feeder.buses, "d": Bus("d", 2.4)})
    assert_engines_agree(feeder, FLOATING_PU)


@pytest.mark.parametrize("winding", [1, 2, 3])
def test_a_regulated_winding(two_bus: TwoBus, winding: int) -> None:
    """Every tap of every winding; core and anti-float go where OpenDSS has them go."""
    t = replace(three_windings(), antifloat_ppm=1000.0)
    house = Load("house", Terminal("c", (2,)), WYE, LoadModel.PQ, 60.0, 20.0, 0.277)
    feeder = beyond(two_bus(), 0.48, house, transformers={"t": t})
    regulators = {"r": Regulator("r", "t", winding, 0.85, 1.1, 40, 0)}
    feeder = replace(feeder, buses={**feeder.buses, "d": Bus("d", 2.4)}, regulators=regulators)
    network = compile_network(feeder)
    assert (network.tap_lowest.tolist(), network.tap_highest.tolist()) == ([-24], [16])
    taps = np.arange(-24, 17)[:, None]
    setpoint = nominal_setpoint(network, 41).with_(tap_position=taps)
    ours = solve(network, setpoint, tolerance_pu=1e-11)
    assert largest_difference_pu(ours, OpenDSS(network).solve(setpoint)) < STIFF_PU
    magnitude = np.abs(ours.v_pu[:, network.node_index["cd"[winding == 3] + ".1"]])
    assert (np.abs(np.diff(magnitude)) > 0.004).all()


@pytest.mark.parametrize("connection", [WYE, DELTA])
def test_a_regulator_with_a_tap_on_its_first_winding(
    two_bus: TwoBus, connection: Connection
) -> None:
    """Without any resistance: only the reactance tells it from a capacitor."""
    first = Winding(Terminal("b", ABC), connection, 4.16, 5000.0, 0.0, 0.975)
    second = Winding(Terminal("c", ABC), connection, 4.16, 5000.0, 0.0)
    t = Transformer("t", (first, second), (4.0,), antifloat_ppm=1000.0)
    load_there = mill(Terminal("c", ABC), DELTA, 4.16)
    feeder = beyond(two_bus(), 4.16, load_there, transformers={"t": t})
    network = compile_network(replace(feeder, regulators={"r": Regulator("r", "t")}))
    setpoint = nominal_setpoint(network, 33).with_(tap_position=np.arange(-16, 17)[:, None])
    ours = solve(network, setpoint, tolerance_pu=1e-10)
    assert largest_difference_pu(ours, OpenDSS(network).solve(setpoint)) < STIFF_PU
    magnitude = np.abs(ours.v_pu[:, network.node_index["c.1"]])
    assert (np.diff(magnitude) > 0.004).all()


@pytest.mark.parametrize("ganged", [False, True])
def test_an_open_delta_regulator(two_bus: TwoBus, ganged: bool) -> None:
    """Two one-phase regulators between phases, as on IEEE 37; phase b passes through."""
    transformers, regulators = {}, {}
    for name, phases in (("ab", (1, 2)), ("cb", (3, 2))):
        at_b, at_c = Terminal("b", phases), Terminal("c", phases)
        windings = tuple(Winding(at, DELTA, 4.16, 2000.0, 0.05) for at in (at_b, at_c))
        transformers[name] = Transformer(name, windings, (0.1,))
        regulators[name] = Regulator(name, name, tap_position=7 if ganged else 3 * len(regulators))
    code = LineCode("jumper", ((1e-3 + 0j,),), ((0.0,),))
    jumper = Line("jumper", Terminal("b", (2,)), Terminal("c", (2,)), "jumper", 100.0)
    feeder = two_bus()
    feeder = beyond(
        feeder,
        4.16,
        mill(Terminal("c", ABC), DELTA, 4.16),
        transformers=transformers,
        regulators=regulators,
        line_codes={**feeder.line_codes, "jumper": code},
        lines={**feeder.lines, "jumper": jumper},
    )
    assert_engines_agree(feeder, FLOATING_PU)


def test_a_line_with_its_neutral(two_bus: TwoBus) -> None:
    """Four conductors, the neutral earthed at one end only, loads to it and to ground."""
    z = np.full((4, 4), 0.05 + 0.4j) + np.eye(4) * (0.3 + 0.6j)
    c = np.full((4, 4), -1.5) + np.eye(4) * 11.0
    code = LineCode("four", tuple(map(tuple, z.tolist())), tuple(map(tuple, c.tolist())))
    feeder = two_bus()
    line = Line("bc", Terminal("b", ABCN), Terminal("c", ABCN), "four", 800.0)
    earth = Reactor("earth", Terminal("b", (4, 0)), None, 5.0 + 0.1j, DELTA)
    feeder = beyond(
        feeder,
        4.16,
        Load("one", Terminal("c", (1, 4)), WYE_N, LoadModel.PQ, 200.0, 80.0, 2.4),
        Load("two", Terminal("c", (2, 3, 4)), WYE_N, LoadModel.I, 100.0, 40.0, 4.16),
        Load("three", Terminal("c", (2,)), WYE, LoadModel.MOTOR, 50.0, 40.0, 2.4),
        reactors={"earth": earth},
        line_codes={**feeder.line_codes, "four": code},
        lines={**feeder.lines, "bc": line},
        pvs={"roof": Pv("roof", Terminal("c", ABCN), WYE_N, 4.16, 90.0, 90.0, p_kw=80.0)},
        capacitors={"bank": Capacitor("bank", Terminal("c", ABCN), WYE_N, 90.0, 4.16)},
    )
    flow = assert_engines_agree(feeder)
    assert np.abs(flow.v_pu[0, compile_network(feeder).node_index["c.4"]]) > 1e-3


def test_an_open_switch_that_leaves_no_island(two_bus: TwoBus) -> None:
    feeder = two_bus(loads=[Load("one", *element(ABC, WYE)[:2], LoadModel.PQ, 300.0, 90.0, 4.16)])
    bypass = Switch("bypass", Terminal("a", ABC), Terminal("b", ABC), "open", 50.0)
    network = compile_network(replace(feeder, switches={"bypass": bypass}))
    setpoint = nominal_setpoint(network, 2).with_(switch_closed=[[False], [True]])
    ours = solve(network, setpoint, tolerance_pu=1e-10)
    assert largest_difference_pu(ours, OpenDSS(network).solve(setpoint)) < STIFF_PU
    without = solve(compile_network(feeder), nominal_setpoint(compile_network(feeder)))
    np.testing.assert_allclose(ours.v_pu[0], without.v_pu[0], rtol=0, atol=1e-8)
    magnitude = np.abs(ours.v_pu[:, network.node_index["b.1"]])
    assert magnitude[1] > magnitude[0] + 1e-3


def test_a_switch_as_found_open(two_bus: TwoBus) -> None:
    """What lies behind it is dead, its load unserved."""
    feeder = two_bus()
    section = Switch("s", Terminal("b", (2, 1)), Terminal("c", (2, 1)), "two", 90.0, closed=False)
    code = LineCode("two", ((0.3 + 0.6j, 0.1j), (0.1j, 0.3 + 0.5j)), ((9.0, 0.0), (0.0, 9.0)))
    load_there = mill(Terminal("c", (1, 2)), DELTA, 4.16)
    codes = {**feeder.line_codes, "two": code}
    feeder = beyond(feeder, 4.16, load_there, switches={"s": section}, line_codes=codes)
    flow = assert_engines_agree(feeder)
    assert flow.v_pu[0, -2:].tolist() == [0.0, 0.0]
    assert np.abs(assert_engines_agree(feeder, switch_closed=[True]).v_pu[0, -2:]).min() > 0.9


def test_another_frequency(two_bus: TwoBus) -> None:
    feeder = replace(two_bus(length_m=20000.0), frequency_hz=50.0)
    ours = assert_engines_agree(feeder)
    at_60 = assert_engines_agree(replace(feeder, frequency_hz=60.0))
    assert np.abs(ours.v_pu - at_60.v_pu).max() > 1e-5
