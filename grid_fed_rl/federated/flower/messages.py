"""The records that travel, and how the core reads them.

::

    query   server -> site   nothing
            site -> server   "site": name, n_features, n_devices
    train   server -> site   "params", "targets": arrays;  "ask": run, round
            site -> server   "delta": arrays;  "answer": site, run, round, n_steps;
                             "metrics": numbers
    either  site -> server   "refusal": kind, reason

A refusal is an answer, not a failure of the network: its words name the site
and what would be right, and hold nothing of the log.
"""

from typing import NamedTuple

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict

from grid_fed_rl.errors import BudgetError, FederationError, PrivacyError
from grid_fed_rl.federated.rounds import Model
from grid_fed_rl.federated.site import Site
from grid_fed_rl.federated.update import Arrays, Update

__all__ = [
    "Greeting",
    "ask_content",
    "greeting_content",
    "read_arrays",
    "read_ask",
    "read_greeting",
    "read_update",
    "refusal_content",
    "to_record",
    "update_content",
]

_KINDS = {kind.__name__: kind for kind in (BudgetError, PrivacyError, FederationError)}


class Greeting(NamedTuple):
    """What a site says of itself before the first round: public facts."""

    site: str
    n_features: int
    n_devices: int


def to_record(arrays: Arrays) -> ArrayRecord:
    """Arrays as a record, in the order of their names."""
    return ArrayRecord({name: Array(arrays[name]) for name in arrays})


def read_arrays(content: RecordDict, name: str) -> Arrays:
    """A record as arrays; what is in them is the guard's to judge.

    Raises:
        FederationError: the record is missing or not readable.
    """
    record = content.get(name)
    if not isinstance(record, ArrayRecord):
        raise FederationError(f"record '{name}' is missing; arrays are needed")
    try:
        return {key: np.asarray(array.numpy()) for key, array in record.items()}
    except (ValueError, TypeError, EOFError) as error:
        raise FederationError(f"record '{name}' is not readable: {error}") from None


def greeting_content(site: Site) -> RecordDict:
    """Name and dimensions of a site."""
    log = site.transitions
    facts = {"name": site.name, "n_features": log.n_features, "n_devices": log.n_devices}
    return RecordDict({"site": ConfigRecord({**facts})})


def read_greeting(reply: Message) -> Greeting:
    """What a node said of itself.

    Raises:
        FederationError: it refused or failed, or said something else.
    """
    site = f"node {reply.metadata.src_node_id}"
    _raise_refusal(reply, site)
    facts = _config(reply.content, "site", site)
    return Greeting(
        str(facts["name"]), _integer(facts, "n_features", site), _integer(facts, "n_devices", site)
    )


def ask_content(model: Model, run: str) -> RecordDict:
    """What the server sends for the round after `model`."""
    ask = ConfigRecord({"run": run, "round": model.round_number + 1})
    return RecordDict(
        {"params": to_record(model.params), "targets": to_record(model.targets), "ask": ask}
    )


def read_ask(message: Message) -> tuple[Arrays, Arrays, str, int]:
    """Parameters, targets, run and round that the server sent."""
    ask = _config(message.content, "ask", "the server")
    params = read_arrays(message.content, "params")
    targets = read_arrays(message.content, "targets")
    return params, targets, str(ask["run"]), _integer(ask, "round", "the server")


def update_content(update: Update) -> RecordDict:
    """A site's answer."""
    answer = ConfigRecord(
        {
            "site": update.site,
            "run": update.run,
            "round": update.round_number,
            "n_steps": update.n_steps,
        }
    )
    return RecordDict(
        {
            "delta": to_record(update.delta),
            "answer": answer,
            "metrics": MetricRecord({**update.metrics}),
        }
    )


def read_update(reply: Message, site: str) -> Update:
    """The answer of the node that greeted as `site`.

    Raises:
        BudgetError: the site's budget does not cover the round.
        PrivacyError: the site refused for its privacy.
        FederationError: the site refused or failed for another reason, answered
            under another name, or sent something else.
    """
    _raise_refusal(reply, f"site '{site}'")
    answer = _config(reply.content, "answer", f"site '{site}'")
    if answer["site"] != site:
        raise FederationError(f"site '{site}': answers as '{answer['site']}'; one name a node")
    metrics = reply.content.get("metrics")
    if not isinstance(metrics, MetricRecord):
        raise FederationError(f"site '{site}': record 'metrics' is missing; numbers are needed")
    try:
        delta = read_arrays(reply.content, "delta")
    except FederationError as error:
        raise FederationError(f"site '{site}': {error}") from None
    return Update(
        site=site,
        run=str(answer["run"]),
        round_number=_integer(answer, "round", f"site '{site}'"),
        n_steps=_integer(answer, "n_steps", f"site '{site}'"),
        delta=delta,
        metrics={
            name: float(value) for name, value in metrics.items() if isinstance(value, (int, float))
        },
    )


def refusal_content(error: PrivacyError | FederationError) -> RecordDict:
    """A refusal, as an answer."""
    kind = next(name for name, known in _KINDS.items() if isinstance(error, known))
    return RecordDict({"refusal": ConfigRecord({"kind": kind, "reason": str(error)})})


def _raise_refusal(reply: Message, site: str) -> None:
    if reply.has_error():
        raise FederationError(f"{site}: failed: {reply.error.reason} (code {reply.error.code})")
    if "refusal" in reply.content:
        refusal = _config(reply.content, "refusal", site)
        reason = str(refusal["reason"])
        raise _KINDS.get(str(refusal["kind"]), FederationError)(
            reason if reason.startswith(site) else f"{site}: {reason}"
        )


def _config(content: RecordDict, name: str, sender: str) -> ConfigRecord:
    record = content.get(name)
    if not isinstance(record, ConfigRecord):
        raise FederationError(f"{sender}: record '{name}' is missing; a configuration is needed")
    return record


def _integer(record: ConfigRecord, name: str, sender: str) -> int:
    value = record.get(name)
    if not isinstance(value, int):
        raise FederationError(f"{sender}: {name} is {value!r}; an integer is needed")
    return value
