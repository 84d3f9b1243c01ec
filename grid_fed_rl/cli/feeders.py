"""``grid-fed-rl feeders``: which feeders there are, and what stands in them."""

import argparse
import textwrap
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from grid_fed_rl.cli.text import HelpFormatter, columns

if TYPE_CHECKING:
    from grid_fed_rl.feeders import Feeder

__all__ = ["add_to"]

_MODELS = {"pq": "constant power", "z": "constant impedance", "i": "constant current"}
_EPILOG = """\
examples:
  grid-fed-rl feeders
  grid-fed-rl feeders show ieee123
"""


def add_to(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    common: argparse.ArgumentParser,
) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "feeders",
        help="list the feeders that come with the package, or show one",
        usage="grid-fed-rl feeders [-h] [--debug] [show NAME]",
        description="List the feeders that come with the package, or show one of them.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
        parents=[common],
        allow_abbrev=False,
    )
    parser.set_defaults(run=_list)
    verbs = parser.add_subparsers(prog="grid-fed-rl feeders", metavar="COMMAND", title="commands")
    show = verbs.add_parser(
        "show",
        help="say what stands in one feeder, and where its figures are from",
        description="Say what stands in one feeder, and where its figures are from.",
        epilog="example:\n  grid-fed-rl feeders show ieee13\n",
        formatter_class=HelpFormatter,
        parents=[common],
        allow_abbrev=False,
    )
    show.add_argument("name", metavar="NAME", help="a name that 'grid-fed-rl feeders' lists")
    show.set_defaults(run=_show)


def _list(args: argparse.Namespace) -> int:  # noqa: ARG001 - every subcommand gets them
    from grid_fed_rl.feeders import load, names

    rows = [
        (
            feeder.name,
            len(feeder.buses),
            _n_nodes(feeder),
            len(feeder.loads),
            round(sum(load.kw for load in feeder.loads.values())),
            len(feeder.regulators),
            len(feeder.capacitors),
            feeder.title,
        )
        for feeder in map(load, names())
    ]
    heading = ("name", "buses", "nodes", "loads", "kW", "regulators", "capacitors", "title")
    print(columns(heading, rows))
    return 0


def _show(args: argparse.Namespace) -> int:
    from grid_fed_rl.feeders import load
    from grid_fed_rl.feeders.topology import places

    feeder = load(args.name)
    levels = Counter(bus.kv_ll for bus in feeder.buses.values())
    line_km = sum(line.length_m for line in feeder.lines.values()) / 1000.0
    farthest_km = max(place.distance_km for place in places(feeder).values())
    opened = [switch.name for switch in feeder.switches.values() if not switch.closed]
    loads = feeder.loads.values()
    kw, kvar = sum(load.kw for load in loads), sum(load.kvar for load in loads)
    facts = {
        "source": f"bus {feeder.source.bus}, {feeder.source.kv_ll:g} kV, "
        f"{feeder.source.v_pu:g} p.u.",
        "buses": f"{len(feeder.buses)}: "
        + ", ".join(f"{n} at {kv:g} kV" for kv, n in sorted(levels.items(), reverse=True)),
        "nodes": f"{_n_nodes(feeder)} (phases of buses)",
        "lines": f"{len(feeder.lines)}, {line_km:.2f} km; the farthest node is "
        f"{farthest_km:.2f} km from the source",
        "transformers": str(len(feeder.transformers) - len(feeder.regulators)),
        "regulators": _listed(feeder.regulators),
        "capacitors": _listed(f"{c.name} ({c.kvar:g} kvar)" for c in feeder.capacitors.values()),
        "switches": f"{len(feeder.switches)}, open: {', '.join(opened) or 'none'}",
        "loads": f"{len(loads)}: {kw:,.0f} kW and {kvar:,.0f} kvar; "
        f"{_counted(load.connection for load in loads)}; "
        f"{_counted(_MODELS[load.model] for load in loads)}",
        "PV": _listed(f"{pv.name} ({pv.kw_dc:g} kW)" for pv in feeder.pvs.values()),
        "batteries": _listed(f"{b.name} ({b.kwh:g} kWh)" for b in feeder.storages.values()),
    }
    print(f"{feeder.title} ({feeder.name}), {feeder.frequency_hz:g} Hz\n")
    for name, fact in facts.items():
        print(textwrap.fill(f"  {name:<14}{fact}", width=80, subsequent_indent=" " * 16))
    print("\n" + textwrap.fill(" ".join(feeder.provenance.split()), width=80))
    return 0


def _n_nodes(feeder: "Feeder") -> int:
    return sum(len(feeder.phases_of(bus)) for bus in feeder.buses)


def _listed(items: Iterable[str]) -> str:
    """How many, and which."""
    found = list(items)
    return f"{len(found)}: {', '.join(found)}" if found else "none"


def _counted(words: Iterable[str]) -> str:
    """Distinct words, each with how often it comes."""
    return ", ".join(f"{n} {word}" for word, n in sorted(Counter(map(str, words)).items()))
