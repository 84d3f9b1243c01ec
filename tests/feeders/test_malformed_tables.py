"""Tables that are malformed: the error names file, line, column and what would be right."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders import (
    CapacitorControl,
    CapacitorControlKind,
    Connection,
    Feeder,
    InverterControl,
    Load,
    LoadModel,
    Pv,
    Terminal,
    load,
    read_tables,
    write_tables,
)

Mend = Callable[[str], str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """IEEE 13 with what the shipped tables leave out, written out."""
    write_tables(equipped(), tmp_path / "mine")
    return tmp_path / "mine"


def equipped() -> Feeder:
    feeder = load("ieee13")
    at = (Terminal("675", (1, 2, 3)), Connection.DELTA)
    control = CapacitorControl(CapacitorControlKind.VOLTAGE, 118.0, 124.0)
    curve = InverterControl(((0.92, 0.44), (1.08, -0.44)))
    windows = replace(feeder.loads["671"], v_min_pu=0.8, v_max_pu=1.2, v_low_pu=0.4)
    mixed = Load("mixed", *at, LoadModel.ZIP, 1.0, 1.0, 4.16, zipv=(0.0, 0.0, 1.0) * 2 + (0.7,))
    return replace(
        feeder.with_(pvs=[Pv("roof", *at, 4.16, 120.0, 110.0, control=curve)]),
        capacitors={
            **feeder.capacitors,
            "cap1": replace(feeder.capacitors["cap1"], steps_closed=0, control=control),
        },
        loads={**feeder.loads, "671": windows, "mixed": mixed},
        switches={"671692": replace(feeder.switches["671692"], closed=False)},
    )


def swap(old: str, new: str) -> Mend:
    def mend(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return mend


def drop(line: int) -> Mend:
    """Without one line, counted from 1."""
    return lambda text: "".join(
        row for k, row in enumerate(text.splitlines(keepends=True), start=1) if k != line
    )


MALFORMED: dict[str, tuple[str, Mend, str]] = {
    "missing column": (
        "loads.csv",
        lambda text: "\n".join(row.replace("name,", "", 1) for row in text.splitlines()),
        "mine/loads.csv line 1: no column 'name'; the table has terminal, connection",
    ),
    "unknown column": (
        "loads.csv",
        swap("v_min_pu", "v_mni_pu"),
        "mine/loads.csv line 1: unknown column 'v_mni_pu'; loads takes .* did you mean 'v_min_pu'",
    ),
    "unknown column like no other": (
        "buses.csv",
        swap("kv_ll", "quux"),
        "mine/buses.csv line 1: unknown column 'quux'; buses takes name, kv_ll, x, y$",
    ),
    "doubled column": (
        "buses.csv",
        swap("x,y", "x,x"),
        "mine/buses.csv line 1: column 'x' is there twice",
    ),
    "empty table": (
        "buses.csv",
        lambda text: "",
        "mine/buses.csv line 1: no column 'name'; the table has",
    ),
    "not a number": (
        "loads.csv",
        swap("1155", "1l55"),
        "mine/loads.csv line 2: column 'kw' is '1l55'; expected a finite number",
    ),
    "not a finite number": (
        "loads.csv",
        swap("1155", "nan"),
        "mine/loads.csv line 2: column 'kw' is 'nan'; expected a finite number",
    ),
    "an infinite number": (
        "loads.csv",
        swap("1155", "1e999"),
        "mine/loads.csv line 2: column 'kw' is '1e999'; expected a finite number",
    ),
    "blank number": (
        "loads.csv",
        swap("1155", ""),
        "mine/loads.csv line 2: column 'kw' is ''; expected a finite number",
    ),
    "not a whole number": (
        "regulators.csv",
        swap(",16,", ",16.5,"),
        "mine/regulators.csv line 2: column 'control_max_steps' is '16.5'; expected a whole",
    ),
    "half a control": (
        "regulators.csv",
        swap("122,", ","),
        "mine/regulators.csv line 2: column 'control_v_reg' is ''; expected a finite number",
    ),
    "neither 0 nor 1": (
        "switches.csv",
        swap(",0\n", ",yes\n"),
        "mine/switches.csv line 2: column 'closed' is 'yes'; expected one of 0, 1",
    ),
    "unknown unit": (
        "lines.csv",
        swap(",m\n", ",furlong\n"),
        "mine/lines.csv line 2: column 'unit' is 'furlong'; expected one of ft, kft, mi, m, km",
    ),
    "unknown unit of a code": (
        "line_codes.csv",
        swap(",km,", ",ells,"),
        "mine/line_codes.csv line 2: column 'unit' is 'ells'; expected one of ft, kft, mi",
    ),
    "unknown connection": (
        "capacitors.csv",
        swap("wye", "star"),
        "mine/capacitors.csv line 2: column 'connection' is 'star'; expected one of wye, ",
    ),
    "unknown connection of a winding": (
        "windings.csv",
        swap("wye", "zigzag"),
        "mine/windings.csv line 3: column 'connection' is 'zigzag'; expected one of wye, ",
    ),
    "unknown load model": (
        "loads.csv",
        swap(",pq,", ",zap,"),
        "mine/loads.csv line 2: column 'model' is 'zap'; expected one of pq, z, motor, cvr, i, ",
    ),
    "bad terminal": (
        "lines.csv",
        swap("632.1.2.3", "632.1.2.c"),
        r"mine/lines.csv line 2: column 'to': terminal '632.1.2.c': expected 'bus.node",
    ),
    "blank name": (
        "loads.csv",
        swap("\n671,", "\n,"),
        "mine/loads.csv line 2: column 'name' is ''; expected something",
    ),
    "duplicate name": (
        "loads.csv",
        swap("634b", "634a"),
        "mine/loads.csv line 4: loads already has '634a'; names are unique",
    ),
    "row too short": (
        "loads.csv",
        swap("1155,660", "1155"),
        "mine/loads.csv line 2: 10 cells; the table has 11 columns",
    ),
    "row too long": (
        "loads.csv",
        swap("1155", "1,155"),
        "mine/loads.csv line 2: 12 cells; the table has 11 columns",
    ),
    "incomplete triangle": (
        "line_codes.csv",
        drop(3),
        r"mine/line_codes.csv: code 'mtx601' lacks entry \(2, 1\); give the whole lower triangle",
    ),
    "entry above the diagonal": (
        "line_codes.csv",
        swap("mtx601,km,2,1,", "mtx601,km,1,2,"),
        r"mine/line_codes.csv line 3: entry \(1, 2\); expected one of the lower triangle",
    ),
    "entry before the first": (
        "line_codes.csv",
        swap("mtx601,km,1,1,", "mtx601,km,1,0,"),
        r"mine/line_codes.csv line 2: entry \(1, 0\); expected one of the lower triangle",
    ),
    "doubled entry": (
        "line_codes.csv",
        swap("mtx601,km,2,2,", "mtx601,km,2,1,"),
        r"mine/line_codes.csv line 4: entry \(2, 1\) of this code is there twice",
    ),
    "winding twice": (
        "windings.csv",
        swap("sub,2,", "sub,1,"),
        "mine/windings.csv line 3: winding 1 of 'sub' is there twice",
    ),
    "winding that is skipped": (
        "windings.csv",
        swap("sub,2,", "sub,3,"),
        "mine/windings.csv: transformer 'sub' has windings 1, 3; expected 1, 2 and so on",
    ),
    "windings of no transformer": (
        "windings.csv",
        lambda text: text.replace("sub,", "bus,"),
        "mine/windings.csv: transformer 'bus' has windings, but transformers has no row of that",
    ),
    "numbers with commas": (
        "loads.csv",
        swap("0 0 1 0 0 1 0.7", '"0,0,1,0,0,1,0.7"'),
        "mine/loads.csv line 17: column 'zipv' is '0,0,1,0,0,1,0.7'; expected numbers with spaces",
    ),
    "half a point": (
        "pvs.csv",
        swap("0.92 0.44 1.08 -0.44", "0.92 0.44 1.08"),
        "mine/pvs.csv line 2: column 'control_volt_var' is '0.92 0.44 1.08'; expected pairs of",
    ),
    "half a control of a capacitor": (
        "capacitors.csv",
        swap(",voltage,", ",,"),
        "mine/capacitors.csv line 2: column 'control_kind' is ''; expected one of voltage, kvar",
    ),
    "neither number nor infinite": (
        "capacitors.csv",
        swap("inf", "infinite"),
        "mine/capacitors.csv line 2: column 'control_v_max' is 'infinite'; expected a number, or",
    ),
    "bad TOML": ("feeder.toml", swap("[source]", "[source"), "mine/feeder.toml: not valid TOML: "),
    "missing entry": (
        "feeder.toml",
        swap("title = ", "# title = "),
        "mine/feeder.toml has no entry 'title'; expected a text",
    ),
    "missing source": (
        "feeder.toml",
        lambda text: text.partition("[source]")[0],
        "mine/feeder.toml has no entry 'source'; expected a table",
    ),
    "missing entry of the source": (
        "feeder.toml",
        swap("v_pu = ", "# v_pu = "),
        r"mine/feeder.toml \[source\] has no entry 'v_pu'; expected a number",
    ),
    "text for a number": (
        "feeder.toml",
        swap("kv_ll = 115.0", 'kv_ll = "115"'),
        r"mine/feeder.toml \[source\]: kv_ll is '115'; expected a number",
    ),
    "truth for a number": (
        "feeder.toml",
        swap("frequency_hz = 60.0", "frequency_hz = true"),
        "mine/feeder.toml: frequency_hz is True; expected a number",
    ),
}


@pytest.mark.parametrize("fault", MALFORMED)
def test_what_is_malformed_is_named_by_file_line_and_column(folder: Path, fault: str) -> None:
    table, mend, message = MALFORMED[fault]
    (folder / table).write_text(mend((folder / table).read_text()))
    with pytest.raises(FeederError, match=message):
        read_tables(folder)


@pytest.mark.parametrize("file", ["feeder.toml", "loads.csv"])
def test_what_is_no_text_is_named(folder: Path, file: str) -> None:
    (folder / file).write_bytes(b"name\xff")
    with pytest.raises(FeederError, match=rf"mine/{file}: not .*can't decode"):
        read_tables(folder)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("lodas.csv", "loads"), ("load.csv", "loads"), ("Lines.csv", "lines"), ("lines.CSV", "lines")],
)
def test_a_file_that_is_almost_a_table_is_not_passed_over(
    folder: Path, name: str, meant: str
) -> None:
    (folder / f"{meant}.csv").rename(folder / name)
    with pytest.raises(FeederError, match=f"mine/{name} is no table; did you mean '{meant}.csv'"):
        read_tables(folder)


def test_other_files_may_lie_beside_the_tables(folder: Path) -> None:
    (folder / "published.csv").write_text("node,v_pu\n")
    assert read_tables(folder) == equipped()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("provenance", "extend", r"feeder.toml: unknown entry 'extend'; known: name, title,"),
        ("angle_deg", "angle", r"feeder.toml \[source\]: unknown entry 'angle'; known: name, bus,"),
    ],
)
def test_an_unknown_entry_is_named(folder: Path, old: str, new: str, message: str) -> None:
    head = folder / "feeder.toml"
    head.write_text(head.read_text().replace(f"{old} = ", f"{new} = "))
    with pytest.raises(FeederError, match=message):
        read_tables(folder)
