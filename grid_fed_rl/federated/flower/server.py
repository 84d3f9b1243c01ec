"""The server of a run as a Flower server app."""

import json
import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.serverapp import Grid, ServerApp

from grid_fed_rl.algorithms.networks import Tensors
from grid_fed_rl.errors import BudgetError, FederationError, PrivacyError
from grid_fed_rl.federated.config import FederatedConfig, from_flat
from grid_fed_rl.federated.flower.client import split_run_config
from grid_fed_rl.federated.flower.messages import (
    Greeting,
    ask_content,
    read_greeting,
    read_update,
    to_record,
)
from grid_fed_rl.federated.guard import check_update
from grid_fed_rl.federated.rounds import (
    Model,
    RoundRecord,
    expectation,
    first_model,
    load_checkpoint,
    next_model,
    save_checkpoint,
)
from grid_fed_rl.federated.update import Update, as_tensors

__all__ = ["Evaluate", "Progress", "ServerPlan", "serve", "server_app"]

Progress = Callable[[RoundRecord], None]
Evaluate = Callable[[Tensors, int], dict[str, float]]


@dataclass(frozen=True)
class ServerPlan:
    """What the server is told beside the configuration of the run.

    Attributes:
        sites: names of those who take part.
        checkpoint: file that the run goes on from, written after every round;
            None keeps nothing.
        timeout_s: longest wait for the answers of a round; None waits for ever.
        wait_s: longest wait for all sites to be there before the first round.
        progress: called after every round.
        evaluate: called with the averaged parameters and the number of the round.
        evaluate_every: rounds between evaluations; 0 evaluates after the last only.
    """

    sites: tuple[str, ...]
    checkpoint: Path | None = None
    timeout_s: float | None = None
    wait_s: float = 600.0
    progress: Progress | None = None
    evaluate: Evaluate | None = None
    evaluate_every: int = 0


def server_app(make_plan: Callable[[Context], ServerPlan]) -> ServerApp:
    """Make the app that runs the rounds.

    It leaves the final arrays in its context's state, as "params", "targets" and
    "average", and the rounds as JSON in "history".

    Args:
        make_plan: reads the plan from the server's context.
    """
    app = ServerApp()

    @app.main()
    def main(grid: Grid, context: Context) -> None:
        config = from_flat(split_run_config(context.run_config)[0])
        model, history = serve(grid, config, make_plan(context))
        context.state["params"] = to_record(model.params)
        context.state["average"] = to_record(model.average)
        context.state["targets"] = to_record(model.targets)
        rounds = json.dumps([asdict(record) for record in history])
        context.state["history"] = ConfigRecord({"rounds": rounds})

    return app


def serve(grid: Grid, config: FederatedConfig, plan: ServerPlan) -> tuple[Model, list[RoundRecord]]:
    """Run all rounds that are still to do.

    Raises:
        BudgetError: a site's budget does not cover a round, and the quorum is missed.
        PrivacyError: a site refused for its privacy, and the quorum is missed.
        FederationError: too few sites came or gave a usable answer, the sites do
            not fit together, or the checkpoint is of another run.
    """
    quorum = config.quorum if config.quorum is not None else len(plan.sites)
    if quorum > len(plan.sites):
        raise FederationError(f"quorum: {quorum} answers of {len(plan.sites)} sites cannot come")
    nodes = _greet(grid, plan)
    if plan.checkpoint is not None and plan.checkpoint.exists():
        model, history = load_checkpoint(plan.checkpoint, config)
    else:
        _, n_features, n_devices = next(iter(nodes.values()))
        model, history = first_model(config, n_features, n_devices), []
    while model.round_number < config.n_rounds:
        start = time.perf_counter()
        updates, refused = _collect(grid, model, config, plan, nodes)
        if len(updates) < quorum:
            _raise_worst(refused, len(updates), quorum)
        model, norm = next_model(model, updates, config)
        evaluation: dict[str, float] = {}
        if plan.evaluate is not None and _due(model.round_number, config, plan):
            evaluation = plan.evaluate(as_tensors(model.average), model.round_number)
        record = RoundRecord(
            round_number=model.round_number,
            accepted=tuple(sorted(updates)),
            refused={site: str(error) for site, error in refused.items()},
            update_norm=norm,
            metrics=_mean_metrics(updates.values()),
            evaluation=evaluation,
            wall_s=time.perf_counter() - start,
        )
        history.append(record)
        if plan.checkpoint is not None:
            save_checkpoint(plan.checkpoint, model, history, config)
        if plan.progress is not None:
            plan.progress(record)
    return model, history


def _greet(grid: Grid, plan: ServerPlan) -> dict[int, Greeting]:
    """Wait for the sites, learn which node is which, and hold them to one task."""
    deadline = time.monotonic() + plan.wait_s
    while len(ids := sorted(grid.get_node_ids())) < len(plan.sites):
        if time.monotonic() > deadline:
            raise FederationError(
                f"{len(ids)} nodes came within {plan.wait_s:g} s; {len(plan.sites)} are needed, "
                f"for {', '.join(plan.sites)}"
            )
        time.sleep(min(1.0, plan.wait_s))
    messages = [Message(RecordDict(), node, "query", group_id="0") for node in ids]
    replies = grid.send_and_receive(messages, timeout=plan.timeout_s)
    nodes = {reply.metadata.src_node_id: read_greeting(reply) for reply in replies}
    names = sorted(greeting.site for greeting in nodes.values())
    if names != sorted(plan.sites):
        raise FederationError(
            f"sites that came: {', '.join(names) or 'none'}; each of "
            f"{', '.join(sorted(plan.sites))} is needed once"
        )
    first = min(nodes.values())
    for greeting in nodes.values():
        if greeting[1:] != first[1:]:
            raise FederationError(
                f"site '{greeting.site}': {greeting.n_features} features and "
                f"{greeting.n_devices} devices; site '{first.site}' has {first.n_features} and "
                f"{first.n_devices}, and all sites of a run need the same"
            )
    return nodes


def _collect(
    grid: Grid,
    model: Model,
    config: FederatedConfig,
    plan: ServerPlan,
    nodes: dict[int, Greeting],
) -> tuple[dict[str, Update], dict[str, PrivacyError | FederationError]]:
    """Ask every site for one round; sort the answers into usable and refused."""
    expected = expectation(model, config, plan.sites)
    content = ask_content(model, config.run)
    group = str(expected.round_number)
    messages = [Message(content, node, "train", group_id=group) for node in nodes]
    updates: dict[str, Update] = {}
    refused: dict[str, PrivacyError | FederationError] = {}
    for reply in grid.send_and_receive(messages, timeout=plan.timeout_s):
        site = nodes[reply.metadata.src_node_id].site
        try:
            update = read_update(reply, site)
            check_update(update, expected, updates)
            updates[site] = update
        except (PrivacyError, FederationError) as error:
            refused[site] = error
    for site in set(plan.sites) - updates.keys() - refused.keys():
        refused[site] = FederationError(f"site '{site}': no answer within {plan.timeout_s} s")
    return updates, refused


def _raise_worst(
    refused: dict[str, PrivacyError | FederationError], n_updates: int, quorum: int
) -> None:
    """Stop the run with the error that says most: a spent budget before anything else."""
    order = (BudgetError, PrivacyError, FederationError)
    errors = sorted(
        refused.items(),
        key=lambda item: (next(i for i, k in enumerate(order) if isinstance(item[1], k)), item[0]),
    )
    (_, worst), *others = errors
    also = f"; refused too: {', '.join(site for site, _ in others)}" if others else ""
    raise type(worst)(f"{worst} [{n_updates} answers, {quorum} needed{also}]")


def _due(round_number: int, config: FederatedConfig, plan: ServerPlan) -> bool:
    last = round_number == config.n_rounds
    return last or bool(plan.evaluate_every and round_number % plan.evaluate_every == 0)


def _mean_metrics(updates: Collection[Update]) -> dict[str, float]:
    """Mean over sites of each number that all of them sent."""
    shared = set.intersection(*(set(update.metrics) for update in updates))
    return {
        name: float(np.mean([update.metrics[name] for update in updates]))
        for name in sorted(shared)
    }
