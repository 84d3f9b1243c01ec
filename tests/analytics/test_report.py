"""The report: everything is on the page, nothing is fetched, void is loud."""

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from rich.console import Console

from grid_fed_rl.analytics.figures import learning_figure
from grid_fed_rl.analytics.report import (
    _PRIVACY_LABELS,
    Report,
    ReportFigure,
    metrics_table,
    write_report,
)
from grid_fed_rl.analytics.vocabulary import METRICS, POLICIES
from grid_fed_rl.errors import GridFedRLError
from grid_fed_rl.federated.statement import no_privacy

Metrics = dict[str, dict[str, dict[str, float]]]

VOID = "The privacy guarantee of this run is void"
WITHOUT_END = {"meta", "img", "link", "br", "hr", "input"}


class Page(HTMLParser):
    """Elements with their attributes, all text, and table cells by row."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.rows: list[list[str]] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in WITHOUT_END:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"th", "td"}:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.text += data
        if self.open and {"th", "td"} & set(self.open):
            self.rows[-1][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def figure() -> Figure:
    return learning_figure({"federated": (np.arange(3.0), np.arange(3.0))})


@pytest.fixture
def report(metrics: Metrics, privacy: dict[str, object], figure: Figure) -> Report:
    return Report(
        title="Five utilities & one feeder",
        summary=["Federated beats <b>no control</b>.", "Losses fall."],
        metrics=metrics,
        figures=[ReportFigure("learning", "Learning", "How to read it.", "A rising line", figure)],
        privacy=privacy,
        configuration={"feeder": {"name": "ieee13"}, "sizes": [64, None], "empty": {}, "on": True},
        reproducibility="Run it again with seed 0.",
    )


def test_every_policy_and_metric_is_in_the_table(report: Report, tmp_path: Path):
    page = Page(write_report(report, tmp_path / "report.html"))
    heading, *rows = page.rows[:8]
    assert [row[0].strip() for row in rows] == [policy.label for policy in POLICIES.values()]
    for text, metric in zip(heading[1:], METRICS.values(), strict=True):
        assert metric.label in text
        assert metric.unit in text
        assert f"{metric.better} is better" in text
    assert all(len(row) == 6 for row in rows)
    assert rows[0][3].split() == ["18.20", "17.29", "to", "19.11"]  # percent of node-steps
    assert "−520.0" in rows[0][1]
    for words in (*METRICS.values(), *POLICIES.values()):
        assert words.explanation in page.text


def test_the_best_mean_of_each_column_is_marked(report: Report, tmp_path: Path):
    _, *rows = Page(write_report(report, tmp_path / "report.html")).rows[:8]
    marked = [(row[0].strip(), n) for row in rows for n, cell in enumerate(row) if "★" in cell]
    assert marked == [("No control", 5), *(("Pooled", n) for n in (1, 2, 3, 4))]


def test_the_page_fetches_nothing_and_can_be_read_aloud(report: Report, tmp_path: Path):
    path = write_report(report, tmp_path / "report.html")
    page = Page(path)
    assert not re.search(r"https?:|//[a-z]|@import|url\(", path.read_text())
    assert not page.all("script")
    assert not page.all("link")
    [image] = page.all("img")
    assert image["alt"] == "A rising line"
    prefix, _, content = str(image["src"]).partition(",")
    assert prefix == "data:image/svg+xml;base64"
    assert b"<svg" in base64.b64decode(content)
    assert page.all("html")[0]["lang"] == "en"
    assert all(th.get("scope") in {"col", "row"} for th in page.all("th"))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    labels = [a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a]
    assert set(labels) <= set(ids)


def test_a_copy_of_every_figure_lies_beside_the_page(report: Report, tmp_path: Path):
    path = write_report(report, tmp_path / "run" / "report.html")
    assert path == (tmp_path / "run" / "report.html").resolve()
    assert (path.parent / "figures" / "learning.png").read_bytes().startswith(b"\x89PNG")
    assert {file.name for file in path.parent.rglob("*") if file.is_file()} == {
        "report.html",
        "learning.png",
    }


def test_text_is_escaped(report: Report, tmp_path: Path):
    path = write_report(report, tmp_path / "report.html")
    source, page = path.read_text(), Page(path)
    assert "<b>" not in source
    assert "Federated beats <b>no control</b>." in page.text
    assert "Rounding is <not> covered." in page.text
    assert "<title>Five utilities &amp; one feeder</title>" in source


def test_void_is_loud_only_when_it_is_void(report: Report, tmp_path: Path):
    void = replace(report, privacy={**report.privacy, "holds": False})
    none = replace(report, privacy={"mode": "none", "holds": False, "epsilon": None})
    pages = [Page(write_report(r, tmp_path / "report.html")) for r in (report, void, none)]
    assert [VOID in page.text for page in pages] == [False, True, False]
    banners = [[a for _, a in page.elements if a.get("role") == "alert"] for page in pages]
    assert [len(found) for found in banners] == [0, 1, 0]
    assert "(7.93, 1e-5)-differentially private for one site-day trajectory" in pages[0].text
    assert "differentially private for" not in pages[1].text
    assert "No differential privacy." in pages[2].text


def test_the_statement_is_there_in_full(report: Report, tmp_path: Path):
    text = Page(write_report(report, tmp_path / "report.html")).text
    text = " ".join(text.split())
    assert "Epsilon spent, largest over sites 7.93" in text
    assert "coastal: 7.93 desert: 7.91" in text
    assert "Euclidean norm) unbounded" in text
    assert "Accountant PLD, dp-accounting 0.6.0" in text
    assert "Not covered" not in text  # nothing is listed there


def test_every_key_of_a_real_statement_has_its_own_words():
    assert set(no_privacy().as_dict()) - {"mode", "holds"} == set(_PRIVACY_LABELS)


def test_configuration_is_listed_by_dotted_name(report: Report, tmp_path: Path):
    page = Page(write_report(report, tmp_path / "report.html"))
    assert page.rows[9:] == [
        ["feeder.name", "ieee13"],
        ["sizes", "[64, null]"],
        ["empty", "{}"],
        ["on", "true"],
    ]
    assert "Run it again with seed 0." in page.text


def test_a_small_report_is_a_page_too(privacy: dict[str, object], tmp_path: Path):
    metrics = {"mine": {"energy": {"mean": 1.0, "low": 0.5, "high": 1.5}}}
    page = Page(write_report(Report("T", [], metrics, privacy=privacy), tmp_path / "r.html"))
    assert page.rows == [["Policy", "Energy\n"], ["Mine", "1.000 0.500 to 1.500"]]


def test_broken_parts_are_refused(metrics: Metrics, privacy: dict[str, object]):
    with pytest.raises(GridFedRLError, match="metrics"):
        Report("T", [], {}, privacy=privacy)
    with pytest.raises(GridFedRLError, match="privacy lacks mode, holds"):
        Report("T", [], metrics)


def test_console_table_fits_eighty_columns(metrics: Metrics):
    console = Console(width=80)
    with console.capture() as capture:
        console.print(metrics_table(metrics))
    text = capture.get()
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    for policy in POLICIES.values():
        assert policy.label in text
    for metric in METRICS.values():
        assert metric.short in text
    assert "*0.60" in text
    assert text.count("*") == 6  # five best means and the word about them
    assert "±0.91" in text  # half of 17.29 to 19.11
