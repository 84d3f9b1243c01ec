"""The grid between the apps, what travels, and the apps as a deployment loads them."""

import dataclasses
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.supercore.task_identity import TaskIdentity

from grid_fed_rl.algorithms import IQLConfig
from grid_fed_rl.datasets import Transitions
from grid_fed_rl.datasets.minari_io import write_minari
from grid_fed_rl.errors import BudgetError, FederationError, PrivacyError
from grid_fed_rl.federated.config import FederatedConfig, Flat, to_flat
from grid_fed_rl.federated.flower import apps
from grid_fed_rl.federated.flower.client import client_app
from grid_fed_rl.federated.flower.grid import InProcessGrid, acting_as_server
from grid_fed_rl.federated.flower.messages import (
    read_arrays,
    read_ask,
    read_greeting,
    read_update,
    refusal_content,
)
from grid_fed_rl.federated.flower.run import run_federated
from grid_fed_rl.federated.flower.server import ServerPlan, serve, server_app
from grid_fed_rl.federated.noise import CryptographicNoise, ReproducibleNoise
from grid_fed_rl.federated.privacy import SiteDayPrivacy
from grid_fed_rl.federated.rounds import first_model
from grid_fed_rl.federated.site import Site

MakeLog = Callable[..., Transitions]


def context(node: int, run_config: Flat | None = None, node_config: Flat | None = None) -> Context:
    return Context(1, node, dict(node_config or {}), RecordDict(), dict(run_config or {}))


@pytest.fixture
def config(algorithm: IQLConfig) -> FederatedConfig:
    return FederatedConfig(n_rounds=2, n_local_steps=2, batch_size=16, algorithm=algorithm)


@pytest.fixture
def echo() -> ClientApp:
    """Adds one to a number of the message in place, counts in its state, and fails on 13."""
    app = ClientApp()

    @app.train()
    def train(message: Message, context: Context) -> Message:
        record = message.content["record"]
        assert isinstance(record, ConfigRecord)
        value = record["value"]
        assert isinstance(value, int)
        if value == 13:
            raise RuntimeError("thirteen")
        calls = context.state.get("calls", ConfigRecord({"n": 0}))
        assert isinstance(calls, ConfigRecord)
        n = calls["n"]
        assert isinstance(n, int)
        context.state["calls"] = ConfigRecord({"n": n + 1})
        record["value"] = value + 1
        return Message(message.content, reply_to=message)

    return app


def messages(values: list[int], nodes: list[int]) -> list[Message]:
    shared = {value: RecordDict({"record": ConfigRecord({"value": value})}) for value in values}
    return [
        Message(shared[value], node, "train", group_id="1")
        for value, node in zip(values, nodes, strict=True)
    ]


def test_the_grid_shares_no_object_and_keeps_one_context_a_node(echo: ClientApp) -> None:
    contexts = {node: context(node) for node in (2, 3)}
    grid = InProcessGrid(echo, contexts)
    assert grid.get_node_ids() == [2, 3]
    assert [node.node_id for node in grid.get_nodes()] == [2, 3]
    with acting_as_server(1):
        sent = messages([5, 5, 5], [2, 3, 2])
        replies = list(grid.send_and_receive(sent))
    assert [reply.content["record"] for reply in replies] == [{"value": 6}] * 3
    assert sent[0].content["record"] == {"value": 5}  # the app changed its own copy
    assert [reply.metadata.src_node_id for reply in replies] == [2, 3, 2]
    assert [reply.metadata.reply_to_message_id for reply in replies] == [
        message.metadata.message_id for message in sent
    ]
    assert contexts[2].state["calls"] == {"n": 2}
    assert contexts[3].state["calls"] == {"n": 1}


def test_an_exception_becomes_an_error_reply_and_the_others_are_answered(echo: ClientApp) -> None:
    grid = InProcessGrid(echo, {2: context(2), 3: context(3)})
    with acting_as_server(1):
        failed, answered, nobody = grid.send_and_receive(messages([13, 5, 6], [2, 3, 9]))
    assert failed.has_error()
    assert failed.error.reason == "RuntimeError: thirteen"
    assert failed.metadata.src_node_id == 2
    assert answered.content["record"] == {"value": 6}
    assert nobody.error.reason == "there is no such node"


def test_answers_are_pulled_once(echo: ClientApp) -> None:
    grid = InProcessGrid(echo, {2: context(2)}, run_id=4)
    assert grid.run.run_id == 4
    with acting_as_server(4):
        one = grid.create_message(
            RecordDict({"record": ConfigRecord({"value": 1})}), "train", 2, "1"
        )
        names = list(grid.push_messages([one]))
    assert one.metadata.run_id == 4
    assert len(list(grid.pull_messages(names))) == 1
    assert list(grid.pull_messages(names)) == []
    grid.set_run(InProcessGrid(echo, {}, run_id=5).run)
    assert grid.run.run_id == 5


def test_the_process_is_the_server_for_as_long_as_it_says_so() -> None:
    before = TaskIdentity._run_id
    with acting_as_server(9):
        assert TaskIdentity.run_id == 9
    assert TaskIdentity._run_id == before


@pytest.fixture
def ask_site(config: FederatedConfig, make_log: MakeLog) -> Callable[..., Message]:
    """Sends one message to a site's app and returns the answer."""

    def ask(content: RecordDict, kind: str = "train") -> Message:
        site = Site("a", make_log(), CryptographicNoise())
        app = client_app(lambda _: nullcontext(site))
        grid = InProcessGrid(app, {2: context(2, to_flat(config))})
        with acting_as_server(1):
            (reply,) = grid.send_and_receive([Message(content, 2, kind, group_id="1")])
        return reply

    return ask


def question(config: FederatedConfig, **ask: str | int) -> RecordDict:
    model = first_model(config, 5, 2)
    records = {
        name: ArrayRecord({key: Array(value) for key, value in arrays.items()})
        for name, arrays in (("params", model.params), ("targets", model.targets))
    }
    asked = ConfigRecord({"run": "run", "round": 1, **ask})
    return RecordDict({**records, "ask": asked})


def test_a_site_says_its_name_and_size_and_answers_a_round(
    config: FederatedConfig, ask_site: Callable[..., Message]
) -> None:
    assert read_greeting(ask_site(RecordDict(), "query")) == ("a", 5, 2)
    update = read_update(ask_site(question(config)), "a")
    assert (update.site, update.run, update.round_number, update.n_steps) == ("a", "run", 1, 2)
    assert update.delta.keys() == first_model(config, 5, 2).params.keys()


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("ask", "the server: record 'ask' is missing"),
        ("params", "record 'params' is missing; arrays are needed"),
    ],
)
def test_a_site_refuses_what_is_not_a_question(
    config: FederatedConfig, ask_site: Callable[..., Message], missing: str, message: str
) -> None:
    content = question(config)
    del content[missing]
    with pytest.raises(FederationError, match=f"site 'a': {message}"):
        read_update(ask_site(content), "a")


def test_a_site_refuses_another_run(
    config: FederatedConfig, ask_site: Callable[..., Message]
) -> None:
    with pytest.raises(FederationError, match="site 'a': asked for run 'x'; this app was started"):
        read_update(ask_site(question(config, run="x")), "a")
    with pytest.raises(FederationError, match="the server: round is '1'; an integer is needed"):
        read_ask_of(question(config, round="1"))


def read_ask_of(content: RecordDict) -> None:
    with acting_as_server(1):
        read_ask(Message(content, 2, "train"))


def answered_with(content: RecordDict) -> Message:
    with acting_as_server(1):
        return Message(content, reply_to=Message(RecordDict(), 2, "train"))


@pytest.mark.parametrize("kind", [BudgetError, PrivacyError, FederationError])
def test_a_refusal_arrives_as_the_error_it_was(kind: type[PrivacyError | FederationError]) -> None:
    with pytest.raises(kind, match=r"^site 'a': no more$"):
        read_update(answered_with(refusal_content(kind("site 'a': no more"))), "a")
    with pytest.raises(kind, match=r"^site 'a': no more$"):
        read_update(answered_with(refusal_content(kind("no more"))), "a")


def test_an_answer_under_another_name_or_of_another_form_is_refused(
    config: FederatedConfig, ask_site: Callable[..., Message]
) -> None:
    with pytest.raises(FederationError, match="site 'b': answers as 'a'; one name a node"):
        read_update(ask_site(question(config)), "b")
    for missing, words in (
        ("answer", "record 'answer' is missing"),
        ("metrics", "record 'metrics' is missing"),
        ("delta", "record 'delta' is missing"),
    ):
        reply = ask_site(question(config))
        del reply.content[missing]
        with pytest.raises(FederationError, match=f"site 'a': {words}"):
            read_update(reply, "a")


def test_bytes_that_are_no_array_are_refused() -> None:
    for data in (b"", b"junk", b"\x93NUMPY\x01\x00"):
        record = ArrayRecord({"w": Array("float32", (1,), "numpy.ndarray", data)})
        with pytest.raises(FederationError, match="record 'delta' is not readable"):
            read_arrays(RecordDict({"delta": record}), "delta")


@pytest.fixture
def datasets(make_log: MakeLog, tmp_path: Path) -> dict[str, Transitions]:
    """Two logs as Minari datasets, as two utilities would have them."""
    logs = {"north": make_log(0), "south": make_log(1)}
    box = (
        gymnasium.spaces.Box(-1, 1, (5,), np.float32),
        gymnasium.spaces.Box(-1, 1, (2,), np.float32),
    )
    for name, log in logs.items():
        write_minari(log, f"sites/{name}-v0", tmp_path / "minari", *box)
    return logs


def node_config(tmp_path: Path, name: str) -> Flat:
    return {
        "site": name,
        "dataset": f"sites/{name}-v0",
        "datasets": str(tmp_path / "minari"),
        "folder": str(tmp_path / "nodes" / name),
    }


def test_deployed_apps_read_their_configurations_and_equal_a_run_in_one_process(
    config: FederatedConfig, datasets: dict[str, Transitions], tmp_path: Path
) -> None:
    assert isinstance(apps.client, ClientApp)
    assert isinstance(apps.server, ServerApp)
    private = dataclasses.replace(
        config, privacy=SiteDayPrivacy(epsilon=5.0, sigma=3.0, nominal_days=12)
    )
    run_config = to_flat(private) | {
        "server.sites": "north, south",
        "server.folder": str(tmp_path / "server"),
        "server.timeout_s": 60,
    }
    own = {"epsilon": 5, "delta": 1e-5, "seed": 3}
    nodes = {
        node: context(node, run_config, node_config(tmp_path, name) | own)
        for node, name in ((11, "south"), (12, "north"))
    }
    link = context(1, run_config)
    with acting_as_server(1):
        apps.server(InProcessGrid(apps.client, nodes), link)
    same = run_federated(datasets, private, tmp_path / "run", noise=ReproducibleNoise(3))
    for name, value in read_arrays(link.state, "params").items():
        assert value.tobytes() == same.params[name].numpy().tobytes()
    assert (tmp_path / "server" / "server.safetensors").exists()
    assert (tmp_path / "nodes" / "north" / "ledger.jsonl").exists()


def test_a_node_that_is_not_configured_says_what_is_missing(
    config: FederatedConfig, datasets: dict[str, Transitions], tmp_path: Path
) -> None:
    whole = node_config(tmp_path, "north")
    for name in whole:
        partly = {key: value for key, value in whole.items() if key != name}
        with pytest.raises(FederationError, match=f"configuration: {name} is None; a text is"):
            apps.open_site(context(2, to_flat(config), partly))
    with pytest.raises(FederationError, match="configuration: delta is None; a number is needed"):
        apps.open_site(context(2, {}, whole | {"epsilon": 3.0}))
    with pytest.raises(FederationError, match=r"configuration: server\.sites is None"):
        apps.plan(context(1, {"server.folder": "x"}))
    site = apps.open_site(context(2, {}, whole))
    assert site.ledger is None
    assert not site.noise.voids_guarantee


def sites_app(make_log: MakeLog, names: dict[int, str]) -> ClientApp:
    opened = {node: Site(name, make_log(), CryptographicNoise()) for node, name in names.items()}
    return client_app(lambda context: nullcontext(opened[context.node_id]))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({2: "a"}, r"1 nodes came within 0\.01 s; 2 are needed, for a, b"),
        ({2: "a", 3: "a"}, "sites that came: a, a; each of a, b is needed once"),
        ({2: "a", 3: "c"}, "sites that came: a, c; each of a, b is needed once"),
        ({2: "a", 3: "b", 4: "c"}, "sites that came: a, b, c; each of a, b is needed once"),
    ],
)
def test_the_server_waits_for_exactly_its_sites(
    config: FederatedConfig, make_log: MakeLog, names: dict[int, str], message: str
) -> None:
    contexts = {node: context(node, to_flat(config)) for node in names}
    grid = InProcessGrid(sites_app(make_log, names), contexts)
    with acting_as_server(1), pytest.raises(FederationError, match=message):
        serve(grid, config, ServerPlan(("a", "b"), wait_s=0.01))


def test_a_site_that_does_not_answer_in_time_is_named(
    config: FederatedConfig, make_log: MakeLog
) -> None:
    class Deaf(InProcessGrid):
        def send_and_receive(
            self, messages: Iterable[Message], *, timeout: float | None = None
        ) -> Iterable[Message]:
            replies = list(super().send_and_receive(messages, timeout=timeout))
            return [r for r in replies if r.metadata.message_type == "query"] or replies[:1]

    contexts = {node: context(node, to_flat(config)) for node in (2, 3)}
    grid = Deaf(sites_app(make_log, {2: "a", 3: "b"}), contexts)
    with acting_as_server(1), pytest.raises(FederationError, match="site 'b': no answer within 5"):
        serve(grid, config, ServerPlan(("a", "b"), timeout_s=5))


def test_server_app_leaves_its_result_in_its_state(
    config: FederatedConfig, make_log: MakeLog
) -> None:
    contexts = {node: context(node, to_flat(config)) for node in (2, 3)}
    link = context(1, to_flat(config))
    app = server_app(lambda _: ServerPlan(("a", "b")))
    with acting_as_server(1):
        app(InProcessGrid(sites_app(make_log, {2: "a", 3: "b"}), contexts), link)
    assert read_arrays(link.state, "params").keys() == first_model(config, 5, 2).params.keys()
    assert read_arrays(link.state, "targets").keys() == first_model(config, 5, 2).targets.keys()
