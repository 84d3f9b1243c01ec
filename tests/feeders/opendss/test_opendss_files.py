"""Scripts as files: names in any case, nothing written, and clear words for what is wrong."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.opendss import commands, read_opendss, write_opendss

Write = Callable[[str], Path]
CIRCUIT = "clear\nnew circuit.x basekv=12.47 bus1=a\n"


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., Path]:
    """Write files by name; the first is the script."""

    def written(**files: str) -> Path:
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path / next(iter(files)).replace("_", ".")

    return written


def test_files_are_found_in_any_case(script: Callable[..., Path]) -> None:
    path = script(
        Master_dss=CIRCUIT + "Redirect LINES/lines.DSS\n/* redirect nowhere.dss\n*/\n"
        "compile 'lines\\LOADS.dss'\nset voltagebases=[12.47]\ncalcv\nbuscoords XY.CSV  ! here\n",
        Lines__Lines_dss="new line.l bus1=a bus2=b r1=1 x1=1 length=2 units=km\n"
        "redirect More.dss // beside this one",
        Lines__more_dss="new line.m bus1=b bus2=c r1=1 x1=1 length=2 units=km",
        lines__Loads_dss="new loadshape.s npts=2 interval=1 mult=(file=Shape.TXT)\n"
        "new load.x bus1=c kv=12.47 kw=9 yearly=s",
        shape_txt="1\n0.5\n",
        xy_csv="a, 1, 2\nb, 3, 4\n",
    )
    feeder = read_opendss(path).feeder
    assert feeder.lines.keys() == {"l", "m"}
    assert feeder.loads["x"].profile == "s"
    assert (feeder.buses["b"].x, feeder.buses["b"].y) == (3.0, 4.0)
    assert np.isnan(feeder.buses["c"].x)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_letters_beyond_ascii_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "Master.dss"
    text = CIRCUIT + "new line.café bus1=a bus2=b r1=1 x1=1\nset voltagebases=[12.47]\ncalcv\n"
    path.write_text(text, encoding=encoding)
    assert list(read_opendss(path).feeder.lines) == ["café"]


def test_nothing_is_written_and_the_working_directory_stays(
    script: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path = script(
        a_dss=CIRCUIT + f"set datapath={tmp_path}\ncd {tmp_path}\n"
        "new line.l bus1=a bus2=b r1=1 x1=1\nnew load.x bus1=b kv=12.47 kw=9\n"
        "new energymeter.m element=line.l\nset casename=here demandinterval=yes\n"
        "set voltagebases=[12.47]\ncalcv\nsolve\nsolve mode=daily number=2\n"
        "show voltages\nexport currents\nplot profile\nsave circuit\ndump\nclosedi\n"
    )
    monkeypatch.chdir(elsewhere)
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")}
    feeder = read_opendss(path).feeder
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")} == before
    assert Path.cwd() == elsewhere
    assert feeder.loads.keys() == {"x"}


def test_a_solution_that_fails_is_left_out(script: Callable[..., Path]) -> None:
    imported = read_opendss(
        script(
            a_dss=CIRCUIT + "new transformer.t buses=[a b] kvs=[12.47 4.16] kvas=[900 900]\n"
            "new regcontrol.r transformer=t winding=2 vreg=130 ptratio=20\n"
            "set voltagebases=[12.47 4.16]\ncalcv\nset maxcontroliter=2\nsolve\n"
            "new load.after bus1=b kv=4.16 kw=9\n"
        )
    )
    assert imported.feeder.loads.keys() == {"after"}
    (note,) = (n for n in imported.report.approximated if n.element == "circuit.solve")
    assert "Max Control Iterations Exceeded" in note.what


WRONG = {
    "unknown command": ("foo bar", r'Unknown Command: "foo".*\n  in .*a\.dss, line 3'),
    "unknown code": ("new line.l bus1=a bus2=b linecode=nix", r'"nix" not found.*in .*a\.dss, l'),
    "unknown property": ("new line.l bus1=a bus3=b", "Unknown parameter"),
    "twice": ("new line.l bus1=a bus2=b\nnew line.l bus1=a bus2=c", "Duplicate.*Line.l"),
    "no such file": ("redirect nix.dss", r"a\.dss, line 3: .*no file 'nix\.dss' beside it"),
    "a circle": ("redirect A.DSS", "includes itself"),
    "two circuits": ("new circuit.y bus1=b\n", "Duplicate new element definition|builds 2"),
    "no voltage": ("new line.l bus1=q bus2=b", r"no nominal voltage of bus\(es\) b, q"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_with_a_script(script: Callable[..., Path], what: str) -> None:
    text, message = WRONG[what]
    with pytest.raises(FeederError, match=f"(?s){message}"):
        read_opendss(script(a_dss=f"{CIRCUIT}{text}\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "builds 0 circuits; expected one"),
        ("! nothing\n", "builds 0 circuits; expected one"),
        ("clear\nnew circuit.x phases=1 basekv=7.2\n", r"expected phases 1\.2\.3 against ground"),
        ("clear\nnew circuit.x bus1=a.2.3.1\n", r"a\.2\.3\.1 against .*expected phases 1\.2\.3"),
        ("clear\nnew circuit.x\nnew vsource.y bus1=b\n", r"2 sources \(source, y\); expected one"),
        ("clear\nnew circuit.x\nedit vsource.source enabled=no\n", "0 sources"),
        ("clear\nnew circuit.x r1=1 x1=1\nedit vsource.source z2=[9 9]\n", "z2 of the source"),
        ("\x00\x01\xff" * 99, "builds 0 circuits|cannot read it"),
    ],
)
def test_scripts_that_build_no_feeder(script: Callable[..., Path], text: str, message: str) -> None:
    with pytest.raises(FeederError, match=message):
        read_opendss(script(a_dss=text))


def test_paths_that_are_no_scripts(tmp_path: Path) -> None:
    with pytest.raises(FeederError, match=r"nix\.dss' is not there"):
        read_opendss(tmp_path / "nix.dss")
    with pytest.raises(FeederError, match="is a folder; name its master script"):
        read_opendss(tmp_path)
    unreadable = tmp_path / "x.dss"
    unreadable.touch(mode=0o000)
    if not os.access(unreadable, os.R_OK):
        with pytest.raises(FeederError, match="cannot be read"):
            read_opendss(unreadable)


def test_a_script_of_which_opendss_dies(script: Callable[..., Path]) -> None:
    """The value without a name is one that a transformer cannot have."""
    deadly = script(
        a_dss=CIRCUIT + "new transformer.t phases=3 windings=2 xhl=8\n"
        "~ 4.800 bus=a conn=delta kv=230 kva=2500 %r=1\n"
        "~ wdg=2 bus=b conn=delta kv=4.8 kva=2500 %r=1\n"
    )
    with pytest.raises(FeederError, match="dies of it"):
        read_opendss(deadly, probe=True)
    good = script(b_dss=CIRCUIT + "set voltagebases=[12.47]\ncalcv\n")
    assert read_opendss(good, probe=True).feeder.name == "x"


def test_names_that_opendss_cannot_tell_apart(write: Write) -> None:
    from dataclasses import replace

    feeder = read_opendss(write("")).feeder
    double = replace(feeder.lines["ab"], name="AB")
    with pytest.raises(FeederError, match="line 'ab' and 'AB'"):
        commands(replace(feeder, lines={**feeder.lines, "AB": double}))


def test_written_over_and_over(write: Write, tmp_path: Path) -> None:
    feeder = read_opendss(write("new loadshape.s\nnew load.x bus1=c kv=12.47 kw=9 daily=s")).feeder
    first = write_opendss(feeder, tmp_path / "deep" / "folder")
    assert first == tmp_path / "deep" / "folder" / "master.dss"
    texts = {p.name: p.read_text(encoding="utf-8") for p in first.parent.iterdir()}
    again = write_opendss(read_opendss(first).feeder, first.parent)
    assert {p.name: p.read_text(encoding="utf-8") for p in again.parent.iterdir()} == texts
    assert read_opendss(first).feeder == feeder


def test_mutilated_scripts_are_refused_in_words(scripts: Path, tmp_path: Path) -> None:
    """Whatever is done to a script, there is a feeder or one clear error."""
    text = (scripts / "ieee4" / "4Bus-YY-Bal" / "4Bus-YY-Bal.DSS").read_text(encoding="latin-1")
    rng = np.random.default_rng(4)
    outcomes = []
    path = tmp_path / "a.dss"
    for _ in range(50):
        letters = list(text)
        for _ in range(rng.integers(1, 12)):
            k = int(rng.integers(len(letters)))
            match rng.integers(3):
                case 0:
                    letters[k] = chr(rng.integers(32, 127))
                case 1:
                    del letters[k : k + int(rng.integers(1, 40))]
                case _:
                    letters[k:k] = letters[k : k + int(rng.integers(1, 40))]
        path.write_text("".join(letters), encoding="latin-1")
        try:
            read_opendss(path, allow_refused=True)
        except FeederError:
            outcomes.append(False)
        else:
            outcomes.append(True)
    assert {True, False} == set(outcomes)
