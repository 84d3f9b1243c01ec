"""``grid-fed-rl envs``: what `gymnasium.make` can make, and how one of them looks."""

import argparse
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from grid_fed_rl.cli.text import HelpFormatter, columns, picture

if TYPE_CHECKING:
    from grid_fed_rl.envs.case import Case

__all__ = ["add_to"]

_NAMESPACE = "GridFedRL"
_EPILOG = """\
examples:
  grid-fed-rl envs
  grid-fed-rl envs show GridFedRL/IEEE13-VVO-v0

After 'import grid_fed_rl', 'gymnasium.make(ID)' makes one environment and
'gymnasium.make_vec(ID, num_envs=64)' a batch of them that is solved at once.
"""
_SHOW_EPILOG = """\
examples:
  grid-fed-rl envs show GridFedRL/IEEE13-VVO-v0
  grid-fed-rl envs show GridFedRL/IEEE123-VVO-v0 --plot evening.png --steps 20
"""


def add_to(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    common: argparse.ArgumentParser,
) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "envs",
        help="list the environments that gymnasium.make knows, or show one",
        usage="grid-fed-rl envs [-h] [--debug] [show ID [--plot FILE.png]]",
        description="List the environments that gymnasium.make knows by this package, or show one.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
        parents=[common],
        allow_abbrev=False,
    )
    parser.set_defaults(run=_list)
    verbs = parser.add_subparsers(prog="grid-fed-rl envs", metavar="COMMAND", title="commands")
    show = verbs.add_parser(
        "show",
        help="say what one environment observes and moves, and draw it",
        description="Say what one environment observes and moves, and draw it.",
        epilog=_SHOW_EPILOG,
        formatter_class=HelpFormatter,
        parents=[common],
        allow_abbrev=False,
    )
    show.add_argument("id", metavar="ID", help="an id that 'grid-fed-rl envs' lists")
    show.add_argument(
        "--plot",
        type=picture,
        metavar="FILE.png",
        help="also draw it, after some steps by operators' local rules where it has them",
    )
    show.add_argument(
        "--utility", default="coastal", metavar="NAME", help="whose customers (coastal)"
    )
    show.add_argument("--day", type=int, default=0, metavar="N", help="day of the year (0)")
    show.add_argument("--steps", type=int, default=18, metavar="N", help="steps of the day (18)")
    show.set_defaults(run=_show)


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


def _show(args: argparse.Namespace) -> int:
    from grid_fed_rl.envs import ENV_IDS
    from grid_fed_rl.envs.registration import case_of
    from grid_fed_rl.errors import TaskError

    if args.id not in ENV_IDS:
        raise TaskError(f"no environment {args.id!r}; known: {', '.join(ENV_IDS)}")
    task, feeder = ENV_IDS[args.id]
    case = case_of(task, feeder, {"utility": args.utility})
    if not 0 <= args.steps <= case.horizon:
        raise TaskError(f"--steps is {args.steps}; an episode has 0 to {case.horizon}")
    if args.plot is not None:
        _draw(case, args.plot, args.day, args.steps)  # what cannot be drawn is said before all else
    print(f"{args.id}, {case.network.feeder.title}\n")
    for name, fact in _facts(case).items():
        print(textwrap.fill(f"  {name:<14}{fact}", width=80, subsequent_indent=" " * 16))
    if args.plot is not None:
        print(f"\nDrawn into {args.plot}")
    return 0


def _facts(case: "Case") -> dict[str, str]:
    step_min = 60.0 * case.year.step_h
    return {
        "feeder": f"{case.network.feeder.name}, {case.network.n_nodes} nodes",
        "observation": f"{len(case.observation_names)} numbers from -1 to 1",
        "action": f"{len(case.action_names)} numbers from -1 to 1: {', '.join(case.action_names)}",
        "reward": f"{', '.join(term.name for term in case.reward)}, in dollars",
        "costs": ", ".join(channel.name for channel in case.costs),
        "episode": f"{case.horizon} steps of {step_min:g} min, on one of {len(case.days)} days",
    }


def _draw(case: "Case", path: Path, day: int, steps: int) -> None:
    """Run operators' rules through the beginning of a day, and draw where they end.

    Where they have no rule for a device, all are left alone.
    """
    import numpy as np

    from grid_fed_rl.envs.baselines import Behaviour, BehaviourConfig, Hold
    from grid_fed_rl.envs.vector import GridVectorEnv
    from grid_fed_rl.errors import TaskError

    envs = GridVectorEnv(case, render_mode="rgb_array")
    try:
        policy = Behaviour(envs, BehaviourConfig(), np.random.default_rng(0))
    except TaskError:
        policy = Hold(len(case.action_names))
    observation, _ = envs.reset(options={"day": day})
    for _ in range(steps):
        observation, *_ = envs.step(policy(observation))
    frames = envs.render()
    assert frames is not None

    from grid_fed_rl.analytics.runs import write_atomic
    from grid_fed_rl.drawing.style import pixels_png

    write_atomic(path, pixels_png(frames[0]))
