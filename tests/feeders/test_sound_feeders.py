"""What is sound has no fault, however odd it looks; and the fault beside it is found."""

from dataclasses import replace
from typing import Any

import pytest

from grid_fed_rl.feeders import (
    Bus,
    CapacitorControlKind,
    Connection,
    Feeder,
    LineCode,
    Load,
    LoadModel,
    Reactor,
    Terminal,
    Transformer,
    Winding,
    load,
    validate,
)
from grid_fed_rl.feeders.topology import places
from tests.feeders.changes import Change, bank, changed, renamed, winding


def reactor(**values: Any) -> Change:
    """Put a reactor between 671 and 680, with some other values."""
    ends = (Terminal("671", (1, 2, 3)), Terminal("680", (1, 2, 3)))
    choke = replace(Reactor("choke", *ends, 0.01 + 0.1j), **values)
    return lambda feeder: replace(feeder, reactors={"choke": choke})


SOUND: dict[str, Change] = {
    "an island behind an open switch is de-energised": changed("switches", "671692", closed=False),
    "names as other engines have them": renamed("loads", "634a", "4/0#a.b:c@d"),
    "two conductors to ground, rated line to line": changed(
        "loads", "645", terminal=Terminal("645", (2, 3)), kv=4.16
    ),
    "two conductors with a leg between them": changed(
        "loads", "645", terminal=Terminal("645", (2, 3)), connection=Connection.DELTA, kv=4.16
    ),
    "two conductors the other of which is an earthed neutral": changed(
        "loads", "645", terminal=Terminal("645", (2, 0)), connection=Connection.WYE_N, kv=2.4
    ),
    "a phase in the neutral's place": changed(
        "loads", "645", terminal=Terminal("645", (2, 3)), connection=Connection.WYE_N, kv=4.16
    ),
    "a leg from ground to a phase": changed(
        "loads", "645", terminal=Terminal("645", (0, 2)), connection=Connection.DELTA, kv=2.4
    ),
    "windings of two ratings": winding("xfm1", 2, kva=400.0),
    "a window without interpolation": changed("loads", "645", v_low_pu=0.95),
    "shares as printed, with two digits": changed(
        "loads", "645", model=LoadModel.ZIP, zipv=(0.85, -1.12, 1.27, 10.96, -18.73, 8.77, 0.7)
    ),
    "a reactor beside nothing": reactor(to=None),
    "a bank with a control": bank(element="sub", end=2, phase=3),
    "a bank on kvar": bank(kind=CapacitorControlKind.KVAR, on=150.0, off=-225.0),
    "a bank on current": bank(kind=CapacitorControlKind.CURRENT, on=80.0, off=40.0),
    "a bank on the time": bank(kind=CapacitorControlKind.TIME, on=21.0, off=6.0),
    "a bank on the power factor": bank(kind=CapacitorControlKind.PF, on=0.9, off=1.05),
}


@pytest.mark.parametrize("what", SOUND)
def test_what_is_sound_has_no_fault(what: str) -> None:
    assert validate(SOUND[what](load("ieee13"))) == []


def split_phase(kv_240: float = 0.24, connection: Connection = Connection.WYE_N) -> Feeder:
    """A service of 120/240 V behind a centre-tapped transformer, on the second phase of 645."""
    feeder = load("ieee13")
    windings = (
        Winding(Terminal("645", (2,)), Connection.WYE, 2.4, 25.0, 0.6),
        Winding(Terminal("house", (1, 0)), connection, 0.12, 25.0, 1.2),
        Winding(Terminal("house", (0, 2)), connection, 0.12, 25.0, 1.2),
    )
    oven = Load(
        *("oven", Terminal("house", (1, 2)), Connection.DELTA, LoadModel.Z, 5.0, 0.0, kv_240)
    )
    lamp = Load("lamp", Terminal("house", (2,)), Connection.WYE, LoadModel.PQ, 1.0, 0.0, 0.12)
    return replace(
        feeder,
        buses={**feeder.buses, "house": Bus("house", 0.208)},
        transformers={
            **feeder.transformers,
            "pole": Transformer("pole", windings, (2.04, 2.04, 1.36)),
        },
        loads={**feeder.loads, "oven": oven, "lamp": lamp},
    )


@pytest.mark.parametrize("connection", [Connection.WYE_N, Connection.DELTA])
def test_a_split_phase_service_is_sound(connection: Connection) -> None:
    feeder = split_phase(connection=connection)
    assert validate(feeder, radial=True) == []
    assert places(feeder)["house", 2].parent == ("645", 2)


def four_wires(reactor: Reactor) -> Feeder:
    """A fourth conductor beside line 671-680, and a reactor."""
    feeder = load("ieee13")
    line = feeder.lines["671680"]
    code = LineCode(
        "four",
        tuple(tuple(0.3 + 1j if i == j else 0.1 + 0.4j for j in range(4)) for i in range(4)),
        ((0.0,) * 4,) * 4,
    )
    ends = {"from_": Terminal("671", (1, 2, 3, 4)), "to": Terminal("680", (1, 2, 3, 4))}
    return replace(
        feeder,
        line_codes={**feeder.line_codes, "four": code},
        lines={**feeder.lines, "671680": replace(line, code="four", **ends)},
        reactors={"earth": reactor},
    )


@pytest.mark.parametrize("connection", [Connection.WYE, Connection.DELTA])
def test_a_neutral_that_is_earthed_needs_no_source(connection: Connection) -> None:
    nodes = (4,) if connection is Connection.WYE else (4, 0)
    earth = Reactor("earth", Terminal("680", nodes), None, 5 + 0j, connection)
    assert validate(four_wires(earth), radial=True) == []


def test_a_neutral_that_floats_is_found() -> None:
    elsewhere = Reactor("earth", Terminal("680", (1,)), None, 5 + 0j)
    assert [str(issue) for issue in validate(four_wires(elsewhere))] == [
        "bus '671': nodes is '671.4'; expected a path to the source, if over open switches",
        "bus '680': nodes is '680.4'; expected a path to the source, if over open switches",
    ]


def test_a_wrong_voltage_of_a_service_is_found() -> None:
    assert [str(issue) for issue in validate(split_phase(kv_240=0.12))] == [
        "load 'oven': kv is 0.12; expected about 0.208, as its bus has"
    ]


def test_short_circuited_windings_are_found() -> None:
    feeder = split_phase()
    pole = replace(feeder.transformers["pole"], x_percent=(2.0, 2.0, 8.0))
    (issue,) = validate(replace(feeder, transformers={**feeder.transformers, "pole": pole}))
    assert issue.expected == "reactances whose matrix can be inverted"
