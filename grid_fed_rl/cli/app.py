"""The command line: its grammar, and how it ends.

Exit status 0 is success; 1 an error that nobody foresaw, with a traceback; 2 a
wrong command, a file that cannot be read or written, or an error that the package
raises on purpose, in one message; 3 a power flow without a solution; 4 a comparison
beyond its tolerances; 130 an
interruption with Ctrl-C.
"""

import argparse
import os
import sys
from collections.abc import Sequence

import grid_fed_rl
from grid_fed_rl.cli import bench, cyme, demo, envs, feeders, import_, solve
from grid_fed_rl.cli.text import HelpFormatter
from grid_fed_rl.errors import GridFedRLError

__all__ = ["main"]

# Modules that the base install lacks; the extra `experiments` brings them all.
_OPTIONAL = frozenset(
    {
        *("dp_accounting", "flwr", "h5py", "hydra", "jinja2", "matplotlib", "minari"),
        *("omegaconf", "opacus", "pandas", "pyarrow", "rich", "safetensors", "torch", "wandb"),
    }
)

_DESCRIPTION = "Learn to run real, unbalanced, three-phase distribution feeders."
_EPILOG = """\
examples:
  grid-fed-rl demo --quick                 the main job, on a small feeder
  grid-fed-rl demo feeder=ieee13           the main job with another feeder
  grid-fed-rl feeders                      which feeders there are
  grid-fed-rl feeders show ieee123         what stands in one of them
  grid-fed-rl solve ieee123 --controls     its power flow, regulators acting
  grid-fed-rl import cyme export/ --out f/  a feeder out of a CYME export
  grid-fed-rl envs                         what gymnasium.make can make

'grid-fed-rl COMMAND --help' explains a command.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the console command.

    Args:
        argv: arguments, without the program's name; those of the process if None.

    Returns:
        The exit status.
    """
    parser = _parser()
    # A default of the option itself would undo a --debug that stands before the command.
    args, rest = parser.parse_known_args(argv, argparse.Namespace(debug=False))
    if args.run is None:
        parser.print_help()
        return 0
    # argparse gives up on positional arguments that follow an option.
    if rest and (args.command != "demo" or any(word.startswith("-") for word in rest)):
        parser.error(f"{args.command}: unrecognised arguments: {' '.join(rest)}")
    args.overrides = [*getattr(args, "overrides", ()), *rest]
    try:
        status = args.run(args)
        sys.stdout.flush()
        return status
    except GridFedRLError as error:
        if args.debug:
            raise
        return _complain(str(error), 2)
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if args.debug or module not in _OPTIONAL:
            raise
        return _complain(
            f"'{args.command}' needs {module}, which is not installed: "
            "pip install 'grid-fed-rl[experiments]'",
            2,
        )
    except KeyboardInterrupt:
        return _complain("interrupted", 130)
    except BrokenPipeError:  # whoever read our output, `head` for one, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if args.debug or error.filename is None:
            raise
        return _complain(f"{error.filename}: {error.strerror}", 2)


def _complain(message: str, status: int) -> int:
    print(f"grid-fed-rl: {message}", file=sys.stderr)
    return status


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--debug",
        action="store_true",
        default=argparse.SUPPRESS,
        help="show the traceback of an error",
    )
    parser = argparse.ArgumentParser(
        prog="grid-fed-rl",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
        parents=[common],
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action="version", version=f"grid-fed-rl {grid_fed_rl.__version__}"
    )
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for command in (demo, feeders, solve, import_, cyme, envs, bench):
        command.add_to(commands, common)
    return parser
