"""Each kind of fault is found, named, and told apart from the others."""

import math
from dataclasses import replace

import pytest

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders import (
    Bus,
    CapacitorControlKind,
    Connection,
    Generator,
    InverterControl,
    Issue,
    LoadModel,
    Terminal,
    check,
    load,
    validate,
)
from tests.feeders.changes import (
    AT_675,
    Change,
    bank,
    changed,
    code,
    der,
    line_drop,
    reactor,
    renamed,
    source,
    winding,
)

FAULTS: dict[str, tuple[Change, str]] = {
    # names that point nowhere
    "source at no bus": (
        source(bus="nowhere"),
        "source: bus is 'nowhere'; expected a bus of buses",
    ),
    "line from no bus": (
        changed("lines", "684652", from_=Terminal("nowhere", (1,))),
        "line '684652': from is 'nowhere.1'; expected a bus of buses",
    ),
    "load at no bus": (
        changed("loads", "645", terminal=Terminal("nowhere", (2,))),
        "load '645': terminal is 'nowhere.2'; expected a bus of buses",
    ),
    "winding at no bus": (
        winding("xfm1", 2, terminal=Terminal("nowhere", (1, 2, 3))),
        "transformer 'xfm1' winding 2: terminal is 'nowhere.1.2.3'; expected a bus of buses",
    ),
    "doubled phase": (
        changed("loads", "671", terminal=Terminal("671", (1, 2, 2))),
        "load '671': terminal is '671.1.2.2'; expected at least one node besides ground, each once",
    ),
    "no phase": (
        changed("loads", "645", terminal=Terminal("645", ())),
        "load '645': terminal is '645'; expected at least one node besides ground, each once",
    ),
    "unknown code": (
        changed("lines", "650632", code="mtx6O1"),
        "line '650632': code is 'mtx6O1'; expected one of mtx601, mtx602, mtx603, ",
    ),
    "code of other conductors": (
        changed("lines", "650632", code="mtx603"),
        "line '650632': code is 'mtx603'; expected a code of 3 conductor(s), as its terminal has",
    ),
    "line with other ends": (
        changed("lines", "632645", to=Terminal("645", (3,))),
        "line '632645': to is '645.3'; expected 2 node(s), as at from",
    ),
    "switch with other ends": (
        changed("switches", "671692", to=Terminal("692", (1, 2))),
        "switch '671692': to is '692.1.2'; expected 3 node(s), as at from",
    ),
    "windings of other coils": (
        winding("xfm1", 2, terminal=Terminal("634", (1,)), kv=0.277),
        "transformer 'xfm1': coils of its windings is (3, 1); expected equal numbers",
    ),
    "regulator of no transformer": (
        changed("regulators", "reg1", transformer="reg9"),
        "regulator 'reg1': transformer is 'reg9'; expected a transformer of transformers",
    ),
    "two regulators of one transformer": (
        changed("regulators", "reg2", transformer="reg1"),
        "regulator 'reg2': transformer is 'reg1'; expected one that 'reg1' does not move already",
    ),
    # names themselves
    "name that other engines cannot read": (
        renamed("loads", "634a", "634 a"),
        "load '634 a': name is '634 a'; expected a name without blanks, quotes, brackets, ",
    ),
    "bus with a dot": (
        lambda feeder: replace(feeder, buses={**feeder.buses, "a.1": Bus("a.1", 4.16)}),
        "bus 'a.1': name is 'a.1'; expected a name without '.', which parts it from nodes",
    ),
    "key that is not the name": (
        changed("loads", "634a", name="634z"),
        "load '634z': key in loads is '634a'; expected the record's own name",
    ),
    "names that differ by case": (
        renamed("loads", "634b", "634A"),
        "load '634A': name is '634A'; expected more than case to differ from 634a",
    ),
    "battery with the name of a PV system": (
        lambda feeder: replace(
            der(pv={"name": "one"})(feeder), storages=der(storage={"name": "one"})(feeder).storages
        ),
        "storage 'one': name is 'one'; expected a name that no pv has",
    ),
    "switch with the name of a line": (
        renamed("switches", "671692", "632645"),
        "switch '632645': name is '632645'; expected a name that no line has",
    ),
    "line that goes nowhere": (
        changed("lines", "684652", to=Terminal("684", (1,))),
        "line '684652': to is '684.1'; expected another place than from",
    ),
    "neutral alone": (
        changed("loads", "645", connection=Connection.WYE_N),
        "load '645': terminal is '645.2'; expected 2 or more conductors, the last the neutral",
    ),
    "leg from ground to ground": (
        changed("loads", "645", terminal=Terminal("645", (2, 0))),
        "load '645': terminal is '645.2.0'; expected a node besides ground for each leg of a wye",
    ),
    "reactor at no bus": (
        reactor(to=Terminal("nowhere", (1, 2, 3))),
        "reactor 'choke': to is 'nowhere.1.2.3'; expected a bus of buses",
    ),
    "reactor with other ends": (
        reactor(to=Terminal("680", (1,))),
        "reactor 'choke': to is '680.1'; expected 3 node(s), as at from",
    ),
    "regulator of a winding that is not there": (
        changed("regulators", "reg1", winding=3),
        "regulator 'reg1': winding is 3; expected a winding of 'reg1', 1 to 2",
    ),
    "regulator that watches no bus": (
        line_drop(monitored=Terminal("nowhere", (1,))),
        "regulator 'reg1': control.monitored is 'nowhere.1'; expected a bus of buses",
    ),
    "regulator that watches no conductor": (
        line_drop(monitored=Terminal("611", (1,))),
        "regulator 'reg1': control.monitored is '611.1'; expected nodes at that bus: 3",
    ),
    "capacitor that watches nothing": (
        bank(element="650633"),
        "capacitor 'cap1': control.element is '650633'; expected the name of one line, switch, ",
    ),
    "capacitor that watches a third end": (
        bank(element="650632", end=3),
        "capacitor 'cap1': control.end is 3; expected a terminal of what it watches, 1 to 2",
    ),
    "capacitor that watches a conductor that is not there": (
        bank(element="632645", phase=3),
        "capacitor 'cap1': control.phase is 3; expected a conductor of 632.3.2, counted from 1",
    ),
    # values
    "source without voltage": (
        source(kv_ll=0.0),
        "source: kv_ll is 0.0; expected a number above 0",
    ),
    "source without per-unit voltage": (
        source(v_pu=math.nan),
        "source: v_pu is nan; expected a number above 0",
    ),
    "source without impedance": (
        source(z0_ohm=0j),
        "source: z0_ohm is 0j; expected an impedance, however small",
    ),
    "direct current": (
        lambda feeder: replace(feeder, frequency_hz=0.0),
        "feeder: frequency_hz is 0.0; expected a number above 0",
    ),
    "bus without voltage": (
        lambda feeder: replace(feeder, buses={**feeder.buses, "spare": Bus("spare", -4.16)}),
        "bus 'spare': kv_ll is -4.16; expected a number above 0",
    ),
    "line without length": (
        changed("lines", "650632", length_m=0.0),
        "line '650632': length_m is 0.0; expected a number above 0",
    ),
    "switch without length": (
        changed("switches", "671692", length_m=0.0),
        "switch '671692': length_m is 0.0; expected a number above 0",
    ),
    "line of no rating": (
        changed("lines", "650632", amps=0.0),
        "line '650632': amps is 0.0; expected a number above 0, or inf",
    ),
    "line between voltages": (
        lambda feeder: replace(feeder, buses={**feeder.buses, "652": Bus("652", 4.8)}),
        "line '684652': kv_ll of its buses is (4.16, 4.8); expected equal voltages",
    ),
    "code that is no number": (
        code(z_ohm_per_km=((1j, 0j), (0j, complex(math.nan, 1.0)))),
        "line code 'mtx603': z_ohm_per_km is ((1j, 0j), (0j, (nan+1j))); expected finite numbers",
    ),
    "code without conductors": (
        code(z_ohm_per_km=()),
        "line code 'mtx603': z_ohm_per_km is (); expected some rows of as many entries",
    ),
    "ragged code": (
        code(z_ohm_per_km=((1j, 0j), (0j,))),
        "line code 'mtx603': z_ohm_per_km is ((1j, 0j), (0j,)); expected 2 rows of 2 entries",
    ),
    "capacitance of other conductors": (
        code(c_nf_per_km=((1.0,),)),
        "line code 'mtx603': c_nf_per_km is ((1.0,),); expected 2 rows of 2 entries",
    ),
    "unsymmetric code": (
        code(c_nf_per_km=((1.0, 2.0), (3.0, 1.0))),
        "line code 'mtx603': c_nf_per_km is ((1.0, 2.0), (3.0, 1.0)); expected a symmetric matrix",
    ),
    "code that cannot be inverted": (
        code(z_ohm_per_km=((1j, 1j), (1j, 1j))),
        "line code 'mtx603': z_ohm_per_km is ((1j, 1j), (1j, 1j)); expected a matrix that can be",
    ),
    "transformer without reactance": (
        changed("transformers", "sub", x_percent=(0.0,)),
        "transformer 'sub': x_percent is (0.0,); expected a reactance above 0 for each pair",
    ),
    "transformer of too many reactances": (
        changed("transformers", "sub", x_percent=(1.0, 2.0, 3.0)),
        "transformer 'sub': x_percent is (1.0, 2.0, 3.0); expected a reactance above 0 for each",
    ),
    "transformer of one winding": (
        lambda feeder: changed(
            "transformers", "xfm1", windings=feeder.transformers["xfm1"].windings[:1], x_percent=()
        )(feeder),
        "transformer 'xfm1': number of windings is 1; expected 2 or more",
    ),
    "core that gives power": (
        changed("transformers", "xfm1", no_load_percent=-0.1),
        "transformer 'xfm1': no_load_percent is -0.1; expected 0 or more",
    ),
    "winding without rating": (
        winding("xfm1", 2, kva=0.0),
        "transformer 'xfm1' winding 2: kva is 0.0; expected a number above 0",
    ),
    "winding of negative resistance": (
        winding("xfm1", 2, r_percent=-1.0),
        "transformer 'xfm1' winding 2: r_percent is -1.0; expected 0 or more",
    ),
    "winding without tap": (
        winding("sub", 1, tap_pu=-1.0),
        "transformer 'sub' winding 1: tap_pu is -1.0; expected a number above 0",
    ),
    "winding of another voltage": (
        winding("xfm1", 2, kv=0.208),
        "transformer 'xfm1' winding 2: kv is 0.208; expected about 0.48, as its bus has",
    ),
    "delta winding on one phase": (
        winding("reg1", 1, connection=Connection.DELTA),
        "transformer 'reg1' winding 1: terminal is '650.1'; expected 2 or 3 conductors for a delta",
    ),
    "taps without range": (
        changed("regulators", "reg1", tap_min_pu=1.1, tap_max_pu=0.9),
        "regulator 'reg1': (tap_min_pu, tap_max_pu, n_steps) is (1.1, 0.9, 32); expected a range",
    ),
    "taps without steps": (
        changed("regulators", "reg1", n_steps=0),
        "regulator 'reg1': (tap_min_pu, tap_max_pu, n_steps) is (0.9, 1.1, 0); expected a range",
    ),
    "taps that miss neutral": (
        changed("regulators", "reg1", tap_min_pu=0.95),
        "regulator 'reg1': (tap_min_pu, tap_max_pu, n_steps) is (0.95, 1.1, 32); expected a range",
    ),
    "load of another voltage": (
        changed("loads", "645", kv=4.16),
        "load '645': kv is 4.16; expected about 2.4, as its bus has",
    ),
    "delta load of another voltage": (
        changed("loads", "646", kv=2.4),
        "load '646': kv is 2.4; expected about 4.16, as its bus has",
    ),
    "delta load on one phase": (
        changed("loads", "645", connection=Connection.DELTA),
        "load '645': terminal is '645.2'; expected 2 or 3 conductors for a delta",
    ),
    "load that is no number": (
        changed("loads", "645", kvar=math.inf),
        "load '645': kvar is inf; expected a finite number",
    ),
    "shares that do not add up": (
        changed("loads", "645", model=LoadModel.ZIP, zipv=(0.5, 0.5, 0.5, 0.0, 0.0, 1.0, 0.0)),
        "load '645': (model, zipv) is ",
    ),
    "exponent that is no number": (
        changed("loads", "645", cvr=(math.nan, 2.0)),
        "load '645': cvr is (nan, 2.0); expected finite numbers",
    ),
    "window that is closed": (
        changed("loads", "645", v_min_pu=1.1),
        "load '645': (v_low_pu, v_min_pu, v_max_pu) is (0.5, 1.1, 1.05); expected 0 <= low <= min",
    ),
    "capacitor without rating": (
        changed("capacitors", "cap2", kvar=0.0),
        "capacitor 'cap2': kvar is 0.0; expected a number above 0",
    ),
    "capacitor of another voltage": (
        changed("capacitors", "cap1", kv=2.4),
        "capacitor 'cap1': kv is 2.4; expected about 4.16, as its bus has",
    ),
    "more steps closed than there are": (
        changed("capacitors", "cap1", steps_closed=2),
        "capacitor 'cap1': (n_steps, steps_closed) is (1, 2); expected 0 <= closed <= steps",
    ),
    "capacitor control the wrong way round": (
        bank(on=124.0, off=118.0),
        "capacitor 'cap1': (control.kind, control.on, control.off) is ",
    ),
    "kvar control the wrong way round": (
        bank(kind=CapacitorControlKind.KVAR, on=-225.0, off=150.0),
        "capacitor 'cap1': (control.kind, control.on, control.off) is ",
    ),
    "time control at no hour": (
        bank(kind=CapacitorControlKind.TIME, on=7.0, off=25.0),
        "capacitor 'cap1': (control.kind, control.on, control.off) is ",
    ),
    "capacitor control without ratio": (
        bank(ct_ratio=0.0),
        "capacitor 'cap1': control.ct_ratio is 0.0; expected a number above 0",
    ),
    "regulator without band": (
        line_drop(band_v=0.0),
        "regulator 'reg1': control.band_v is 0.0; expected a number above 0",
    ),
    "tap outside its range": (
        changed("regulators", "reg1", tap_position=-17),
        "regulator 'reg1': (tap_position, tap_min_pu, tap_max_pu, n_steps) is (-17, 0.9, 1.1, 32);",
    ),
    "reactor without impedance": (
        reactor(z_ohm=0j),
        "reactor 'choke': z_ohm is 0j; expected an impedance, however small",
    ),
    "reactor between voltages": (
        reactor(to=Terminal("634", (1, 2, 3))),
        "reactor 'choke': kv_ll of its buses is (4.16, 0.48); expected equal voltages",
    ),
    "generator outside its window": (
        lambda feeder: replace(
            feeder,
            generators={"g": Generator("g", *AT_675, 100.0, v_min_pu=1.2, v_max_pu=0.9)},
        ),
        "generator 'g': (v_min_pu, v_max_pu) is (1.2, 0.9); expected 0 <= min < max",
    ),
    "curve that turns back": (
        der(pv={"control": InverterControl(volt_var=((1.02, 0.0), (0.98, 0.44)))}),
        "pv 'roof': control.volt_var is ((1.02, 0.0), (0.98, 0.44)); expected 2 or more points",
    ),
    "curve above its rating": (
        der(pv={"control": InverterControl(volt_watt=((1.02, 1.1), (1.1, 0.44)))}),
        "pv 'roof': control.volt_watt is ((1.02, 1.1), (1.1, 0.44)); expected 2 or more points",
    ),
    "negative PV": (der(pv={"kva": -1.0}), "pv 'roof': kva is -1.0; expected 0 or more"),
    "negative battery": (
        der(storage={"kwh": -1.0}),
        "storage 'cell': kwh is -1.0; expected 0 or more",
    ),
    "battery that gains energy": (
        der(storage={"efficiency_charge": 1.1}),
        "storage 'cell': efficiency_charge is 1.1; expected above 0, at most 1",
    ),
    "battery without a range": (
        der(storage={"soc_min": 0.9, "soc_max": 0.2}),
        "storage 'cell': (soc_min, soc_max) is (0.9, 0.2); expected 0 <= min < max <= 1",
    ),
    # phases and paths
    "load on a phase that no conductor brings": (
        changed("loads", "652", terminal=Terminal("652", (2,))),
        "load '652': terminal is '652.2'; expected nodes at that bus: 1",
    ),
    "load at a bus that nothing reaches": (
        lambda feeder: changed("loads", "652", terminal=Terminal("spare", (1,)))(
            replace(feeder, buses={**feeder.buses, "spare": Bus("spare", 4.16)})
        ),
        "load '652': terminal is 'spare.1'; expected nodes at that bus: none",
    ),
    "bus on which nothing stands": (
        lambda feeder: replace(feeder, buses={**feeder.buses, "spare": Bus("spare", 4.16)}),
        "bus 'spare': elements is 0; expected something that stands on it",
    ),
    "island": (
        lambda feeder: replace(feeder, switches={}),
        "bus '675': nodes is '675.1.2.3'; expected a path to the source, if over open switches",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_named_with_what_would_be_right(fault: str) -> None:
    spoil, message = FAULTS[fault]
    found = [str(issue) for issue in validate(spoil(load("ieee13")))]
    assert any(one.startswith(message) for one in found), found


# Faults that bring others with them: what no switch can reach, or what a wrong bus hides.
CONSEQUENCES = {
    "island": 2,
    "line from no bus": 1,
    "windings of other coils": 1,
    "code of other conductors": 1,
    "transformer of one winding": 4,
}


@pytest.mark.parametrize("fault", CONSEQUENCES)
def test_one_fault_is_not_reported_as_many(fault: str) -> None:
    assert len(validate(FAULTS[fault][0](load("ieee13")))) == CONSEQUENCES[fault]


@pytest.mark.parametrize("name", ["ieee13", "ieee123"])
def test_shipped_feeders_are_trees_without_fault(name: str) -> None:
    assert validate(load(name), radial=True) == []
    check(load(name))


def test_check_raises_every_fault_at_once() -> None:
    feeder = load("ieee13")
    for fault in ("line without length", "load at no bus", "capacitor without rating"):
        feeder = FAULTS[fault][0](feeder)
    issues = validate(feeder)
    assert {issue.field for issue in issues} == {"length_m", "terminal", "kvar"}
    assert issues[0] == Issue("load '645'", "terminal", "nowhere.2", "a bus of buses")
    with pytest.raises(FeederError) as caught:
        check(feeder)
    head, *lines = str(caught.value).splitlines()
    assert head == "feeder 'ieee13' has 3 fault(s):"
    assert [line.strip() for line in lines] == [str(issue) for issue in issues]


def test_of_very_many_faults_the_message_lists_the_first() -> None:
    feeder = load("ieee123")
    short = {name: replace(line, length_m=-1.0) for name, line in feeder.lines.items()}
    wrong = replace(feeder, lines=short)
    assert len(validate(wrong)) == 118
    with pytest.raises(FeederError) as caught:
        check(wrong)
    head, *lines = str(caught.value).splitlines()
    assert head == "feeder 'ieee123' has 118 fault(s):"
    assert len(lines) == 21
    assert lines[-1].strip() == "and 98 more"
