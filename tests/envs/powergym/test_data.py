"""The benchmark's files: what is missing is named, with where it can be had."""

import shutil

import gymnasium
import numpy as np
import pytest

from grid_fed_rl.envs.powergym import powergym_task
from grid_fed_rl.envs.registration import POWERGYM_IDS
from grid_fed_rl.errors import TaskError

WHERE = "https://github.com/siemens/powergym"


@pytest.fixture
def systems(write_small, tmp_path):
    """A small system that a test may spoil."""
    return write_small(tmp_path / "systems")


def refusal(*arguments) -> str:
    with pytest.raises(TaskError) as caught:
        powergym_task(*arguments)
    return str(caught.value)


@pytest.mark.parametrize("env_id", POWERGYM_IDS)
@pytest.mark.parametrize("make", [gymnasium.make, gymnasium.make_vec])
def test_data_that_is_not_given(env_id, make):
    with pytest.raises(TaskError, match=f"^{env_id} needs the benchmark's data.*data=") as caught:
        make(env_id)
    assert WHERE in str(caught.value)


def test_data_that_is_another_folder(tmp_path):
    message = refusal("34Bus", tmp_path)
    assert message.startswith("GridFedRL/PowerGym-34Bus-v0: no 34Bus/ieee34Mod1_daily.dss and no")
    assert str(tmp_path) in message
    assert WHERE in message


def test_system_that_the_benchmark_does_not_have(small):
    assert refusal("37Bus", small).startswith("PowerGym system '37Bus' is unknown; known: 13Bus, ")


def test_folder_of_all_systems_and_of_one_are_the_same(small):
    whole, own = powergym_task("13Bus", small), powergym_task("13Bus", str(small / "13Bus"))
    np.testing.assert_array_equal(whole.profiles, own.profiles)
    assert whole.action_names == own.action_names


def test_batteries_that_are_missing_or_none(systems):
    path = systems / "13Bus" / "Battery.csv"
    text = path.read_text()
    path.write_text(text.replace("300,", "0,"))
    assert "max_kw of 'batt1' is 0.0; expected above 0" in refusal("13Bus", systems)
    path.write_text(text.replace("900,900", "900,901"))
    assert "initial_kwh of 'batt1' is 901.0; expected 0 to 900.0" in refusal("13Bus", systems)
    path.write_text(text.replace("300,", "much,"))
    assert "is no battery; expected columns name, max_kw, pf" in refusal("13Bus", systems)
    path.write_text(text.replace("max_kwh", "size"))
    assert "is no battery; expected columns name, max_kw, pf" in refusal("13Bus", systems)
    path.unlink()
    message = refusal("13Bus", systems)
    assert message.startswith(f"no Battery.csv in '{systems / '13Bus'}'")
    assert WHERE in message


def test_load_shapes_that_are_missing_too_short_or_none(systems):
    shapes = systems / "13Bus" / "loadshape"
    (shapes / "LoadShapeB.csv").write_text("0.5\nlow\n")
    assert "LoadShapeB.csv: could not convert" in refusal("13Bus", systems)
    (shapes / "LoadShapeB.csv").write_text("0.5\nnan\n")
    assert "LoadShapeB.csv holds a number that is not finite" in refusal("13Bus", systems)
    (shapes / "LoadShapeB.csv").unlink()
    (shapes / "LoadShapeA.CSV").write_text("0.5\n" * 71)
    assert "holds 71 hours; 3 loads of 24 hours need 72" in refusal("13Bus", systems)
    shutil.rmtree(shapes)
    message = refusal("13Bus", systems)
    assert message.startswith(f"no *LoadShape*.csv in '{shapes}'")
    assert WHERE in message


def test_script_that_includes_what_is_not_there(systems):
    path = systems / "13Bus" / "IEEE13Nodeckt_daily.dss"
    path.write_text(path.read_text().replace("New Line.RA", "redirect Codes.dss\nNew Line.RA"))
    message = refusal("13Bus", systems)
    assert "no file 'Codes.dss' beside it" in message
    assert str(path) in message, "and not the copy that was read"
    assert WHERE in message


def test_load_without_a_shape_and_regulator_of_other_taps(systems):
    path = systems / "13Bus" / "IEEE13Nodeckt_daily.dss"
    text = path.read_text()
    path.write_text(text.replace("daily=loadshape_c2", ""))
    assert refusal("13Bus", systems).startswith("load 'c2' of 'small' has no daily load shape")
    path.write_text(text.replace("r.2] kvs=[7.2 7.2]", "r.2] kvs=[7.2 7.2] numtaps=16"))
    assert refusal("13Bus", systems).startswith("regulator 'two' has taps -8 to 8; the bench")


def test_what_the_benchmark_itself_leaves_in_its_folder_changes_nothing(systems):
    """Its own script of load shapes, profiles unpacked in folders, a scale."""
    clean = powergym_task("13Bus", systems)
    folder = systems / "13Bus"
    (folder / "loadshape.dss").write_text("New Loadshape.loadshape_c2 npts=1 mult=[7]\n")
    (folder / "loadshape" / "000").mkdir()
    (folder / "loadshape" / "000" / "loadshape_a1.csv").write_text("7\n" * 24)
    (folder / "loadshape" / "scale.txt").write_text("1.0\n")
    (folder / "loadshape" / "00.csv").write_text("7\n" * 24)
    used = powergym_task("13Bus", systems)
    np.testing.assert_array_equal(used.profiles, clean.profiles)
    np.testing.assert_array_equal(used.nominal.load_kw, clean.nominal.load_kw)


def test_nothing_is_written_into_the_data(systems):
    before = {path: path.stat().st_mtime_ns for path in systems.rglob("*")}
    powergym_task("13Bus", systems)
    assert {path: path.stat().st_mtime_ns for path in systems.rglob("*")} == before
