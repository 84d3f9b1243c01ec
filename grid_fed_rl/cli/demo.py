"""``grid-fed-rl demo``: the main job."""

import argparse
import sys
from pathlib import Path
from typing import Any

from grid_fed_rl.cli.configuration import compose, groups
from grid_fed_rl.cli.text import HelpFormatter

__all__ = ["add_to"]

QUICK = ("feeder=ieee13", "size=quick")

_DESCRIPTION = """\
Run the main job: five utilities learn to control the voltage of a feeder, each
from its own private log.

It checks the power flow against OpenDSS, makes each utility's log, trains on
each log alone, on all of them in one place, federated, and federated with
differential privacy, judges every policy on unseen days, and writes a report.
"""
_EPILOG = """\
configuration:
  An OVERRIDE replaces a part of the configuration or a single value of it:

    GROUP=OPTION         another file of configs/GROUP/
    NAME=VALUE           any value that --cfg shows, by its dotted name
    NAME=[VALUE,VALUE]   a list; quote it, since shells read brackets
    +NAME=VALUE          a value that is not there yet

  groups and their options:
{groups}

examples:
  grid-fed-rl demo                                    IEEE 123, a few minutes
  grid-fed-rl demo --quick                            IEEE 13, less training
  grid-fed-rl demo feeder=ieee13 federated.rounds=5   two things replaced
  grid-fed-rl demo --quick --cfg                      what --quick stands for
  grid-fed-rl demo --run first seed=7                 into runs/first
  grid-fed-rl demo feeder=custom feeder.path=my/feeder    tables or a .dss

Results are in runs/NAME: report.html to read, metrics.json and run.json for
programs.
"""


def add_to(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    common: argparse.ArgumentParser,
) -> None:
    """Add the subcommand."""
    width = max((len(name) for name in groups()), default=0)
    listed = "\n".join(f"    {name:<{width}}  {', '.join(o)}" for name, o in groups().items())
    parser = commands.add_parser(
        "demo",
        help="run the main job: from a feeder to a federated policy and a report",
        description=_DESCRIPTION,
        epilog=_EPILOG.replace("{groups}", listed),
        formatter_class=HelpFormatter,
        parents=[common],
        allow_abbrev=False,
    )
    parser.add_argument(
        "--quick", action="store_true", help=f"the small version; short for {' '.join(QUICK)}"
    )
    parser.add_argument(
        "--run",
        dest="run_name",
        metavar="NAME",
        help="name of its folder under runs/ (default: from the time)",
    )
    parser.add_argument(
        "--cfg", action="store_true", help="print the configuration and run nothing"
    )
    parser.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="see below")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    settings = compose([*QUICK, *args.overrides] if args.quick else args.overrides)
    if args.run_name is not None:
        settings["run"] = args.run_name
    if args.cfg:
        from omegaconf import OmegaConf

        print(OmegaConf.to_yaml(settings), end="")
        return 0
    return _job(settings)


def _job(settings: dict[str, Any]) -> int:
    from grid_fed_rl.analytics.runs import finished_stages, new_name
    from grid_fed_rl.demo import run

    # Drawn here if not given, so that an interruption can say where things are.
    name = settings["run"] = str(settings["run"] or new_name())
    folder = Path(settings["runs_dir"]) / name
    try:
        run(settings)
    except KeyboardInterrupt:
        stages = finished_stages(folder)
        kept = (
            f"{folder} keeps what was finished ({', '.join(stages)}); to go on, repeat the "
            f"command with --run {name}"
            if stages
            else "nothing was finished"
        )
        print(f"\ngrid-fed-rl: interrupted; {kept}", file=sys.stderr)
        return 130
    return 0
