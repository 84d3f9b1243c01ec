"""Settings: every fault is told by the dotted name of its entry, before anything is done."""

import copy
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from grid_fed_rl.cli.configuration import compose
from grid_fed_rl.demo.config import DemoConfig, fingerprint
from grid_fed_rl.errors import GridFedRLError

Settings = dict[str, Any]


def changed(settings: Settings, entry: str, value: object) -> Settings:
    """The settings with another value at a dotted name."""
    settings = copy.deepcopy(settings)
    *path, last = entry.split(".")
    inner = settings
    for name in path:
        inner = inner[name]
    inner[last] = value
    return settings


def complaint(settings: Settings) -> str:
    with pytest.raises(GridFedRLError) as caught:
        DemoConfig.of(settings)
    return str(caught.value)


@pytest.mark.parametrize("overrides", [(), ("feeder=ieee13", "size=quick", "tracking=wandb")])
def test_the_shipped_configuration_is_whole_and_is_what_the_job_reads(overrides: tuple[str, ...]):
    settings = compose(overrides)
    config = DemoConfig.of(settings)
    assert list(config.utilities) == ["coastal", "desert", "prairie", "northern", "milltown"]
    assert config.algorithm.hidden == (64, 64)
    # What is kept of a run can be run again.
    assert DemoConfig.of(dataclasses.asdict(config)) == config


@pytest.mark.parametrize(
    "entry", ["rounds", "federated.round", "utilities.coastal.shift", "algorithm.gamma"]
)
def test_an_unknown_entry_is_named(tiny: Settings, entry: str):
    assert complaint(changed(tiny, entry, 1)).startswith(
        f"configuration: {entry} is unknown; known: "
    )


@pytest.mark.parametrize("entry", ["seed", "federated.rounds", "algorithm.discount"])
def test_a_missing_entry_is_named(tiny: Settings, entry: str):
    *path, last = entry.split(".")
    settings = copy.deepcopy(tiny)
    inner = settings
    for name in path:
        inner = inner[name]
    del inner[last]
    assert complaint(settings).startswith(f"configuration: {entry} is missing; known: ")


@pytest.mark.parametrize(
    ("entry", "value", "expected"),
    [
        ("seed", "zero", "seed is 'zero'; expected a whole number"),
        ("seed", 1.0, "seed is 1.0; expected a whole number"),
        ("seed", True, "seed is True; expected a whole number"),
        ("run", 2024, "run is 2024; expected text or null"),
        ("reproducible", 1, "reproducible is 1; expected true or false"),
        ("privacy.clip", "tight", "privacy.clip is 'tight'; expected a number"),
        ("privacy.clip", True, "privacy.clip is True; expected a number"),
        ("privacy.epsilon", float("nan"), "privacy.epsilon is nan; expected a finite number"),
        ("privacy.hidden", 16, "privacy.hidden is 16; expected a list"),
        ("privacy.hidden", [16, "x"], "privacy.hidden[1] is 'x'; expected a whole number"),
        ("behaviour.battery_rules", [1.0], "behaviour.battery_rules is [1.0]; expected a list of"),
        ("federated", 5, "federated is 5; expected entries"),
        ("utilities", ["coastal"], "utilities is ['coastal']; expected entries"),
        ("observe", "all", "observe is 'all'; expected 'nodes' or 'zones'"),
        ("federated.rule", "vote", "federated.rule is 'vote'; expected 'mean' or"),
        ("tracking.mode", None, "tracking.mode is None; expected 'offline' or 'online'"),
    ],
)
def test_a_value_of_the_wrong_type_is_named(
    tiny: Settings, entry: str, value: object, expected: str
):
    assert complaint(changed(tiny, entry, value)).startswith(f"configuration: {expected}")


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("feeder.name", "ieee14"),
        ("seed", -1),
        ("federated.rounds", 0),
        ("federated.server_step", 0.0),
        ("privacy.rounds", 0),
        ("privacy.local_steps", 0),
        ("privacy.epsilon", -1.0),
        ("privacy.delta", 1.0),
        ("privacy.clip", 0.0),
        ("privacy.sampling_rate", 1.1),
        ("privacy.nominal_days", 0),
        ("privacy.hidden", []),
        ("privacy.learning_rate", 0.0),
        ("privacy.polyak", 2.0),
        ("privacy.average_decay", 1.0),
        ("algorithm.expectile", 1.0),
        ("algorithm.discount", 1.5),
        ("algorithm.hidden", [64, 0]),
        ("evaluation.seeds", 1),
        ("evaluation.lanes", 0),
        ("evaluation.curve_points", 0),
        ("evaluation.validation_days", 0),
        ("size.steps", 1),
        ("size.steps", 0),
        ("size.batch_size", 0),
        ("behaviour.exploration", 1.2),
        ("behaviour.v_shift_spread", -0.5),
        ("behaviour.capacitor_rules", [0.5, 0.3, 0.3]),
        ("behaviour.battery_rules", [1.5, -0.5, 0.0]),
    ],
)
def test_a_value_out_of_bounds_is_named_and_shown(tiny: Settings, entry: str, value: object):
    message = complaint(changed(tiny, entry, value))
    shown = ", ".join(map(repr, value)) if isinstance(value, list) else repr(value)
    assert message.startswith(f"configuration: {entry}")
    assert shown in message.removeprefix(f"configuration: {entry}")


def test_a_feeder_and_the_environment_it_runs_in_go_together(tiny: Settings):
    message = complaint(changed(tiny, "feeder.env_id", "GridFedRL/IEEE123-VVO-v0"))
    assert "feeder.env_id is 'GridFedRL/IEEE123-VVO-v0'" in message
    assert "of the feeder 'ieee13': GridFedRL/IEEE13-VVO-v0" in message


def test_a_feeder_of_ones_own_is_a_path_and_an_id_that_takes_one(tmp_path: Path):
    own = compose(("feeder=custom", f"feeder.path={tmp_path}"))
    feeder = DemoConfig.of(own).feeder
    assert feeder.which == str(tmp_path)
    assert feeder.options == {"feeder": str(tmp_path)}
    message = complaint(changed(own, "feeder.path", str(tmp_path / "away")))
    assert "away'; expected a folder of tables or an OpenDSS script" in message
    message = complaint(changed(own, "feeder.env_id", "GridFedRL/IEEE13-VVO-v0"))
    assert "expected one of GridFedRL/Custom-VVO-v0" in message


def test_utilities_are_known_ones_and_at_least_two(tiny: Settings):
    message = complaint(changed(tiny, "utilities.atlantis", {"v_shift_mean": 0.0}))
    assert message.startswith("configuration: utilities.atlantis is 'atlantis'; expected one of")
    assert "coastal, desert, prairie, northern, milltown" in message
    alone = changed(tiny, "utilities", {"coastal": {"v_shift_mean": 0.0}})
    assert complaint(alone) == "configuration: utilities is ['coastal']; expected at least 2"


def test_trimming_needs_an_answer_that_is_left(tiny: Settings):
    settings = changed(tiny, "federated.rule", "trimmed_mean")
    assert "federated.rule is 'trimmed_mean'; expected 'mean' or 'median' for 2" in complaint(
        settings
    )
    DemoConfig.of(changed(settings, "utilities.desert", {"v_shift_mean": 0.0}))


def test_whole_numbers_stand_for_numbers(tiny: Settings):
    config = DemoConfig.of(changed(tiny, "privacy.epsilon", 8))
    assert config == DemoConfig.of(tiny)
    assert type(config.privacy.epsilon) is float


def test_fingerprints_are_equal_if_and_only_if_settings_are(tiny: Settings):
    one, same = DemoConfig.of(tiny), DemoConfig.of(copy.deepcopy(tiny))
    other = DemoConfig.of(changed(tiny, "algorithm.discount", 0.9))
    assert fingerprint(one, [1]) == fingerprint(same, [1])
    assert fingerprint(one, [1]) != fingerprint(other, [1])
    assert fingerprint(one, [1]) != fingerprint(one, [2])


def test_the_private_learner_differs_from_the_others_where_it_says_so(tiny: Settings):
    config = DemoConfig.of(tiny)
    private = dataclasses.asdict(config.privacy.algorithm(config.algorithm))
    public = dataclasses.asdict(config.algorithm)
    differ = {name for name in public if public[name] != private[name]}
    assert differ == {"hidden", "learning_rate", "polyak", "average_decay"}
    assert config.privacy.mechanism().n_steps == 2  # 2 rounds of 1 step
