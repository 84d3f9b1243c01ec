"""A Flower grid inside one process: no link, no Ray, no network.

`InProcessGrid` hands every message straight to the client app. It keeps what a
network would enforce: the two sides never share an object (content is copied
both ways), one node has one context for the whole run, and a client that
raises becomes an error reply instead of stopping the server.
"""

import copy
import itertools
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from flwr.app import Context, Error, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.common.constant import SUPERLINK_NODE_ID, ErrorCode
from flwr.serverapp import Grid
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

__all__ = ["InProcessGrid", "acting_as_server"]


class InProcessGrid(Grid):
    """Calls the client app for each message, node after node, in order.

    Args:
        client_app: what every node runs.
        contexts: one context a node, by node id.
        run_id: of the run all messages belong to.
    """

    def __init__(
        self, client_app: ClientApp, contexts: Mapping[int, Context], run_id: int = 1
    ) -> None:
        self._client_app = client_app
        self._contexts = dict(contexts)
        self._run = Run.create_empty(run_id)
        self._message_number = itertools.count(1)
        self._replies: dict[str, Message] = {}

    def set_run(self, run: Run) -> None:
        """Set the run that messages belong to."""
        self._run = run

    @property
    def run(self) -> Run:
        """The run that messages belong to."""
        return self._run

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        """Make a message; the constructor of `Message` does the same."""
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> Iterable[int]:
        """Ids of all nodes, ascending."""
        return sorted(self._contexts)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Have every message answered and return their ids, with which to pull the answers."""
        return [self._answer(message) for message in messages]

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Hand out the answers to these messages, each once."""
        known = [name for name in message_ids if name in self._replies]
        return [self._replies.pop(name) for name in known]

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Have every message answered and return the answers.

        `timeout` has no effect: a call in the same process ends when it ends.
        """
        del timeout
        return self.pull_messages(self.push_messages(messages))

    def _answer(self, message: Message) -> str:
        name = f"message-{next(self._message_number)}"
        message.metadata.__dict__["_message_id"] = name  # as a link does; there is no setter
        received = copy.deepcopy(message)
        context = self._contexts.get(message.metadata.dst_node_id)
        if context is None:
            error = Error(ErrorCode.NODE_UNAVAILABLE, "there is no such node")
            reply = Message(error, reply_to=received)
        else:
            try:
                reply = copy.deepcopy(self._client_app(received, context))
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                failure = Error(ErrorCode.CLIENT_APP_RAISED_EXCEPTION, reason)
                reply = Message(failure, reply_to=received)
        self._replies[name] = reply
        return name


@contextmanager
def acting_as_server(run_id: int) -> Iterator[None]:
    """Say to Flower that this process is the server of a run, as its own runtimes do.

    New messages take their sender and run from this identity.
    """
    names = ("_task_id", "_run_id", "_node_id")
    before = {name: getattr(TaskIdentity, name) for name in names}
    TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 1, run_id, SUPERLINK_NODE_ID
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(TaskIdentity, name, value)
