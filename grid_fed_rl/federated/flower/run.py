"""A whole federated run in one process, through the apps that a deployment uses."""

import contextlib
import json
import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from flwr.app import ConfigRecord, Context, RecordDict

from grid_fed_rl.algorithms import LearnedPolicy
from grid_fed_rl.algorithms.networks import Tensors
from grid_fed_rl.datasets.transitions import Transitions
from grid_fed_rl.errors import FederationError, PrivacyError
from grid_fed_rl.federated.config import FederatedConfig, to_flat
from grid_fed_rl.federated.flower.client import client_app
from grid_fed_rl.federated.flower.grid import InProcessGrid, acting_as_server
from grid_fed_rl.federated.flower.messages import read_arrays
from grid_fed_rl.federated.flower.server import Evaluate, Progress, ServerPlan, server_app
from grid_fed_rl.federated.ledger import LedgerSummary
from grid_fed_rl.federated.noise import CryptographicNoise, NoiseSource
from grid_fed_rl.federated.rounds import RoundRecord
from grid_fed_rl.federated.site import Budget, Site
from grid_fed_rl.federated.statement import Statement, no_privacy, site_day_privacy
from grid_fed_rl.federated.update import as_tensors

__all__ = ["Federated", "run_federated"]

_RUN_ID = 1


@dataclass(frozen=True)
class Federated:
    """What a run leaves.

    Attributes:
        params: parameters after the last round, by name.
        targets: target parameters by name.
        average: parameters averaged over the last rounds, by name.
        history: one record a round, those before a restart included.
        statement: the guarantee.
        ledgers: what each site's ledger says at the end, by site; empty without privacy.
        config: the run.
    """

    params: Tensors
    targets: Tensors
    average: Tensors
    history: list[RoundRecord]
    statement: Statement
    ledgers: dict[str, LedgerSummary]
    config: FederatedConfig

    @property
    def policy(self) -> LearnedPolicy:
        """The actor of the averaged parameters, ready to run."""
        return LearnedPolicy(self.average, self.config.algorithm)


def run_federated(
    sites: Mapping[str, Transitions],
    config: FederatedConfig,
    folder: str | Path | None = None,
    *,
    noise: NoiseSource | None = None,
    progress: Progress | None = None,
    evaluate: Evaluate | None = None,
    evaluate_every: int = 0,
) -> Federated:
    """Train one model on the logs of several sites.

    With a folder the run is written after every round and goes on from there
    when it is called again: `server.safetensors`, and for each site
    `sites/<name>/answer.safetensors` and, under privacy, `ledger.jsonl`.

    Args:
        sites: the log of each site, by name.
        config: the run.
        folder: of this run; needed under privacy, for the ledgers.
        noise: source of the private steps; a cryptographic one if None.
        progress: called after every round.
        evaluate: called with the averaged parameters and the number of the round.
        evaluate_every: rounds between evaluations; 0 evaluates after the last only.

    Raises:
        BudgetError: a site's budget does not cover a round; the message names it.
        PrivacyError: privacy is asked for without a folder, or a ledger refuses.
        FederationError: too few sites gave a usable answer, the sites do not fit
            together, or the folder holds another run.
        TrainingError: a file in the folder is broken.
    """
    folder = None if folder is None else Path(folder)
    noise = CryptographicNoise() if noise is None else noise
    _check(sites, config, folder)
    with ExitStack() as stack:
        opened = {
            name: stack.enter_context(_open(name, log, config, folder, noise))
            for name, log in sites.items()
        }
        clients = client_app(
            lambda context: contextlib.nullcontext(opened[str(context.node_config["site"])])
        )
        settings = to_flat(config)
        nodes = {
            node: Context(_RUN_ID, node, {"site": name}, RecordDict(), dict(settings))
            for node, name in enumerate(sorted(sites), start=2)  # node 1 is the server
        }
        plan = ServerPlan(
            sites=tuple(sorted(sites)),
            checkpoint=None if folder is None else folder / "server.safetensors",
            progress=progress,
            evaluate=evaluate,
            evaluate_every=evaluate_every,
        )
        context = Context(_RUN_ID, 1, {}, RecordDict(), dict(settings))
        with acting_as_server(_RUN_ID):
            server_app(lambda _: plan)(InProcessGrid(clients, nodes, _RUN_ID), context)
        ledgers = {
            name: site.ledger.summary for name, site in opened.items() if site.ledger is not None
        }
    history = context.state["history"]
    assert isinstance(history, ConfigRecord)
    return Federated(
        params=as_tensors(read_arrays(context.state, "params")),
        targets=as_tensors(read_arrays(context.state, "targets")),
        average=as_tensors(read_arrays(context.state, "average")),
        history=[RoundRecord.of(record) for record in json.loads(str(history["rounds"]))],
        statement=(
            no_privacy()
            if config.privacy is None
            else site_day_privacy(config.privacy, list(ledgers.values()), noise)
        ),
        ledgers=ledgers,
        config=config,
    )


def _open(
    name: str, log: Transitions, config: FederatedConfig, folder: Path | None, noise: NoiseSource
) -> Site:
    budget = (
        None if config.privacy is None else Budget(config.privacy.epsilon, config.privacy.delta)
    )
    place = None if folder is None else folder / "sites" / name
    return Site(name, log, noise, folder=place, budget=budget)


def _check(sites: Mapping[str, Transitions], config: FederatedConfig, folder: Path | None) -> None:
    if not sites:
        raise FederationError("sites: none was given; one or more are needed")
    for name, log in sites.items():
        if not re.fullmatch(r"\w[\w.-]*", name):
            raise FederationError(
                f"site '{name}': a name of letters, digits, '_', '.' and '-' is needed"
            )
        if log.n_transitions == 0:
            raise FederationError(f"site '{name}': its log is empty; one day or more is needed")
    if config.privacy is not None and folder is None:
        raise PrivacyError("folder: none was given; ledgers are kept on disk, so give one")
