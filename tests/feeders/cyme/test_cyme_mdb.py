"""The database of IEEE 13 gives what its text export gives."""

import builtins
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grid_fed_rl.errors import CymeError, FeederError
from grid_fed_rl.feeders.cyme.codes import ByPhase, Location
from grid_fed_rl.feeders.cyme.dataset import CymeDataset
from grid_fed_rl.feeders.cyme.mdb_join import join
from grid_fed_rl.feeders.cyme.mdb_reader import read_mdb
from grid_fed_rl.feeders.cyme.read import read_dataset
from grid_fed_rl.feeders.cyme.text_reader import read_text


@pytest.fixture(scope="module")
def database(ieee13_mdb: Path) -> CymeDataset:
    return read_dataset(ieee13_mdb)


@pytest.fixture(scope="module")
def text(ieee13: Path) -> CymeDataset:
    return read_text(ieee13)


def by_number(rows: Any) -> dict[Any, Any]:
    return {(getattr(r, "kind", ""), r.number, getattr(r, "phases", "")): r for r in rows}


def test_networks_loads_and_catalogue_are_those_of_the_text(
    database: CymeDataset, text: CymeDataset
):
    assert database.version == "5.04"
    for attribute in ("conductors", "spacings", "line_types", "customer_classes", "networks"):
        mine, other = getattr(database, attribute), getattr(text, attribute)
        if attribute == "conductors":  # the database also has zeros where the text has nothing
            mine = {k: replace(v, reliability=other[k].reliability) for k, v in mine.items()}
        assert mine == other, attribute
    for attribute in ("loads", "customer_loads", "source_equivalents", "sources", "headnodes"):
        mine, other = getattr(database, attribute), getattr(text, attribute)
        if attribute in ("loads", "customer_loads"):
            mine, other = by_number(mine), by_number(other)
        assert mine == other, attribute
    ends = {s.id: (s.from_node, s.to_node, s.phases, s.network) for s in text.sections.values()}
    assert ends == {
        s.id: (s.from_node, s.to_node, s.phases, s.network) for s in database.sections.values()
    }


def test_devices_are_joined_to_their_sections(database: CymeDataset, text: CymeDataset):
    lines = by_number(text.overhead_by_phase)
    for key, line in by_number(database.overhead_by_phase).items():
        assert replace(line, location=None) == lines[key]
    mine, other = database.regulators[0], text.regulators[0]
    assert replace(mine, reverse_mode=other.reverse_mode) == other
    assert replace(database.transformers[0], open_delta_phase=None) == replace(
        text.transformers[0], open_delta_phase=None
    )
    assert by_number(database.switchgear) == by_number(text.switchgear)
    capacitors = by_number(text.shunt_capacitors)
    for key, capacitor in by_number(database.shunt_capacitors).items():
        assert replace(capacitor, controlling_phase="0") == capacitors[key]
        assert capacitor.location is Location.FROM


def test_the_database_has_the_mutual_resistances_that_the_text_has_lost(
    database: CymeDataset, text: CymeDataset
):
    """The text export repeats the mutual reactance where the mutual resistance should stand."""
    right, wrong = database.unbalanced_types["LINE606"], text.unbalanced_types["LINE606"]
    assert right.r_mutual_ohm_per_km == ByPhase(0.191258, 0.191258, 0.191258)
    assert wrong.r_mutual_ohm_per_km == wrong.x_mutual_ohm_per_km
    assert replace(right, r_mutual_ohm_per_km=wrong.r_mutual_ohm_per_km) == wrong


def test_devices_of_no_record_are_left_with_their_sections():
    breaker = {"DeviceNumber": "B", "DeviceType": "8", "NetworkId": "F"}
    strange = {"DeviceNumber": "X", "DeviceType": "99", "NetworkId": "F"}
    places = [{**breaker, "SectionId": "S1", "Location": "1"}, {**strange, "SectionId": "S2"}]
    joined = join({"CYMBREAKER": [breaker], "CYMSECTIONDEVICE": places})
    assert joined["CYMBREAKER"] == [{**breaker, "SectionID": "S1", "Location": "1"}]
    assert joined["CYMSECTIONDEVICE"] == [{**strange, "SectionId": "S2"}]


def test_settings_of_both_directions_come_to_the_regulator():
    settings = [
        {"DeviceNumber": "R", "Forward": "1", "SetVoltageA": "122", "RsetA": "3"},
        {"DeviceNumber": "R", "Forward": "0", "SetVoltageA": "118", "RsetA": "1"},
    ]
    joined = join({"CYMREGULATOR": [{"DeviceNumber": "R"}], "CYMLDCSETTINGS": settings})
    (row,) = joined["CYMREGULATOR"]
    assert (row["VsetA"], row["RsetA"], row["RevVsetA"], row["RevRsetA"]) == (
        "122",
        "3",
        "118",
        "1",
    )


def test_all_load_years_are_there(database: CymeDataset):
    assert {row.year for row in database.customer_loads} == {2002, 2008}


def test_a_damaged_database_is_a_fault(ieee13_mdb: Path, tmp_path: Path):
    path = tmp_path / "cut.mdb"
    path.write_bytes(ieee13_mdb.read_bytes()[:9000])
    with pytest.raises(CymeError, match=r"cut\.mdb: .*expected an undamaged Access database"):
        read_dataset(path)
    path.write_bytes(b"no database at all")
    with pytest.raises(CymeError, match=r"cut\.mdb: .*expected an undamaged Access database"):
        read_mdb(path)


def test_without_the_package_the_error_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    real = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name == "access_parser":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.delitem(sys.modules, "access_parser", raising=False)
    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(FeederError, match=r"pip install 'grid-fed-rl\[cyme\]'"):
        read_mdb(tmp_path / "x.mdb")


def test_a_database_without_its_last_pages_is_not_half_read(ieee13_mdb: Path, tmp_path: Path):
    path = tmp_path / "cut.mdb"
    path.write_bytes(ieee13_mdb.read_bytes()[: 970 * 4096])  # of 1004
    with pytest.raises(CymeError) as caught:
        read_mdb(path)
    faults = map(str, caught.value.faults)
    assert all(fault.endswith("expected an undamaged Access database") for fault in faults)
    assert "cut.mdb: content is 'Could" in str(caught.value)
