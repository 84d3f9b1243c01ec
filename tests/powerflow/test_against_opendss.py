"""Engine A equals engine B: every node voltage of the shipped feeders against OpenDSS."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import opendssdirect
import pytest

from grid_fed_rl.feeders import (
    Connection,
    Feeder,
    Load,
    LoadModel,
    Terminal,
    load,
    names,
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

# The law is 1e-6. What is left, 1e-8, is OpenDSS's rounding beside switches of a
# micro-ohm and on floating delta sides: see `test_exact`.
LAW_PU = 1e-6
REGRESSION_PU = 2e-8

TwoBus = Callable[..., Feeder]


def largest_difference_pu(ours: PowerFlow, theirs: PowerFlow) -> float:
    assert ours.converged.all()
    assert theirs.converged.all()
    return float(np.abs(ours.v_pu - theirs.v_pu).max())


@pytest.fixture(scope="module", params=names())
def shipped(request: pytest.FixtureRequest) -> Network:
    return compile_network(load(request.param))


def rows_for(network: Network) -> int:
    """Fewer of the feeders that OpenDSS solves slowly."""
    return 100 if network.n_nodes < 500 else 2


def test_shipped_feeders(
    shipped: Network, random_setpoint: Callable[[Network, int], Setpoint]
) -> None:
    """As found, without load, and with random taps, capacitor steps and loads.

    The loads of ieee37 that follow their CVR exponents draw suddenly more or less
    where their window ends, in OpenDSS too. A load that stands at such an end may
    stand on either side of it: two solutions, and either engine keeps the other's.
    """
    nominal = nominal_setpoint(shipped)
    off = {f"load_{unit}": np.zeros(len(shipped.loads)) for unit in ("kw", "kvar")}
    bare = nominal.with_(**off, capacitor_step=np.zeros(len(shipped.capacitors)))
    engine = OpenDSS(shipped)
    for setpoint in (nominal, bare, random_setpoint(shipped, rows_for(shipped))):
        ours, theirs = solve(shipped, setpoint, tolerance_pu=1e-10), engine.solve(setpoint)
        apart = np.flatnonzero(np.abs(ours.v_pu - theirs.v_pu).max(axis=1) > 1e-4)
        jumps = {LoadModel.CVR, LoadModel.MOTOR, LoadModel.FIXED_Q, LoadModel.FIXED_X}
        if jumps & {one.model for one in shipped.feeder.loads.values()} and len(apart) < 4:
            there = theirs.v_pu[apart]
            again = solve(shipped, setpoint.rows(apart), start_pu=there, tolerance_pu=1e-10)
            ours = ours.with_rows(apart, again)
        difference = largest_difference_pu(ours, theirs)
        assert difference < LAW_PU
        assert difference < REGRESSION_PU


def test_no_load_is_where_a_solve_begins(network: Network) -> None:
    zero = np.zeros(len(network.loads))
    setpoint = nominal_setpoint(network).with_(
        load_kw=zero,
        load_kvar=zero,
        tap_position=np.zeros(len(network.regulators)),
        capacitor_step=np.zeros(len(network.capacitors)),
        switch_closed=np.ones(len(network.switches), dtype=bool),
    )
    ours = solve(network, setpoint)
    np.testing.assert_allclose(ours.v_pu[0], network.v_flat_pu, rtol=0, atol=1e-12)


def test_random_switches(network: Network, engine: OpenDSS) -> None:
    """Radial, looped and cut off: dead nodes have 0 V in both engines."""
    rng = np.random.default_rng(5)
    rows = 20
    setpoint = nominal_setpoint(network, rows).with_(
        switch_closed=rng.random((rows, len(network.switches))) < 0.7
    )
    ours, theirs = solve(network, setpoint, tolerance_pu=1e-10), engine.solve(setpoint)
    assert largest_difference_pu(ours, theirs) < REGRESSION_PU
    assert (ours.v_pu == 0.0).any()
    np.testing.assert_array_equal(ours.v_pu == 0.0, theirs.v_pu == 0.0)


def test_both_engines_report_what_does_not_converge(two_bus: TwoBus) -> None:
    """More power than the line can carry, which no voltage window forgives."""
    at_b, window = Terminal("b", (1, 2, 3)), (0.02, 5.0, 0.01)
    stubborn = Load("one", at_b, Connection.WYE, LoadModel.PQ, 500.0, 0.0, 4.16, *window)
    network = compile_network(two_bus(loads=[stubborn], length_m=5000.0))
    setpoint = nominal_setpoint(network, 3).with_(load_kw=[[500.0], [50000.0], [500.0]])
    ours, theirs = solve(network, setpoint), OpenDSS(network).solve(setpoint)
    assert ours.converged.tolist() == [True, False, True]
    assert theirs.status.tolist() == [Status.CONVERGED, Status.NOT_CONVERGED, Status.CONVERGED]


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
        dss.Transformers.Wdg(regulator.winding)
        dss.Transformers.Tap(1.0)
    dss.Solution.Solve()
    for regulator in feeder.regulators.values():
        dss.Transformers.Name(regulator.transformer)
        dss.Transformers.Wdg(regulator.winding)
        tap_pu: float = dss.Transformers.Tap() or 1.0
        positions.append(round((tap_pu - 1.0) / regulator.step_pu))
    assert any(positions) == (taps == "its own")

    flow = solve(network, nominal_setpoint(network).with_(tap_position=positions))
    volts = np.asarray(dss.Circuit.YNodeVArray(), dtype=np.float64).view(np.complex128)
    found: list[str] = dss.Circuit.YNodeOrder() or []
    theirs = dict(zip((name.lower() for name in found), volts, strict=True))
    assert theirs.keys() == {name.lower() for name in network.node_names}
    for k, name in enumerate(network.node_names):
        difference = abs(flow.v_pu[0, k] - theirs[name.lower()] / network.v_base_v[k])
        assert difference < LAW_PU, name
        assert difference < REGRESSION_PU, name


def test_a_feeder_of_one_bus() -> None:
    feeder = load("ieee13")
    alone = Feeder("alone", feeder.source, {"sourcebus": feeder.buses["sourcebus"]})
    network = compile_network(alone)
    assert network.node_names == ("sourcebus.1", "sourcebus.2", "sourcebus.3")
    flow = solve(network, nominal_setpoint(network, 3))
    assert np.abs(flow.v_pu) == pytest.approx(1.0001, abs=1e-12)
