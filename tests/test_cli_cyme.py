"""``grid-fed-rl import cyme`` and ``cyme compare``, from the export to the exit status."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from grid_fed_rl.cli import main
from grid_fed_rl.cli.cyme import NOT_WITHIN
from grid_fed_rl.feeders import open_feeder
from grid_fed_rl.feeders.equipment import read_equipment
from grid_fed_rl.powerflow import compile_network, nominal_setpoint, solve

Capture = pytest.CaptureFixture[str]
FIXTURES = Path(__file__).resolve().parent / "feeders" / "cyme" / "fixtures"
IEEE13, EVERY = FIXTURES / "ieee13.sxst", FIXTURES / "every_device"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("ieee13") / "feeder"
    assert main(["import", "cyme", str(IEEE13), "--out", str(out)]) == 0
    return out


def test_an_import_is_a_feeder_an_equipment_folder_and_a_report(folder: Path):
    feeder = open_feeder(folder)
    assert len(feeder.loads) == 15
    assert read_equipment(folder).switchgear
    report = json.loads((folder / "import_report.json").read_text())
    assert report["totals"]["feeder_kw"] == 3466.0


def test_the_report_is_printed_and_saved(tmp_path: Path, capsys: Capture):
    page = tmp_path / "sub" / "report.html"
    assert main(["import", "cyme", str(EVERY), "--report", str(page)]) == 0
    text = capsys.readouterr().out
    assert "networks      SUB, F1; taken: all" in text
    assert page.read_text().startswith("<!doctype html>")


def test_json_is_one_object(capsys: Capture):
    assert main(["import", "cyme", str(EVERY), "--json", "--load-model", "LIGHT"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["load_model"] == "LIGHT"


def test_strict_is_an_error_where_something_is_approximated(capsys: Capture):
    assert main(["import", "cyme", str(EVERY), "--strict"]) == 2
    assert "approximated, which strict forbids" in capsys.readouterr().err
    assert main(["import", "cyme", str(IEEE13), "--strict"]) == 0


def test_parquet_beside(tmp_path: Path):
    pytest.importorskip("pyarrow")
    assert main(["import", "cyme", str(IEEE13), "--parquet", str(tmp_path / "p")]) == 0
    assert (tmp_path / "p" / "conductors.parquet").is_file()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["no/such/folder"], "no/such/folder"),
        ([str(IEEE13), "--network", "F9"], "no network 'F9'; the export has 650"),
        ([str(IEEE13), "--report", "r.pdf"], "expected a file ending in .html or .json"),
    ],
)
def test_what_is_wrong_is_said_in_one_message(argv, message, capsys: Capture):
    assert main(["import", "cyme", *argv]) == 2
    assert message in capsys.readouterr().err


def study(folder: Path, path: Path, off_pu: float = 0.0) -> Path:
    """Our own solution as CYME would print it, node 675 off by so much."""
    network = compile_network(open_feeder(folder))
    flow = solve(network, nominal_setpoint(network))
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["EqId", "VpuA", "VpuB", "VpuC", "VAngleA", "VAngleB", "VAngleC"])
        for bus in [*network.feeder.buses, "LOAD652"]:
            at = [
                network.node_index.get(f"{'652' if bus == 'LOAD652' else bus}.{p}")
                for p in (1, 2, 3)
            ]
            v = [None if k is None else flow.v_pu[0, k] for k in at]
            wrong = off_pu if bus == "675" else 0.0
            writer.writerow(
                [bus]
                + ["" if x is None else f"{abs(x) + wrong:.6f}" for x in v]
                + ["" if x is None else f"{np.angle(x, deg=True):.4f}" for x in v]
            )
    return path


def test_a_study_that_agrees_is_status_0(folder: Path, tmp_path: Path, capsys: Capture):
    path = study(folder, tmp_path / "s.csv")
    assert main(["cyme", "compare", str(folder), str(path), "--out", str(tmp_path / "c")]) == 0
    text = capsys.readouterr().out
    assert "within the tolerances" in text
    assert "name nothing" not in text  # LOAD652 is one bus with 652, and known by its name
    assert {p.name for p in (tmp_path / "c").iterdir()} == {
        "comparison.html", "comparison.json", "profiles.png",
    }  # fmt: skip


def test_a_study_that_does_not_is_status_4_and_says_where(folder, tmp_path, capsys: Capture):
    path = study(folder, tmp_path / "s.csv", off_pu=0.01)
    assert main(["cyme", "compare", str(folder), str(path), "--json"]) == NOT_WITHIN
    value = json.loads(capsys.readouterr().out)
    assert value["quantities"]["v_pu"]["at"] == "675"
    assert main(["cyme", "compare", str(folder), str(path), "--v-pu", "0.02"]) == 0


def test_a_column_map(folder: Path, tmp_path: Path):
    path = study(folder, tmp_path / "s.csv")
    path.write_text(path.read_text().replace("EqId", "Bus"))
    assert main(["cyme", "compare", str(folder), str(path)]) == 2
    (tmp_path / "map.toml").write_text('id = "Bus"\n')
    argv = ["cyme", "compare", str(folder), str(path), "--columns", str(tmp_path / "map.toml")]
    assert main(argv) == 0
