"""Frames of environments: what they are, what they follow, and what they leave alone."""

import copy
import gc
import pickle
import sys
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.wrappers import AddRenderObservation, RenderCollection

from grid_fed_rl import GridEnv, GridVectorEnv
from grid_fed_rl.envs.costs import VoltageCost
from grid_fed_rl.envs.readings import clock, sections
from grid_fed_rl.envs.rendering import Renderer
from grid_fed_rl.errors import TaskError
from grid_fed_rl.safety import VoltageLimits

figure_module = pytest.importorskip("matplotlib.figure", reason="the extra `plot` draws")

SHAPE = (640, 1120, 3)
RING = np.array([0xB3, 0x26, 0x1E])


def drawn(case, *, day=3, moves=()) -> Any:
    """An environment that draws, after some steps."""
    env = GridEnv(case, render_mode="rgb_array")
    env.reset(seed=0, options={"day": day})
    for action in moves:
        env.step(action)
    return env


def test_a_frame_is_pixels_and_the_callers_own(case13):
    env = drawn(case13)
    frame = env.render()
    assert frame.shape == SHAPE
    assert frame.dtype == np.uint8
    before = frame.copy()
    env.step(np.ones(len(case13.action_names)))
    assert (env.render() != before).any()
    np.testing.assert_array_equal(frame, before)


def test_a_frame_depends_on_the_state_and_not_on_what_was_drawn_before(case13, actions):
    moves = actions(6, 1, case13)[:, 0]
    often = drawn(case13)
    for action in moves:
        often.render()
        often.step(action)
    np.testing.assert_array_equal(often.render(), drawn(case13, moves=moves).render())


def test_drawing_changes_nothing_of_an_episode(case13, actions, rollout, same):
    moves = actions(30, 1, case13)[:, 0]

    class Drawn(GridEnv):
        def step(self, action):
            result = super().step(action)
            self.render()
            return result

    one = rollout(GridEnv(case13), moves, seed=7)
    same(rollout(Drawn(case13, render_mode="rgb_array"), moves, seed=7), one)


def test_a_frame_changes_with_taps_capacitors_and_batteries(case13):
    """Two devices of a kind change places: what the whole feeder reads hardly changes."""
    frames = []
    for k in range(len(case13.action_names)):
        action = np.zeros(len(case13.action_names))
        action[k] = 1.0
        frames.append(drawn(case13, moves=[action]).render())
    column = [frame[:, 860:] for frame in frames]  # of readings
    for one in range(len(frames)):
        for other in range(one):
            assert (frames[one] != frames[other]).any()
            assert (column[one] != column[other]).any()


def test_a_lane_is_drawn_as_its_single_environment(case13, actions):
    moves = actions(3, 3, case13)
    envs = GridVectorEnv(case13, 3, render_mode="rgb_array")
    envs.reset(seed=5, options={"day": [0, 1, 2]})
    singles = [GridEnv(case13, render_mode="rgb_array") for _ in range(3)]
    for lane, env in enumerate(singles):
        env.reset(seed=5 + lane, options={"day": lane})
    for action in moves:
        envs.step(action)
        for env, part in zip(singles, action, strict=True):
            env.step(part)
    frames = envs.render()
    assert isinstance(frames, tuple)
    assert len(frames) == 3
    for frame, env in zip(frames, singles, strict=True):
        np.testing.assert_array_equal(frame, env.render())


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_violations_are_counted_since_the_reset_of_each_lane(stormy, actions, mode):
    """Lanes fall out of step, for some collapse early."""
    envs, renderer = GridVectorEnv(stormy, 3, mode), Renderer(stormy, 3)
    _, info = envs.reset(seed=1, options={"day": [0, 1, 2]})
    renderer.count(envs.snapshot, info["violations"])
    so_far = np.zeros(3, dtype=int)
    most = 0
    for action in actions(60, 3, stormy):
        *_, info = envs.step(action)
        renderer.count(envs.snapshot, info["violations"])
        now = info["violations"]["voltage"]
        so_far = np.where(envs.snapshot.step == 0, 0, so_far + now)
        most = max(most, int(so_far.max()))
        for lane in range(3):
            assert renderer.counts(lane) == {"voltage": (now[lane], so_far[lane])}
    assert most > 100


def test_the_scale_follows_the_limits_of_the_case(case13):
    limits = VoltageLimits(0.97, 1.03)
    narrow = replace(case13, costs=(VoltageCost(limits),))
    move = np.zeros(len(case13.action_names))
    frames = [drawn(case, moves=[move]).render() for case in (narrow, case13)]
    bars = [frame[:, 750:850] for frame in frames]
    assert (bars[0] != bars[1]).any()
    rings = [(np.abs(frame[100:560, :700] - RING).max(axis=2) < 8).sum() for frame in frames]
    assert rings[0] > rings[1] + 50  # more buses are outside


def test_the_readings_are_those_of_the_snapshot(case13, actions):
    env = drawn(case13, moves=actions(12, 1, case13)[:, 0])
    lane = env.lanes.snapshot
    read = {
        section.title: dict(zip(section.names, section.readings, strict=True))
        for section in sections(case13, lane, {"voltage": (2, 5)})
    }
    assert read["Violations"]["voltage"] == ("2 now, 5 so far", None, True)
    v_pu = lane.v_pu[0]
    assert read["Feeder"]["voltage"].words == f"{v_pu.min():.3f} to {v_pu.max():.3f} p.u."
    pvs = case13.network.feeder.pvs.values()
    kw = lane.setpoint.der_kw[0, : len(pvs)].sum()
    assert kw > 0.0
    assert read["Feeder"]["PV"].share == pytest.approx(kw / sum(pv.kw_dc for pv in pvs))
    taps = lane.setpoint.tap_position[0].tolist()
    for name, tap in zip(case13.network.regulators, taps, strict=True):
        reading = read["Regulators, tap"][name]
        assert int(reading.words.replace("−", "-")) == tap
        assert reading.share == pytest.approx(0.5 + tap / 32.0)
    soc, power_kw = lane.states["soc"][0, 0], lane.setpoint.der_kw[0, len(pvs)]
    words = read["Batteries, charge"]["battery_680"].words.replace("−", "-")
    assert words == f"{100.0 * soc:.0f} %, {power_kw:+.0f} kW"
    assert clock(case13, lane) == "Day 3, 11:00 to 12:00; step 12 of 24"


def test_a_collapse_is_said(stormy):
    still = np.zeros(len(stormy.action_names))
    env = drawn(stormy, day=1, moves=[still] * 5)  # the hour from 4 o'clock, which nothing holds
    assert clock(stormy, env.lanes.snapshot).endswith("; NO SOLUTION: the voltage collapsed")
    assert env.render().shape == SHAPE


# ---- modes ------------------------------------------------------------------------


def test_an_unknown_mode_is_refused(case13):
    with pytest.raises(TaskError, match=r"render_mode is 'ansi'; known: 'human', 'rgb_array'"):
        gymnasium.make("GridFedRL/IEEE13-VVO-v0", render_mode="ansi")
    with pytest.raises(TaskError, match=r"render_mode is 'human'; known: 'rgb_array' and None"):
        gymnasium.make_vec("GridFedRL/IEEE13-VVO-v0", num_envs=2, render_mode="human")


@pytest.mark.parametrize("mode", ["human", "rgb_array"])
def test_without_matplotlib_the_extra_is_named(case13, mode, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(TaskError, match=r"needs matplotlib.*pip install 'grid-fed-rl\[plot\]'"):
        GridEnv(case13, render_mode=mode)
    GridEnv(case13).reset(seed=0)


def test_without_a_mode_nothing_is_drawn(case13):
    for env in (GridEnv(case13), GridVectorEnv(case13, 2)):
        env.reset(seed=0)
        with pytest.warns(UserWarning, match="choose a render mode"):
            assert env.render() is None


def test_before_a_reset_there_is_nothing_to_draw(case13):
    with pytest.raises(TaskError, match=r"not reset; call reset\(\) before step\(\) or render"):
        GridEnv(case13, render_mode="rgb_array").render()


def test_human_shows_every_reset_and_step_until_it_is_closed(case13, windowless):
    env = GridEnv(case13, render_mode="human")
    still = np.zeros(len(case13.action_names))
    env.reset(seed=0, options={"day": 3})
    (number,) = windowless.get_fignums()
    (image,) = windowless.figure(number).axes[0].images
    shown = [image.get_array().copy()]
    env.step(still)
    shown.append(image.get_array().copy())
    assert env.render() is None
    np.testing.assert_array_equal(shown[0], drawn(case13).render())
    np.testing.assert_array_equal(shown[1], drawn(case13, moves=[still]).render())
    assert windowless.get_fignums() == [number]
    env.close()
    assert windowless.get_fignums() == []


def test_human_without_a_display_is_refused(case13, windowless, monkeypatch):
    monkeypatch.delenv("MPLBACKEND")
    env = GridEnv(case13, render_mode="human")
    with pytest.raises(TaskError, match=r"there is no display.*use 'rgb_array'"):
        env.reset(seed=0)
    assert windowless.get_fignums() == []


# ---- users ------------------------------------------------------------------------


def test_gymnasiums_render_wrappers_do_no_harm():
    env = RenderCollection(gymnasium.make("GridFedRL/IEEE13-VVO-v0", render_mode="rgb_array"))
    env.reset(seed=0)
    for _ in range(3):
        env.step(np.zeros(6, dtype=np.float32))
    frames = env.render()
    assert isinstance(frames, list)
    assert [np.shape(frame) for frame in frames] == [SHAPE] * 4
    assert GridEnv.metadata["render_modes"] == ["human", "rgb_array"]
    inner = gymnasium.make("GridFedRL/IEEE13-VVO-v0", render_mode="rgb_array")
    pixels, _ = AddRenderObservation(inner).reset(seed=0)
    np.testing.assert_array_equal(pixels, frames[0])


def test_lanes_made_by_gymnasiums_own_vectors_are_drawn_alike():
    frames = []
    for mode in ("sync", "vector_entry_point"):
        envs = gymnasium.make_vec(
            "GridFedRL/IEEE13-VVO-v0", 2, vectorization_mode=mode, render_mode="rgb_array"
        )
        envs.reset(seed=3)
        frames.append(envs.render())
    np.testing.assert_array_equal(frames[0], frames[1])


@pytest.mark.parametrize("double", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_in_mid_episode_is_drawn_alike(double, case13, actions):
    moves = actions(4, 1, case13)[:, 0]
    env = drawn(case13, moves=moves[:2])
    env.render()
    twin = double(env)
    for action in moves[2:]:
        env.step(action)
        twin.step(action)
    np.testing.assert_array_equal(twin.render(), env.render())


def figures() -> int:
    gc.collect()
    # By type, not isinstance: that asks an object for `__class__`, and some warn.
    return sum(issubclass(type(one), figure_module.Figure) for one in gc.get_objects())


def test_a_hundred_frames_are_one_figure_and_a_closed_environment_none(case13):
    before = figures()
    env = drawn(case13)
    for k in range(100):
        if k % 24 == 0:
            env.reset()
        env.step(np.zeros(len(case13.action_names)))
        env.render()
    assert figures() == before + 1
    env.close()
    assert figures() == before
