"""The shipped feeders hold the published figures."""

import math
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders import (
    Connection,
    Feeder,
    LoadModel,
    Profiles,
    Terminal,
    load,
    names,
    open_feeder,
    profiles,
    read_profiles,
    validate,
    write_opendss,
    write_profiles,
    write_tables,
)

# Kind by kind: IEEE 13 as published, with the regulator's, the distributed
# load's and the source's own buses; IEEE 123 with regulator and switch
# secondaries and the open points of its two ties; each with codes for its switches.
COUNTS = {
    "ieee13": {
        "buses": 16,
        "line_codes": 8,
        "lines": 11,
        "switches": 1,
        "transformers": 5,
        "regulators": 3,
        "capacitors": 2,
        "loads": 15,
    },
    "ieee123": {
        "buses": 132,
        "line_codes": 14,
        "lines": 118,
        "switches": 8,
        "transformers": 8,
        "regulators": 7,
        "capacitors": 4,
        "loads": 91,
    },
}
N_NODES = {"ieee13": 41, "ieee123": 278}
# Totals of the spot and distributed loads in the IEEE data sheets.
TOTAL_LOAD_KW_KVAR = {"ieee13": (3466.0, 2102.0), "ieee123": (3490.0, 1920.0)}
# Totals of the load types (constant power, impedance, current) in kW; a delta
# load is a delta load whatever its type.
KW_BY_MODEL = {
    "ieee13": {LoadModel.PQ: 2768.0, LoadModel.Z: 358.0, LoadModel.I: 340.0},
    "ieee123": {LoadModel.PQ: 1935.0, LoadModel.Z: 850.0, LoadModel.I: 705.0},
}


@pytest.fixture(params=["ieee13", "ieee123"])
def feeder(request: pytest.FixtureRequest) -> Feeder:
    return load(request.param)


def test_names_lists_the_shipped_feeders() -> None:
    assert {"ieee123", "ieee13"} <= set(names())
    assert names() == tuple(sorted(names()))


@pytest.mark.parametrize("name", names())
def test_every_shipped_feeder_loads_and_says_where_it_is_from(name: str) -> None:
    feeder = load(name)
    assert feeder.name == name
    assert feeder.title
    assert feeder.provenance
    assert validate(feeder) == []
    placed = [math.isfinite(bus.x) and math.isfinite(bus.y) for bus in feeder.buses.values()]
    assert sum(placed) > 0.9 * len(placed)


@pytest.mark.parametrize("name", names())
def test_profiles_are_those_the_loads_name(name: str) -> None:
    wanted = {one.profile for one in load(name).loads.values()} - {""}
    found = profiles(name)
    assert wanted <= set(found.names if found else ())


def test_counts(feeder: Feeder) -> None:
    assert {kind: len(getattr(feeder, kind)) for kind in COUNTS[feeder.name]} == COUNTS[feeder.name]
    n_nodes = sum(len(feeder.phases_of(bus)) for bus in feeder.buses)
    assert n_nodes == N_NODES[feeder.name]


def test_loads_add_up_to_the_published_totals(feeder: Feeder) -> None:
    loads = feeder.loads.values()
    kw, kvar = (sum(getattr(one, unit) for one in loads) for unit in ("kw", "kvar"))
    assert (kw, kvar) == TOTAL_LOAD_KW_KVAR[feeder.name]
    by_model: dict[LoadModel, float] = defaultdict(float)
    for one in loads:
        by_model[one.model] += one.kw
    assert by_model == KW_BY_MODEL[feeder.name]


def test_capacitors_add_up_to_the_published_totals() -> None:
    for name, kvar in (("ieee13", 700.0), ("ieee123", 750.0)):
        assert sum(one.kvar for one in load(name).capacitors.values()) == kvar


def test_published_figures_arrive_in_si() -> None:
    feeder = load("ieee13")
    code = feeder.line_codes["mtx601"]
    assert code.z_ohm_per_km[0][0] == pytest.approx((0.3465 + 1.0179j) / 1.609344)
    assert code.z_ohm_per_km[0][2] == code.z_ohm_per_km[2][0]
    assert code.z_ohm_per_km[0][2] == pytest.approx((0.158 + 0.4236j) / 1.609344)
    assert feeder.line_codes["mtx606"].c_nf_per_km[1][1] == pytest.approx(383.948 / 1.609344)
    assert feeder.lines["650632"].length_m == pytest.approx(2000 * 0.3048)
    assert load("ieee123").lines["l115"].length_m == pytest.approx(400 * 0.3048)
    transformer = load("ieee123").transformers["xfm1"]
    r_percent = sum(winding.r_percent for winding in transformer.windings)
    assert (transformer.windings[0].kva, r_percent, transformer.x_percent) == (150.0, 1.27, (2.72,))
    load_646 = feeder.loads["646"]
    assert load_646.terminal == Terminal("646", (2, 3))
    assert load_646.connection is Connection.DELTA


def test_every_bus_has_published_coordinates(feeder: Feeder) -> None:
    assert all(math.isfinite(bus.x) and math.isfinite(bus.y) for bus in feeder.buses.values())


def test_coordinates_are_the_published_ones(feeder: Feeder) -> None:
    known = {
        "ieee13": {"650": (200, 350), "675": (400, 100)},
        "ieee123": {"1": (700, 1500), "150": (100, 1500)},
    }
    for bus, xy in known[feeder.name].items():
        assert (feeder.buses[bus].x, feeder.buses[bus].y) == xy


def test_a_feeder_says_where_it_is_from(feeder: Feeder) -> None:
    assert "IEEE PES Test Feeder Working Group" in feeder.provenance
    assert feeder.title.endswith("Node Test Feeder")
    assert feeder.frequency_hz == 60.0


def test_load_takes_any_case_and_reads_once() -> None:
    assert load("IEEE13") == load("ieee13")
    assert load("ieee13") is load("ieee13")


def test_unknown_feeder_names_the_nearest() -> None:
    known = ", ".join(names())
    with pytest.raises(FeederError, match=rf"no feeder 'ieee31'; known: {known}; did you mean"):
        load("ieee31")
    with pytest.raises(FeederError, match=rf"no feeder 'zurich'; known: {known}$"):
        load("zurich")


def test_open_takes_a_name_or_a_folder(tmp_path: Path) -> None:
    assert open_feeder("IEEE13") is load("ieee13")
    write_tables(load("ieee123"), tmp_path / "mine")
    assert open_feeder(tmp_path / "mine") == load("ieee123")
    assert open_feeder(str(tmp_path / "mine")) == load("ieee123")


def test_open_checks_what_it_opens(tmp_path: Path) -> None:
    feeder = load("ieee13")
    short = replace(feeder.lines["650632"], length_m=-1.0)
    write_tables(replace(feeder, lines={**feeder.lines, "650632": short}), tmp_path)
    with pytest.raises(FeederError, match=r"line '650632': length_m is -1.0; expected"):
        open_feeder(tmp_path)


def test_open_takes_a_script(tmp_path: Path) -> None:
    master = write_opendss(load("ieee13"), tmp_path)
    feeder = open_feeder(str(master))
    assert feeder.loads == load("ieee13").loads
    assert feeder.regulators == load("ieee13").regulators


def test_open_says_what_it_takes() -> None:
    with pytest.raises(FeederError, match=r"no/such: no such folder; expected a folder of tables"):
        open_feeder("no/such")
    with pytest.raises(FeederError, match=r"no feeder 'ieee1233'; .* did you mean 'ieee123'"):
        open_feeder("ieee1233")


DAY = Profiles(0.5, ("flat", "peak"), np.array([[1.0, 0.0], [1.0, 0.25], [1.0, 1.0]]))


def test_profiles_survive_a_file(tmp_path: Path) -> None:
    assert read_profiles(tmp_path) is None
    write_profiles(DAY, tmp_path / "a")
    again = read_profiles(tmp_path / "a")
    assert again is not None
    assert (again.step_h, again.names) == (0.5, ("flat", "peak"))
    np.testing.assert_array_equal(again.multiplier, DAY.multiplier)
    write_profiles(DAY, tmp_path / "b")
    files = [tmp_path / folder / "profiles.npz" for folder in "ab"]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_profiles_of_a_folder_are_its_own_or_those_it_extends(tmp_path: Path) -> None:
    feeder = load("ieee13")
    write_tables(feeder, tmp_path / "base")
    write_tables(replace(feeder, name="child"), tmp_path / "child", extends="base")
    assert profiles(tmp_path / "child") is None
    write_profiles(DAY, tmp_path / "base")
    found = profiles(tmp_path / "child")
    assert found is not None
    assert found.names == DAY.names
    write_profiles(replace(DAY, names=("a", "b")), tmp_path / "child")
    found = profiles(str(tmp_path / "child"))
    assert found is not None
    assert found.names == ("a", "b")


def test_profiles_are_read_only_and_found_by_name() -> None:
    assert DAY.of("peak").tolist() == [0.0, 0.25, 1.0]
    with pytest.raises(ValueError, match="read-only"):
        DAY.multiplier[0, 0] = 2.0
    with pytest.raises(FeederError, match=r"no profile 'pek'; known: flat, peak"):
        DAY.of("pek")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"step_h": 0.0}, "step_h is 0.0; expected a number above 0"),
        ({"names": ("a", "a")}, "expected each name once"),
        ({"names": ("a",)}, r"multiplier has shape \(3, 2\); expected \(step, profile\)"),
        ({"multiplier": np.array([[1, np.nan]])}, "'peak' is nan at step 0; expected a finite"),
    ],
)
def test_unsound_profiles_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(FeederError, match=message):
        replace(DAY, **change)


def test_what_is_no_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "profiles.npz").write_text("step_h = 1")
    with pytest.raises(FeederError, match=r"/profiles.npz: expected an archive of step_h, names"):
        read_profiles(tmp_path)
    np.savez(tmp_path / "profiles.npz", step_h=1.0)
    with pytest.raises(FeederError, match=r"/profiles.npz: expected an archive of step_h, names"):
        read_profiles(tmp_path)
