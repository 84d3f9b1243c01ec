"""Time series: equal to their steps one by one, and to themselves when interrupted."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow.parquet as pq
import pytest

from grid_fed_rl.errors import PowerFlowError
from grid_fed_rl.feeders import (
    CapacitorControl,
    CapacitorControlKind,
    LineCode,
    Profiles,
    Reactor,
    Terminal,
    load,
    profiles,
)
from grid_fed_rl.powerflow import (
    Network,
    Setpoint,
    compile_network,
    measures,
    nominal_setpoint,
    solve,
)
from grid_fed_rl.powerflow.timeseries import (
    SeriesScenario,
    TimeSeries,
    profile_scenario,
    read_timeseries,
    run_timeseries,
)

N_STEPS, CHUNK = 50, 12
RECORD = (
    "v_pu",
    "v_min_pu",
    "v_max_pu",
    "v_min_node",
    "source_kw",
    "losses_kw",
    "taps",
    "capacitors",
)


@pytest.fixture(scope="module")
def network() -> Network:
    return compile_network(load("ieee13"))


def day(network: Network, seed: int = 0) -> SeriesScenario:
    """Loads that rise and fall, each a little differently."""
    rng = np.random.default_rng(seed)
    level = 0.75 + 0.45 * np.sin(np.linspace(0.0, 6.0, N_STEPS))[:, None]
    multiplier = level * rng.uniform(0.8, 1.2, (N_STEPS, len(network.loads)))
    return SeriesScenario.of(network, load_multiplier=multiplier)


def assert_same(a: TimeSeries, b: TimeSeries, powers_rtol: float = 0.0) -> None:
    """To the last bit, in everything that was recorded; powers are sums."""
    assert dict(a.columns) == dict(b.columns)
    for name, values in a.items():
        rtol = powers_rtol if name.endswith("_kw") else 0.0
        np.testing.assert_allclose(values, b[name], rtol=rtol, atol=0.0, err_msg=name)
        assert values.dtype == b[name].dtype


def interrupted_at(scenario: SeriesScenario, step: int) -> SeriesScenario:
    """The same scenario, which fails when it is asked for a step."""

    class Failing(SeriesScenario):
        def setpoint(self, first: int, last: int) -> Setpoint:
            if first <= step < last:
                raise KeyboardInterrupt
            return super().setpoint(first, last)

    return Failing(**{name: getattr(scenario, name) for name in scenario.__dataclass_fields__})


def test_a_step_is_what_solve_says_of_its_setpoint(network: Network) -> None:
    scenario = day(network)
    series = run_timeseries(network, scenario, record=RECORD, chunk_steps=CHUNK)
    for step in (0, CHUNK, N_STEPS - 1):
        flow = solve(network, scenario.setpoint(step, step + 1))
        v_pu = np.abs(flow.v_pu[0])
        np.testing.assert_array_equal(series["v_pu"][step], v_pu)
        assert series["v_min_pu"][step] == pytest.approx(v_pu.min(), rel=1e-15)
        assert series["v_max_pu"][step] == pytest.approx(v_pu.max(), rel=1e-15)
        assert series["v_min_node"][step] == v_pu.argmin()
        source_kw = measures.source_kw(network, flow)[0]
        assert series["source_kw"][step] == pytest.approx(source_kw, rel=1e-12)
        losses_kw = measures.losses_kw(network, flow)[0]
        assert series["losses_kw"][step] == pytest.approx(losses_kw, rel=1e-12)
    assert series.of("v_pu", "671.1")[7] == series["v_pu"][7, network.node_index["671.1"]]


@pytest.mark.parametrize("controls", [False, True])
def test_chunks_make_no_difference(network: Network, controls: bool) -> None:
    whole = run_timeseries(network, day(network), controls=controls, record=RECORD)
    parts = run_timeseries(
        network, day(network), controls=controls, record=RECORD, chunk_steps=CHUNK
    )
    assert_same(whole, parts, powers_rtol=1e-12)


def test_with_controls_a_step_begins_where_the_last_one_ended(network: Network) -> None:
    scenario = day(network)
    series = run_timeseries(network, scenario, controls=True)
    taps = nominal_setpoint(network).tap_position
    for step in range(N_STEPS):
        flow = solve(
            network, scenario.setpoint(step, step + 1).with_(tap_position=taps), controls=True
        )
        assert flow.settled.all()
        taps = flow.setpoint.tap_position
        np.testing.assert_array_equal(series["taps"][step], taps[0])
    assert series.summary().tap_operations > 0


def test_both_engines_take_the_same_steps(network: Network) -> None:
    scenario = SeriesScenario.of(network, load_multiplier=np.linspace(0.4, 1.3, 8))
    options = {"controls": True, "record": ["v_pu", "taps", "losses_kw"]}
    ours = run_timeseries(network, scenario, **options)
    theirs = run_timeseries(network, scenario, engine="opendss", **options)
    np.testing.assert_array_equal(ours["taps"], theirs["taps"])
    np.testing.assert_allclose(ours["v_pu"], theirs["v_pu"], rtol=0.0, atol=1e-6)
    assert np.ptp(ours["taps"], axis=0).any()


@pytest.mark.parametrize("engine", ["batched", "opendss"])
def test_a_capacitor_with_a_clock_follows_the_hour_of_the_day(
    engine: Literal["batched", "opendss"],
) -> None:
    feeder = load("ieee13")
    clock = CapacitorControl(CapacitorControlKind.TIME, on=9.0, off=18.0)
    timed = replace(feeder.capacitors["cap2"], control=clock, steps_closed=0)
    network = compile_network(
        replace(feeder, capacitors={**feeder.capacitors, "cap2": timed}, regulators={})
    )
    scenario = SeriesScenario.of(network, load_multiplier=np.ones(14), step_h=2.0, first_hour=4.0)
    series = run_timeseries(network, scenario, controls=True, engine=engine)
    hours = series.hours % 24.0
    expected = ((hours >= 9.0) & (hours < 18.0)).astype(int)
    assert series.of("capacitors", "cap2").tolist() == expected.tolist()
    assert series.summary().capacitor_operations == 2


@pytest.mark.parametrize("controls", [False, True])
def test_scenarios_side_by_side_are_scenarios_alone(network: Network, controls: bool) -> None:
    years = [day(network, seed) for seed in range(3)]
    together = run_timeseries(network, years, controls=controls, record=RECORD, chunk_steps=CHUNK)
    for k, year in enumerate(years):
        alone = run_timeseries(network, year, controls=controls, record=RECORD)
        for name, values in alone.items():
            rtol = 1e-12 if name.endswith("_kw") else 0.0
            np.testing.assert_allclose(together[name][k], values, rtol=rtol, err_msg=name)


@pytest.mark.parametrize("controls", [False, True])
@pytest.mark.parametrize("several", [False, True])
def test_an_interrupted_run_goes_on_to_the_same_end(
    network: Network, tmp_path: Path, controls: bool, several: bool
) -> None:
    scenario, options = day(network), {"controls": controls, "record": RECORD, "chunk_steps": CHUNK}
    whole = [scenario, day(network, 1)] if several else scenario
    broken = interrupted_at(scenario, step=2 * CHUNK + 3)
    with pytest.raises(KeyboardInterrupt):
        run_timeseries(
            network, [broken, day(network, 1)] if several else broken, out=tmp_path, **options
        )
    assert len(list(tmp_path.glob("*.parquet"))) == 2
    with pytest.raises(PowerFlowError, match="3 of 5 chunks are missing"):
        read_timeseries(tmp_path)
    done = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.parquet")}
    resumed = run_timeseries(network, whole, out=tmp_path, **options)
    assert_same(run_timeseries(network, whole, **options), resumed)
    assert_same(resumed, read_timeseries(tmp_path))
    assert all(path.stat().st_mtime_ns == written for path, written in done.items())
    assert not list(tmp_path.glob(".*"))


def test_a_chunk_lost_from_the_middle_is_made_again(network: Network, tmp_path: Path) -> None:
    options = {"controls": True, "out": tmp_path, "chunk_steps": CHUNK}
    run_timeseries(network, day(network), **options)
    lost = tmp_path / f"steps-{CHUNK:08d}.parquet"
    before = lost.read_bytes()
    lost.unlink()
    run_timeseries(network, day(network), **options)
    assert lost.read_bytes() == before


def test_parquet_has_a_row_a_step_and_a_column_an_element(network: Network, tmp_path: Path) -> None:
    scenario = day(network)
    series = run_timeseries(network, scenario, record=["v_pu"], out=tmp_path, chunk_steps=CHUNK)
    table = pq.read_table(sorted(tmp_path.glob("*.parquet")))
    assert table.column("step").to_pylist() == list(range(N_STEPS))
    assert table.column("hour").to_pylist() == series.hours.tolist()
    np.testing.assert_array_equal(table.column("v_pu.671.3"), series.of("v_pu", "671.3"))


def test_a_folder_of_another_run_is_refused_by_what_differs(
    network: Network, tmp_path: Path
) -> None:
    run_timeseries(network, day(network), out=tmp_path)
    for change, word in (
        ({"scenario": day(network, seed=1)}, "scenario_hash"),
        ({"controls": True}, "controls"),
        ({"record": ["v_pu"]}, "columns"),
        ({"tolerance_pu": 1e-9}, "tolerance_pu"),
        ({"chunk_steps": 7}, "chunk_steps"),
    ):
        with pytest.raises(PowerFlowError, match=rf"another run.* differs in {word}"):
            run_timeseries(network, **{"scenario": day(network), "out": tmp_path, **change})
    louder = replace(
        network.feeder,
        loads={k: replace(v, kw=v.kw * 1.01) for k, v in network.feeder.loads.items()},
    )
    with pytest.raises(PowerFlowError, match="feeder_hash"):
        run_timeseries(compile_network(louder), day(network), out=tmp_path)


def test_a_folder_with_something_else_is_refused(network: Network, tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(PowerFlowError, match=r"holds 'letters.txt' and no time series"):
        run_timeseries(network, day(network), out=tmp_path)
    with pytest.raises(PowerFlowError, match="no time series there"):
        read_timeseries(tmp_path)


def test_the_manifest_says_what_was_run(network: Network, tmp_path: Path) -> None:
    run_timeseries(network, day(network), out=tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["feeder"] == "ieee13"
    assert manifest["n_steps"] == N_STEPS
    assert manifest["columns"]["taps"] == list(network.regulators)


def test_a_step_that_does_not_converge_is_nan_and_disturbs_no_other(network: Network) -> None:
    multiplier = np.ones(N_STEPS)
    multiplier[20] = 1e6
    series = run_timeseries(
        network, SeriesScenario.of(network, load_multiplier=multiplier), max_iterations=60
    )
    assert np.flatnonzero(~series["converged"]).tolist() == [20]
    assert np.isnan(series["v_min_pu"]).nonzero()[0].tolist() == [20]
    others = np.delete(series["v_min_pu"], 20)
    assert (others == others[0]).all()


def test_the_lowest_voltage_is_of_a_live_phase() -> None:
    feeder = load("ieee13")
    line = feeder.lines["632633"]
    four = replace(
        line, from_=Terminal("632", (1, 2, 3, 4)), to=Terminal("633", (1, 2, 3, 4)), code="four"
    )
    z = feeder.line_codes[line.code].z_ohm_per_km
    mutual = 0.1 + 0.2j
    wider = (*((*row, mutual) for row in z), (mutual, mutual, mutual, 1.0 + 1.0j))
    code = LineCode("four", wider, tuple((0.0,) * 4 for _ in range(4)))
    earth = Reactor("earth", Terminal("632", (4,)), None, 0.1 + 0.0j)
    network = compile_network(
        replace(
            feeder,
            lines={**feeder.lines, "632633": four},
            line_codes={**feeder.line_codes, "four": code},
            reactors={"earth": earth},
        )
    )
    opened = nominal_setpoint(network).with_(switch_closed=[[False]])
    scenario = SeriesScenario.of(network, load_multiplier=[1.0, 0.5], base=opened)
    series = run_timeseries(network, scenario, record=["v_pu", "v_min_pu", "v_min_node"])
    assert (series.of("v_pu", "633.4") < 0.1).all()
    assert (series.of("v_pu", "675.1") == 0.0).all()
    live = [k for k, name in enumerate(network.node_names) if not name.endswith(".4")]
    live = [k for k in live if series["v_pu"][0, k] > 0.0]
    np.testing.assert_allclose(series["v_min_pu"], series["v_pu"][:, live].min(axis=1), rtol=1e-15)
    assert set(series["v_min_node"].tolist()) <= set(live)


def test_profiles_move_the_loads_that_name_them(network: Network) -> None:
    loads = network.feeder.loads
    feeder = replace(
        network.feeder, loads={**loads, "671": replace(loads["671"], profile="evening")}
    )
    followed = compile_network(feeder)
    evening = np.array([[0.1], [0.5], [1.2]])
    scenario = profile_scenario(followed, Profiles(0.5, ("evening",), evening))
    assert scenario.step_h == 0.5
    setpoint = scenario.setpoint(0, 3)
    expected = nominal_setpoint(followed, 3).load_kw
    expected[:, followed.loads.index("671")] *= evening[:, 0]
    np.testing.assert_array_equal(setpoint.load_kw, expected)


@pytest.mark.parametrize(
    ("arrays", "complaint"),
    [
        ({}, "nothing moves"),
        (
            {"load_multiplier": np.ones((4, 3))},
            r"load_multiplier has shape \(4, 3\); expected \(4, 15\)",
        ),
        ({"load_multiplier": [1.0], "load_kw": np.ones((1, 15))}, "both given"),
        ({"load_multiplier": 0.7}, r"load_multiplier has shape \(\); expected \(steps, 15\)"),
        ({"load_mw": 3.0}, "no series 'load_mw'; known: load_multiplier, tap_position"),
        ({"load_mw": np.ones(3)}, "no series 'load_mw'; known: load_multiplier, tap_position"),
        ({"load_kw": np.full((2, 15), np.nan)}, "load_kw is nan at step 0, column 0"),
        ({"load_multiplier": np.ones(3), "tap_position": np.ones((2, 3))}, r"expected \(3, 3\)"),
        ({"load_multiplier": np.ones(3), "step_h": 0.0}, "step_h is 0.0; expected hours above 0"),
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused(
    network: Network, arrays: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(PowerFlowError, match=complaint):
        SeriesScenario.of(network, **arrays)


def test_a_feeder_without_profiles_says_so(network: Network) -> None:
    with pytest.raises(PowerFlowError, match="feeder 'ieee13' brings no profiles"):
        profile_scenario(network, profiles("ieee13"))


def test_what_does_not_fit_together_is_refused(network: Network) -> None:
    shorter = SeriesScenario.of(network, load_multiplier=np.ones(3))
    with pytest.raises(PowerFlowError, match="scenarios differ in n_steps"):
        run_timeseries(network, [day(network), shorter])
    with pytest.raises(PowerFlowError, match="no quantity 'volts'; known: converged"):
        run_timeseries(network, shorter, record=["volts"])
    with pytest.raises(PowerFlowError, match="chunk_steps is 0"):
        run_timeseries(network, shorter, chunk_steps=0)
    with pytest.raises(PowerFlowError, match="no scenario"):
        run_timeseries(network, [])


def test_after_a_failure_controls_go_on_where_they_were(network: Network) -> None:
    failing, whole = (
        run_timeseries(
            network,
            SeriesScenario.of(network, load_multiplier=level),
            controls=True,
            record=("taps", "v_pu"),
        )
        for level in ([1.0, 1e7, 0.9], [1.0, 0.9])
    )
    assert failing["converged"].tolist() == [True, False, True]
    assert failing["taps"][2].tolist() == whole["taps"][1].tolist()
    assert failing["taps"][2].any()
    np.testing.assert_allclose(failing["v_pu"][2], whole["v_pu"][1], rtol=0, atol=1e-7)


def test_a_capacitor_stays_where_the_last_step_left_it() -> None:
    feeder = load("ieee13")
    control = CapacitorControl(CapacitorControlKind.VOLTAGE, 110.0, 135.0, pt_ratio=20.0)
    bank = replace(feeder.capacitors["cap2"], steps_closed=0, control=control)
    network = compile_network(
        replace(feeder, capacitors={**feeder.capacitors, "cap2": bank}, regulators={})
    )
    level = [0.5, 1.0, 0.5]  # within the band, below it, within it again
    series = run_timeseries(
        network,
        SeriesScenario.of(network, load_multiplier=level),
        controls=True,
        record=("capacitors",),
    )
    assert series.of("capacitors", "cap2").tolist() == [0, 1, 1]
