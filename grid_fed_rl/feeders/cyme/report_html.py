"""The report of an import as one HTML page, with nothing outside it."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grid_fed_rl.feeders.cyme.report import CymeReport

__all__ = ["STYLE", "page", "table"]

STYLE = """
:root { color-scheme: light dark; --edge: #8884; --soft: #8881; --bad: #c0392b; --odd: #b9770e; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--edge); padding: .25rem .6rem; text-align: left;
  vertical-align: top; overflow-wrap: anywhere; }
thead th { background: var(--soft); } td.n, th.n { text-align: right; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
.said td:first-child { white-space: nowrap; } .said thead { display: none; }
.refused td:first-child { color: var(--bad); } .approximated td:first-child { color: var(--odd); }
"""


def table(heading: Sequence[str], rows: Iterable[Sequence[object]], classes: str = "") -> str:
    """Rows under a heading; numbers stand to the right, everything is escaped."""
    body = [[_cell(value) for value in row] for row in rows]
    first = body[0] if body else ["<td>"] * len(heading)
    heads = "".join(
        f'<th class="n">{escape(name)}</th>'
        if cell.startswith('<td class="n"')
        else f"<th>{escape(name)}</th>"
        for name, cell in zip(heading, first, strict=True)
    )
    lines = "\n".join(f"<tr>{''.join(cells)}</tr>" for cells in body)
    return (
        f'<div class="wide"><table class="{classes}"><thead><tr>{heads}</tr></thead>'
        f"<tbody>\n{lines}\n</tbody></table></div>"
    )


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f'<td class="n">{value:,}</td>'
    if isinstance(value, float):
        return f'<td class="n">{value:,.6g}</td>'
    return f"<td>{escape(str(value))}</td>"


def page(report: "CymeReport") -> str:
    """The whole page."""
    parts = [
        f"<h1>Import of {escape(report.path)}</h1>",
        table(("", ""), report.facts(), "said"),
        "<h2>Records</h2>",
        table(("record", "read", "approximated", "refused", "ignored"), report.counts()),
    ]
    for heading, notes in (("Refused", report.refused), ("Approximated", report.approximated)):
        parts.append(f"<h2>{heading}</h2>")
        rows = [(note.element, note.what, note.amount, note.place) for note in notes]
        head = ("element", "what", "by how much", "where")
        parts.append(table(head, rows, heading.lower()) if rows else "<p>Nothing.</p>")
    others = [pair for pair in report.remarks() if pair[0] not in ("refused", "approximated")]
    parts += ["<h2>Everything else</h2>", table(("", ""), others, "said")]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>CYME import</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}\n"
        "</body>\n</html>\n"
    )
