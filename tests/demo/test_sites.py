"""Utilities on a feeder of their own."""

from pathlib import Path

import gymnasium
import numpy as np

from grid_fed_rl.cli.configuration import compose
from grid_fed_rl.datasets.minari_io import read_minari
from grid_fed_rl.demo.config import DemoConfig
from grid_fed_rl.demo.sites import open_utilities
from grid_fed_rl.feeders import load, write_tables


def test_logs_of_a_feeder_of_ones_own_know_their_environment(tmp_path: Path):
    folder = tmp_path / "mine"
    write_tables(load("ieee13"), folder)
    small = ("size=quick", "evaluation.lanes=64")
    own = DemoConfig.of(compose(("feeder=custom", f"feeder.path={folder}", *small)))
    shipped = DemoConfig.of(compose(("feeder=ieee13", *small)))
    logs = [open_utilities(one)["coastal"].log(tmp_path) for one in (own, shipped)]
    np.testing.assert_array_equal(logs[0].reward, logs[1].reward)
    spec = gymnasium.spec("GridFedRL/Custom-VVO-v0")
    assert "feeder" not in spec.kwargs, "the registry's own is as it was"
    root = tmp_path / "grid_fed_rl" / "custom-vvo" / "coastal-v0"
    assert str(folder) in (root / "data" / "metadata.json").read_text(encoding="utf-8")
    again = read_minari("grid_fed_rl/custom-vvo/coastal-v0", tmp_path)
    assert len(again.reward) == len(logs[0].reward)
