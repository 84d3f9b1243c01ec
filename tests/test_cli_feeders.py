"""``grid-fed-rl feeders``: what is said of a feeder, from wherever it is."""

from dataclasses import replace
from pathlib import Path

import pytest

from grid_fed_rl.cli import main
from grid_fed_rl.feeders import (
    CapacitorControl,
    CapacitorControlKind,
    Connection,
    Feeder,
    Generator,
    Pv,
    Reactor,
    Storage,
    SwitchKind,
    Terminal,
    load,
    names,
    write_tables,
)

Capture = pytest.CaptureFixture[str]

SCRIPT = """
clear
new circuit.village bus1=substation basekv=12.47 pu=1.02 r1=0.05 x1=0.4 r0=0.06 x0=0.5
new line.road bus1=substation bus2=village length=3 units=km r1=0.2 x1=0.4 r0=0.5 x0=1.2 c1=0 c0=0
new load.mill bus1=village phases=3 conn=delta kv=12.47 kw=900 kvar=450
new load.shop bus1=village.1.0 phases=1 conn=delta kv=12.47 kw=9 kvar=4
set voltagebases=[12.47]
calcvoltagebases
solve
"""


def shown(capsys: Capture, *argv: str) -> str:
    """What `feeders show` prints, with its line breaks undone."""
    assert main(["feeders", "show", *argv]) == 0
    text = capsys.readouterr().out
    facts, _, end = text.partition("\n\n")[2].partition("\n\n")
    assert all(len(line) <= 80 for line in facts.splitlines())
    return " ".join(facts.split()) + "\n" + end


@pytest.mark.parametrize("name", names())
def test_every_shipped_feeder_can_be_shown(capsys: Capture, name: str) -> None:
    text = shown(capsys, name)
    feeder = load(name)
    assert f"buses {len(feeder.buses):,}: " in text
    assert "fault" not in text.split("\n")[0]


def equipped() -> Feeder:
    """IEEE 13 with one of everything that it lacks."""
    feeder = load("ieee13")
    at = (Terminal("675", (1, 2, 3)), Connection.WYE, 4.16)
    switch = replace(feeder.switches["671692"], kind=SwitchKind.RECLOSER)
    control = CapacitorControl(CapacitorControlKind.VOLTAGE, 118.0, 124.0)
    bank = replace(feeder.capacitors["cap1"], n_steps=3, control=control)
    return replace(
        feeder.with_(pvs=[Pv("roof", *at, 100, 110)], storages=[Storage("cell", *at, 50, 200, 55)]),
        switches={switch.name: switch},
        capacitors={**feeder.capacitors, "cap1": bank},
        reactors={"choke": Reactor("choke", at[0], None, 100j)},
        generators={"diesel": Generator("diesel", *at, 300.0)},
    )


def test_everything_that_stands_in_a_folder_is_told(capsys: Capture, tmp_path: Path) -> None:
    write_tables(equipped(), tmp_path)
    text = shown(capsys, str(tmp_path))
    for fact in (
        "transformers 2 with 2 windings reactors 1: choke",
        "regulators 3: reg1, reg2, reg3; held 3 at 122 V",
        "cap1 (600 kvar in 3 steps), cap2 (100 kvar); controlled 1 by voltage",
        "switches 1 (1 recloser), open: none",
        "PV 1: roof (100 kW) batteries 1: cell (200 kWh) generators 1: diesel (300 kVA)",
    ):
        assert fact in text
    assert "Figures: IEEE PES" in text


def test_profiles_are_counted(capsys: Capture) -> None:
    assert "55 constant power; 55 profiles over time" in shown(capsys, "european_lv")


def test_of_many_names_the_first_are_listed(capsys: Capture, tmp_path: Path) -> None:
    pv = equipped().pvs["roof"]
    write_tables(load("ieee13").with_(pvs=[replace(pv, name=f"r{n}") for n in range(15)]), tmp_path)
    text = shown(capsys, str(tmp_path))
    assert "PV 15: r0 (100 kW), r1 (100 kW)" in text
    assert "r11 (100 kW) and 3 more batteries" in text


def test_a_script_is_shown_with_its_faults_and_its_report(capsys: Capture, tmp_path: Path) -> None:
    script = tmp_path / "village.dss"
    script.write_text(SCRIPT)
    facts, report = shown(capsys, str(script)).split("\n", 1)
    assert "loads 2: 909 kW and 454 kvar" in facts
    assert "fault load 'shop': kv is 12.47; expected about 7.2, as its bus has" in facts
    assert "in the script 909.000 kW  454.000 kvar" in report


def test_a_feeder_is_drawn(capsys: Capture, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib draws; the extra `plot` has it")
    picture = tmp_path / "ieee13.png"
    assert f"Drawn into {picture}" in shown(capsys, "ieee13", "--plot", str(picture))
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ieee14", "no feeder 'ieee14'; known: baran_wu_33, "),
        ("no/where", "no/where: no such folder; expected a folder of tables"),
        ("none.dss", "OpenDSS script 'none.dss' is not there"),
    ],
)
def test_what_is_not_there_is_said_in_one_message(capsys: Capture, name: str, message: str) -> None:
    assert main(["feeders", "show", name]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"grid-fed-rl: {message}")
