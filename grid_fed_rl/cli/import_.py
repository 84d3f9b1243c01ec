"""``grid-fed-rl import``: what another program exports, as a folder of tables."""

import argparse
import json
from pathlib import Path

from grid_fed_rl.cli.text import HelpFormatter

__all__ = ["REPORT", "add_to"]

REPORT = "import_report.json"
"""The report of an import, beside the tables it wrote."""

_EPILOG = """\
examples:
  grid-fed-rl import cyme export/ --out feeder/            text files in a folder
  grid-fed-rl import cyme IEEE13.mdb --out feeder/         a database
  grid-fed-rl import cyme study.sxst --out f/ --strict     no approximations
  grid-fed-rl import cyme export/ --network F12 --report report.html

What is written is a folder of tables, as 'grid-fed-rl solve' and make_env take it;
the catalogue of equipment goes into the folder 'equipment' within it, and the report
into import_report.json. Without --out nothing is written but the report asked for.
"""


def add_to(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    common: argparse.ArgumentParser,
) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "import",
        help="turn what another program exports into a folder of tables",
        description="Turn what another program exports into a folder of tables.",
        formatter_class=HelpFormatter,
        parents=[common],
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(
        prog="grid-fed-rl import", metavar="FORMAT", title="formats", dest="format", required=True
    )
    cyme = verbs.add_parser(
        "cyme",
        help="text exports, .sxst studies and .mdb databases of CYME",
        description="Read a CYME export: a folder of text files, an .sxst study, an .mdb database.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
        parents=[common],
        allow_abbrev=False,
    )
    cyme.add_argument("path", metavar="PATH", type=Path, help="folder or file of the export")
    cyme.add_argument("--out", metavar="FOLDER", type=Path, help="where the tables go")
    cyme.add_argument("--network", metavar="NAME", help="the network to take, of several")
    cyme.add_argument(
        "--year", metavar="YEAR", type=int, help="latest load year that counts (default: any)"
    )
    cyme.add_argument("--load-model", metavar="NAME", help="load model by name or number")
    cyme.add_argument("--strict", action="store_true", help="an approximation is an error")
    cyme.add_argument(
        "--allow-refused", action="store_true", help="leave out what cannot be represented"
    )
    cyme.add_argument(
        "--earth-model",
        choices=("modified", "carson", "deri"),
        default="modified",
        metavar="FORM",
        help="of Carson's equations: modified (the default), carson (in full) or deri",
    )
    cyme.add_argument(
        "--distributed",
        choices=("location", "middle", "ends"),
        default="location",
        metavar="WHERE",
        help="distributed loads stand where they say (location, the default), in the middle "
        "or half at both ends",
    )
    cyme.add_argument(
        "--source-impedance", action="store_true", help="put the source behind its impedance"
    )
    cyme.add_argument("--parquet", metavar="FOLDER", type=Path, help="equipment as Parquet, too")
    cyme.add_argument("--report", metavar="FILE", type=Path, help="report as .html or .json")
    cyme.add_argument("--json", action="store_true", help="print the report as one JSON object")
    cyme.set_defaults(run=_cyme)


def _cyme(args: argparse.Namespace) -> int:
    from grid_fed_rl.errors import FeederError

    if args.report is not None and args.report.suffix.lower() not in (".html", ".json"):
        raise FeederError(f"--report {args.report}: expected a file ending in .html or .json")
    if args.parquet is not None:
        import pyarrow  # noqa: F401 - say that it is missing before, not after, reading

    from grid_fed_rl.feeders import read_cyme, write_tables
    from grid_fed_rl.feeders.equipment import write_equipment, write_equipment_parquet

    imported = read_cyme(
        args.path,
        network=args.network,
        year=args.year,
        load_model=args.load_model,
        strict=args.strict,
        allow_refused=args.allow_refused,
        earth_model=args.earth_model,
        distributed=args.distributed,
        source_impedance=args.source_impedance,
    )
    report = imported.report
    if args.out is not None:
        write_tables(imported.feeder, args.out)
        write_equipment(imported.equipment, args.out)
        (args.out / REPORT).write_text(report.to_json() + "\n", encoding="utf-8")
    if args.parquet is not None:
        write_equipment_parquet(imported.equipment, args.parquet)
    if args.report is not None:
        html = args.report.suffix.lower() == ".html"
        args.report.parent.mkdir(parents=True, exist_ok=True)
        args.report.write_text(report.to_html() if html else report.to_json(), encoding="utf-8")
    print(json.dumps(report.values()) if args.json else report)
    if args.out is not None and not args.json:
        print(f"\nWritten into {args.out}")
    return 0
