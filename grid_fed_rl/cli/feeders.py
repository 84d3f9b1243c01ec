"""``grid-fed-rl feeders``: which feeders there are, and what stands in them."""

import argparse
import textwrap
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from grid_fed_rl.cli.text import HelpFormatter, columns, picture

if TYPE_CHECKING:
    from grid_fed_rl.feeders import Capacitor, Feeder, Regulator

__all__ = ["add_to"]

_MODELS = {
    "pq": "constant power",
    "z": "constant impedance",
    "motor": "constant kW, kvar of an impedance",
    "cvr": "powers of the voltage",
    "i": "constant current",
    "fixed_q": "constant power, kvar unscaled",
    "fixed_x": "constant kW, reactance unscaled",
    "zip": "impedance, current and power in shares",
}
_MOST = 12  # names that are listed in full
_EPILOG = """\
examples:
  grid-fed-rl feeders
  grid-fed-rl feeders show ieee123
  grid-fed-rl feeders show ieee123 --plot ieee123.png
"""
_SHOW_EPILOG = """\
examples:
  grid-fed-rl feeders show ieee13
  grid-fed-rl feeders show my/tables --plot tables.png
  grid-fed-rl feeders show my/Master.dss      what of a script was read, and how
"""


def add_to(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    common: argparse.ArgumentParser,
) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "feeders",
        help="list the feeders that come with the package, or show one",
        usage="grid-fed-rl feeders [-h] [--debug] [show NAME [--plot FILE.png]]",
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
        epilog=_SHOW_EPILOG,
        formatter_class=HelpFormatter,
        parents=[common],
        allow_abbrev=False,
    )
    show.add_argument(
        "name",
        metavar="NAME",
        help="a name that 'grid-fed-rl feeders' lists, a folder of tables or a .dss file",
    )
    show.add_argument(
        "--plot",
        type=picture,
        metavar="FILE.png",
        help="also draw it, coloured by voltage as found, lines as wide as they are loaded",
    )
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
    if args.plot is not None:
        import matplotlib  # noqa: F401 - say that it is missing before, not after, reading

    from grid_fed_rl.feeders import open_feeder, read_opendss, validate

    if Path(args.name).suffix.lower() == ".dss":
        imported = read_opendss(args.name)
        feeder, end = imported.feeder, str(imported.report)
    else:
        feeder = open_feeder(args.name)
        end = textwrap.fill(" ".join(feeder.provenance.split()), width=80)
    print(f"{feeder.title or 'Feeder'} ({feeder.name}), {feeder.frequency_hz:g} Hz\n")
    for name, fact in _facts(feeder).items():
        print(textwrap.fill(f"  {name:<14}{fact}", width=80, subsequent_indent=" " * 16))
    for issue in validate(feeder):  # a script may be odd and still solve
        print(textwrap.fill(f"  {'fault':<14}{issue}", width=80, subsequent_indent=" " * 16))
    print(f"\n{end}")
    if args.plot is not None:
        from grid_fed_rl.analytics.feeder_plot import draw_feeder

        draw_feeder(feeder, args.plot)
        print(f"\nDrawn into {args.plot}")
    return 0


def _facts(feeder: "Feeder") -> dict[str, str]:
    """Return what stands in a feeder, a line of text a kind; kinds it may lack are left out."""
    from grid_fed_rl.feeders.topology import places

    source, lines, loads = feeder.source, feeder.lines.values(), feeder.loads.values()
    levels = Counter(bus.kv_ll for bus in feeder.buses.values())
    line_km = sum(line.length_m for line in lines) / 1000.0
    farthest_km = max(place.distance_km for place in places(feeder).values())
    kinds = Counter(str(switch.kind) for switch in feeder.switches.values())
    opened = [switch.name for switch in feeder.switches.values() if not switch.closed]
    kw, kvar = sum(load.kw for load in loads), sum(load.kvar for load in loads)
    profiles = {load.profile for load in loads} - {""}
    regulated = {regulator.transformer for regulator in feeder.regulators.values()}
    windings = (len(t.windings) for t in feeder.transformers.values() if t.name not in regulated)
    facts = {
        "source": f"bus {source.bus}, {source.kv_ll:g} kV, {source.v_pu:g} p.u.",
        "buses": f"{len(feeder.buses):,}: "
        + ", ".join(f"{n:,} at {kv:.4g} kV" for kv, n in sorted(levels.items(), reverse=True)),
        "nodes": f"{_n_nodes(feeder):,} (conductors at buses)",
        "lines": f"{len(lines):,}, {line_km:.2f} km; the farthest node is "
        f"{farthest_km:.2f} km from the source",
        "transformers": _counted(f"with {n} windings" for n in windings) or "none",
        "reactors": _listed(feeder.reactors),
        "regulators": _listed(feeder.regulators) + _controlled(feeder.regulators.values()),
        "capacitors": _listed(f"{c.name} ({_size(c)})" for c in feeder.capacitors.values())
        + _watching(feeder.capacitors.values()),
        "switches": (
            f"{len(feeder.switches)}"
            + (f" ({_counted_kinds(kinds)})" if set(kinds) - {"switch"} else "")
            + f", open: {_named(opened) or 'none'}"
            if feeder.switches
            else "none"
        ),
        "loads": f"{len(loads):,}: {kw:,.0f} kW and {kvar:,.0f} kvar; "
        f"{_counted(load.connection for load in loads)}; "
        f"{_counted(_MODELS[load.model] for load in loads)}"
        + (f"; {len(profiles)} profiles over time" if profiles else ""),
        "PV": _listed(f"{pv.name} ({pv.kw_dc:g} kW)" for pv in feeder.pvs.values()),
        "batteries": _listed(f"{b.name} ({b.kwh:g} kWh)" for b in feeder.storages.values()),
        "generators": _listed(f"{g.name} ({g.kva:g} kVA)" for g in feeder.generators.values()),
    }
    may_lack = {"reactors", "generators"}
    return {name: fact for name, fact in facts.items() if fact != "none" or name not in may_lack}


def _size(capacitor: "Capacitor") -> str:
    steps = f" in {capacitor.n_steps} steps" if capacitor.n_steps > 1 else ""
    return f"{capacitor.kvar:g} kvar{steps}"


def _controlled(regulators: "Iterable[Regulator]") -> str:
    """What their own controls hold, and how many hold it."""
    settings = (f"at {r.control.v_reg:g} V" for r in regulators if r.control is not None)
    return f"; held {counted}" if (counted := _counted(settings)) else ""


def _watching(capacitors: "Iterable[Capacitor]") -> str:
    """What their own controls look at, and how many of them."""
    kinds = (f"by {c.control.kind}" for c in capacitors if c.control is not None)
    return f"; controlled {counted}" if (counted := _counted(kinds)) else ""


def _n_nodes(feeder: "Feeder") -> int:
    return sum(len(feeder.phases_of(bus)) for bus in feeder.buses)


def _listed(items: Iterable[str]) -> str:
    """How many, and which."""
    found = list(items)
    return f"{len(found):,}: {_named(found)}" if found else "none"


def _named(names: list[str]) -> str:
    """Names, the first of them if they are many."""
    more = f" and {len(names) - _MOST:,} more" if len(names) > _MOST else ""
    return ", ".join(names[:_MOST]) + more


def _counted(words: Iterable[str]) -> str:
    """Distinct words, each with how often it comes."""
    return _counted_kinds(Counter(map(str, words)))


def _counted_kinds(counts: "Counter[str]") -> str:
    return ", ".join(f"{n:,} {word}" for word, n in sorted(counts.items()))
