"""Whole runs through real Flower apps, in one process and off the network."""

import dataclasses
import math
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from grid_fed_rl.algorithms import IQLConfig
from grid_fed_rl.algorithms.networks import Tensors
from grid_fed_rl.datasets import Transitions
from grid_fed_rl.errors import BudgetError, FederationError, PrivacyError
from grid_fed_rl.federated.config import FederatedConfig
from grid_fed_rl.federated.flower.run import Federated, run_federated
from grid_fed_rl.federated.guard import check_update
from grid_fed_rl.federated.ledger import Ledger
from grid_fed_rl.federated.noise import CryptographicNoise, ReproducibleNoise
from grid_fed_rl.federated.privacy import SiteDayPrivacy, epsilon_of
from grid_fed_rl.federated.rounds import Model, RoundRecord, expectation, first_model, next_model
from grid_fed_rl.federated.site import Budget, Site
from grid_fed_rl.federated.update import Arrays

MakeLog = Callable[..., Transitions]

PRIVACY = SiteDayPrivacy(epsilon=4.0, sigma=3.0, clip=1.0, sampling_rate=0.5, nominal_days=12)


@pytest.fixture
def sites(make_log: MakeLog) -> dict[str, Transitions]:
    return {name: make_log(seed) for seed, name in enumerate(("north", "south", "west"))}


@pytest.fixture
def config(algorithm: IQLConfig) -> FederatedConfig:
    return FederatedConfig(n_rounds=4, n_local_steps=2, batch_size=16, algorithm=algorithm)


@pytest.fixture
def private(config: FederatedConfig) -> FederatedConfig:
    return dataclasses.replace(config, privacy=PRIVACY)


def bits(tensors: Tensors | Arrays) -> dict[str, bytes]:
    return {name: np.asarray(value).tobytes() for name, value in tensors.items()}


def by_hand(
    sites: dict[str, Transitions], config: FederatedConfig, folder: Path | None = None
) -> Model:
    """The same run over the core alone: no app, no grid, no message."""
    budget = None if config.privacy is None else Budget(4.0, 1e-5)
    opened = [
        Site(
            name,
            log,
            ReproducibleNoise(7),
            folder=None if folder is None else folder / name,
            budget=budget,
        )
        for name, log in sites.items()
    ]
    model = first_model(config, n_features=5, n_devices=2)
    while model.round_number < config.n_rounds:
        expected = expectation(model, config, list(sites))
        updates = {}
        for site in opened:
            update = site.train(model.params, model.targets, config, model.round_number + 1)
            check_update(update, expected, updates)
            updates[site.name] = update
        model, _ = next_model(model, updates, config)
    for site in opened:
        site.close()
    return model


@pytest.mark.parametrize("rule", ["mean", "median", "trimmed_mean"])
def test_a_run_equals_a_loop_over_the_core_bit_for_bit(
    sites: dict[str, Transitions], config: FederatedConfig, rule: str
) -> None:
    config = dataclasses.replace(config, rule=rule, server_step=0.7)
    model, run = by_hand(sites, config), run_federated(sites, config)
    assert bits(run.params) == bits(model.params)
    assert bits(run.targets) == bits(model.targets)
    assert bits(run.params) != bits(first_model(config, 5, 2).params)


def test_a_private_run_equals_it_too_when_the_noise_is_the_same(
    sites: dict[str, Transitions], private: FederatedConfig, tmp_path: Path
) -> None:
    model = by_hand(sites, private, tmp_path / "hand")
    run = run_federated(sites, private, tmp_path / "run", noise=ReproducibleNoise(7))
    assert bits(run.params) == bits(model.params)
    assert not run.statement.holds
    assert run.statement.text.startswith("THE GUARANTEE IS VOID")


def test_private_runs_never_repeat(
    sites: dict[str, Transitions], private: FederatedConfig, tmp_path: Path
) -> None:
    first, second = (run_federated(sites, private, tmp_path / name) for name in ("1", "2"))
    assert bits(first.params) != bits(second.params)
    spent = epsilon_of([PRIVACY.steps(8)], 1e-5)
    for run in (first, second):
        assert run.statement.holds
        assert run.statement.epsilon == spent
        assert {name: ledger.epsilon_spent for name, ledger in run.ledgers.items()} == (
            dict.fromkeys(sites, spent)
        )
        assert [record.metrics for record in run.history] == [
            {"epsilon_spent": pytest.approx(epsilon_of([PRIVACY.steps(2 * r)], 1e-5))}
            for r in (1, 2, 3, 4)
        ]


def test_the_order_of_the_sites_changes_no_bit(
    sites: dict[str, Transitions], config: FederatedConfig
) -> None:
    backwards = dict(reversed(sites.items()))
    assert bits(run_federated(backwards, config).params) == bits(
        run_federated(sites, config).params
    )


def test_history_progress_and_evaluation(
    sites: dict[str, Transitions], config: FederatedConfig
) -> None:
    seen: list[RoundRecord] = []
    evaluated: list[int] = []

    def evaluate(params: Tensors, round_number: int) -> dict[str, float]:
        evaluated.append(round_number)
        return {"size": float(sum(value.square().sum() for value in params.values()))}

    run = run_federated(sites, config, progress=seen.append, evaluate=evaluate, evaluate_every=3)
    assert seen == run.history
    assert [record.round_number for record in seen] == [1, 2, 3, 4]
    assert evaluated == [3, 4]
    assert ["size" in record.evaluation for record in seen] == [False, False, True, True]
    for record in seen:
        assert record.accepted == ("north", "south", "west")
        assert record.refused == {}
        assert record.metrics.keys() == {"value", "critic", "actor"}
        assert 0 < record.update_norm < 1
        assert record.wall_s > 0
    assert run.policy(np.zeros((3, 5), np.float32)).shape == (3, 2)
    assert run.ledgers == {}
    assert run.statement.mode == "none"


class InterruptedRunError(Exception):
    """Stands for the end of a process."""


@pytest.mark.parametrize("kind", ["plain", "private"])
@pytest.mark.parametrize("where", ["progress", "evaluate"])
def test_an_interrupted_run_goes_on_to_the_same_end(
    sites: dict[str, Transitions],
    config: FederatedConfig,
    private: FederatedConfig,
    tmp_path: Path,
    kind: str,
    where: str,
) -> None:
    config = config if kind == "plain" else private

    def stop_in_round_2(*args: object) -> dict[str, float]:
        number = args[0].round_number if isinstance(args[0], RoundRecord) else args[1]
        if number == 2:
            raise InterruptedRunError
        return {}

    def run(place: str, **callbacks: Callable[..., dict[str, float]]) -> Federated:
        return run_federated(
            sites,
            config,
            tmp_path / place,
            noise=ReproducibleNoise(7),
            evaluate_every=1,
            **callbacks,  # pyright: ignore[reportArgumentType]
        )

    # In `evaluate` the round is not on the server's disk yet, though every site
    # has answered it: they send the same answers again.
    with pytest.raises(InterruptedRunError):
        run("broken", **{where: stop_in_round_2})
    resumed, unbroken = run("broken"), run("unbroken")
    assert bits(resumed.params) == bits(unbroken.params)
    assert bits(resumed.targets) == bits(unbroken.targets)
    assert [record.round_number for record in resumed.history] == [1, 2, 3, 4]
    assert [ledger.n_steps for ledger in resumed.ledgers.values()] == [
        ledger.n_steps for ledger in unbroken.ledgers.values()
    ]
    finished = run("broken")  # a finished run only says again what it found
    assert bits(finished.params) == bits(unbroken.params)
    assert finished.history == resumed.history
    assert finished.statement == resumed.statement


def test_a_finished_run_can_be_made_longer_but_not_another(
    sites: dict[str, Transitions], config: FederatedConfig, tmp_path: Path
) -> None:
    run_federated(sites, config, tmp_path)
    longer = dataclasses.replace(config, n_rounds=6)
    assert len(run_federated(sites, longer, tmp_path).history) == 6
    assert bits(run_federated(sites, longer, tmp_path).params) == bits(
        run_federated(sites, longer).params
    )
    with pytest.raises(FederationError, match="run 'run' has begun with other settings: seed"):
        run_federated(sites, dataclasses.replace(longer, seed=1), tmp_path)
    with pytest.raises(FederationError, match="holds run 'run', not 'other'; give each run"):
        run_federated(sites, dataclasses.replace(longer, run="other"), tmp_path)


def test_a_spent_budget_stops_the_run_and_names_the_site(
    sites: dict[str, Transitions], private: FederatedConfig, tmp_path: Path
) -> None:
    path = tmp_path / "sites" / "south" / "ledger.jsonl"
    with Ledger(path, "south", 4.0, 1e-5) as ledger:  # this site has spent most of its own before
        ledger.reserve("last year", 1, PRIVACY.steps(ledger.steps_left(PRIVACY.steps(1)) - 5))
    rounds: list[RoundRecord] = []
    with pytest.raises(BudgetError) as refusal:
        run_federated(sites, private, tmp_path, progress=rounds.append)
    message = str(refusal.value)
    assert message.startswith("site 'south': 2 steps with noise multiplier 3")
    assert "1 such steps still fit" in message
    assert str(path) in message
    assert message.endswith("[2 answers, 3 needed]")
    assert len(rounds) == 2


def test_with_a_quorum_the_others_go_on(
    sites: dict[str, Transitions], private: FederatedConfig, tmp_path: Path
) -> None:
    path = tmp_path / "sites" / "south" / "ledger.jsonl"
    with Ledger(path, "south", 4.0, 1e-5) as ledger:
        ledger.reserve("last year", 1, PRIVACY.steps(ledger.steps_left(PRIVACY.steps(1)) - 5))
    run = run_federated(sites, dataclasses.replace(private, quorum=2), tmp_path)
    assert [len(record.accepted) for record in run.history] == [3, 3, 2, 2]
    assert "budget of 4" in run.history[3].refused["south"]
    assert run.statement.epsilon == run.ledgers["south"].epsilon_spent <= 4.0


@pytest.mark.parametrize(
    ("value", "shown"), [(math.nan, "nan"), (math.inf, "inf"), (1e6, r"1e\+06")]
)
def test_a_broken_site_is_refused_and_named(
    sites: dict[str, Transitions],
    config: FederatedConfig,
    monkeypatch: pytest.MonkeyPatch,
    value: float,
    shown: str,
) -> None:
    honest = Site.train

    def train(self: Site, *args: object) -> object:
        update = honest(self, *args)  # pyright: ignore[reportArgumentType]
        if self.name == "west":
            update.delta["actor.0.weight"][0, 0] = value
        return update

    monkeypatch.setattr(Site, "train", train)
    match = rf"site 'west', tensor 'actor\.0\.weight': {shown} at \[0, 0\]"
    with pytest.raises(FederationError, match=match):
        run_federated(sites, config)
    run = run_federated(sites, dataclasses.replace(config, quorum=2))
    assert {record.accepted for record in run.history} == {("north", "south")}
    assert all(torch.isfinite(value).all() for value in run.params.values())


def test_a_site_that_fails_does_not_show_its_log_under_privacy(
    sites: dict[str, Transitions],
    config: FederatedConfig,
    private: FederatedConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(self: Site, *args: object) -> object:
        raise ValueError("load of day 3 is 512.7 kW")

    monkeypatch.setattr(Site, "train", fail)
    with pytest.raises(FederationError, match=r"site 'north': failed: ValueError: .*512\.7"):
        run_federated(sites, config)
    with pytest.raises(FederationError, match="site 'north': ValueError at the site") as failure:
        run_federated(sites, private, tmp_path)
    assert "512.7" not in str(failure.value)
    assert "512.7" in caplog.text  # the site's own log


def test_sites_that_do_not_fit_together_are_refused(
    sites: dict[str, Transitions], config: FederatedConfig, make_log: MakeLog
) -> None:
    odd = {**sites, "zone": make_log(n_features=4)}
    with pytest.raises(
        FederationError, match="site 'zone': 4 features and 2 devices; site 'north'"
    ):
        run_federated(odd, config)
    with pytest.raises(FederationError, match="quorum: 4 answers of 3 sites cannot come"):
        run_federated(sites, dataclasses.replace(config, quorum=4))
    with pytest.raises(FederationError, match="sites: none was given"):
        run_federated({}, config)
    with pytest.raises(FederationError, match=r"site '\.\./x': a name of letters"):
        run_federated({"../x": sites["north"]}, config)
    with pytest.raises(FederationError, match="site 'empty': its log is empty"):
        run_federated({"empty": make_log(n=0)}, config)


def test_privacy_needs_a_folder(sites: dict[str, Transitions], private: FederatedConfig) -> None:
    with pytest.raises(PrivacyError, match="folder: none was given; ledgers are kept on disk"):
        run_federated(sites, private)


def test_nothing_touches_the_network(
    sites: dict[str, Transitions], config: FederatedConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    run_federated(sites, config)


def test_ledgers_are_let_go_of_when_a_run_ends_or_fails(
    sites: dict[str, Transitions], private: FederatedConfig, tmp_path: Path
) -> None:
    run_federated(sites, private, tmp_path)
    for name in sites:
        Ledger(tmp_path / "sites" / name / "ledger.jsonl", name, 4.0, 1e-5).close()
    with (
        Ledger(tmp_path / "sites" / "south" / "ledger.jsonl", "south", 4.0, 1e-5),
        pytest.raises(PrivacyError, match="held by another process"),
    ):
        run_federated(sites, private, tmp_path)
    assert run_federated(sites, private, tmp_path).statement.holds


def test_cryptographic_noise_is_the_default(
    sites: dict[str, Transitions], private: FederatedConfig, tmp_path: Path
) -> None:
    run = run_federated(sites, private, tmp_path)
    assert run.statement.randomness == CryptographicNoise.description
