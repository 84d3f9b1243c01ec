"""Engine A equals engine B: every node voltage against OpenDSS."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import opendssdirect
import pytest
from numpy.typing import NDArray

from grid_fed_rl.errors import PowerFlowError
from grid_fed_rl.feeders import (
    Bus,
    Capacitor,
    Connection,
    Feeder,
    Load,
    LoadModel,
    Pv,
    Regulator,
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
    Status,
    compile_network,
    nominal_setpoint,
    solve,
)
from grid_fed_rl.powerflow.opendss import OpenDSS

# The law is 1e-6. What is left, 6e-9, is the rounding of both engines beside
# switches of a micro-ohm and on floating delta sides. Where there is neither,
# 4e-10 are left: OpenDSS's constant for degrees has ten digits.
LAW_PU = 1e-6
REGRESSION_PU = 2e-8
STIFF_PU = 1e-9

WYE, DELTA = Connection.WYE, Connection.DELTA
ABC = (1, 2, 3)
Real = NDArray[np.float64]


def largest_difference_pu(ours: PowerFlow, theirs: PowerFlow) -> float:
    assert ours.converged.all()
    assert theirs.converged.all()
    return float(np.abs(ours.v_pu - theirs.v_pu).max())


def test_base_case(network: Network, engine: OpenDSS) -> None:
    setpoint = nominal_setpoint(network)
    difference = largest_difference_pu(solve(network, setpoint), engine.solve(setpoint))
    assert difference < LAW_PU
    assert difference < REGRESSION_PU


def test_hundred_random_settings(
    network: Network, engine: OpenDSS, random_setpoint: Callable[[Network, int], Setpoint]
) -> None:
    setpoint = random_setpoint(network, 100)
    ours = solve(network, setpoint, tolerance_pu=1e-10)
    difference = largest_difference_pu(ours, engine.solve(setpoint))
    assert difference < LAW_PU
    assert difference < REGRESSION_PU


def test_no_load(network: Network, engine: OpenDSS) -> None:
    zero = np.zeros(len(network.loads))
    setpoint = nominal_setpoint(network).with_(
        load_kw=zero, load_kvar=zero, capacitor_step=np.zeros(len(network.capacitors))
    )
    ours = solve(network, setpoint)
    assert largest_difference_pu(ours, engine.solve(setpoint)) < REGRESSION_PU
    np.testing.assert_allclose(ours.v_pu[0], network.v_flat_pu, rtol=0, atol=REGRESSION_PU)


def test_both_engines_report_what_does_not_converge(two_bus: Callable[..., Feeder]) -> None:
    """More power than the line can carry, which no voltage window forgives."""
    stubborn = Load("one", *element(ABC, WYE)[:2], LoadModel.PQ, 500.0, 0.0, 4.16, 0.02, 5.0, 0.01)
    network = compile_network(two_bus(loads=[stubborn], length_m=5000.0))
    setpoint = nominal_setpoint(network, 3).with_(load_kw=[[500.0], [50000.0], [500.0]])
    ours, theirs = solve(network, setpoint), OpenDSS(network).solve(setpoint)
    assert ours.converged.tolist() == [True, False, True]
    assert theirs.status.tolist() == [
        Status.CONVERGED,
        Status.NOT_CONVERGED,
        Status.CONVERGED,
    ]


def test_the_reference_engine_has_not_settled_before_it_solves(network_13: Network) -> None:
    with pytest.raises(PowerFlowError, match="nothing was solved yet; call solve first"):
        _ = OpenDSS(network_13).settled


def test_two_reference_engines_do_not_disturb_each_other(
    network: Network, network_13: Network, engine: OpenDSS
) -> None:
    setpoint = nominal_setpoint(network)
    before = engine.solve(setpoint)
    OpenDSS(network_13).solve(nominal_setpoint(network_13))
    after = engine.solve(setpoint)
    np.testing.assert_allclose(after.v_pu, before.v_pu, rtol=0, atol=1e-9)


@pytest.mark.parametrize("taps", ["neutral", "its own"])
def test_published_script(published_scripts: dict[str, Path], network: Network, taps: str) -> None:
    """The tables say what EPRI's script says, at every node."""
    feeder = network.feeder
    dss = opendssdirect.NewContext()
    dss.Basic.AllowChangeDir(False)
    dss.Text.Command(f'redirect "{published_scripts[feeder.name]}"')
    dss.Text.Command("set tolerance=1e-10 maxiterations=200 maxcontroliter=200")
    dss.Text.Command(f"set controlmode={'static' if taps == 'its own' else 'off'}")
    positions = []
    for regulator in feeder.regulators.values():
        dss.Transformers.Name(regulator.transformer)
        dss.Transformers.Wdg(2)
        dss.Transformers.Tap(1.0)
    dss.Solution.Solve()
    for regulator in feeder.regulators.values():
        dss.Transformers.Name(regulator.transformer)
        dss.Transformers.Wdg(2)
        tap_pu: float = dss.Transformers.Tap() or 1.0
        positions.append(round((tap_pu - 1.0) / regulator.step_pu))
    assert any(positions) == (taps == "its own")

    flow = solve(network, nominal_setpoint(network).with_(tap_position=positions))
    volts = np.asarray(dss.Circuit.YNodeVArray(), dtype=np.float64).view(np.complex128)
    names: list[str] = dss.Circuit.YNodeOrder() or []
    theirs = dict(zip((name.lower() for name in names), volts, strict=True))
    assert theirs.keys() == {name.lower() for name in network.node_names}
    for k, name in enumerate(network.node_names):
        difference = abs(flow.v_pu[0, k] - theirs[name.lower()] / network.v_base_v[k])
        assert difference < LAW_PU, name
        assert difference < REGRESSION_PU, name


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
def test_loads_answer_to_voltage_as_opendss_says(
    two_bus: Callable[..., Feeder],
    terminal: Terminal,
    connection: Connection,
    kv: float,
    model: LoadModel,
) -> None:
    """Inside the window and on both sides of it, from 0.3 to 1.3 of rated voltage."""
    one = Load("one", terminal, connection, model, 300.0, 140.0, kv, 0.9, 1.1, 0.6)
    for v_pu in np.arange(0.3, 1.31, 0.1):
        network = compile_network(two_bus(loads=[one], v_pu=float(v_pu)))
        setpoint = nominal_setpoint(network)
        ours = solve(network, setpoint, tolerance_pu=1e-10)
        assert largest_difference_pu(ours, OpenDSS(network).solve(setpoint)) < STIFF_PU, v_pu


@pytest.mark.parametrize(("terminal", "connection", "kv"), PLACES, ids=str)
def test_der_are_injections(
    two_bus: Callable[..., Feeder], terminal: Terminal, connection: Connection, kv: float
) -> None:
    feeder = two_bus(
        loads=[Load("house", *element((1,), WYE)[:2], LoadModel.PQ, 100.0, 40.0, 2.4)],
        pvs=[Pv("roof", terminal, connection, kv, 400.0, 400.0)],
        storages=[Storage("cell", *element((2, 3), DELTA), 250.0, 1000.0, 250.0)],
    )
    network = compile_network(feeder)
    assert network.ders == ("roof", "cell")
    der_kw = np.array([[0.0, 0.0], [400.0, -250.0], [100.0, 250.0]])
    der_kvar = np.array([[0.0, 0.0], [-120.0, 0.0], [90.0, 60.0]])
    setpoint = nominal_setpoint(network, 3).with_(der_kw=der_kw, der_kvar=der_kvar)
    ours = solve(network, setpoint, tolerance_pu=1e-10)
    assert largest_difference_pu(ours, OpenDSS(network).solve(setpoint)) < STIFF_PU
    assert np.abs(ours.v_pu[1] - ours.v_pu[0]).max() > 1e-3


def test_capacitors_of_every_connection(two_bus: Callable[..., Feeder]) -> None:
    banks = [
        Capacitor(f"c{k}", terminal, connection, 90.0, kv, closed=k % 2 == 0)
        for k, (terminal, connection, kv) in enumerate(PLACES)
    ]
    network = compile_network(two_bus(capacitors=banks))
    setpoint = nominal_setpoint(network, 2)
    assert setpoint.capacitor_step.tolist() == [[1, 0, 1, 0, 1]] * 2
    setpoint = setpoint.with_(capacitor_step=[[1, 0, 1, 0, 1], [0, 1, 0, 1, 0]])
    ours = solve(network, setpoint)
    assert largest_difference_pu(ours, OpenDSS(network).solve(setpoint)) < STIFF_PU


def behind_transformer(
    feeder: Feeder, first: Winding, second: Winding, kv_ll: float, antifloat_ppm: float = 1.0
) -> Feeder:
    """The feeder with a transformer from bus b to a new bus c, and a load there."""
    n = len(second.terminal.phases)
    demand = Load(
        "mill", second.terminal, DELTA if n > 1 else WYE, LoadModel.PQ, 120.0, 50.0, second.kv
    )
    return replace(
        feeder,
        buses={**feeder.buses, "c": Bus("c", kv_ll)},
        transformers={"t": Transformer("t", (first, second), 4.0, antifloat_ppm)},
        loads={"mill": demand},
    )


@pytest.mark.parametrize("first_connection", Connection)
@pytest.mark.parametrize("second_connection", Connection)
def test_feeding_through_a_transformer(
    two_bus: Callable[..., Feeder], first_connection: Connection, second_connection: Connection
) -> None:
    """All four connections; a delta second side floats and has anti-float only."""
    first = Winding(Terminal("b", ABC), first_connection, 4.16, 500.0, 0.6, 1.025)
    second = Winding(Terminal("c", ABC), second_connection, 0.48, 500.0, 0.6)
    network = compile_network(behind_transformer(two_bus(), first, second, 0.48))
    setpoint = nominal_setpoint(network)
    ours = solve(network, setpoint, tolerance_pu=1e-10)
    tolerance_pu = STIFF_PU if second_connection is WYE else REGRESSION_PU
    assert largest_difference_pu(ours, OpenDSS(network).solve(setpoint)) < tolerance_pu


def test_a_service_transformer_between_two_phases(two_bus: Callable[..., Feeder]) -> None:
    first = Winding(Terminal("b", (3, 1)), DELTA, 4.16, 100.0, 0.6)
    second = Winding(Terminal("c", (1,)), WYE, 0.24, 100.0, 0.6)
    feeder = behind_transformer(two_bus(), first, second, 0.24 * 3**0.5)
    network = compile_network(feeder)
    setpoint = nominal_setpoint(network)
    ours = solve(network, setpoint, tolerance_pu=1e-10)
    assert largest_difference_pu(ours, OpenDSS(network).solve(setpoint)) < STIFF_PU


@pytest.mark.parametrize("connection", Connection)
def test_a_regulator_with_a_tap_on_its_first_winding(
    two_bus: Callable[..., Feeder], connection: Connection
) -> None:
    """Without any resistance: only the reactance tells it from a capacitor."""
    first = Winding(Terminal("b", ABC), connection, 4.16, 5000.0, 0.0, 0.975)
    second = Winding(Terminal("c", ABC), connection, 4.16, 5000.0, 0.0)
    feeder = replace(
        behind_transformer(two_bus(), first, second, 4.16, antifloat_ppm=1000.0),
        regulators={"r": Regulator("r", "t", 0.9, 1.1, 32)},
    )
    network = compile_network(feeder)
    assert (network.tap_lowest.tolist(), network.tap_highest.tolist()) == ([-16], [16])
    setpoint = nominal_setpoint(network, 33).with_(tap_position=np.arange(-16, 17)[:, None])
    ours = solve(network, setpoint, tolerance_pu=1e-10)
    assert largest_difference_pu(ours, OpenDSS(network).solve(setpoint)) < STIFF_PU
    magnitude = np.abs(ours.v_pu[:, network.node_index["c.1"]])
    assert (np.diff(magnitude) > 0.004).all()


def test_an_open_switch_that_leaves_no_island(two_bus: Callable[..., Feeder]) -> None:
    feeder = two_bus(loads=[Load("one", *element(ABC, WYE)[:2], LoadModel.PQ, 300.0, 90.0, 4.16)])
    ends = Terminal("a", ABC), Terminal("b", ABC)
    voltages = []
    for closed in (False, True):
        bypass = Switch("bypass", *ends, 0.01, closed)
        network = compile_network(replace(feeder, switches={"bypass": bypass}))
        setpoint = nominal_setpoint(network)
        ours = solve(network, setpoint, tolerance_pu=1e-10)
        assert largest_difference_pu(ours, OpenDSS(network).solve(setpoint)) < STIFF_PU
        voltages.append(np.abs(ours.v_pu[0, network.node_index["b.1"]]))
    assert voltages[1] > voltages[0] + 1e-3


def test_another_frequency(two_bus: Callable[..., Feeder]) -> None:
    feeder = replace(two_bus(length_m=20000.0), frequency_hz=50.0)
    network = compile_network(feeder)
    setpoint = nominal_setpoint(network)
    ours = solve(network, setpoint)
    assert largest_difference_pu(ours, OpenDSS(network).solve(setpoint)) < STIFF_PU
    at_60 = compile_network(replace(feeder, frequency_hz=60.0))
    assert largest_difference_pu(ours, solve(at_60, setpoint)) > 1e-5


def test_a_feeder_of_one_bus() -> None:
    feeder = load("ieee13")
    alone = Feeder("alone", feeder.source, {"sourcebus": feeder.buses["sourcebus"]})
    network = compile_network(alone)
    assert network.node_names == ("sourcebus.1", "sourcebus.2", "sourcebus.3")
    flow = solve(network, nominal_setpoint(network, 3))
    assert np.abs(flow.v_pu) == pytest.approx(1.0001, abs=1e-12)
