"""What is read from a script: records, reports, refusals."""

import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders import (
    CapacitorControl,
    CapacitorControlKind,
    Connection,
    Feeder,
    InverterControl,
    LineDropControl,
    LoadModel,
    Reactor,
    SwitchKind,
    Terminal,
    load,
    names,
)
from grid_fed_rl.feeders.opendss import read_opendss, write_opendss

Write = Callable[[str], Path]


def read(script: Path) -> Feeder:
    return read_opendss(script).feeder


def test_the_circuit(write: Write) -> None:
    feeder = read(write(""))
    assert feeder.name == "base"
    assert feeder.frequency_hz == 60.0
    assert (feeder.source.bus, feeder.source.v_pu, feeder.source.angle_deg) == ("a", 1.02, 30.0)
    assert (feeder.source.z1_ohm, feeder.source.z0_ohm) == (0.1 + 0.6j, 0.2 + 0.9j)
    assert {bus.kv_ll for bus in feeder.buses.values()} == {12.47}
    line = feeder.lines["bc"]
    assert (line.code, line.length_m, line.amps) == ("oh", 2011.68, 530.0)
    assert line.from_ == Terminal("b", (1, 2, 3))
    code = feeder.line_codes["oh"]
    assert code.z_ohm_per_km[1][0] == complex(0.0969339059890241, 0.31174192714547)
    assert 1.609344 * code.z_ohm_per_km[0][0] == pytest.approx(0.4576 + 1.078j, rel=1e-14)


def test_amps_are_infinite_where_the_script_says_nothing(write: Write) -> None:
    feeder = read(
        write(
            "new linecode.bare nphases=3 r1=1 x1=1\nnew line.x bus1=c bus2=d linecode=bare\n"
            "new line.y bus1=c bus2=e r1=1\nnew line.z bus1=c bus2=f r1=1 normamps=400\n"
            "new line.w bus1=c bus2=g linecode=bare normamps=400\n"
            "new line.v bus1=c bus2=h linecode=oh normamps=77"
        )
    )
    amps = {name: line.amps for name, line in feeder.lines.items()}
    assert amps == {
        "ab": 530, "bc": 530, "x": math.inf, "y": math.inf, "z": 400, "w": 400, "v": 77,
    }  # fmt: skip


def test_kinds_of_switches(write: Write) -> None:
    what = {
        "a1": "new fuse.x monitoredobj=line.a1",
        "a2": "new recloser.x monitoredobj=line.a2",
        "a3": "new relay.x monitoredobj=line.ab switchedobj=line.a3",
        "a4": "new swtcontrol.x switchedobj=line.a4 state=open",
        "a5": "edit line.a5 switch=yes",
        "a6": "open line.a6 2",
    }
    lines = [f"new line.{n} bus1=c bus2={n} linecode=oh\n{how}" for n, how in what.items()]
    imported = read_opendss(write("\n".join(lines)))
    found = {n: (s.kind, s.closed) for n, s in imported.feeder.switches.items()}
    assert found == {
        "a1": (SwitchKind.FUSE, True),
        "a2": (SwitchKind.RECLOSER, True),
        "a3": (SwitchKind.BREAKER, True),
        "a4": (SwitchKind.SWITCH, False),
        "a5": (SwitchKind.SWITCH, True),
        "a6": (SwitchKind.SWITCH, False),
    }
    assert [n.what for n in imported.report.approximated if n.element == "line.a6"] == [
        "open at one end; read as open at both"
    ]


def test_regulator_control_and_tap(write: Write) -> None:
    feeder = read(
        write(
            "new transformer.t phases=1 windings=2 buses=[c.1 d.1] kvs=[7.2 7.2] kvas=[900 900] "
            "xhl=1 wdg=2 tap=1.04375\nnew regcontrol.r transformer=t winding=2 vreg=123 band=2.5 "
            "ptratio=60 ctprim=300 r=3 x=5 delay=30 tapdelay=4 maxtapchange=1 vlimit=130 bus=b.1"
        )
    )
    regulator = feeder.regulators["r"]
    assert (regulator.transformer, regulator.winding, regulator.tap_position) == ("t", 2, 7)
    assert (regulator.tap_min_pu, regulator.tap_max_pu, regulator.n_steps) == (0.9, 1.1, 32)
    assert regulator.control == LineDropControl(
        123.0, 2.5, 60.0, 300.0, 3.0, 5.0, 30.0, 4.0, 1, Terminal("b", (1,)), 130.0
    )
    assert feeder.transformers["t"].windings[1].tap_pu == 1.0


def test_a_tap_between_steps_is_an_approximation(write: Write) -> None:
    imported = read_opendss(
        write(
            "new transformer.t buses=[c d] kvs=[12.47 12.47] kvas=[900 900] wdg=2 tap=1.015\n"
            "new regcontrol.r transformer=t winding=2"
        )
    )
    assert imported.feeder.regulators["r"].tap_position == 2
    said = {str(note) for note in imported.report.approximated}
    assert "regcontrol.r: its tap is 2.4000 steps from neutral; read as 2" in said
    assert any(s.startswith("transformer.t: its admittance differs by 1.6e-03") for s in said)


def test_a_disabled_control_leaves_a_regulator_without_one(write: Write) -> None:
    feeder = read(
        write(
            "new transformer.t buses=[c d] kvs=[12.47 12.47] kvas=[900 900]\n"
            "new regcontrol.r transformer=t winding=2 enabled=no"
        )
    )
    assert feeder.regulators["r"].control is None


def test_capacitor_control(write: Write) -> None:
    feeder = read(
        write(
            "new capacitor.k bus1=c kv=12.47 numsteps=3 kvar=[100 100 100] states=[1 0 0]\n"
            "new capcontrol.anything capacitor=k element=line.bc terminal=2 type=current "
            "ctratio=80 ptratio=70 onsetting=.3 offsetting=.1 ctphase=2 ptphase=2 delay=7 "
            "delayoff=8 deadtime=90 voltoverride=yes vmin=112 vmax=128"
        )
    )
    bank = feeder.capacitors["k"]
    assert (bank.kvar, bank.n_steps, bank.steps_closed) == (300.0, 3, 1)
    assert bank.control == CapacitorControl(
        CapacitorControlKind.CURRENT, 0.3, 0.1, 70.0, 80.0, "bc", 2, 2, 7.0, 8.0, 90.0, 112.0, 128.0
    )  # fmt: skip


def test_inverter_curves(write: Write) -> None:
    feeder = read(
        write(
            "new xycurve.v npts=4 xarray=[.92 .98 1.02 1.08] yarray=[.44 0 0 -.44]\n"
            "new xycurve.w npts=2 xarray=[1.05 1.1] yarray=[1 .2]\n"
            "new pvsystem.p bus1=c kv=12.47 kva=100 pmpp=90 irradiance=.5\n"
            "new pvsystem.q bus1=c kv=12.47 kva=100 pmpp=90 kvarmax=50\n"
            "new storage.s bus1=c kv=12.47 kwrated=50 kwhrated=99 kvarmax=50 "
            "state=idling %idlingkw=0\n"
            "new invcontrol.i derlist=[pvsystem.p pvsystem.q] combimode=vv_vw vvc_curve1=v "
            "voltwatt_curve=w refreactivepower=varmax\n"
            "new invcontrol.j derlist=[storage.s] mode=voltvar vvc_curve1=v"
        )
    )
    curve = ((0.92, 0.44), (0.98, 0.0), (1.02, 0.0), (1.08, -0.44))
    half = ((0.92, 0.22), (0.98, 0.0), (1.02, 0.0), (1.08, -0.22))
    watts = ((1.05, 1.0), (1.1, 0.2))
    assert feeder.pvs["p"].control == InverterControl(curve, watts)
    assert feeder.pvs["q"].control == InverterControl(half, watts)
    assert feeder.storages["s"].control == InverterControl(curve)
    assert (feeder.pvs["p"].p_kw, feeder.storages["s"].p_kw) == (45.0, 0.0)


def test_neutrals_are_reactors_and_open_deltas_pairs(write: Write) -> None:
    imported = read_opendss(
        write(
            "new transformer.t buses=[c d.1.2.3.4] conns=[delta wye] kvs=[12.47 4.16] "
            "kvas=[500 500] wdg=2 rneut=3 xneut=1\n"
            "new load.o bus1=c.1.2.3 phases=2 conn=delta kv=12.47 kw=300 kvar=90"
        )
    )
    feeder = imported.feeder
    assert feeder.reactors == {
        "t_neutral_2": Reactor("t_neutral_2", Terminal("d", (4,)), None, 3 + 1j)
    }
    assert feeder.transformers["t"].windings[1].connection is Connection.WYE_N
    pair = [feeder.loads[name] for name in ("o_1", "o_2")]
    assert [str(p.terminal) for p in pair] == ["c.1.2", "c.2.3"]
    assert {(p.kw, p.kvar, p.connection) for p in pair} == {(150.0, 45.0, Connection.DELTA)}
    assert {n.element for n in imported.report.approximated} == {"transformer.t", "load.o"}


def test_profiles_and_models_of_loads(write: Write) -> None:
    feeder = read(
        write(
            "new loadshape.day npts=2 interval=12 mult=[1 .5]\n"
            "new load.x bus1=c kv=12.47 kw=9 kvar=3 daily=day model=4 cvrwatts=.8 cvrvars=3"
        )
    )
    assert feeder.loads["x"].profile == "day"
    assert (feeder.loads["x"].model, feeder.loads["x"].cvr) == (LoadModel.CVR, (0.8, 3.0))
    assert feeder.loads["base"].profile == ""


def test_letters_that_a_name_may_not_have(write: Write) -> None:
    imported = read_opendss(
        write(
            "new linecode.1/0 nphases=3 r1=1 x1=1\nnew 'line.x y' bus1=c bus2='d|e' linecode=1/0\n"
            "new line.x-y bus1=c bus2=f:+ linecode=1/0\n"
            "new capacitor.k bus1=c kv=12.47 kvar=9\n"
            "new capcontrol.k capacitor=k element='line.x y'"
        )
    )
    feeder = imported.feeder
    assert feeder.lines["x-y-2"].code == feeder.lines["x-y"].code == "1/0"
    assert feeder.lines["x-y-2"].to == Terminal("d-e", (1, 2, 3))
    assert feeder.lines["x-y"].to == Terminal("f:+", (1, 2, 3))
    assert feeder.capacitors["k"].control is not None
    assert feeder.capacitors["k"].control.element == "x-y-2"
    assert imported.report.renamed == {"bus.d|e": "d-e", "line.x y": "x-y-2"}
    assert imported.report.compared == 7


def test_voltages_of_buses_without_a_base(tmp_path: Path) -> None:
    path = tmp_path / "x.dss"
    path.write_text(
        "clear\nnew circuit.x basekv=115 bus1=a\n"
        "new transformer.t buses=[a b] conns=[delta wye] kvs=[115 12.47] kvas=[9000 9000]\n"
        "new line.l bus1=b bus2=c r1=1 x1=1 length=2\n"
        "new transformer.s phases=1 windings=3 buses=[c.2 d.1.0 d.0.2] kvs=[7.2 .12 .12] "
        "kvas=[50 50 50]\n",
        encoding="utf-8",
    )
    imported = read_opendss(path)
    assert {bus.name: bus.kv_ll for bus in imported.feeder.buses.values()} == {
        "a": 115.0, "b": 12.47, "c": 12.47, "d": pytest.approx(0.12 * 3**0.5, rel=1e-12),
    }  # fmt: skip
    assert any(n.element == "bus.*" for n in imported.report.approximated)


REFUSED = {
    "fault.f": "new fault.f bus1=c r=1",
    "isource.i": "new isource.i bus1=c amps=9",
    "generator.g": "new generator.g bus1=c kv=12.47 kw=9 model=3",
    "line.d": "new line.d bus1=b.2 bus2=c.2 r1=1 x1=1",
    "load.d": "new load.d bus1=c.2 kv=12.47 kw=9",
    "capacitor.k": "new capacitor.k bus1=b bus2=c kv=12.47 kvar=900",
    "capacitor.l": "new capacitor.l bus1=c kv=12.47 numsteps=2 kvar=[100 200]",
    "capcontrol.m": "new capacitor.n bus1=c kv=12.47 kvar=9\n"
    "new capcontrol.m capacitor=n element=line.bc ptphase=max",
    "reactor.z": "new reactor.z bus1=c z1=[1 2] z0=[3 4] z2=[1 2]",
    "load.w": "new load.w bus1=c kv=12.47 kw=9\nopen load.w 1",
    "line.h": "new line.h bus1=c bus2=d linecode=oh basefreq=50",
    "pvsystem.e": "new xycurve.e npts=2 xarray=[0 1] yarray=[.9 1]\n"
    "new pvsystem.e bus1=c kv=12.47 pmpp=9 kva=9 effcurve=e",
    "invcontrol.i": "new pvsystem.p bus1=c kv=12.47 pmpp=9 kva=9\n"
    "new invcontrol.i derlist=[pvsystem.p] mode=dynamicreaccurr",
}


def test_all_that_is_refused_is_named_at_once(write: Write) -> None:
    script = write("\n".join(REFUSED.values()))
    with pytest.raises(FeederError) as caught:
        read_opendss(script)
    message = str(caught.value)
    assert f"{len(REFUSED)} element(s) cannot be represented" in message
    assert all(f"\n  {name}: " in message for name in REFUSED)

    some = read_opendss(script, allow_refused=True)
    assert {n.element for n in some.report.refused} == set(REFUSED)
    assert some.feeder.loads.keys() == {"base"}
    assert read_opendss(script, skip=tuple(REFUSED)).feeder == some.feeder
    with pytest.raises(FeederError, match=r"1 element\(s\) cannot .*\n  line.h: "):
        read_opendss(script, skip=[name for name in REFUSED if name != "line.h"])


def test_the_report(write: Write) -> None:
    report = read_opendss(
        write(
            "new monitor.m element=line.bc\nnew energymeter.e element=line.ab\n"
            "new load.off bus1=c kv=12.47 kw=500 enabled=no\nset loadmult=.5"
        )
    ).report
    assert report.read == {"vsource": 1, "linecode": 1, "line": 2, "load": 1}
    assert report.ignored == {"monitor": 1, "energymeter": 1, "load": 1}
    assert (report.load_kw, report.load_kvar) == (450.0, 150.0)
    assert (report.script_load_kw, report.script_load_kvar) == (450.0, 150.0)
    assert report.compared == 4
    table = str(report)
    assert "loads  450.000 kW  150.000 kvar  (in the script 450.000 kW  150.000 kvar)" in table
    assert "approximated  load.*: times the circuit's load multiplier, 0.5" in table
    values = json.loads(report.to_json())
    assert values["read"] == report.read
    assert values["approximated"] == [
        {"element": "load.*", "what": "times the circuit's load multiplier, 0.5"}
    ]


@pytest.mark.parametrize("name", names())
def test_a_shipped_feeder_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    """All of it, but for the last bit of capacitances, which OpenDSS keeps as admittances."""
    feeder = load(name)
    again = read_opendss(write_opendss(feeder, tmp_path / name)).feeder
    for kind in ("name", "title", "provenance", "frequency_hz", "source", "buses", "lines",
                 "switches", "transformers", "reactors", "regulators", "capacitors", "loads",
                 "pvs", "storages", "generators"):  # fmt: skip
        assert getattr(again, kind) == getattr(feeder, kind), kind
    assert again.line_codes.keys() == feeder.line_codes.keys()
    for code in feeder.line_codes.values():
        back = again.line_codes[code.name]
        assert back.z_ohm_per_km == code.z_ohm_per_km
        for row, row_back in zip(code.c_nf_per_km, back.c_nf_per_km, strict=True):
            assert row_back == pytest.approx(row, rel=1e-14, abs=0)


@pytest.mark.parametrize(
    ("how", "p_kw", "q_kvar"),
    [
        ("kva=500 pf=-.95", 360.0, -118.326277864391),
        ("kva=300 kvar=90", 286.181760425084, 90.0),  # reactive power goes first
        ("kva=300 pf=.9", 244.131112314674, 174.355957741627),
        ("kva=300 kvar=90 wattpriority=yes", 300.0, 0.0),
        ("kva=300 pf=.9 pfpriority=yes", 270.0, 130.76696830622),
        ("kva=500 kvar=400 kvarmax=50", 360.0, 50.0),
        ("kva=2000 kvar=90", 0.0, 90.0),  # below what cuts the inverter in
    ],
)
def test_what_a_pv_system_injects(
    write: Write,
    circuit: Callable[[Iterable[str]], Any],
    solved: Callable[[Any, str], dict[str, complex]],
    how: str,
    p_kw: float,
    q_kvar: float,
) -> None:
    script = write(f"new pvsystem.p bus1=c kv=12.47 pmpp=450 irradiance=.8 {how}")
    pv = read(script).pvs["p"]
    assert (pv.p_kw, pv.q_kvar) == pytest.approx((p_kw, q_kvar), rel=1e-12)
    dss = circuit([f'redirect "{script}"'])
    solved(dss, "off")
    dss.Circuit.SetActiveElement("pvsystem.p")
    assert dss.CktElement.TotalPowers()[:2] == pytest.approx([-p_kw, -q_kvar], abs=1e-6)


def test_der_of_one_name(write: Write) -> None:
    imported = read_opendss(
        write(
            "new pvsystem.d bus1=c kv=12.47 pmpp=9 kva=9\n"
            "new storage.d bus1=c kv=12.47 kwrated=9 kwhrated=9\n"
            "new generator.d bus1=c kv=12.47 kw=9"
        )
    )
    feeder = imported.feeder
    assert [*feeder.pvs, *feeder.storages, *feeder.generators] == ["d", "d-storage", "d-generator"]
    assert imported.report.renamed == {"storage.d": "d-storage", "generator.d": "d-generator"}


def test_the_generator_multiplier(write: Write) -> None:
    feeder = read(
        write(
            "set genmult=.5\nnew generator.g bus1=c kv=12.47 kw=90 kvar=10\n"
            "new generator.f bus1=c kv=12.47 kw=90 kvar=10 status=fixed"
        )
    )
    assert [(g.p_kw, g.q_kvar) for g in feeder.generators.values()] == [(45.0, 5.0), (90.0, 10.0)]


def test_line_codes_of_another_frequency_that_nothing_uses(write: Write) -> None:
    feeder = read(write("new linecode.fifty nphases=3 basefreq=50 r1=1 x1=1"))
    assert "fifty" in feeder.line_codes


def test_a_watched_element_must_be_the_only_one_of_its_name(write: Write) -> None:
    script = write(
        "new reactor.bc bus1=c r=1 x=900\nnew capacitor.k bus1=c kv=12.47 kvar=9\n"
        "new capcontrol.k capacitor=k element=line.bc"
    )
    with pytest.raises(FeederError, match=r"capcontrol\.k: .* whose name another class has too"):
        read_opendss(script)
