"""The pages: what they show runs, what they point to is there."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from grid_fed_rl.cli import main

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
NAVIGATION = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
PAGES = [
    ROOT / "README.md",
    DOCS / "index.md",
    DOCS / "tutorial.md",
    *sorted((DOCS / "how-to").glob("*.md")),
]


def blocks(page: Path, language: str) -> list[str]:
    """Fenced blocks of a page in one language."""
    pattern = rf"^```{language}\n(.*?)^```"
    return re.findall(pattern, page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def relative_links(page: Path) -> list[str]:
    """What a page links to or shows, without anchors, addresses left out."""
    targets = re.findall(r"\]\(([^)\s#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    return [target for target in targets if "://" not in target]


def navigation(entries: object) -> Iterator[str]:
    """Pages that the navigation names."""
    if isinstance(entries, list):
        for entry in entries:
            yield from navigation(entry)
    elif isinstance(entries, dict):
        yield from navigation(list(entries.values()))
    elif isinstance(entries, str) and entries.endswith(".md"):
        yield entries


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.name
)
def test_the_python_of_a_page_runs_as_a_reader_would_run_it(page: Path, tmp_path: Path):
    run("\n".join(blocks(page, "python")), tmp_path)


def test_the_tutorial_ends_with_a_learner(tmp_path: Path):
    pytest.importorskip("stable_baselines3", reason="needs the extra sb3")
    page = DOCS / "tutorial.md"
    (learning,) = blocks(page, "py")
    assert "learner.learn(100_000)" in learning
    shorter = learning.replace("100_000", "768")
    run("\n".join([*blocks(page, "python"), shorter]), tmp_path)


# What the last command of a tutorial learns in a minute or two, in seconds.
TINY = (
    "~utilities.desert ~utilities.northern ~utilities.milltown size.steps=24 size.batch_size=16 "
    "federated.rounds=2 privacy.rounds=2 privacy.local_steps=1 evaluation.lanes=64 "
    "evaluation.validation_days=1 evaluation.curve_points=1"
)


def test_the_tutorial_of_cyme_works_word_by_word(tmp_path: Path):
    page = (DOCS / "cyme-tutorial.md").read_text(encoding="utf-8")
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    said, code = "", ""
    for language, block in re.findall(r"^```(\w+)\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        if language == "python":
            code += block  # a reader's one session
            run(code, tmp_path)
            continue
        for command in block.splitlines():
            words = shlex.split(command.removeprefix("$ grid-fed-rl "))
            if words[0] == "demo":
                words += TINY.split()
            call = f"from grid_fed_rl.cli import main; raise SystemExit(main({words}))"
            said += run(call, tmp_path).stdout
    for figure in ("3,466.000 kW, 2,102.000 kvar", "dangling  680", "LINE606", "3,577.80"):
        assert figure in said
    written = ("cyme13.html", "cyme13.png", "comparison/profiles.png", "cyme13-policy/report.html")
    assert [name for name in written if not (tmp_path / "runs" / name).is_file()] == []


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run it in an interpreter where nothing was registered or imported before."""
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:__main__", "-c", code],
        cwd=folder,
        env={"PATH": "", "HOME": str(folder), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def documented_commands() -> list[str]:
    shown = "\n".join(block for page in PAGES for block in blocks(page, "console"))
    lines = re.findall(r"^\$ grid-fed-rl (.*)$", shown, flags=re.MULTILINE)
    return list(dict.fromkeys(line.partition("#")[0].strip() for line in lines))


@pytest.mark.parametrize("command", documented_commands())
def test_a_command_that_a_page_shows_is_one(
    command: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.chdir(tmp_path)  # some of them draw
    words = shlex.split(command)
    if "--help" in words:
        with pytest.raises(SystemExit, match="0"):
            main(words)
    else:
        assert main([*words, "--cfg"] if words[0] == "demo" else words) == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize("page", [ROOT / "README.md", *DOCS.rglob("*.md")], ids=lambda p: p.name)
def test_links_point_to_files_that_are_there(page: Path):
    missing = [link for link in relative_links(page) if not (page.parent / link).exists()]
    assert missing == []


def test_the_readme_leads_to_pages_and_a_picture():
    links = relative_links(ROOT / "README.md")
    assert any(link.endswith(".md") for link in links)
    assert any(link.endswith(".png") for link in links)


def test_the_navigation_names_every_page_once():
    named = list(navigation(NAVIGATION))
    there = [str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")]
    assert sorted(named) == sorted(there)


def test_the_start_page_leads_to_every_other_page():
    linked = {link for link in relative_links(DOCS / "index.md") if link.endswith(".md")}
    assert linked == set(navigation(NAVIGATION)) - {"index.md"}
