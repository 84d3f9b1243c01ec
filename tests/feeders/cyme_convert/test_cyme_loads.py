"""Loads, shunts and generation of a CYME export: values, laws, places, years and models."""

import math
from pathlib import Path

import pytest

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders import CapacitorControlKind, Connection, LoadModel
from grid_fed_rl.powerflow.primitives import reactor_admittance
from tests.feeders.cyme_convert.export import imported, spot

LINE = {"OVERHEADLINE SETTING": ["S1,L1,OH,1000,0"]}
ONE = ["S1,0,1,ABC"]


def load(rows: list[str], connection="0", location="1", kind="SPOT", **more: list[str]) -> dict:
    """Rows of customers: value type, phases, values."""
    return {
        **LINE,
        "LOADS": [f"S1,D,{kind},{connection},{location}"],
        "CUSTOMER LOADS": [f"S1,D,{kind},C,PQ,0,2026,1,{row},50,2" for row in rows],
        **more,
    }


@pytest.mark.parametrize(
    ("row", "kw", "kvar"),
    [
        ("0,A,80,60", 80.0, 60.0),
        ("1,A,100,80", 80.0, 60.0),  # kVA and power factor
        ("2,A,80,80", 80.0, 60.0),  # kW and power factor
        ("2,A,80,-80", 80.0, -60.0),  # leading
        ("3,A,10,80", 57.5964629, 43.1973472),  # A at 12.47/sqrt(3) kV
        ("0,A,-80,-60", -80.0, -60.0),  # a generator written as a load
    ],
)
def test_value_types(tmp_path: Path, row: str, kw: float, kvar: float):
    (one,) = imported(tmp_path, ONE, load([row])).feeder.loads.values()
    assert (one.kw, one.kvar) == (pytest.approx(kw), pytest.approx(kvar))
    assert str(one.terminal) == "1.1"
    assert one.kv == pytest.approx(12.47 / math.sqrt(3))


def test_amperes_in_a_delta_are_at_the_voltage_of_its_leg(tmp_path: Path):
    (one,) = imported(tmp_path, ONE, load(["3,B,10,100"], connection="2")).feeder.loads.values()
    assert one.kw == pytest.approx(124.7)
    assert (str(one.terminal), one.connection) == ("1.2.3", Connection.DELTA)


def test_legs_of_a_delta_start_at_their_phase(tmp_path: Path):
    rows = load(["0,A,10,1", "0,B,20,2", "0,C,30,3"], connection="2")
    loads = imported(tmp_path, ONE, rows).feeder.loads
    assert {str(x.terminal): x.kw for x in loads.values()} == {
        "1.1.2": 10.0, "1.2.3": 20.0, "1.3.1": 30.0,
    }  # fmt: skip
    assert {x.kv for x in loads.values()} == {12.47}


@pytest.mark.parametrize(("connection", "kind"), [("0", Connection.WYE), ("2", Connection.DELTA)])
def test_three_equal_legs_are_one_load(tmp_path: Path, connection: str, kind: Connection):
    rows = load([f"0,{p},10,4" for p in "ABC"], connection=connection)
    (one,) = imported(tmp_path, ONE, rows).feeder.loads.values()
    assert (one.name, str(one.terminal), one.connection) == ("D", "1.1.2.3", kind)
    assert (one.kw, one.kvar, one.kv) == (30.0, 12.0, 12.47)


def test_a_row_on_all_phases_is_their_sum(tmp_path: Path):
    (one,) = imported(tmp_path, ONE, load(["0,ABC,30,12"])).feeder.loads.values()
    assert (one.kw, one.kvar) == (30.0, 12.0)
    assert str(one.terminal) == "1.1.2.3"


def test_on_two_phases_a_delta_row_is_the_leg_that_starts_there(tmp_path: Path):
    rows = load(["0,C,10,1", "0,A,0,0"], connection="2")
    (one,) = imported(tmp_path, ["S1,0,1,AC"], rows).feeder.loads.values()
    assert str(one.terminal) == "1.3.1"


def test_a_leg_to_a_phase_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(FeederError, match="phases is 'AB'; expected phases of its section"):
        imported(tmp_path, ["S1,0,1,AC"], load(["0,A,10,1"], connection="2"))


def test_a_phase_the_section_lacks_is_refused(tmp_path: Path):
    with pytest.raises(FeederError, match="phase"):
        imported(tmp_path, ["S1,0,1,A"], load(["0,B,10,1"]))


def test_power_factors_of_nothing_are_refused(tmp_path: Path):
    with pytest.raises(FeederError, match=r"load 'D'.*power factor of 0.0 percent; expected"):
        imported(tmp_path, ONE, load(["2,A,10,0"]))


@pytest.mark.parametrize(
    ("shares", "model", "zipv", "cvr"),
    [
        ("0,100,100,0,0,0,0,,", LoadModel.Z, (), (1.0, 2.0)),
        ("0,0,0,100,100,0,0,,", LoadModel.I, (), (1.0, 2.0)),
        ("0,0,0,0,0,100,100,,", LoadModel.PQ, (), (1.0, 2.0)),
        ("0,30,40,30,30,40,30,,", LoadModel.ZIP, (0.3, 0.3, 0.4, 0.4, 0.3, 0.3, 0.0), (1.0, 2.0)),
        ("1,0,0,0,0,0,0,1.8,2.4", LoadModel.CVR, (), (1.8, 2.4)),
    ],
)
def test_customer_classes_are_laws_of_voltage(tmp_path, shares, model, zipv, cvr):
    rows = load(["0,A,80,60"])
    rows["CUSTOMER CLASS"] = [f"PQ,{shares},75"]
    (one,) = imported(tmp_path, ONE, rows).feeder.loads.values()
    assert one.model is model
    assert one.zipv == pytest.approx(zipv)
    assert one.cvr == cvr
    assert one.v_min_pu == 0.75


def test_customers_of_one_class_are_one_load_of_two_are_two(tmp_path: Path):
    rows = load([])
    rows["CUSTOMER LOADS"] = [
        "S1,D,SPOT,C1,PQ,0,2026,1,0,A,10,1,5,1",
        "S1,D,SPOT,C2,PQ,0,2026,1,0,A,20,2,5,1",
        "S1,D,SPOT,C3,Z,0,2026,1,0,A,40,4,5,1",
    ]
    found = imported(tmp_path, ONE, rows)
    assert {(x.model, x.kw) for x in found.feeder.loads.values()} == {
        (LoadModel.PQ, 30.0), (LoadModel.Z, 40.0),
    }  # fmt: skip
    totals = found.report.totals
    assert (totals.feeder_kw, totals.file_kw, totals.connected_kva, totals.customers) == (
        70.0, 70.0, 15.0, 3.0,
    )  # fmt: skip


YEARS = [
    "S1,D,SPOT,C1,PQ,0,2024,1,0,A,10,0,0,1",
    "S1,D,SPOT,C1,PQ,0,2025,1,0,A,11,0,0,1",
    "S1,D,SPOT,C2,PQ,0,2023,1,0,A,100,0,0,1",  # nobody wrote this one anew
    "S1,D,SPOT,C1,PQ,0,2025,2,0,A,5,0,0,1",
]


@pytest.mark.parametrize(
    ("options", "kw"),
    [({}, 111.0), ({"year": 2024}, 110.0), ({"load_model": "LIGHT"}, 5.0), ({"year": 2023}, 100.0)],
)
def test_of_each_customer_the_latest_year_of_the_model_counts(tmp_path, options, kw):
    rows = load([])
    rows |= {"CUSTOMER LOADS": YEARS, "LOAD MODEL INFORMATION": ["1,PEAK", "2,LIGHT"]}
    found = imported(tmp_path, ONE, rows, **options)
    assert found.report.totals.feeder_kw == kw
    assert found.report.load_models == ("PEAK", "LIGHT")


@pytest.mark.parametrize(
    ("location", "bus", "parts"), [("0", "0", 1), ("1", "1", 1), ("2", "S1_mid", 2)]
)
def test_a_distributed_load_stands_where_it_says(tmp_path, location, bus, parts):
    found = imported(tmp_path, ONE, load(["0,A,80,60"], location=location, kind="DISTRIBUTED"))
    (one,) = found.feeder.loads.values()
    assert one.terminal.bus == bus
    assert sum(line.length_m for line in found.feeder.lines.values()) == 1000.0
    assert len(found.feeder.lines) == parts


def test_a_distributed_load_may_be_split_over_the_ends(tmp_path: Path):
    rows = load(["0,A,80,60"], location="2", kind="DISTRIBUTED")
    found = imported(tmp_path, ONE, rows, distributed="ends")
    assert {(x.terminal.bus, x.kw) for x in found.feeder.loads.values()} == {
        ("0", 40.0),
        ("1", 40.0),
    }
    assert len(found.feeder.lines) == 1


def test_a_disconnected_load_draws_nothing_and_is_counted(tmp_path: Path):
    rows = load(["0,A,80,60"])
    rows["CUSTOMER LOADS"] = ["S1,D,SPOT,C,PQ,1,2026,1,0,A,80,60,50,2"]
    found = imported(tmp_path, ONE, rows)
    assert not found.feeder.loads
    assert found.report.ignored["customer load: disconnected"] == 1


def test_loads_that_stand_for_what_is_not_in_the_file(tmp_path: Path):
    rows = {**LINE, "LOAD EQUIVALENT": ["1,DEFAULT,KW_PF,80,0,0,80,0,0"]}
    (one,) = imported(tmp_path, ONE, rows).feeder.loads.values()
    assert (one.kw, one.kvar, str(one.terminal)) == (80.0, pytest.approx(60.0), "1.1")


def capacitor(row: str) -> dict:
    return {**LINE, "SHUNT CAPACITOR SETTING": [row], "SHUNT CAPACITOR": ["CAP,100,7.2"]}


def test_a_fixed_bank(tmp_path: Path):
    rows = capacitor("S1,K,L,YG,100,100,100,0,0,0,7.2,0,,,,,,,,,CAP,0")
    (bank,) = imported(tmp_path, ONE, rows).feeder.capacitors.values()
    assert (bank.kvar, bank.kv, str(bank.terminal)) == (
        300.0,
        pytest.approx(12.4708, abs=1e-4),
        "1.1.2.3",
    )
    assert (bank.steps_closed, bank.control) == (1, None)


def test_unequal_phases_are_banks_of_their_own(tmp_path: Path):
    rows = capacitor("S1,K,L,YG,100,0,50,0,0,0,7.2,0,,,,,,,,,CAP,0")
    banks = imported(tmp_path, ONE, rows).feeder.capacitors
    assert {n: (b.kvar, b.kv) for n, b in banks.items()} == {
        "K_a": (100.0, 7.2),
        "K_c": (50.0, 7.2),
    }


@pytest.mark.parametrize(("closed", "steps"), [("ABC", 1), ("NONE", 0)])
def test_a_switched_bank_by_voltage(tmp_path: Path, closed: str, steps: int):
    rows = capacitor(f"S1,K,L,YG,0,0,0,100,100,100,7.2,7,119,119,119,125,125,125,{closed},B,CAP,0")
    (bank,) = imported(tmp_path, ONE, rows).feeder.capacitors.values()
    assert bank.steps_closed == steps
    control = bank.control
    assert control is not None
    assert (control.kind, control.on, control.off, control.phase) == (
        CapacitorControlKind.VOLTAGE, 119.0, 125.0, 2,
    )  # fmt: skip
    assert control.pt_ratio == pytest.approx(12470 / math.sqrt(3) / 120)


def test_a_switched_bank_by_kvar_watches_the_line_that_feeds_it(tmp_path: Path):
    rows = capacitor("S1,K,L,YG,0,0,0,100,100,100,7.2,2,200,200,200,50,50,50,ABC,A,CAP,0")
    (bank,) = imported(tmp_path, ONE, rows).feeder.capacitors.values()
    control = bank.control
    assert control is not None
    assert (control.kind, control.on, control.off, control.element) == (
        CapacitorControlKind.KVAR, 200.0, 50.0, "L1",
    )  # fmt: skip


def test_a_control_that_nobody_knows_is_left_out_and_said(tmp_path: Path):
    rows = capacitor("S1,K,L,YG,0,0,0,100,100,100,7.2,5,8,8,8,20,20,20,ABC,A,CAP,0")
    found = imported(tmp_path, ONE, rows)
    (bank,) = found.feeder.capacitors.values()
    assert bank.control is None
    assert "code 5, on 8.0, off 20.0" in found.report.approximated[0].what


def test_a_shunt_reactor_draws_its_kvar_and_losses(tmp_path: Path):
    rows = {**LINE, "SHUNT REACTOR SETTING": ["S1,X,L,YG,ABC,50,2,7.2,0"]}
    (reactor,) = imported(tmp_path, ONE, rows).feeder.reactors.values()
    y = reactor_admittance(reactor)
    s = 1000.0 * 7.2**2 * y[0, 0].conjugate()  # kVA of a phase at its rated voltage
    assert s == pytest.approx(2 + 50j, rel=1e-12)


def test_a_series_reactor(tmp_path: Path):
    rows = {
        "SERIE REACTOR SETTING": ["S1,M,X,X1,0"],
        "SERIE REACTOR": ["X,400,0.2"],
        **spot("S1", "ABC", 10, 3),
    }
    (reactor,) = imported(tmp_path, ONE, rows).feeder.reactors.values()
    assert (reactor.z_ohm, str(reactor.from_), str(reactor.to)) == (0.2j, "0.1.2.3", "1.1.2.3")


def test_photovoltaics_behind_their_converter(tmp_path: Path):
    rows = {
        **LINE,
        "PHOTOVOLTAIC SETTINGS": ["S1,L,PV,MOD,20,50,0,0,ABC"],
        "PHOTOVOLTAIC": ["MOD,8.2,36.6"],
        "CONVERTER": ["PV,45,330,300,150"],
        "DGGENERATIONMODEL": ["PV,45,DEFAULT,280,-98"],
    }
    found = imported(tmp_path, ONE, rows)
    (pv,) = found.feeder.pvs.values()
    assert (pv.kw_dc, pv.kva, pv.p_kw) == (pytest.approx(300.12), 330.0, 280.0)
    assert found.report.totals.generation_kw == 280.0


def test_a_battery(tmp_path: Path):
    rows = {
        **LINE,
        "BESS SETTINGS": ["S1,L,B,BAT,B,0,95,10"],
        "BESS": ["BAT,500,250,240,95,94"],
        "CONVERTER": ["B,80,260,0,0"],
    }
    (battery,) = imported(tmp_path, ONE, rows).feeder.storages.values()
    assert (battery.kwh, battery.kw, battery.kva) == (500.0, 240.0, 260.0)
    assert (battery.soc_min, battery.soc_max) == (0.1, 0.95)
    assert (battery.efficiency_charge, battery.efficiency_discharge) == (0.95, 0.94)
    assert str(battery.terminal) == "1.2"


def test_a_generator_injects_its_model_s_power(tmp_path: Path):
    rows = {
        **LINE,
        "SYNCHRONOUS GENERATOR SETTING": ["S1,L,G,GEN,2,0,0,ABC"],
        "SYNCHRONOUS GENERATOR": ["GEN,500,12.47,90"],
        "DGGENERATIONMODEL": ["G,36,DEFAULT,400,80"],
    }
    (one,) = imported(tmp_path, ONE, rows).feeder.generators.values()
    assert (one.kva, one.p_kw, one.q_kvar) == (1000.0, 800.0, pytest.approx(600.0))


def test_a_motor_draws_its_nameplate_and_is_said_to(tmp_path: Path):
    rows = {
        **LINE,
        "INDUCTION MOTOR SETTING": ["S1,L,M,IM,ABC,80,80,0"],
        "INDUCTION MOTOR": ["IM,100,12.47,93,86"],
    }
    found = imported(tmp_path, ONE, rows)
    (one,) = found.feeder.loads.values()
    assert one.kw == pytest.approx(80.0 / 0.93)
    assert one.kvar == pytest.approx(one.kw * 0.75)
    assert "nameplate" in found.report.approximated[0].what
