"""``grid-fed-rl envs``: what `gymnasium.make` can make."""

import argparse
from collections.abc import Mapping

from grid_fed_rl.cli.text import HelpFormatter, columns

__all__ = ["add_to"]

_NAMESPACE = "GridFedRL"
_EPILOG = """\
examples:
  grid-fed-rl envs

After 'import grid_fed_rl', 'gymnasium.make(ID)' makes one environment and
'gymnasium.make_vec(ID, num_envs=64)' a batch of them that is solved at once.
"""


def add_to(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    common: argparse.ArgumentParser,
) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "envs",
        help="list the environments that gymnasium.make knows",
        description="List the environments that gymnasium.make knows by this package.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
        parents=[common],
        allow_abbrev=False,
    )
    parser.set_defaults(run=_list)


def _list(args: argparse.Namespace) -> int:  # noqa: ARG001 - every subcommand gets them
    import gymnasium

    from grid_fed_rl.envs import register

    register()
    specs = [spec for _, spec in sorted(gymnasium.registry.items()) if spec.namespace == _NAMESPACE]
    rows = [(spec.id, _feeder(spec.kwargs)) for spec in specs]
    print(columns(("id", "feeder"), rows))
    return 0


def _feeder(options: Mapping[str, object]) -> str:
    """Feeder behind an id: one of ours, or one that the user's own data hold."""
    if "system" in options:
        return f"{options['system']} of PowerGym, by data=FOLDER"
    return str(options.get("feeder", ""))
