"""Tables: reading what was written is identity, and what is malformed is named."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders import (
    Bus,
    CapacitorControl,
    Connection,
    Feeder,
    Pv,
    Source,
    Storage,
    Terminal,
    load,
    read_tables,
    write_tables,
)

Mend = Callable[[str], str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """IEEE 13 with one DER of each kind, written out."""
    write_tables(equipped(), tmp_path / "mine")
    return tmp_path / "mine"


def equipped() -> Feeder:
    """IEEE 13 with what the shipped tables leave out: DER, taps, controls, windows."""
    feeder = load("ieee13")
    at = (Terminal("675", (1, 2, 3)), Connection.DELTA, 4.16)
    transformer = feeder.transformers["xfm1"]
    windings = (
        replace(transformer.windings[0], tap_pu=1.025),
        replace(transformer.windings[1], tap_pu=0.975),
    )
    return replace(
        feeder.with_(
            pvs=[Pv("roof", *at, 120.0, 110.0)],
            storages=[Storage("cell", *at, 250.0, 1000.0, 275.0, 0.93, 0.92, 0.2, 0.9)],
        ),
        buses={**feeder.buses, "680": Bus("680", 4.16)},
        transformers={**feeder.transformers, "xfm1": replace(transformer, windings=windings)},
        capacitors={
            **feeder.capacitors,
            "cap1": replace(
                feeder.capacitors["cap1"],
                closed=False,
                control=CapacitorControl(118.0, 124.0, 20.0),
            ),
        },
        loads={
            **feeder.loads,
            "671": replace(feeder.loads["671"], v_min_pu=0.8, v_max_pu=1.2, v_low_pu=0.4),
        },
    )


@pytest.mark.parametrize("feeder", [load("ieee13"), load("ieee123"), equipped()])
def test_reading_what_was_written_is_identity(feeder: Feeder, tmp_path: Path) -> None:
    write_tables(feeder, tmp_path / "deep" / "folder")
    assert read_tables(tmp_path / "deep" / "folder") == feeder


def test_kinds_without_records_have_no_file(tmp_path: Path) -> None:
    write_tables(load("ieee13"), tmp_path)
    assert not (tmp_path / "pvs.csv").exists()


def test_writing_again_leaves_nothing_of_the_old_feeder(folder: Path) -> None:
    write_tables(load("ieee123"), folder)
    assert read_tables(folder) == load("ieee123")


def test_writing_twice_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write_tables(read_tables(folder), tmp_path / "again")
    for path in folder.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


numbers = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters='\n\t"\\'), max_size=40
)


@settings(max_examples=25)
@given(numbers, numbers, numbers, texts, texts)
def test_any_number_and_text_survives(
    tmp_path_factory: pytest.TempPathFactory,
    kv_ll: float,
    x: float,
    r: float,
    title: str,
    provenance: str,
) -> None:
    feeder = Feeder(
        name="tiny",
        source=Source("source", "a", kv_ll, x, r, complex(r, x), complex(x, kv_ll)),
        buses={"a": Bus("a", kv_ll, x), "b": Bus("b", r, math.nan, x)},
        title=title.strip(),
        provenance=provenance.strip(),
        frequency_hz=r,
    )
    folder = tmp_path_factory.mktemp("tiny")
    write_tables(feeder, folder)
    assert read_tables(folder) == feeder


def test_lengths_are_read_in_every_unit(folder: Path) -> None:
    for unit, metres in (("ft", 0.3048), ("kft", 304.8), ("mi", 1609.344), ("m", 1), ("km", 1e3)):
        rows = f"name,from,to,code,length,unit\nl,650.1,632.1,mtx605,2.5,{unit}\n"
        (folder / "lines.csv").write_text(rows)
        assert read_tables(folder).lines["l"].length_m == pytest.approx(2.5 * metres)


def test_columns_may_stand_in_any_order_and_rows_be_blank(folder: Path) -> None:
    (folder / "switches.csv").write_text(
        "closed,name,to,from,r_ohm\n\n 0 , 671692 ,692.1.2.3,671.1.2.3, 1e-4\n"
    )
    switch = read_tables(folder).switches["671692"]
    assert (switch.r_ohm, switch.closed, str(switch.to)) == (1e-4, False, "692.1.2.3")


def test_optional_columns_may_be_absent(folder: Path) -> None:
    (folder / "loads.csv").write_text(
        "name,terminal,connection,model,kw,kvar,kv\n671,671.1.2.3,delta,pq,1155,660,4.16\n"
    )
    (folder / "capacitors.csv").write_text(
        "name,terminal,connection,kvar,kv,closed\ncap1,675.1.2.3,wye,600,4.16,1\n"
    )
    feeder = read_tables(folder)
    assert feeder.loads["671"] == load("ieee13").loads["671"]
    assert feeder.capacitors["cap1"] == load("ieee13").capacitors["cap1"]


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
        "mine/loads.csv line 2: column 'kw' is '1l55.0'; expected a finite number",
    ),
    "not a finite number": (
        "loads.csv",
        swap("1155.0", "nan"),
        "mine/loads.csv line 2: column 'kw' is 'nan'; expected a finite number",
    ),
    "an infinite number": (
        "loads.csv",
        swap("1155.0", "1e999"),
        "mine/loads.csv line 2: column 'kw' is '1e999'; expected a finite number",
    ),
    "blank number": (
        "loads.csv",
        swap("1155.0", ""),
        "mine/loads.csv line 2: column 'kw' is ''; expected a finite number",
    ),
    "not a whole number": (
        "regulators.csv",
        swap(",32,", ",32.5,"),
        "mine/regulators.csv line 2: column 'n_steps' is '32.5'; expected a whole number",
    ),
    "half a control": (
        "regulators.csv",
        swap("122.0", ""),
        "mine/regulators.csv line 2: column 'v_reg' is ''; expected a finite number",
    ),
    "neither 0 nor 1": (
        "switches.csv",
        swap(",1\n", ",yes\n"),
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
        "mine/capacitors.csv line 2: column 'connection' is 'star'; expected one of wye, delta",
    ),
    "unknown connection of a winding": (
        "transformers.csv",
        swap("delta,wye", "delta,zigzag"),
        "mine/transformers.csv line 2: column 'connection_2' is 'zigzag'; expected one of wye, ",
    ),
    "unknown load model": (
        "loads.csv",
        swap(",pq,", ",zip,"),
        "mine/loads.csv line 2: column 'model' is 'zip'; expected one of pq, z, i",
    ),
    "bad terminal": (
        "lines.csv",
        swap("632.1.2.3", "632.1.2.5"),
        r"mine/lines.csv line 2: column 'to': terminal '632.1.2.5': expected 'bus.phase",
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
        swap("1155.0,660.0", "1155.0"),
        "mine/loads.csv line 2: 9 cells; the table has 10 columns",
    ),
    "row too long": (
        "loads.csv",
        swap("1155.0", "1,155.0"),
        "mine/loads.csv line 2: 11 cells; the table has 10 columns",
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
    "bad TOML": ("feeder.toml", swap("[source]", "[source"), "mine/feeder.toml: not valid TOML: "),
    "missing entry": (
        "feeder.toml",
        swap("title = ", "titel = "),
        "mine/feeder.toml has no entry 'title'; expected a text",
    ),
    "missing source": (
        "feeder.toml",
        swap("[source]", "[sauce]"),
        "mine/feeder.toml has no entry 'source'; expected a table",
    ),
    "missing entry of the source": (
        "feeder.toml",
        swap("v_pu = ", "vpu = "),
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


def test_a_folder_without_a_head_is_no_feeder(tmp_path: Path) -> None:
    with pytest.raises(FeederError, match=r"no feeder\.toml; a feeder folder holds one"):
        read_tables(tmp_path)
