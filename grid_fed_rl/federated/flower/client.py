"""A site as a Flower client app."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager

from flwr.app import Context, Message, RecordDict
from flwr.clientapp import ClientApp

from grid_fed_rl.errors import FederationError, PrivacyError
from grid_fed_rl.federated.config import Flat, from_flat
from grid_fed_rl.federated.flower.messages import (
    greeting_content,
    read_ask,
    refusal_content,
    update_content,
)
from grid_fed_rl.federated.site import Site

__all__ = ["SiteOpener", "client_app", "split_run_config"]

SiteOpener = Callable[[Context], AbstractContextManager[Site]]

_log = logging.getLogger(__name__)


def client_app(open_site: SiteOpener) -> ClientApp:
    """Make the app that answers for a site.

    The app holds nothing between messages: a SuperNode may start it anew for
    each one. What lasts is on the site's disk.

    Args:
        open_site: opens the node's site for one message, from its context.
    """
    app = ClientApp()

    @app.query()
    def greet(message: Message, context: Context) -> Message:
        return _answer(message, context, open_site, lambda site: greeting_content(site))

    @app.train()
    def train(message: Message, context: Context) -> Message:
        def answer(site: Site) -> RecordDict:
            config = from_flat(split_run_config(context.run_config)[0])
            params, targets, run, round_number = read_ask(message)
            if run != config.run:
                raise FederationError(
                    f"site '{site.name}': asked for run '{run}'; this app was started for "
                    f"'{config.run}'"
                )
            return update_content(site.train(params, targets, config, round_number))

        return _answer(message, context, open_site, answer)

    return app


def split_run_config(run_config: Flat) -> tuple[Flat, Flat]:
    """Split a run configuration: what every side needs, and what is under `server.`."""
    prefix = "server."
    shared = {key: value for key, value in run_config.items() if not key.startswith(prefix)}
    server = {
        key.removeprefix(prefix): value
        for key, value in run_config.items()
        if key.startswith(prefix)
    }
    return shared, server


def _answer(
    message: Message,
    context: Context,
    open_site: SiteOpener,
    answer: Callable[[Site], RecordDict],
) -> Message:
    """Answer a message, or refuse it in words that hold nothing of the log."""
    private = True
    try:
        with open_site(context) as site:
            private = site.ledger is not None
            content = answer(site)
    except (PrivacyError, FederationError) as error:
        content = refusal_content(error)
    except Exception as error:
        if not private:
            raise
        # Any other message may quote the log, and the server would read it.
        _log.exception("failed to answer")
        content = refusal_content(
            FederationError(f"{type(error).__name__} at the site; its own log says more")
        )
    return Message(content, reply_to=message)
