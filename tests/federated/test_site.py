"""A site answers once, within its budget, whatever happens to it in between."""

import dataclasses
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from grid_fed_rl.algorithms import IQLConfig, Learner
from grid_fed_rl.algorithms.storage import read_tensors, write_tensors
from grid_fed_rl.algorithms.train import TrainConfig, train
from grid_fed_rl.datasets import Transitions
from grid_fed_rl.errors import BudgetError, FederationError, PrivacyError, TrainingError
from grid_fed_rl.federated import update
from grid_fed_rl.federated.config import FederatedConfig
from grid_fed_rl.federated.gradient import Trajectories
from grid_fed_rl.federated.ledger import Ledger, read_ledger
from grid_fed_rl.federated.noise import CryptographicNoise, NoiseSource, ReproducibleNoise
from grid_fed_rl.federated.privacy import SiteDayPrivacy, epsilon_of
from grid_fed_rl.federated.rounds import Model, first_model, next_model
from grid_fed_rl.federated.site import Budget, Site
from grid_fed_rl.federated.update import Update, local_update, minibatch_seed, update_sha256

MakeLog = Callable[..., Transitions]

PRIVACY = SiteDayPrivacy(epsilon=4.0, sigma=3.0, clip=1.0, sampling_rate=0.5, nominal_days=12)
BUDGET = Budget(4.0, 1e-5)


@pytest.fixture
def config(algorithm: IQLConfig) -> FederatedConfig:
    return FederatedConfig(n_local_steps=2, batch_size=16, algorithm=algorithm)


@pytest.fixture
def private(config: FederatedConfig) -> FederatedConfig:
    return dataclasses.replace(config, privacy=PRIVACY)


@pytest.fixture
def model(config: FederatedConfig) -> Model:
    return first_model(config, n_features=5, n_devices=2)


@pytest.fixture
def open_site(make_log: MakeLog, tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Opens the site as a new process would; closes what is still open at the end."""
    opened: list[Site] = []

    def make(
        budget: Budget | None = BUDGET, noise: NoiseSource | None = None, log: int = 0
    ) -> Site:
        for site in opened:
            site.close()
        source = noise or CryptographicNoise()
        opened.append(Site("a", make_log(log), source, folder=tmp_path, budget=budget))
        return opened[-1]

    yield make
    for site in opened:
        site.close()


def ask(site: Site, model: Model, config: FederatedConfig, round_number: int = 1) -> Update:
    return site.train(model.params, model.targets, config, round_number)


def same(left: Update, right: Update) -> bool:
    return update_sha256(left.delta) == update_sha256(right.delta)


def test_a_federation_of_one_site_is_that_sites_own_training(
    config: FederatedConfig, make_log: MakeLog
) -> None:
    config = dataclasses.replace(config, n_local_steps=1)
    log = make_log()
    model = first_model(config, 5, 2)
    site = Site("a", log, CryptographicNoise())
    for round_number in range(1, 21):
        model, _ = next_model(model, {"a": ask(site, model, config, round_number)}, config)
    alone = train(
        log,
        TrainConfig(steps=20, batch_size=16, log_every=20),
        config.algorithm,
        minibatch_seed(config.seed, "a"),
        start=Learner.new(config.algorithm, 5, 2, config.seed),
    )
    for name, value in alone.params.items():
        np.testing.assert_allclose(model.params[name], value.numpy(), rtol=1e-3, atol=1e-6)
    for name, value in alone.targets.items():
        np.testing.assert_allclose(model.targets[name], value.numpy(), rtol=1e-3, atol=1e-6)


def test_plain_and_private_steps_differ_in_the_gradient_alone(
    config: FederatedConfig, make_log: MakeLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(update, "minibatch_indices", lambda seed, step, n, size: torch.arange(n))
    whole = make_log().select(make_log().mask.all(axis=1))
    log = Trajectories.of(whole, config.algorithm)
    exact = SiteDayPrivacy(sigma=0.0, clip=1e9, sampling_rate=1.0, nominal_days=len(whole))
    deltas = []
    for privacy in (None, exact):
        learner = Learner.new(config.algorithm, 5, 2, 0)
        deltas.append(local_update(learner, log, 3, 1, privacy, CryptographicNoise(), 0)[0])
        assert learner.step == 3
    for name, value in deltas[0].items():
        assert np.abs(value).max() > 1e-3  # three steps of 0.001
        np.testing.assert_allclose(deltas[1][name], value, rtol=1e-2, atol=1e-5)


def test_minibatches_differ_between_sites_and_repeat_by_seed(
    config: FederatedConfig, model: Model, make_log: MakeLog
) -> None:
    def answer(name: str, seed: int) -> Update:
        site = Site(name, make_log(), CryptographicNoise())
        return ask(site, model, dataclasses.replace(config, seed=seed))

    assert same(answer("a", 0), answer("a", 0))
    assert not same(answer("a", 0), answer("b", 0))
    assert not same(answer("a", 0), answer("a", 1))


def test_cryptographic_answers_never_repeat_and_seeded_ones_do(
    private: FederatedConfig, model: Model, make_log: MakeLog, tmp_path: Path
) -> None:
    def answer(place: str, noise: NoiseSource) -> Update:
        with Site("a", make_log(), noise, folder=tmp_path / place, budget=BUDGET) as site:
            return ask(site, model, private)

    assert not same(answer("1", CryptographicNoise()), answer("2", CryptographicNoise()))
    assert same(answer("3", ReproducibleNoise(0)), answer("4", ReproducibleNoise(0)))
    assert not same(answer("5", ReproducibleNoise(0)), answer("6", ReproducibleNoise(1)))


def test_under_privacy_nothing_but_the_update_depends_on_the_log(
    private: FederatedConfig,
    config: FederatedConfig,
    model: Model,
    make_log: MakeLog,
    tmp_path: Path,
) -> None:
    answers = []
    for seed, n in ((0, 12), (1, 30)):
        place = tmp_path / str(seed)
        log = make_log(seed, n)
        with Site("a", log, CryptographicNoise(), folder=place, budget=BUDGET) as site:
            answers.append(ask(site, model, private))
    first, second = (dataclasses.replace(answer, delta={}) for answer in answers)
    assert dataclasses.asdict(first) == dataclasses.asdict(second)
    assert first.metrics == {"epsilon_spent": epsilon_of([PRIVACY.steps(2)], 1e-5)}
    plain = ask(Site("a", make_log(), CryptographicNoise()), model, config)
    assert plain.metrics.keys() == {"value", "critic", "actor"}


def test_the_budget_is_charged_before_training_and_refuses_by_name(
    private: FederatedConfig, model: Model, open_site: Callable[..., Site], tmp_path: Path
) -> None:
    site = open_site()
    assert site.ledger is not None
    fits = site.ledger.steps_left(PRIVACY.steps(2)) // 2
    for round_number in range(1, fits + 1):
        ask(site, model, private, round_number)
    spent = site.ledger.epsilon_spent
    with pytest.raises(BudgetError, match=r"site 'a': 2 steps .* past the budget of 4;"):
        ask(site, model, private, fits + 1)
    assert read_ledger(tmp_path / "ledger.jsonl").epsilon_spent == spent <= 4.0
    assert same(ask(site, model, private, fits), ask(site, model, private, fits))  # still sent


def test_the_same_round_gets_the_same_answer_at_no_further_cost(
    private: FederatedConfig, model: Model, open_site: Callable[..., Site]
) -> None:
    site = open_site()
    first = ask(site, model, private)
    other = dataclasses.replace(model, params={k: v + 1 for k, v in model.params.items()})
    assert same(ask(site, model, private), first)
    assert same(ask(site, other, private), first)  # a server cannot ask for a second look
    again = open_site()
    assert same(ask(again, model, private), first)
    assert again.ledger is not None
    assert again.ledger.summary.n_steps == 2


def test_what_is_sent_cannot_be_changed_from_outside(
    config: FederatedConfig, model: Model, make_log: MakeLog
) -> None:
    site = Site("a", make_log(), CryptographicNoise())
    first = ask(site, model, config)
    kept = update_sha256(first.delta)
    next(iter(first.delta.values()))[:] = 7
    assert update_sha256(ask(site, model, config).delta) == kept


def test_an_answer_that_left_and_was_lost_is_not_made_again(
    private: FederatedConfig, model: Model, open_site: Callable[..., Site], tmp_path: Path
) -> None:
    ask(open_site(), model, private)
    (tmp_path / "answer.safetensors").unlink()
    with pytest.raises(PrivacyError, match=r"site 'a': round 1 .* answer is not kept; another one"):
        ask(open_site(), model, private)


def test_an_answer_changed_on_disk_is_not_sent(
    private: FederatedConfig, model: Model, open_site: Callable[..., Site], tmp_path: Path
) -> None:
    ask(open_site(), model, private)
    path = tmp_path / "answer.safetensors"
    tensors, header = read_tensors(path, "answer of a site")
    tensors["delta/actor_log_std"] += 1
    write_tensors(path, tensors, header.pop("kind"), header)
    with pytest.raises(PrivacyError, match=r"answered already .* a second answer would cost"):
        ask(open_site(), model, private)


def test_an_older_round_is_stale(
    config: FederatedConfig, model: Model, make_log: MakeLog, tmp_path: Path
) -> None:
    site = Site("a", make_log(), CryptographicNoise(), folder=tmp_path)
    for round_number in (1, 2):
        ask(site, model, config, round_number)
    for asked in (site, Site("a", make_log(), CryptographicNoise(), folder=tmp_path)):
        with pytest.raises(FederationError, match=r"round 1 of run 'run' is stale; round 2 was"):
            ask(asked, model, config, 1)
    ask(site, model, dataclasses.replace(config, run="other"), 1)


def test_a_run_does_not_change_its_settings_under_way(
    private: FederatedConfig, model: Model, open_site: Callable[..., Site]
) -> None:
    site = open_site()
    ask(site, model, private)
    with pytest.raises(FederationError, match=r"site 'a': run 'run' .* seed was 0, is 1"):
        ask(site, model, dataclasses.replace(private, seed=1), 2)


def test_a_restarted_site_goes_on_as_if_it_had_not_been(
    config: FederatedConfig, model: Model, make_log: MakeLog, tmp_path: Path
) -> None:
    unbroken = Site("a", make_log(), CryptographicNoise())
    for round_number in (1, 2, 3):
        expected = ask(unbroken, model, config, round_number)
        restarted = Site("a", make_log(), CryptographicNoise(), folder=tmp_path)
        assert same(ask(restarted, model, config, round_number), expected)
    # The moments are kept, or round 3 would be round 1 on other minibatches.
    fresh = Site("a", make_log(), CryptographicNoise())
    assert not same(ask(fresh, model, config, 3), expected)


def test_the_terms_are_the_sites_own(
    config: FederatedConfig, private: FederatedConfig, model: Model, open_site: Callable[..., Site]
) -> None:
    with pytest.raises(PrivacyError, match="site 'a': run 'run' asks for answers without privacy"):
        ask(open_site(), model, config)
    with pytest.raises(PrivacyError, match=r"site 'a': .* this site has no budget, so give it"):
        ask(open_site(budget=None), model, private)


def test_a_budget_needs_a_disk(make_log: MakeLog) -> None:
    with pytest.raises(PrivacyError, match="site 'a': a budget is kept on disk; give the site"):
        Site("a", make_log(), CryptographicNoise(), budget=BUDGET)


def test_a_plain_run_that_diverges_says_so_and_a_private_one_stays_silent(
    config: FederatedConfig, private: FederatedConfig, make_log: MakeLog, tmp_path: Path
) -> None:
    log = make_log(scale=1e30)
    model = first_model(config, 5, 2)
    with pytest.raises(TrainingError, match="finite losses are needed: lower learning_rate"):
        ask(Site("a", log, CryptographicNoise()), model, config)
    with Site("a", log, CryptographicNoise(), folder=tmp_path, budget=BUDGET) as site:
        answer = ask(site, model, private)
    assert all(np.isfinite(value).all() for value in answer.delta.values())


KILL = """
    import os, signal
    import numpy as np
    from grid_fed_rl.algorithms import IQLConfig
    from grid_fed_rl.datasets import Transitions
    from grid_fed_rl.federated import site as module
    from grid_fed_rl.federated.config import FederatedConfig
    from grid_fed_rl.federated.ledger import Ledger
    from grid_fed_rl.federated.noise import CryptographicNoise
    from grid_fed_rl.federated.privacy import SiteDayPrivacy
    from grid_fed_rl.federated.rounds import first_model

    def die(*args):
        os.kill(os.getpid(), signal.SIGKILL)

    if {when!r} == "training":
        module.local_update = die
    else:
        Ledger.release = die
    rng = np.random.default_rng(0)
    log = Transitions(
        observation=rng.uniform(-1, 1, (12, 7, 5)), action=rng.uniform(-1, 1, (12, 6, 2)),
        reward=rng.normal(size=(12, 6)), cost=rng.uniform(size=(12, 6)),
        terminated=np.zeros((12, 6), bool), mask=np.ones((12, 6), bool),
    )
    config = FederatedConfig(
        n_local_steps=2, batch_size=16,
        algorithm=IQLConfig(hidden=(8,), cost_weight=0.5, learning_rate=1e-3),
        privacy=SiteDayPrivacy(
            epsilon=4.0, sigma=3.0, clip=1.0, sampling_rate=0.5, nominal_days=12
        ),
    )
    model = first_model(config, 5, 2)
    site = module.Site(
        "a", log, CryptographicNoise(), folder=module.Path({folder!r}), budget=(4.0, 1e-5)
    )
    site.train(model.params, model.targets, config, 1)
"""


@pytest.mark.parametrize("when", ["training", "before the answer leaves"])
def test_a_site_killed_between_reserving_and_answering(
    private: FederatedConfig,
    model: Model,
    open_site: Callable[..., Site],
    tmp_path: Path,
    when: str,
) -> None:
    script = textwrap.dedent(KILL.format(when=when, folder=str(tmp_path)))
    killed = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()

    summary = read_ledger(tmp_path / "ledger.jsonl")
    assert summary.n_steps == 2  # charged
    assert (tmp_path / "answer.safetensors").exists() == (when != "training")
    site = open_site()
    assert isinstance(site.ledger, Ledger)
    assert site.ledger.released("run", 1) is None  # nothing left the site
    before = (tmp_path / "answer.safetensors").read_bytes() if when != "training" else b""
    answer = ask(site, model, private)
    assert site.ledger.released("run", 1) == update_sha256(answer.delta)
    assert site.ledger.summary.n_steps == 2  # and is not charged again
    if when != "training":
        assert (tmp_path / "answer.safetensors").read_bytes() == before  # it found its answer
