"""Each kind of fault is found, named, and told apart from the others."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders import (
    Bus,
    Connection,
    Feeder,
    Issue,
    Pv,
    Storage,
    Terminal,
    check,
    load,
    validate,
)

Break = Callable[[Feeder], Feeder]
AT_675 = (Terminal("675", (1, 2, 3)), Connection.WYE, 4.16)


def changed(kind: str, name: str, /, **values: Any) -> Break:
    """Give fields of one record other values."""

    def broken(feeder: Feeder) -> Feeder:
        records = getattr(feeder, kind)
        return replace(feeder, **{kind: {**records, name: replace(records[name], **values)}})

    return broken


def winding(transformer: str, n: int, **values: Any) -> Break:
    """Give fields of one winding other values."""

    def broken(feeder: Feeder) -> Feeder:
        windings = list(feeder.transformers[transformer].windings)
        windings[n - 1] = replace(windings[n - 1], **values)
        return changed("transformers", transformer, windings=tuple(windings))(feeder)

    return broken


def source(**values: Any) -> Break:
    return lambda feeder: replace(feeder, source=replace(feeder.source, **values))


def renamed(kind: str, old: str, new: str) -> Break:
    """Give a record another name, and its key with it."""

    def broken(feeder: Feeder) -> Feeder:
        records: Mapping[str, Any] = getattr(feeder, kind)
        rest = {k: v for k, v in records.items() if k != old}
        return replace(feeder, **{kind: {**rest, new: replace(records[old], name=new)}})

    return broken


def der(pv: Mapping[str, Any] | None = None, storage: Mapping[str, Any] | None = None) -> Break:
    """Put a PV system or a battery on the feeder, with some ratings."""

    def broken(feeder: Feeder) -> Feeder:
        cell = Storage("cell", *AT_675, 250.0, 1000.0, 275.0)
        return feeder.with_(
            pvs=[replace(Pv("roof", *AT_675, 100.0, 110.0), **pv)] if pv else (),
            storages=[replace(cell, **storage)] if storage else (),
        )

    return broken


def code(**values: Any) -> Break:
    return changed("line_codes", "mtx603", **values)


FAULTS: dict[str, tuple[Break, str]] = {
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
        "transformer 'xfm1': terminal_2 is 'nowhere.1.2.3'; expected a bus of buses",
    ),
    "doubled phase": (
        changed("loads", "671", terminal=Terminal("671", (1, 2, 2))),
        "load '671': terminal is '671.1.2.2'; expected at least one phase, each once",
    ),
    "no phase": (
        changed("loads", "645", terminal=Terminal("645", ())),
        "load '645': terminal is '645'; expected at least one phase, each once",
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
        "line '632645': to is '645.3'; expected 2 phase(s), as at from",
    ),
    "switch with other ends": (
        changed("switches", "671692", to=Terminal("692", (1, 2))),
        "switch '671692': to is '692.1.2'; expected 3 phase(s), as at from",
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
        "load '634 a': name is '634 a'; expected letters, digits, '_' and '-'",
    ),
    "name with a dot": (
        renamed("capacitors", "cap1", "cap.1"),
        "capacitor 'cap.1': name is 'cap.1'; expected letters, digits, '_' and '-'",
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
        "storage 'one': name is 'one'; expected a name that no PV system has",
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
    "switch without resistance": (
        changed("switches", "671692", r_ohm=0.0),
        "switch '671692': r_ohm is 0.0; expected a number above 0",
    ),
    "line between voltages": (
        lambda feeder: replace(feeder, buses={**feeder.buses, "652": Bus("652", 4.8)}),
        "line '684652': kv_ll of its buses is (4.16, 4.8); expected equal voltages",
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
        changed("transformers", "xfm1", x_percent=0.0),
        "transformer 'xfm1': x_percent is 0.0; expected a number above 0",
    ),
    "transformer without rating": (
        lambda feeder: winding("xfm1", 1, kva=0.0)(winding("xfm1", 2, kva=0.0)(feeder)),
        "transformer 'xfm1': kva of its windings is (0.0, 0.0); expected one number above 0",
    ),
    "transformer with two ratings": (
        winding("xfm1", 2, kva=400.0),
        "transformer 'xfm1': kva of its windings is (500.0, 400.0); expected one number above 0",
    ),
    "winding without tap": (
        winding("sub", 1, tap_pu=-1.0),
        "transformer 'sub': tap_pu of winding 1 is -1.0; expected a number above 0",
    ),
    "winding of another voltage": (
        winding("xfm1", 2, kv=0.208),
        "transformer 'xfm1': kv_2 is 0.208; expected about 0.48, as its bus has",
    ),
    "delta winding on one phase": (
        winding("reg1", 1, connection=Connection.DELTA),
        "transformer 'reg1': terminal_1 is '650.1'; expected 2 or 3 phases",
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
        "load '645': terminal is '645.2'; expected 2 or 3 phases",
    ),
    "load that is no number": (
        changed("loads", "645", kvar=math.inf),
        "load '645': kvar is inf; expected a finite number",
    ),
    "window that is closed": (
        changed("loads", "645", v_min_pu=1.1),
        "load '645': (v_low_pu, v_min_pu, v_max_pu) is (0.5, 1.1, 1.05); expected 0 <= low < min",
    ),
    "capacitor without rating": (
        changed("capacitors", "cap2", kvar=0.0),
        "capacitor 'cap2': kvar is 0.0; expected a number above 0",
    ),
    "capacitor of another voltage": (
        changed("capacitors", "cap1", kv=2.4),
        "capacitor 'cap1': kv is 2.4; expected about 4.16, as its bus has",
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
        "load '652': terminal is '652.2'; expected phases at that bus: 1",
    ),
    "load at a bus that nothing reaches": (
        lambda feeder: changed("loads", "652", terminal=Terminal("spare", (1,)))(
            replace(feeder, buses={**feeder.buses, "spare": Bus("spare", 4.16)})
        ),
        "load '652': terminal is 'spare.1'; expected phases at that bus: none",
    ),
    "island": (
        changed("switches", "671692", closed=False),
        "bus '675': phase is 1; expected a path of closed branches to the source",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_named_with_what_would_be_right(fault: str) -> None:
    spoil, message = FAULTS[fault]
    found = [str(issue) for issue in validate(spoil(load("ieee13")))]
    assert any(one.startswith(message) for one in found), found


# Faults that bring others with them: what lies behind an open switch or a wrong bus.
CONSEQUENCES = {
    "island": 6,
    "line from no bus": 1,
    "windings of other coils": 1,
    "code of other conductors": 1,
}


@pytest.mark.parametrize("fault", CONSEQUENCES)
def test_one_fault_is_not_reported_as_many(fault: str) -> None:
    assert len(validate(FAULTS[fault][0](load("ieee13")))) == CONSEQUENCES[fault]


@pytest.mark.parametrize("name", ["ieee13", "ieee123"])
def test_shipped_feeders_have_no_fault(name: str) -> None:
    assert validate(load(name)) == []
    check(load(name))


def test_a_line_to_line_rating_is_right_on_two_conductors() -> None:
    for connection in Connection:
        two = changed("loads", "645", terminal=Terminal("645", (2, 3)), connection=connection)
        assert validate(changed("loads", "645", kv=4.16)(two(load("ieee13")))) == []


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
