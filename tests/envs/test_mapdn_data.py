"""MAPDN's own profiles: read as they are, and refused where they are of another form."""

import gymnasium
import numpy as np
import pytest

import grid_fed_rl  # noqa: F401  registers the id
from grid_fed_rl.envs.mapdn import Profiles, mapdn_task, read_profiles
from grid_fed_rl.envs.mapdn.profiles import STEPS_PER_DAY
from grid_fed_rl.errors import ScenarioError


def written(folder, begin="2012-01-01 00:00:00", rows=3 * STEPS_PER_DAY, columns=(32, 32, 6)):
    """A folder in MAPDN's format, and the numbers in it."""
    rng = np.random.default_rng(0)
    times = np.datetime64(begin.replace(" ", "T"), "s") + 180 * np.arange(rows)
    numbers = []
    for name, n in zip(("load_active", "load_reactive", "pv_active"), columns, strict=True):
        values = rng.uniform(0.0, 0.1, (rows, n))
        numbers.append(values)
        lines = [",".join(["", *(f"{name}_{k}" for k in range(n))])]
        lines += [
            ",".join([str(time).replace("T", " "), *(repr(float(one)) for one in row)])
            for time, row in zip(times, values, strict=True)
        ]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return numbers


def test_reads_mapdns_own_profiles(tmp_path):
    kw, kvar, pv = written(tmp_path, begin="2012-01-01 23:51:00")
    task = mapdn_task(data=tmp_path, split="all", noise=False, barrier="l2")
    # Three rows stand before midnight; of the last day those are missing.
    assert task.profiles.n_days == 2
    np.testing.assert_allclose(task.profiles.load_kw, 1e3 * kw[3:963], rtol=1e-6)
    np.testing.assert_allclose(task.profiles.load_kvar, 1e3 * kvar[3:963], rtol=1e-6)
    np.testing.assert_allclose(task.profiles.pv_kw, 1e3 * pv[3:963], rtol=1e-6)
    np.testing.assert_allclose(task.rating_kva, 1.2e3 * pv[3:963].max(axis=0), rtol=1e-6)
    env = gymnasium.make("GridFedRL/MAPDN-Case33-v0", data=str(tmp_path), split="all", noise=False)
    observation, info = env.reset(seed=0, options={"start": 5})
    assert info["day"] == 0
    np.testing.assert_allclose(observation[66:72], pv[8], rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": (32, 31, 6)}, r"load_reactive.csv has 31 columns beside time; expected 32"),
        ({"columns": (32, 32, 5)}, r"pv_active.csv has 5 columns beside time; expected 6"),
        ({"begin": "2012-01-01 00:01:00"}, "first time is .*; expected a multiple of 3 minutes"),
        ({"rows": 200}, "have 0, 0 and 0 rows"),
    ],
)
def test_data_of_another_form_are_refused(tmp_path, change, message):
    written(tmp_path, **change)
    with pytest.raises(ScenarioError, match=message):
        read_profiles(tmp_path, 32, 6)


def test_broken_data_are_refused(tmp_path):
    with pytest.raises(ScenarioError, match=r"no file .*load_active.csv; expected load_active"):
        mapdn_task(data=tmp_path)
    written(tmp_path)
    path = tmp_path / "pv_active.csv"
    text = path.read_text()
    lines = text.splitlines()
    path.write_text("\n".join([lines[0], lines[1], *lines[6:]]))
    with pytest.raises(ScenarioError, match="has steps of 0:15:00; expected 3 minutes"):
        read_profiles(tmp_path, 32, 6)
    path.write_text("\n".join([lines[0], *(f"{k},{line}" for k, line in enumerate(lines[1:]))]))
    with pytest.raises(ScenarioError, match=r"begins with times \['0', '1'\]"):
        read_profiles(tmp_path, 32, 6)
    path.write_text(text.replace("2012-01-01 00:00:00,0", "2012-01-01 00:00:00,sun"))
    with pytest.raises(ScenarioError, match=r"pv_active.csv: could not convert"):
        read_profiles(tmp_path, 32, 6)
    path.write_text("\n".join([lines[0], *lines[2:]]))
    with pytest.raises(ScenarioError, match=r"files begin at .*; expected one time"):
        read_profiles(tmp_path, 32, 6)


def test_profiles_that_are_no_numbers_are_refused():
    ones = np.ones((STEPS_PER_DAY, 2), dtype=np.float32)
    hole = ones.copy()
    hole[7, 1] = np.nan
    with pytest.raises(ScenarioError, match="pv_kw at row 7, column 1 is nan"):
        Profiles("x", ones, ones, hole)
    with pytest.raises(ScenarioError, match="have 480, 479 and 480 rows"):
        Profiles("x", ones, ones[1:], ones)
