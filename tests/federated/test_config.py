"""A run's configuration: bounds, and the flat form that Flower and files keep."""

import pytest

from grid_fed_rl.algorithms import IQLConfig
from grid_fed_rl.errors import FederationError, PrivacyError, TrainingError
from grid_fed_rl.federated.config import FederatedConfig, Flat, from_flat, require_same_run, to_flat
from grid_fed_rl.federated.privacy import SiteDayPrivacy

CONFIGS = [
    FederatedConfig(),
    FederatedConfig(run="b", quorum=3, rule="median", algorithm=IQLConfig(hidden=(16, 8, 4))),
    FederatedConfig(privacy=SiteDayPrivacy()),
    FederatedConfig(privacy=SiteDayPrivacy(sigma=0.5, clip=3), server_step=2),
]


@pytest.mark.parametrize("config", CONFIGS)
def test_flat_and_back_is_identity(config: FederatedConfig) -> None:
    flat = to_flat(config)
    assert from_flat(flat) == config
    assert all(isinstance(value, (bool, float, int, str)) for value in flat.values())


def test_what_is_left_out_has_its_default_and_an_integer_may_stand_for_a_float() -> None:
    config = from_flat({"n_rounds": 7, "privacy.epsilon": 3, "privacy.n_steps": 28})
    assert config == FederatedConfig(n_rounds=7, privacy=SiteDayPrivacy(epsilon=3.0, n_steps=28))


@pytest.mark.parametrize(
    ("flat", "message"),
    [
        (
            {"rounds": 7},
            "unknown rounds; known: run, n_rounds, .*privacy.epsilon.*algorithm.hidden",
        ),
        ({"privacy.noise": 7}, "unknown privacy.noise"),
        ({"n_rounds": 7.5}, r"n_rounds is 7\.5; int is needed"),
        ({"n_rounds": True}, "n_rounds is True; int is needed"),
        ({"run": 3}, "run is 3; str is needed"),
        ({"rule": "krum"}, "rule: unknown 'krum'; known: mean, median, trimmed_mean"),
        ({"algorithm.hidden": "64x64"}, "algorithm.hidden is '64x64'; a list such as"),
        ({"algorithm.hidden": "3"}, r"algorithm.hidden is '3'; a list such as '\[64, 64\]'"),
    ],
)
def test_a_wrong_name_or_type_is_refused_by_name(flat: Flat, message: str) -> None:
    with pytest.raises(FederationError, match=message):
        from_flat(flat)


@pytest.mark.parametrize("name", ["n_rounds", "n_local_steps", "batch_size", "quorum"])
def test_counts_start_at_one(name: str) -> None:
    with pytest.raises(FederationError, match=f"{name}: 0 is not possible"):
        from_flat({name: 0})


def test_other_bounds() -> None:
    with pytest.raises(FederationError, match="seed: -1"):
        FederatedConfig(seed=-1)
    for step in (0.0, 11.0, float("nan")):
        with pytest.raises(FederationError, match=f"server_step: {step}"):
            FederatedConfig(server_step=step)
    with pytest.raises(TrainingError, match="expectile"):
        from_flat({"algorithm.expectile": 2.0})


def test_a_run_longer_than_its_noise_is_calibrated_for_is_refused_before_it_begins() -> None:
    with pytest.raises(PrivacyError, match="calibrated for 200 steps does not cover 51 rounds"):
        FederatedConfig(n_rounds=51, n_local_steps=4, privacy=SiteDayPrivacy(n_steps=200))
    FederatedConfig(n_rounds=50, n_local_steps=4, privacy=SiteDayPrivacy(n_steps=200))
    FederatedConfig(n_rounds=51, n_local_steps=4, privacy=SiteDayPrivacy(sigma=1.0))


def test_a_run_keeps_its_settings_but_may_be_made_longer() -> None:
    before = to_flat(FederatedConfig(run="a", n_rounds=5))
    require_same_run("x", before, to_flat(FederatedConfig(run="a", n_rounds=9)))
    require_same_run("x", before, to_flat(FederatedConfig(run="b", seed=4)))
    changed = FederatedConfig(run="a", seed=4, privacy=SiteDayPrivacy(n_steps=400))
    with pytest.raises(FederationError) as error:
        require_same_run("checkpoint x", before, to_flat(changed))
    assert "checkpoint x: run 'a' has begun with other settings" in str(error.value)
    assert "seed was 0, is 4" in str(error.value)
    assert "privacy.epsilon was None, is 8.0" in str(error.value)
