"""An equipment library beside its feeder's tables, and as Parquet."""

from pathlib import Path

import pytest

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders import load, open_feeder, write_tables
from grid_fed_rl.feeders.equipment import (
    CableType,
    CapacitorType,
    ConductorType,
    EquipmentLibrary,
    RegulatorSetting,
    SwitchgearType,
    TransformerType,
    Use,
    read_equipment,
    read_equipment_parquet,
    write_equipment,
    write_equipment_parquet,
)

LIBRARY = EquipmentLibrary(
    conductors=(
        ConductorType("336,400 26/7", 0.18, 0.19, 0.00744, 0.0183, 530.0, 170.5, 0.1, 4.0),
        ConductorType("unknown"),
    ),
    cables=(CableType("k", r1_ohm_per_km=0.3, kv=15.0, conductor='AA "250"'),),
    transformers=(TransformerType("t", 500.0, 12.47, 0.48, connection="Yg_Yg", n_taps=32),),
    regulator_settings=(RegulatorSetting("r_a", "fixed", v_set=120.5),),
    capacitors=(CapacitorType("c", 100.0, 7.2),),
    switchgear=(
        SwitchgearType("DEFAULT", "switch", 600.0, switch_h=0.5, remote_controlled=True),
        SwitchgearType("DEFAULT", "breaker", 1200.0, failures_per_year=0.003, automated=False),
    ),
    uses=(Use("switch", "s1", "breaker", "DEFAULT"), Use("switch", "s2", "fuse", "gone")),
)


def test_tables_hold_a_library_to_the_last_bit(tmp_path: Path):
    write_equipment(LIBRARY, tmp_path)
    assert read_equipment(tmp_path) == LIBRARY
    assert sorted(p.name for p in (tmp_path / "equipment").iterdir()) == sorted(
        f"{kind}.csv" for kind, _ in LIBRARY.kinds()
    )


def test_a_feeder_s_folder_is_a_feeder_all_the_same(tmp_path: Path):
    write_tables(load("ieee13"), tmp_path)
    write_equipment(LIBRARY, tmp_path)
    assert open_feeder(tmp_path) == load("ieee13")


def test_a_folder_without_equipment_has_an_empty_library(tmp_path: Path):
    assert read_equipment(tmp_path) == EquipmentLibrary()


def test_writing_anew_leaves_no_old_table(tmp_path: Path):
    write_equipment(LIBRARY, tmp_path)
    write_equipment(EquipmentLibrary(capacitors=LIBRARY.capacitors), tmp_path)
    assert read_equipment(tmp_path) == EquipmentLibrary(capacitors=LIBRARY.capacitors)


def test_parquet_holds_a_library_to_the_last_bit(tmp_path: Path):
    files = write_equipment_parquet(LIBRARY, tmp_path / "p")
    assert {f.stem for f in files} == {kind for kind, _ in LIBRARY.kinds()}
    assert read_equipment_parquet(tmp_path / "p") == LIBRARY


def test_parquet_columns_have_their_types_where_no_row_says_a_figure(tmp_path: Path):
    pq = pytest.importorskip("pyarrow.parquet")
    write_equipment_parquet(EquipmentLibrary(conductors=(ConductorType("w"),)), tmp_path)
    schema = pq.read_schema(tmp_path / "conductors.parquet")
    assert str(schema.field("gmr_m").type) == "double"
    assert str(schema.field("name").type) == "string"


def test_what_a_switch_is():
    found = LIBRARY.switchgear_of("s1")
    assert found is not None
    assert (found.kind, found.amps) == ("breaker", 1200.0)
    assert LIBRARY.switchgear_of("s2") is None
    assert LIBRARY.switchgear_of("s3") is None


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("conductors.csv", "name,amps\nw,much\n", "column 'amps' is 'much'; expected a finite"),
        ("conductors.csv", "name,colour\nw,red\n", "unknown column 'colour'"),
        ("conductors.csv", "amps\n1\n", "no column 'name'"),
        ("toys.csv", "name\nx\n", "toys.csv is no table of equipment; known: conductors"),
    ],
)
def test_faults_are_named(tmp_path: Path, name: str, text: str, message: str):
    (tmp_path / "equipment").mkdir()
    (tmp_path / "equipment" / name).write_text(text, encoding="utf-8")
    with pytest.raises(FeederError, match=message):
        read_equipment(tmp_path)


def test_a_parquet_file_of_something_else_is_named(tmp_path: Path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"name": ["w"]}), tmp_path / "capacitors.parquet")
    with pytest.raises(FeederError, match="no column kvar, kv; capacitors have name, kvar, kv"):
        read_equipment_parquet(tmp_path)
