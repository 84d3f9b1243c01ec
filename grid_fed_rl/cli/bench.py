"""``grid-fed-rl bench``: how fast this machine is at the work people bring."""

import argparse
import json
import math
from dataclasses import asdict, dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING

from grid_fed_rl.cli.text import HelpFormatter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from grid_fed_rl.feeders import Feeder

__all__ = ["HOURS", "add_to", "variant", "year_multiplier"]

HOURS = 8760
_RECORD = ("v_min_pu", "v_max_pu", "losses_kw", "source_kw")
_EPILOG = """\
examples:
  grid-fed-rl bench year                     1,000 feeders, from a sample of 8
  grid-fed-rl bench year --feeders 20 --sample 20 --json
"""
_YEAR = """\
How long a year of many feeders takes: feeders of the size of one that is
shipped, each with line lengths and loads of its own, at every hour of a year,
no controls. Each is compiled, solved and reduced to its lowest and highest
voltage, losses and substation power. A sample is run and its time is scaled to
all feeders; the output says so.
"""


def add_to(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    common: argparse.ArgumentParser,
) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "bench",
        help="measure how fast this machine solves",
        description="Measure how fast this machine solves.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
        parents=[common],
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(
        prog="grid-fed-rl bench", metavar="COMMAND", title="commands", required=True
    )
    year = verbs.add_parser(
        "year",
        help="8,760 hours of many feeders",
        description=_YEAR,
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
        parents=[common],
        allow_abbrev=False,
    )
    year.add_argument("--feeders", type=int, default=1000, help="how many (default 1000)")
    year.add_argument("--sample", type=int, default=8, help="how many of them are run (default 8)")
    year.add_argument(
        "--feeder", default="ieee123", metavar="NAME", help="of whose size (default ieee123)"
    )
    year.add_argument("--hours", type=int, default=HOURS, help="of the year (default 8760)")
    year.add_argument("--threads", type=int, help="of the solver (default: all processors)")
    year.add_argument("--json", action="store_true", help="print one JSON object instead")
    year.set_defaults(run=_year)


@dataclass(frozen=True, slots=True)
class YearResult:
    """What `bench year` found; seconds of the sample, and of all feeders by scaling."""

    feeder: str
    nodes: int
    feeders: int
    hours: int
    sample: int
    extrapolated: bool
    threads: int
    compile_s: float  # of the sample
    solve_s: float  # of the sample, with its measures
    total_s: float  # of all feeders
    solves_per_s: float  # compiling included
    converged_share: float
    v_min_pu: float
    v_max_pu: float


def variant(feeder: "Feeder", rng: "np.random.Generator") -> "Feeder":
    """A feeder of the same size, its lines 10 % and its loads 20 % longer or shorter."""
    lines = {
        name: replace(line, length_m=line.length_m * rng.uniform(0.9, 1.1))
        for name, line in feeder.lines.items()
    }
    loads = {}
    for name, load in feeder.loads.items():
        level = rng.uniform(0.8, 1.2)
        loads[name] = replace(load, kw=load.kw * level, kvar=load.kvar * level)
    return replace(feeder, lines=lines, loads=loads)


def year_multiplier(
    n_hours: int, n_loads: int, rng: "np.random.Generator"
) -> "NDArray[np.float64]":
    """(hour, load) share of nominal load: a day's and a year's wave, and every load's own will."""
    import numpy as np

    hour = np.arange(n_hours)
    day = 0.62 + 0.22 * np.sin((hour % 24 - 11.0) * math.pi / 12.0)
    season = 1.0 + 0.15 * np.cos(hour * 2.0 * math.pi / HOURS)
    return (day * season)[:, None] * rng.uniform(0.7, 1.3, (n_hours, n_loads))


def _year(args: argparse.Namespace) -> int:
    from grid_fed_rl.errors import GridFedRLError

    for name in ("feeders", "sample", "hours", "threads"):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            raise GridFedRLError(f"--{name} is {getattr(args, name)}; expected 1 or more")
    result = _measure(args)
    print(json.dumps(asdict(result)) if args.json else _words(result))
    return 0


def _measure(args: argparse.Namespace) -> YearResult:
    import numpy as np

    from grid_fed_rl.feeders.library import open_feeder
    from grid_fed_rl.powerflow import compile_network
    from grid_fed_rl.powerflow.threads import processors
    from grid_fed_rl.powerflow.timeseries import SeriesScenario, run_timeseries

    rng = np.random.default_rng(0)
    model = open_feeder(args.feeder)
    sample = min(args.sample, args.feeders)
    feeders = [variant(model, rng) for _ in range(sample)]
    multiplier = year_multiplier(args.hours, len(model.loads), rng)
    warm = compile_network(model)  # kernels are compiled or fetched before the clock starts
    run_timeseries(warm, SeriesScenario.of(warm, load_multiplier=multiplier[:64]), record=_RECORD)
    compile_s = solve_s = 0.0
    converged, low, high = 0, math.inf, -math.inf
    for feeder in feeders:
        began = perf_counter()
        network = compile_network(feeder)
        compiled = perf_counter()
        scenario = SeriesScenario.of(network, load_multiplier=multiplier)
        series = run_timeseries(network, scenario, record=_RECORD, threads=args.threads)
        solve_s += perf_counter() - compiled
        compile_s += compiled - began
        summary = series.summary()
        converged += summary.converged
        low, high = min(low, summary.v_min_pu), max(high, summary.v_max_pu)
    spent_s = compile_s + solve_s
    return YearResult(
        feeder=args.feeder,
        nodes=warm.n_nodes,
        feeders=args.feeders,
        hours=args.hours,
        sample=sample,
        extrapolated=sample < args.feeders,
        threads=args.threads or processors(),
        compile_s=round(compile_s, 4),
        solve_s=round(solve_s, 4),
        total_s=round(spent_s * args.feeders / sample, 3),
        solves_per_s=round(sample * args.hours / spent_s, 1),
        converged_share=converged / (sample * args.hours),
        v_min_pu=low,
        v_max_pu=high,
    )


def _words(r: YearResult) -> str:
    how = (
        f"EXTRAPOLATED from a sample of {r.sample} that took {r.compile_s + r.solve_s:.1f} s"
        if r.extrapolated
        else "all of them run"
    )
    return "\n".join(
        (
            f"{r.feeders:,} feeders of {r.nodes} nodes ({r.feeder}) x {r.hours:,} hours, "
            f"{r.threads} threads",
            f"  {r.total_s:,.1f} s, {how}",
            f"  {r.solves_per_s:,.0f} power flows/s, compiling included",
            f"  of the sample: compiling {r.compile_s:.2f} s, solving and measuring "
            f"{r.solve_s:.2f} s",
            f"  converged {100.0 * r.converged_share:.3f} %, voltages {r.v_min_pu:.3f} to "
            f"{r.v_max_pu:.3f} p.u.",
        )
    )
