"""Tables: reading what was written is identity, whatever the records hold."""

import math
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders import (
    Bus,
    Capacitor,
    CapacitorControl,
    CapacitorControlKind,
    Connection,
    Feeder,
    Generator,
    InverterControl,
    Line,
    LineCode,
    LineDropControl,
    Load,
    LoadModel,
    Pv,
    Reactor,
    Regulator,
    Source,
    Storage,
    Switch,
    SwitchKind,
    Terminal,
    Transformer,
    Winding,
    load,
    read_tables,
    write_tables,
)
from grid_fed_rl.feeders.feeder import Feeder as FeederRecord

numbers = st.floats(allow_nan=False, allow_infinity=False)
texts = st.sampled_from(['""""""\n\\"', '\\\n"""']) | st.text(
    st.characters(exclude_categories=["Cs"], include_characters='\n\t"\\\x7f'), max_size=40
).map(str.strip)
words = st.text("abcXYZ019_-./#", min_size=1, max_size=12)
terminals = st.builds(
    Terminal,
    st.text("abc019_-", min_size=1, max_size=8),
    st.lists(st.integers(0, 9), min_size=1, max_size=5).map(tuple),
)
curves = st.lists(st.tuples(numbers, numbers), max_size=5).map(tuple)
lists = st.lists(numbers, max_size=6).map(tuple)

OF_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    str: words,
    float: numbers,
    int: st.integers(),
    bool: st.booleans(),
    complex: st.complex_numbers(allow_nan=False, allow_infinity=False),
    Terminal: terminals,
    Terminal | None: st.none() | terminals,
    tuple[float, ...]: lists,
    tuple[float, float]: st.tuples(numbers, numbers),
    tuple[tuple[float, float], ...]: curves,
    **{kind: st.sampled_from(kind) for kind in (Connection, LoadModel, SwitchKind)},
    CapacitorControlKind: st.sampled_from(CapacitorControlKind),
}


def records(kind: Any) -> st.SearchStrategy[Any]:
    """Records of a kind with anything in every field that a table can hold."""
    values: dict[str, st.SearchStrategy[Any]] = {}
    for field in fields(kind):
        values[field.name] = OF_TYPE[field.type]
        if field.default == math.inf:
            values[field.name] |= st.just(math.inf)
        if field.default == "":
            values[field.name] |= st.just("")
    return st.builds(kind, **values)


for control in (LineDropControl, CapacitorControl, InverterControl):
    OF_TYPE[control | None] = st.none() | records(control)
OF_TYPE[tuple[Winding, ...]] = st.lists(records(Winding), max_size=4).map(tuple)


@st.composite
def line_codes(draw: st.DrawFn) -> LineCode:
    n = draw(st.integers(1, 4))
    z = [[draw(OF_TYPE[complex]) for _ in range(n)] for _ in range(n)]
    c = [[draw(numbers) for _ in range(n)] for _ in range(n)]
    span = range(n)
    return LineCode(
        draw(words),
        tuple(tuple(z[max(i, j)][min(i, j)] for j in span) for i in span),
        tuple(tuple(c[max(i, j)][min(i, j)] for j in span) for i in span),
    )


KINDS: dict[str, st.SearchStrategy[Any]] = {
    "buses": records(Bus) | st.builds(Bus, words, numbers),
    "line_codes": line_codes(),
    **{
        name: records(kind)
        for name, kind in {
            "lines": Line,
            "switches": Switch,
            "transformers": Transformer,
            "reactors": Reactor,
            "regulators": Regulator,
            "capacitors": Capacitor,
            "loads": Load,
            "pvs": Pv,
            "storages": Storage,
            "generators": Generator,
        }.items()
    },
}


def test_every_kind_of_record_is_tried() -> None:
    mappings = {f.name for f in fields(FeederRecord) if "Mapping" in str(f.type)}
    assert KINDS.keys() == mappings


def named(found: list[Any]) -> dict[str, Any]:
    return {record.name: record for record in found}


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_any_record_survives(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    found = named(data.draw(st.lists(KINDS[kind], max_size=4)))
    feeder = replace(empty(), **{"buses": {}, kind: found})
    folder = tmp_path_factory.mktemp("tiny")
    write_tables(feeder, folder)
    assert read_tables(folder) == feeder


@settings(max_examples=25)
@given(numbers, numbers, numbers, texts, texts)
def test_any_source_and_text_survives(
    tmp_path_factory: pytest.TempPathFactory,
    kv_ll: float,
    x: float,
    r: float,
    title: str,
    provenance: str,
) -> None:
    feeder = replace(
        empty(),
        source=Source("source", "a", kv_ll, x, r, complex(r, x), complex(x, kv_ll)),
        title=title,
        provenance=provenance,
        frequency_hz=r,
    )
    folder = tmp_path_factory.mktemp("tiny")
    write_tables(feeder, folder)
    assert read_tables(folder) == feeder


def empty() -> Feeder:
    return Feeder("tiny", Source("source", "a", 12.47, 1.0, 0.0, 1j, 1j), {"a": Bus("a", 12.47)})


@pytest.mark.parametrize("name", ["ieee13", "ieee123"])
def test_reading_what_was_written_is_identity(name: str, tmp_path: Path) -> None:
    write_tables(load(name), tmp_path / "deep" / "folder")
    assert read_tables(tmp_path / "deep" / "folder") == load(name)


def test_a_text_of_several_lines_keeps_them_in_the_file(tmp_path: Path) -> None:
    write_tables(load("ieee13"), tmp_path)
    lines = (tmp_path / "feeder.toml").read_text().splitlines()
    assert lines[2:4] == ['provenance = """', load("ieee13").provenance.splitlines()[0]]


def test_kinds_without_records_have_no_file(tmp_path: Path) -> None:
    write_tables(load("ieee13"), tmp_path)
    assert not (tmp_path / "pvs.csv").exists()


def test_columns_that_say_only_their_default_are_left_out(tmp_path: Path) -> None:
    write_tables(load("ieee13"), tmp_path)
    heads = {path.stem: path.read_text().splitlines()[0] for path in tmp_path.glob("*.csv")}
    assert heads["lines"] == "name,from,to,code,length,unit"
    assert heads["windings"] == "transformer,winding,terminal,connection,kv,kva,r_percent"
    assert "inf" not in (tmp_path / "lines.csv").read_text()


def test_writing_again_leaves_nothing_of_the_old_feeder(tmp_path: Path) -> None:
    write_tables(load("ieee13"), tmp_path)
    write_tables(load("ieee123"), tmp_path)
    assert read_tables(tmp_path) == load("ieee123")
    write_tables(empty(), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["buses.csv", "feeder.toml"]


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    write_tables(load("ieee123"), tmp_path / "one")
    write_tables(read_tables(tmp_path / "one"), tmp_path / "two")
    for path in (tmp_path / "one").iterdir():
        assert (tmp_path / "two" / path.name).read_bytes() == path.read_bytes()


def test_a_code_that_is_not_symmetric_is_not_written(tmp_path: Path) -> None:
    code = LineCode("odd", ((1j, 2j), (3j, 1j)), ((0.0, 0.0), (0.0, 0.0)))
    with pytest.raises(FeederError, match=r"line code 'odd': entries \(2, 1\) and \(1, 2\) differ"):
        write_tables(replace(empty(), line_codes={"odd": code}), tmp_path)


def test_lengths_are_read_in_every_unit(tmp_path: Path) -> None:
    write_tables(empty(), tmp_path)
    for unit, metres in (("ft", 0.3048), ("kft", 304.8), ("mi", 1609.344), ("m", 1), ("km", 1e3)):
        rows = f"name,from,to,code,length,unit\nl,650.1,632.1,mtx605,2.5,{unit}\n"
        (tmp_path / "lines.csv").write_text(rows)
        assert read_tables(tmp_path).lines["l"].length_m == pytest.approx(2.5 * metres)


def test_columns_may_stand_in_any_order_and_rows_be_blank(tmp_path: Path) -> None:
    write_tables(empty(), tmp_path)
    (tmp_path / "switches.csv").write_text(
        "closed,name,to,from,code,unit,length,amps\n\n 0 , s ,692.1.2.3,671.1.2.3, c,m, 1e-4,\n"
    )
    assert read_tables(tmp_path).switches["s"] == Switch(
        "s", Terminal("671", (1, 2, 3)), Terminal("692", (1, 2, 3)), "c", 1e-4, closed=False
    )


def test_what_a_spreadsheet_saves_is_read(tmp_path: Path) -> None:
    write_tables(load("ieee13"), tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    feeder = read_tables(tmp_path)
    assert feeder.provenance.splitlines() == load("ieee13").provenance.splitlines()
    assert replace(feeder, provenance="") == replace(load("ieee13"), provenance="")


def test_a_blank_cell_is_the_default(tmp_path: Path) -> None:
    write_tables(empty(), tmp_path)
    (tmp_path / "loads.csv").write_text(
        "name,terminal,connection,model,kw,kvar,kv,v_min_pu,zipv,profile\n"
        "a,671.1.2.3,delta,pq,1155,660,4.16,,,\n"
        "b,671.1.2.3,delta,zip,1155,660,4.16,0.8,1 0 0 0.5 0 0.5 0.6,evening\n"
    )
    at = (Terminal("671", (1, 2, 3)), Connection.DELTA)
    zipv = (1.0, 0.0, 0.0, 0.5, 0.0, 0.5, 0.6)
    assert read_tables(tmp_path).loads == {
        "a": Load("a", *at, LoadModel.PQ, 1155, 660, 4.16),
        "b": Load(
            "b", *at, LoadModel.ZIP, 1155, 660, 4.16, v_min_pu=0.8, zipv=zipv, profile="evening"
        ),
    }


def test_a_control_is_there_if_any_of_its_columns_is(tmp_path: Path) -> None:
    write_tables(empty(), tmp_path)
    (tmp_path / "pvs.csv").write_text(
        "name,terminal,connection,kv,kw_dc,kva,control_volt_var,control_volt_watt\n"
        "none,671.1,wye,2.4,10,10,,\n"
        "off,671.1,wye,2.4,10,10,none,\n"
        "both,671.1,wye,2.4,10,10,0.92 0.44 0.98 0 1.02 0 1.08 -0.44,1.06 1 1.1 0.2\n"
    )
    controls = {name: pv.control for name, pv in read_tables(tmp_path).pvs.items()}
    assert controls == {
        "none": None,
        "off": InverterControl(),
        "both": InverterControl(
            ((0.92, 0.44), (0.98, 0.0), (1.02, 0.0), (1.08, -0.44)), ((1.06, 1.0), (1.1, 0.2))
        ),
    }


def test_a_folder_takes_from_another_what_it_lacks(tmp_path: Path) -> None:
    base = load("ieee13")
    light = {name: replace(one, kw=one.kw / 2) for name, one in base.loads.items()}
    child = replace(base, name="light", title="Half of it", loads=light, capacitors={})
    write_tables(base, tmp_path / "ieee13")
    write_tables(child, tmp_path / "light", extends="ieee13")
    assert sorted(path.name for path in (tmp_path / "light").iterdir()) == [
        "capacitors.csv",
        "feeder.toml",
        "loads.csv",
    ]
    assert (tmp_path / "light" / "capacitors.csv").read_text().count("\n") == 1
    assert read_tables(tmp_path / "light") == child

    head = 'name = "light"\nextends = "ieee13"\n'
    (tmp_path / "light" / "feeder.toml").write_text(head)
    assert read_tables(tmp_path / "light") == replace(child, title=base.title)


def test_folders_may_extend_each_other_in_a_chain(tmp_path: Path) -> None:
    base = load("ieee13")
    feeders = [base, replace(base, name="b", loads={}), replace(base, name="c", regulators={})]
    for feeder, extends in zip(feeders, (None, "ieee13", "b"), strict=True):
        write_tables(feeder, tmp_path / feeder.name, extends=extends)
    assert (tmp_path / "c" / "loads.csv").exists()
    assert [read_tables(tmp_path / feeder.name) for feeder in feeders] == feeders


@pytest.mark.parametrize(
    ("extends", "message"),
    [
        ("b", "b/feeder.toml: extends is 'a'; expected a folder that does not extend this one"),
        ("nowhere", "a/feeder.toml: extends is 'nowhere'; expected the name of a folder beside"),
        ("../a", "a/feeder.toml: extends is '../a'; expected the name of a folder beside"),
    ],
)
def test_a_base_is_another_folder_beside_this_one(
    tmp_path: Path, extends: str, message: str
) -> None:
    write_tables(empty(), tmp_path / "a")
    write_tables(replace(empty(), name="b"), tmp_path / "b", extends="a")
    head = tmp_path / "a" / "feeder.toml"
    head.write_text(f'extends = "{extends}"\n{head.read_text()}')
    with pytest.raises(FeederError, match=message):
        read_tables(tmp_path / "a")


def test_a_folder_without_a_head_is_no_feeder(tmp_path: Path) -> None:
    with pytest.raises(FeederError, match=r"no feeder\.toml; a feeder folder holds one"):
        read_tables(tmp_path)
