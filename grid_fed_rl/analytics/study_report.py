"""A comparison with a study as a table, as JSON and as an HTML page with its picture."""

import base64
import json
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path

from grid_fed_rl.analytics.runs import write_atomic
from grid_fed_rl.analytics.study import QUANTITIES, Deviation, StudyComparison
from grid_fed_rl.feeders.cyme.report_html import STYLE, table

__all__ = [
    "SUMMARY_HEAD",
    "WORST_HEAD",
    "comparison_json",
    "comparison_page",
    "summary_rows",
    "unmatched_words",
    "verdict",
    "worst_rows",
    "write_comparison",
]

SUMMARY_HEAD = ("quantity", "figures", "RMSE", "largest", "at", "within tolerance")
WORST_HEAD = ("quantity", "where", "phase", "study", "ours", "deviation", "of tolerance")
_SHOWN = 20


def _row(d: Deviation) -> tuple[str, str, str, str, str, str, str]:
    digits = 5 if d.quantity == "v_pu" else 3
    return (
        QUANTITIES[d.quantity],
        d.id,
        d.phase,
        f"{d.theirs:.{digits}f}",
        f"{d.ours:.{digits}f}",
        f"{d.deviation:+.{digits}f}",
        f"{100.0 * d.share:.0f} %",
    )


def worst_rows(c: StudyComparison) -> list[tuple[str, str, str, str, str, str, str]]:
    """The ten worst deviations, as text under `WORST_HEAD`."""
    return [_row(d) for d in c.worst()]


def summary_rows(c: StudyComparison) -> list[tuple[str, str, str, str, str, str]]:
    """A row a quantity, as text under `SUMMARY_HEAD`."""
    return [
        (
            QUANTITIES[q.name],
            f"{q.n:,}",
            f"{q.rmse:.3g}",
            f"{q.largest.deviation:+.3g}",
            f"{q.largest.id} {q.largest.phase}".strip(),
            "yes" if q.within else "NO",
        )
        for q in c.quantities()
    ]


def verdict(c: StudyComparison) -> str:
    """Whether it holds, in words."""
    if not c.converged:
        return "our power flow found no solution"
    if not c.deviations:
        return "nothing of the study could be compared"
    return "within the tolerances" if c.within else "NOT within the tolerances"


def unmatched_words(c: StudyComparison) -> str:
    """Which ids of the study were not found."""
    more = f" and {len(c.unmatched) - _SHOWN} more" if len(c.unmatched) > _SHOWN else ""
    return f"{len(c.unmatched)} id(s) name nothing of the feeder: " + (
        ", ".join(c.unmatched[:_SHOWN]) + more
    )


def comparison_json(c: StudyComparison) -> str:
    """The comparison as one JSON object, with every figure."""
    value = {
        "feeder": c.feeder,
        "study": c.study,
        "within": c.within,
        "converged": c.converged,
        "tolerances": asdict(c.tolerances),
        "quantities": {
            q.name: {
                "n": q.n,
                "rmse": q.rmse,
                "largest": q.largest.deviation,
                "at": q.largest.id,
                "phase": q.largest.phase,
                "within": q.within,
            }
            for q in c.quantities()
        },
        "worst": [asdict(d) | {"deviation": d.deviation} for d in c.worst()],
        "deviations": [asdict(d) | {"deviation": d.deviation} for d in c.deviations],
        "unmatched": list(c.unmatched),
    }
    return json.dumps(value, indent=2)


def comparison_page(c: StudyComparison, picture: bytes | None = None) -> str:
    """The comparison as one HTML page, with nothing outside it.

    Args:
        c: The comparison.
        picture: PNG of both profiles.
    """
    parts = [f"<h1>{escape(c.feeder)} against {escape(c.study)}</h1>"]
    colour = "ok" if c.within else "bad"
    parts.append(f'<p class="{colour}"><strong>{escape(verdict(c).capitalize())}.</strong></p>')
    if c.deviations:
        parts.append(table(SUMMARY_HEAD, summary_rows(c)))
    if picture is not None:
        data = base64.b64encode(picture).decode("ascii")
        words = "Voltage over distance from the source, ours as lines and the study's as rings"
        parts.append(f'<figure><img alt="{words}" src="data:image/png;base64,{data}"></figure>')
    if c.deviations:
        parts += ["<h2>The ten worst</h2>", table(WORST_HEAD, worst_rows(c))]
    if c.unmatched:
        parts.append(f"<p>{escape(unmatched_words(c))}</p>")
    held = ", ".join(f"{name} {value:g}" for name, value in asdict(c.tolerances).items())
    parts.append(f"<p>Tolerances: {escape(held)}.</p>")
    style = STYLE + "img { max-width: 100%; height: auto; background: #fff; } figure { margin: 0; }"
    style += "\n.ok { color: #1e8449; } .bad { color: var(--bad); }"
    return _page(f"{c.feeder} against {c.study}", style, parts)


def _page(title: str, style: str, parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n{body}\n"
        "</body>\n</html>\n"
    )


def write_comparison(
    c: StudyComparison, folder: str | Path, picture: bytes | None = None
) -> list[Path]:
    """Write ``comparison.json``, ``comparison.html`` and, of a picture, ``profiles.png``.

    Returns:
        The files.
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    files = {
        "comparison.json": comparison_json(c).encode(),
        "comparison.html": comparison_page(c, picture).encode(),
    }
    if picture is not None:
        files["profiles.png"] = picture
    for name, data in files.items():
        write_atomic(place / name, data)
    return [place / name for name in files]
