"""One utility: its log, its budget and its place in a run, all on its own disk.

A site answers a round of a run once. Asked again it sends the same answer
again, because a second draw of noise for the same question would cost privacy
a second time. The order of things makes that hold whenever the site is killed:

1. the steps are reserved in the ledger,
2. the round is trained,
3. the answer and Adam's moments are written to the folder,
4. the ledger notes the fingerprint of the answer,
5. the answer leaves.

A site killed between 1 and 3 trains the round again under the same
reservation: nothing had left it. Killed later, it finds its answer.
"""

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from grid_fed_rl.algorithms import IQLConfig, Learner
from grid_fed_rl.algorithms.networks import Tensors
from grid_fed_rl.algorithms.storage import read_tensors, write_tensors
from grid_fed_rl.datasets.transitions import Transitions
from grid_fed_rl.errors import FederationError, PrivacyError
from grid_fed_rl.federated.config import FederatedConfig, Flat, require_same_run, to_flat
from grid_fed_rl.federated.gradient import Trajectories
from grid_fed_rl.federated.ledger import Ledger
from grid_fed_rl.federated.noise import NoiseSource
from grid_fed_rl.federated.update import (
    Arrays,
    Update,
    as_arrays,
    as_tensors,
    local_update,
    minibatch_seed,
    update_sha256,
)

__all__ = ["Budget", "Site"]

_KIND = "answer of a site"


class Budget(NamedTuple):
    """What a site is willing to spend, ever."""

    epsilon: float
    delta: float


class Site:
    """One participant.

    Args:
        name: of the site.
        transitions: its log.
        noise: source of its private steps.
        folder: on the site's disk; keeps the last answer and the ledger. Without
            one the site remembers for as long as the process lives.
        budget: of the ledger. A site that has one never answers without privacy;
            a site that has none never answers with it.

    Raises:
        PrivacyError: there is a budget and no folder, or the ledger refuses to open.
    """

    def __init__(
        self,
        name: str,
        transitions: Transitions,
        noise: NoiseSource,
        *,
        folder: Path | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.name = name
        self.transitions = transitions
        self.noise = noise
        self.ledger: Ledger | None = None
        self._folder = folder
        self._last: _Answer | None = None
        self._log: tuple[IQLConfig, Trajectories] | None = None
        if budget is not None:
            if folder is None:
                raise PrivacyError(
                    f"site '{name}': a budget is kept on disk; give the site a folder"
                )
            self.ledger = Ledger(folder / "ledger.jsonl", name, *budget)
        if folder is not None and (folder / "answer.safetensors").exists():
            self._last = _read(folder / "answer.safetensors")

    def train(
        self, params: Arrays, targets: Arrays, config: FederatedConfig, round_number: int
    ) -> Update:
        """Answer one round.

        Args:
            params: the server's parameters.
            targets: the server's targets.
            config: the run.
            round_number: from 1.

        Raises:
            BudgetError: the budget does not cover the round; nothing was trained.
            PrivacyError: the run asks for less privacy than the site demands, or
                the answer to this round left the site before and is not kept.
            FederationError: the round is older than the last one answered, or the
                settings of the run have changed since.
            TrainingError: a loss without privacy is not finite.
        """
        self._require_terms(config)
        answer = self._last
        if answer is not None:
            require_same_run(f"site '{self.name}'", answer.settings, to_flat(config))
        if answer is None or (answer.run, answer.round_number) != (config.run, round_number):
            self._require_newer(config.run, round_number)
            epsilon_spent = self._reserve(config, round_number)
            answer = self._train(params, targets, config, round_number)
            if epsilon_spent is not None:
                answer.metrics["epsilon_spent"] = epsilon_spent
            if self._folder is not None:
                _write(self._folder / "answer.safetensors", answer)
            self._last = answer
        if self.ledger is not None:
            self.ledger.release(config.run, round_number, update_sha256(answer.delta))
        return Update(
            site=self.name,
            run=config.run,
            round_number=round_number,
            n_steps=config.n_local_steps,
            delta={name: value.copy() for name, value in answer.delta.items()},
            metrics=dict(answer.metrics),
        )

    def close(self) -> None:
        """Let go of the ledger. Closing twice is harmless."""
        if self.ledger is not None:
            self.ledger.close()

    def __enter__(self) -> "Site":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _require_terms(self, config: FederatedConfig) -> None:
        if config.privacy is None and self.ledger is not None:
            raise PrivacyError(
                f"site '{self.name}': run '{config.run}' asks for answers without privacy; this "
                "site has a budget and answers with it only"
            )
        if config.privacy is not None and self.ledger is None:
            raise PrivacyError(
                f"site '{self.name}': run '{config.run}' asks for privacy; this site has no "
                "budget, so give it an epsilon and a delta of its own"
            )

    def _require_newer(self, run: str, round_number: int) -> None:
        """Refuse a round whose answer may have left and is no longer kept."""
        last = self._last
        if last is not None and last.run == run and round_number < last.round_number:
            raise FederationError(
                f"site '{self.name}': round {round_number} of run '{run}' is stale; round "
                f"{last.round_number} was answered last. Resume the run, or give it another name"
            )
        if self.ledger is not None and self.ledger.released(run, round_number) is not None:
            raise PrivacyError(
                f"site '{self.name}': round {round_number} of run '{run}' was answered, and the "
                "answer is not kept; another one would cost privacy again. Use another run name"
            )

    def _reserve(self, config: FederatedConfig, round_number: int) -> float | None:
        if self.ledger is None or config.privacy is None:
            return None
        steps = config.privacy.steps(config.n_local_steps)
        repeatable = self.noise.voids_guarantee
        return self.ledger.reserve(config.run, round_number, steps, repeatable=repeatable)

    def _train(
        self, params: Arrays, targets: Arrays, config: FederatedConfig, round_number: int
    ) -> "_Answer":
        learner = Learner.start(config.algorithm, as_tensors(params), as_tensors(targets))
        if self._last is not None and self._last.run == config.run:
            learner.mean = as_tensors(self._last.mean)
            learner.square = as_tensors(self._last.square)
            learner.step = self._last.step
        delta, metrics = local_update(
            learner,
            self._tensors(config.algorithm),
            config.n_local_steps,
            config.batch_size,
            config.privacy,
            self.noise.child(config.run, self.name, round_number),
            minibatch_seed(config.seed, self.name),
        )
        return _Answer(
            settings=to_flat(config),
            round_number=round_number,
            step=learner.step,
            metrics=metrics,
            delta=delta,
            mean=as_arrays(learner.mean),
            square=as_arrays(learner.square),
        )

    def _tensors(self, config: IQLConfig) -> Trajectories:
        """The log as tensors, made once for a configuration."""
        if self._log is None or self._log[0] != config:
            self._log = (config, Trajectories.of(self.transitions, config))
        return self._log[1]


@dataclass
class _Answer:
    """The last answer, and what the next round goes on from."""

    settings: Flat
    round_number: int
    step: int
    metrics: dict[str, float]
    delta: Arrays
    mean: Arrays
    square: Arrays

    @property
    def run(self) -> str:
        return str(self.settings["run"])


_GROUPS = ("delta", "mean", "square")
_HEADER = ("settings", "round_number", "step", "metrics")


def _write(path: Path, answer: _Answer) -> None:
    tensors: Tensors = {
        f"{group}/{name}": value
        for group in _GROUPS
        for name, value in as_tensors(getattr(answer, group)).items()
    }
    header = {name: getattr(answer, name) for name in _HEADER}
    write_tensors(path, tensors, _KIND, header)


def _read(path: Path) -> _Answer:
    tensors, header = read_tensors(path, _KIND)
    groups: dict[str, Arrays] = {group: {} for group in _GROUPS}
    for key, value in as_arrays(tensors).items():
        group, name = key.split("/", 1)
        groups[group][name] = value
    return _Answer(
        settings=header["settings"],
        round_number=header["round_number"],
        step=header["step"],
        metrics=header["metrics"],
        delta=groups["delta"],
        mean=groups["mean"],
        square=groups["square"],
    )
