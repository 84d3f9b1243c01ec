"""SimBench's profiles: who follows which, in a small stand-in and in the real files."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grid_fed_rl.errors import ScenarioError
from grid_fed_rl.scenarios import Year, simbench_folder, simbench_year

ROWS = 366 * 96
PROFILES = ("H0-A", "G1-B", "L0-A", "APLS_A_3.7", "lv_rural1")
LOAD_KW, LOAD_KVAR, PV_KW = np.array([4.0, 8.0, 2.0]), np.array([1.0, 2.0, 0.5]), np.array([3.0])


def write(path: Path, header: list[str], columns: list[np.ndarray]) -> None:
    text = np.array([f"{k}" for k in range(len(columns[0]))])  # stamps are not read
    table = np.column_stack([text, *(np.char.mod("%.6g", column) for column in columns)])
    np.savetxt(path, table, fmt="%s", delimiter=";", header=";".join(header), comments="")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files in SimBench's form: profile k is k + 1 in active power, a tenth in reactive."""
    where = tmp_path_factory.mktemp("simbench")
    names = ["time", *(f"{name}_{kind}" for name in PROFILES for kind in ("qload", "pload"))]
    row = np.arange(ROWS)
    columns = []
    for k in range(len(PROFILES)):
        columns += [np.full(ROWS, 0.1 * (k + 1)), k + 1.0 + (row // 96) / 1000.0]
    write(where / "LoadProfile.csv", names, columns)
    write(where / "RESProfile.csv", ["time", "PV1", "PV2", "WP1"], [row % 96, row % 2, row])
    return where


def year(folder: Path | None, **changes: Any) -> Year:
    given = {"key": "k", "temperature_c": 9.0, "folder": folder} | changes
    return simbench_year(LOAD_KW, LOAD_KVAR, PV_KW, **given)


def test_loads_follow_single_customers_in_both_powers(folder: Path):
    found = year(folder, from_monday=False)
    assert (found.n_days, found.step_h, found.name) == (366, 0.25, "simbench-k")
    profile = found.load_kw[0] / LOAD_KW
    assert set(profile.round(6)) <= {1.0, 2.0, 3.0}  # no charging point, no whole grid
    np.testing.assert_allclose(found.load_kvar[0] / LOAD_KVAR, 0.1 * profile, rtol=1e-5)
    np.testing.assert_allclose(found.temperature_c, 9.0)


def test_a_year_from_monday_begins_on_the_fourth_day(folder: Path):
    whole, cut = year(folder, from_monday=False), year(folder)
    assert cut.n_days == 363
    np.testing.assert_array_equal(whole.load_kw[3 * 96 :], cut.load_kw)
    np.testing.assert_array_equal(whole.pv_kw[3 * 96 :], cut.pv_kw)


def test_hours_are_means_of_their_quarters(folder: Path):
    quarters, hours = year(folder), year(folder, step_h=1.0)
    np.testing.assert_allclose(hours.pv_kw, quarters.pv_kw.reshape(-1, 4, 1).mean(1), rtol=1e-6)
    with pytest.raises(ScenarioError, match=r"step_h = 0.4: must be a multiple of 0.25"):
        year(folder, step_h=0.4)


def test_a_load_keeps_its_profile_beside_others(folder: Path):
    names = [f"load {k}" for k in range(60)]
    many = simbench_year(
        np.ones(60), np.ones(60), [], key="k", temperature_c=0.0, folder=folder, load_names=names
    )
    few = simbench_year(
        np.ones(2), np.ones(2), [], key="k", temperature_c=0.0, folder=folder,
        load_names=[names[40], names[7]],
    )  # fmt: skip
    np.testing.assert_array_equal(few.load_kw, many.load_kw[:, [40, 7]])
    counts = np.bincount(np.rint(many.load_kw[0]).astype(int), minlength=4)[1:4]
    assert counts.min() > 8
    other = simbench_year(
        np.ones(60), np.ones(60), [], key="other", temperature_c=0.0, folder=folder,
        load_names=names,
    )  # fmt: skip
    assert not np.array_equal(other.load_kw, many.load_kw)


def test_chosen_profiles(folder: Path):
    found = year(folder, profiles=["lv_rural1"], from_monday=False)
    np.testing.assert_allclose(found.load_kw[0], 5.0 * LOAD_KW)
    with pytest.raises(ScenarioError, match="there is no profile 'H9': there are H0-A, G1-B"):
        year(folder, profiles=["H9"])


def test_broken_files_are_named(folder: Path, tmp_path: Path):
    with pytest.raises(ScenarioError, match=r"LoadProfile.csv: cannot be read"):
        year(tmp_path)
    for name in ("LoadProfile.csv", "RESProfile.csv"):
        (tmp_path / name).write_text("time;H0-A_qload;H0-A_pload;PV1\na;1;1;1\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match="has 1 rows: must have 35136"):
        year(tmp_path)
    (tmp_path / "LoadProfile.csv").write_text("time;H0-A_qload;H0-A_pload\na;x;1\n")
    with pytest.raises(ScenarioError, match="is not a table of numbers"):
        year(tmp_path)
    (tmp_path / "LoadProfile.csv").write_text("time,H0-A_qload\n")
    with pytest.raises(ScenarioError, match="must be time, by ';'"):
        year(tmp_path)


def test_sizes_must_match(folder: Path):
    with pytest.raises(ScenarioError, match="have 3, 3 and 1 entries: must have as many"):
        year(folder, load_names=["a"])


def test_without_simbench_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("grid_fed_rl.scenarios.simbench.find_spec", lambda name: None)
    with pytest.raises(ScenarioError, match=r"pip install 'grid-fed-rl\[simbench\]'"):
        simbench_folder()


@pytest.mark.skipif(find_spec("simbench") is None, reason="simbench is not installed")
def test_the_real_profiles_have_weeks_and_seasons():
    found = simbench_year(
        np.ones(200), np.full(200, 0.3), np.ones(8), key="k", temperature_c=10.0, step_h=1.0
    )
    assert found.n_days == 363
    assert found.load_kw.max() <= 1.0
    daily_kw = found.load_kw.sum(axis=1).reshape(363, 24).mean(axis=1)
    by_weekday = np.array([daily_kw[k::7].mean() for k in range(7)])
    assert by_weekday[5:].max() < 0.9 * by_weekday[:5].min()  # weekends are where they belong
    by_month = found.pv_kw.sum(axis=1)[: 12 * 30 * 24].reshape(12, -1).mean(axis=1)
    assert by_month[[4, 5, 6]].min() > 3.0 * by_month[[0, 11]].max()
    assert found.pv_kw.reshape(363, 24, 8).mean(axis=(0, 2))[[0, 1, 2, 22, 23]].max() < 1e-3
