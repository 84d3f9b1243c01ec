"""What is written, and what comes back of it."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grid_fed_rl.feeders import (
    Bus,
    Capacitor,
    Connection,
    Feeder,
    InverterControl,
    Line,
    LineCode,
    Pv,
    Reactor,
    Storage,
    Switch,
    SwitchKind,
    Terminal,
    load,
)
from grid_fed_rl.feeders.opendss import commands, read_opendss, write_opendss

ABC = (1, 2, 3)
CURVE = ((0.9, 0.44), (0.98, 0.0), (1.02, 0.0), (1.1, -0.44))


@pytest.fixture
def again(tmp_path: Path) -> Callable[[Feeder], Feeder]:
    """The feeder, written and read."""
    return lambda feeder: read_opendss(write_opendss(feeder, tmp_path / "written")).feeder


def test_der_and_their_controls(again: Callable[[Feeder], Feeder]) -> None:
    control = InverterControl(CURVE, ((1.05, 1.0), (1.1, 0.0)))
    feeder = load("ieee13").with_(
        pvs=[
            Pv("roof", Terminal("680", ABC), Connection.WYE, 4.16, 333.3, 400.0, 0.88, 1.1, 123.4,
               -56.7, control),
            Pv("dark", Terminal("611", (3,)), Connection.WYE, 2.4, 7.0, 8.0),
        ],
        storages=[
            Storage("cell", Terminal("675", (1, 2)), Connection.DELTA, 4.16, 77.0, 300.0, 90.0,
                    0.93, 0.91, 0.15, 1.0, 0.8, 1.2, -33.3, 11.0, InverterControl(CURVE)),
            Storage("idle", Terminal("675", ABC), Connection.WYE, 4.16, 77.0, 300.0, 90.0,
                    soc_max=0.9, q_kvar=4.0),
        ],
    )  # fmt: skip
    back = again(feeder)
    assert back.pvs == feeder.pvs
    assert back.storages["cell"] == feeder.storages["cell"]
    # OpenDSS knows no highest state of charge.
    assert back.storages["idle"] == replace(feeder.storages["idle"], soc_max=1.0)


def test_der_inject_what_they_say(
    circuit: Callable[[Iterable[str]], Any], solved: Callable[[Any, str], dict[str, complex]]
) -> None:
    feeder = load("ieee13").with_(
        pvs=[Pv("roof", Terminal("680", ABC), Connection.WYE, 4.16, 500.0, 600.0, p_kw=321.0,
                q_kvar=-98.0)],
        storages=[
            Storage(name, Terminal("675", ABC), Connection.WYE, 4.16, 100.0, 300.0, 120.0,
                    p_kw=p_kw, q_kvar=17.0)
            for name, p_kw in (("out", 44.0), ("in", -55.0), ("idle", 0.0))
        ],
    )  # fmt: skip
    dss = circuit(commands(feeder))
    solved(dss, "off")
    for kind, ders in (("pvsystem", feeder.pvs), ("storage", feeder.storages)):
        for der in ders.values():
            dss.Circuit.SetActiveElement(f"{kind}.{der.name}")
            drawn = dss.CktElement.TotalPowers()[:2]
            assert drawn == pytest.approx([-der.p_kw, -der.q_kvar], abs=1e-6), der.name


def test_every_kind_of_switch_and_where_it_stands(again: Callable[[Feeder], Feeder]) -> None:
    feeder = load("ieee13")
    ends = Terminal("671", ABC), Terminal("680", ABC)
    switches = {
        f"{kind}_{n}": Switch(f"{kind}_{n}", *ends, "mtx601", 3.5, 120.0, kind, closed)
        for kind in SwitchKind
        for n, closed in enumerate((True, False))
    }
    back = again(replace(feeder, switches=switches))
    assert back.switches == switches


def test_a_source_of_another_name_and_neutrals(
    again: Callable[[Feeder], Feeder],
    circuit: Callable[[Iterable[str]], Any],
    solved: Callable[[Any, str], dict[str, complex]],
) -> None:
    four = (1, 2, 3, 4)
    z = tuple(tuple(1.2 + 0.8j if i == j else 0.1 + 0.3j for j in range(4)) for i in range(4))
    c = tuple(tuple(9.0 if i == j else -1.0 for j in range(4)) for i in range(4))
    feeder = Feeder(
        name="wires",
        source=replace(load("ieee13").source, name="grid", bus="a", kv_ll=4.16),
        buses={name: Bus(name, 4.16) for name in "ab"},
        line_codes={"w": LineCode("w", z, c)},
        lines={"l": Line("l", Terminal("a", four), Terminal("b", four), "w", 123.0)},
        reactors={
            "earth": Reactor("earth", Terminal("a", (4,)), None, 0.5 + 0j),
            "star": Reactor("star", Terminal("b", four), None, 900 + 900j, Connection.WYE_N),
        },
        capacitors={
            "bank": Capacitor("bank", Terminal("b", four), Connection.WYE_N, 50.0, 4.16, 5, 2)
        },
        frequency_hz=50.0,
        title='A "feeder" of wires\nand words',
        provenance="none",
    )
    assert again(feeder) == feeder
    volts = solved(circuit(commands(feeder)), "off")
    assert abs(volts["b.1"]) == pytest.approx(2402, rel=0.01)


def test_steps_of_a_delta_bank_are_lost(again: Callable[[Feeder], Feeder]) -> None:
    bank = Capacitor("k", Terminal("680", ABC), Connection.DELTA, 90.0, 4.16, 3, 2)
    back = again(replace(load("ieee13"), capacitors={"k": bank}))
    assert back.capacitors["k"] == replace(bank, kvar=60.0, n_steps=1, steps_closed=1)
