"""The apps that `flwr run` loads: everything from the configurations of node and run.

A node says in its `--node-config` what is its own::

    site="utility_1" dataset="grid_fed_rl/ieee123-vvo/utility_1-v0" datasets="/srv/minari"
    folder="/srv/grid_fed_rl" epsilon=8.0 delta=1e-5

`epsilon` and `delta` are the site's budget; with them it answers under privacy
only, without them only without. `seed=7` makes its noise repeatable and voids
the guarantee.

The run configuration holds what `grid_fed_rl.federated.config.to_flat` writes,
and for the server `server.sites` (names with commas), `server.folder`,
`server.timeout_s` and `server.wait_s`.
"""

from pathlib import Path

from flwr.app import Context

from grid_fed_rl.datasets.minari_io import read_minari
from grid_fed_rl.errors import FederationError
from grid_fed_rl.federated.config import Flat
from grid_fed_rl.federated.flower.client import client_app, split_run_config
from grid_fed_rl.federated.flower.server import ServerPlan, server_app
from grid_fed_rl.federated.noise import CryptographicNoise, ReproducibleNoise
from grid_fed_rl.federated.site import Budget, Site

__all__ = ["client", "open_site", "plan", "server"]


def open_site(context: Context) -> Site:
    """The site of a node, from its node configuration."""
    node = dict(context.node_config)
    name, folder = _text(node, "site"), Path(_text(node, "folder"))
    log = read_minari(_text(node, "dataset"), _text(node, "datasets"))
    noise = ReproducibleNoise(int(node["seed"])) if "seed" in node else CryptographicNoise()
    budget = None
    if "epsilon" in node or "delta" in node:
        budget = Budget(_number(node, "epsilon"), _number(node, "delta"))
    return Site(name, log, noise, folder=folder, budget=budget)


def plan(context: Context) -> ServerPlan:
    """The server's plan, from the run configuration."""
    _, told = split_run_config(context.run_config)
    sites = tuple(name.strip() for name in _text(told, "sites", "server.").split(","))
    timeout_s = _number(told, "timeout_s", "server.") if "timeout_s" in told else None
    wait_s = _number(told, "wait_s", "server.") if "wait_s" in told else ServerPlan.wait_s
    checkpoint = Path(_text(told, "folder", "server.")) / "server.safetensors"
    return ServerPlan(sites, checkpoint=checkpoint, timeout_s=timeout_s, wait_s=wait_s)


client = client_app(open_site)
server = server_app(plan)


def _text(config: Flat, name: str, prefix: str = "") -> str:
    value = config.get(name)
    if not isinstance(value, str) or not value:
        raise FederationError(f"configuration: {prefix}{name} is {value!r}; a text is needed")
    return value


def _number(config: Flat, name: str, prefix: str = "") -> float:
    value = config.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise FederationError(f"configuration: {prefix}{name} is {value!r}; a number is needed")
    return float(value)
