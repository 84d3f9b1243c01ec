"""The report of a comparison: one HTML file that stands by itself, and its table.

The page fetches nothing: style and figures are inside it. It follows the
reader's choice of light or dark, prints, and can be read aloud.
"""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from rich import box
from rich.table import Table
from rich.text import Text

from grid_fed_rl.analytics.plain import plain
from grid_fed_rl.analytics.runs import write_atomic
from grid_fed_rl.analytics.vocabulary import (
    MetricTable,
    best_policies,
    check_metrics,
    decimals,
    metric_text,
    policy_text,
)
from grid_fed_rl.errors import GridFedRLError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Report", "ReportFigure", "metrics_table", "write_report"]

_TEMPLATES = Path(__file__).parent / "templates"

_PRIVACY_LABELS = {
    "epsilon": "Epsilon spent, largest over sites",
    "delta": "Delta",
    "budget": "Epsilon that no ledger lets a site exceed",
    "unit": "What is protected",
    "adjacency": "Logs that must look alike",
    "adversary": "Against whom",
    "released": "What leaves a site",
    "mechanism": "Mechanism",
    "noise_multiplier": "Noise standard deviation over clip",
    "clip": "Bound on one unit's gradient (Euclidean norm)",
    "sampling_rate": "Probability that a unit joins a step",
    "n_steps": "Steps charged, most over sites",
    "normaliser": "Public number that sums are divided by",
    "accountant": "Accountant",
    "randomness": "Where the noise comes from",
    "epsilon_by_site": "Epsilon spent by each site",
    "ledger_heads": "Fingerprint of each site's ledger",
    "caveats": "Taken for granted",
    "exclusions": "Not covered",
}


@dataclass(frozen=True)
class ReportFigure:
    """A figure and the words that belong to it.

    Attributes:
        name: file name of the PNG copy, without its ending.
        title: heading above it.
        caption: what is seen and how to read it.
        alt: the same for somebody who does not see it, in a sentence or two.
        figure: drawn on white.
    """

    name: str
    title: str
    caption: str
    alt: str
    figure: "Figure"


@dataclass(frozen=True)
class Report:
    """All that a report says.

    Attributes:
        title: of the page.
        summary: sentences that answer the question first.
        metrics: of every policy, in the order of the rows.
        figures: in their order.
        privacy: statement of the guarantee as a dictionary: `mode`, `holds` and
            what stands behind them; None is an infinite number.
        configuration: resolved values, nested.
        reproducibility: how to make the same again, in one paragraph.
    """

    title: str
    summary: Sequence[str]
    metrics: MetricTable
    figures: Sequence[ReportFigure] = ()
    privacy: Mapping[str, object] = field(default_factory=dict)
    configuration: Mapping[str, object] = field(default_factory=dict)
    reproducibility: str = ""

    def __post_init__(self) -> None:
        check_metrics(self.metrics)
        missing = [key for key in ("mode", "holds") if key not in self.privacy]
        if missing:
            raise GridFedRLError(f"report: privacy lacks {', '.join(missing)}")


def write_report(report: Report, path: Path | str) -> Path:
    """Write the page, and every figure as ``figures/<name>.png`` beside it.

    Returns:
        The absolute path of the page.
    """
    from grid_fed_rl.analytics.figures import save_png, svg_text

    path = Path(path).resolve()
    for item in report.figures:
        save_png(item.figure, path.parent / "figures" / f"{item.name}.png")
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html").render(
        report=report,
        guarantee=_guarantee(report.privacy),
        metrics=[(name, metric_text(name)) for name in check_metrics(report.metrics)],
        rows=_rows(report.metrics),
        policies=[policy_text(name) for name in report.metrics],
        figures=[(item, _data_uri(svg_text(item.figure))) for item in report.figures],
        privacy=_privacy_entries(report.privacy),
        configuration=_dotted(plain(report.configuration, "configuration")),
    )
    write_atomic(path, page.encode())
    return path


def metrics_table(metrics: MetricTable) -> Table:
    """The results as a table for the console, 80 columns wide for the five known metrics.

    Each cell has the mean and, below it, half the width of its interval.
    """
    names = check_metrics(metrics)
    table = Table(
        caption="Mean and half the 95 % interval over seeds; * marks the best mean",
        box=box.SIMPLE_HEAD,
        padding=(0, 1),
        collapse_padding=True,
        pad_edge=False,
    )
    table.add_column("Policy", no_wrap=True)
    for name in names:
        text = metric_text(name)
        unit = text.unit.replace(" per ", "/")
        table.add_column(f"{text.short or text.label}\n{unit}", justify="right")
    for row in _rows(metrics):
        cells = [
            Text.assemble(
                (f"*{cell.mean}" if cell.best else cell.mean, "bold" if cell.best else ""),
                (f"\n±{cell.half_width}", "dim"),
            )
            for cell in row.cells
        ]
        table.add_row(row.label, *cells)
    return table


class _Cell(NamedTuple):
    mean: str
    low: str
    high: str
    half_width: str
    best: bool


class _Row(NamedTuple):
    label: str
    cells: list[_Cell]


def _rows(metrics: MetricTable) -> list[_Row]:
    names = check_metrics(metrics)
    best = {name: best_policies(metrics, name) for name in names}
    places = {name: decimals(metrics, name) for name in names}
    scale = {name: metric_text(name).shown_per_unit for name in names}
    rows: list[_Row] = []
    for policy, values in metrics.items():
        cells: list[_Cell] = []
        for name in names:
            mean, low, high = (values[name][key] * scale[name] for key in ("mean", "low", "high"))
            shown = [_fixed(x, places[name]) for x in (mean, low, high, (high - low) / 2)]
            cells.append(_Cell(*shown, best=policy in best[name]))
        rows.append(_Row(policy_text(policy).label, cells))
    return rows


def _fixed(value: float, places: int) -> str:
    """A number with a true minus sign and no negative zero."""
    return f"{value:z,.{places}f}".replace("-", "−")


class _Guarantee(NamedTuple):
    kind: str  # "none", "void" or "holds"
    sentence: str


def _guarantee(privacy: Mapping[str, object]) -> _Guarantee:
    if privacy["mode"] == "none":
        return _Guarantee(
            "none",
            "No differential privacy. Updates leave the sites as they were computed, and may "
            "reveal single days of operation to the server and to the other sites.",
        )
    if not privacy["holds"]:
        return _Guarantee(
            "void",
            "The noise of this run can be repeated by whoever has its seed, or there was none, so "
            "nothing is protected. What is said below about epsilon is what the same run would "
            "promise with noise from a cryptographic source.",
        )
    epsilon, delta = (_words(privacy.get(key)) for key in ("epsilon", "delta"))
    return _Guarantee(
        "holds",
        f"Each site's answers are ({epsilon}, {delta})-differentially private for "
        f"{privacy.get('unit', 'its data')}.",
    )


class _Entry(NamedTuple):
    """One line of the statement: a text, a list of sentences, or a small table."""

    label: str
    text: str = ""
    sentences: Sequence[str] = ()
    pairs: Sequence[tuple[str, str]] = ()


def _privacy_entries(privacy: Mapping[str, object]) -> list[_Entry]:
    entries: list[_Entry] = []
    for key, value in privacy.items():
        if key in {"mode", "holds"} or (isinstance(value, Mapping | list | tuple) and not value):
            continue
        label = _PRIVACY_LABELS.get(key, key.replace("_", " ").capitalize())
        if isinstance(value, Mapping):
            pairs = [(str(name), _words(item)) for name, item in value.items()]
            entries.append(_Entry(label, pairs=pairs))
        elif isinstance(value, list | tuple):
            entries.append(_Entry(label, sentences=[_words(item) for item in value]))
        else:
            entries.append(_Entry(label, text=_words(value)))
    return entries


def _words(value: object) -> str:
    if value is None or value == math.inf:
        return "unbounded"
    return f"{value:.4g}".replace("e-0", "e-") if isinstance(value, float) else str(value)


def _dotted(value: object, prefix: str = "") -> list[tuple[str, str]]:
    """Nested values as (dotted name, text), the names by which they are set."""
    if isinstance(value, dict) and value:
        return [
            pair
            for key, item in value.items()
            for pair in _dotted(item, f"{prefix}.{key}" if prefix else key)
        ]
    return [(prefix, _yaml(value))] if prefix else []


def _yaml(value: object) -> str:
    """A value as it is written in a configuration file and on the command line."""
    if isinstance(value, list):
        return f"[{', '.join(map(_yaml, value))}]"
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _data_uri(svg: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
