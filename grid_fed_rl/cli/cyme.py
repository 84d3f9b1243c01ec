"""``grid-fed-rl cyme``: our solution of a feeder against a study of CYME's."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from grid_fed_rl.cli.import_ import REPORT
from grid_fed_rl.cli.text import HelpFormatter, columns

if TYPE_CHECKING:
    from grid_fed_rl.analytics.study import StudyComparison

__all__ = ["NOT_WITHIN", "add_to"]

NOT_WITHIN = 4  # exit status

_EPILOG = """\
examples:
  grid-fed-rl cyme compare feeder/ study.csv
  grid-fed-rl cyme compare feeder/ study.csv --out comparison/ --v-pu 0.001
  grid-fed-rl cyme compare feeder/ study.csv --columns map.toml

The study is a CSV file with a row a bus or device. By default its columns are CYME's
tag names: EqId, VpuA VpuB VpuC, VAngleA.., IA.., IAngleA.., LOADING. A column map (TOML)
says others, for instance

  id = "Section"
  v_pu = ["Va", "Vb", "Vc"]

The exit status is 0 where every figure is within its tolerance, 4 where one is not, and
3 where our power flow has no solution.
"""


def add_to(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    common: argparse.ArgumentParser,
) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "cyme",
        help="compare our solution of a feeder with a CYME study",
        description="Compare our solution of a feeder with a CYME study.",
        formatter_class=HelpFormatter,
        parents=[common],
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(
        prog="grid-fed-rl cyme", metavar="COMMAND", title="commands", dest="verb", required=True
    )
    compare = verbs.add_parser(
        "compare",
        help="voltages, currents and loading, bus by bus and phase by phase",
        description="Voltages, currents and loading of a study against our power flow.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
        parents=[common],
        allow_abbrev=False,
    )
    compare.add_argument("feeder", metavar="FEEDER", help="a folder of tables, a name or a .dss")
    compare.add_argument("study", metavar="STUDY.csv", type=Path, help="the study's results")
    compare.add_argument("--columns", metavar="MAP.toml", type=Path, help="names of its columns")
    compare.add_argument(
        "--controls", action="store_true", help="let regulators and capacitors act first"
    )
    compare.add_argument(
        "--out", metavar="FOLDER", type=Path, help="write the page, the JSON and the picture"
    )
    compare.add_argument("--json", action="store_true", help="print one JSON object instead")
    for option, word, default in (
        ("--v-pu", "voltage, per unit", 0.002),
        ("--angle-deg", "voltage angle, degrees", 0.2),
        ("--current-percent", "current, percent", 1.0),
        ("--current-a", "current, A, where that is more", 0.5),
        ("--current-angle-deg", "current angle, degrees", 1.0),
        ("--loading-percent", "loading, points of percent", 1.0),
    ):
        compare.add_argument(
            option, type=float, default=default, metavar="X", help=f"tolerance: {word} ({default})"
        )
    compare.set_defaults(run=_compare)


def _compare(args: argparse.Namespace) -> int:
    if args.out is not None:
        import matplotlib  # noqa: F401 - say that it is missing before, not after, solving

    from grid_fed_rl.analytics.study import Tolerances, compare_study
    from grid_fed_rl.analytics.study_report import comparison_json, write_comparison
    from grid_fed_rl.analytics.study_rows import ColumnMap, read_columns, read_study
    from grid_fed_rl.cli.solve import NOT_SOLVED
    from grid_fed_rl.feeders.library import open_feeder
    from grid_fed_rl.powerflow import compile_network, nominal_setpoint, solve

    tolerances = Tolerances(
        args.v_pu,
        args.angle_deg,
        args.current_a,
        args.current_percent,
        args.current_angle_deg,
        args.loading_percent,
    )
    rows = read_study(args.study, read_columns(args.columns) if args.columns else ColumnMap())
    network = compile_network(open_feeder(args.feeder))
    flow = solve(network, nominal_setpoint(network), controls=args.controls)
    if not flow.settled[0]:
        print(f"{network.feeder.name}: no solution found")
        return NOT_SOLVED
    comparison = compare_study(
        network,
        flow,
        rows,
        study=args.study.name,
        tolerances=tolerances,
        aliases=_aliases(Path(args.feeder)),
    )
    print(comparison_json(comparison) if args.json else _text(comparison))
    if args.out is not None:
        from grid_fed_rl.analytics.study_plot import study_picture

        files = write_comparison(comparison, args.out, study_picture(network, flow, comparison))
        if not args.json:
            print(f"\nWritten: {', '.join(map(str, files))}")
    return 0 if comparison.within else NOT_WITHIN


def _aliases(feeder: Path) -> dict[str, str]:
    """Nodes that the import of the feeder merged with a bus, if it was one."""
    path = feeder / REPORT
    if not path.is_file():
        return {}
    merged = dict(json.loads(path.read_text(encoding="utf-8")).get("merged", {}))
    for node in merged:  # a merged node may have been merged into another
        while merged[node] in merged:
            merged[node] = merged[merged[node]]
    return merged


def _text(c: "StudyComparison") -> str:
    from grid_fed_rl.analytics.study_report import (
        SUMMARY_HEAD,
        WORST_HEAD,
        summary_rows,
        unmatched_words,
        verdict,
        worst_rows,
    )

    parts = [f"{c.feeder} against {c.study}: {verdict(c)}"]
    if c.deviations:
        parts.append(columns(SUMMARY_HEAD, summary_rows(c)))
        parts.append(f"the ten worst\n{columns(WORST_HEAD, worst_rows(c))}")
    if c.unmatched:
        parts.append(unmatched_words(c))
    return "\n\n".join(parts)
