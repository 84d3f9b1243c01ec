"""``grid-fed-rl solve`` and ``bench``: what they print is what the engine says."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from grid_fed_rl.cli import main
from grid_fed_rl.cli.bench import variant, year_multiplier
from grid_fed_rl.cli.solve import NOT_SOLVED
from grid_fed_rl.errors import GridFedRLError
from grid_fed_rl.feeders import load, write_tables
from grid_fed_rl.powerflow import compile_network, measures, nominal_setpoint, solve

Capture = pytest.CaptureFixture[str]
KEYS = [
    *("converged", "iterations", "source_kw", "source_kvar", "losses_kw", "losses_kvar"),
    *("taps", "voltages"),
]


def printed(capsys: Capture, *argv: str) -> dict:
    assert main(["solve", *argv, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_json_has_these_keys_and_the_solver_s_values(capsys: Capture):
    found = printed(capsys, "ieee13")
    network = compile_network(load("ieee13"))
    flow = solve(network, nominal_setpoint(network))
    assert list(found) == KEYS
    assert found["converged"] is True
    assert found["taps"] == {"reg1": 0, "reg2": 0, "reg3": 0}
    assert found["source_kw"] == measures.source_kw(network, flow)[0]
    assert found["losses_kvar"] == measures.losses_kvar(network, flow)[0]
    assert list(found["voltages"]) == list(network.node_names)
    volts, degrees = found["voltages"]["671.3"]
    v = flow.v_pu[0, network.node_index["671.3"]] * network.v_base_v[network.node_index["671.3"]]
    assert volts == pytest.approx(abs(v), rel=1e-15)
    assert degrees == pytest.approx(math.degrees(np.angle(v)), rel=1e-15)


def test_controls_find_the_taps_of_the_reference_engine(capsys: Capture):
    ours = printed(capsys, "ieee13", "--controls")
    theirs = printed(capsys, "ieee13", "--controls", "--engine", "opendss")
    assert ours["taps"] == theirs["taps"]
    assert any(ours["taps"].values())
    for name in ("source_kw", "source_kvar", "losses_kw", "losses_kvar"):
        assert ours[name] == pytest.approx(theirs[name], rel=5e-6), name
    for node, (volts, degrees) in ours["voltages"].items():
        assert volts == pytest.approx(theirs["voltages"][node][0], rel=1e-6), node
        assert degrees == pytest.approx(theirs["voltages"][node][1], abs=1e-5), node


def test_the_table_is_short_unless_all_nodes_are_asked_for(capsys: Capture):
    assert main(["solve", "ieee123"]) == 0
    text = capsys.readouterr().out
    assert "IEEE 123 Node Test Feeder" in text
    assert len(text.splitlines()) < 40
    assert max(map(len, text.splitlines())) <= 80
    assert main(["solve", "ieee123", "--all-nodes"]) == 0
    text = capsys.readouterr().out
    assert sum(line.split()[:1] in (["114.1"], ["150r.3"]) for line in text.splitlines()) == 2


def test_powers_of_the_table_add_up(capsys: Capture):
    assert main(["solve", "ieee13"]) == 0
    words = [line.split() for line in capsys.readouterr().out.splitlines()]
    powers = [w for w in words if w[:1] in (["source"], ["capacitors"], ["loads"], ["losses"])]
    kva = {w[0]: complex(*(float(x.replace(",", "")) for x in w[1:3])) for w in powers}
    into, out = kva["source"] + kva["capacitors"], kva["loads"] + kva["losses"]
    assert abs(into - out) < 0.03


def test_a_folder_of_tables_is_solved_like_a_shipped_feeder(capsys: Capture, tmp_path: Path):
    write_tables(load("ieee13"), tmp_path / "mine")
    assert printed(capsys, str(tmp_path / "mine")) == printed(capsys, "ieee13")


def test_the_profile_is_drawn(capsys: Capture, tmp_path: Path):
    path = tmp_path / "profile.png"
    assert main(["solve", "ieee13", "--controls", "--plot", str(path)]) == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    assert f"Drawn into {path}" in capsys.readouterr().out


@pytest.mark.parametrize("command", [("solve",), ("feeders", "show")])
@pytest.mark.parametrize("name", ["profile.svg", "profile", "."])
def test_a_picture_is_a_png(capsys: Capture, command: tuple[str, ...], name: str):
    with pytest.raises(SystemExit) as end:
        main([*command, "ieee13", "--plot", name])
    assert end.value.code == 2
    assert f"argument --plot: {name!r} is no file ending in .png" in capsys.readouterr().err


def test_a_picture_that_cannot_be_written_is_told_in_one_message(capsys: Capture, tmp_path: Path):
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "profile.png"
    assert main(["solve", "ieee13", "--plot", str(path)]) == 2
    assert capsys.readouterr().err.startswith(f"grid-fed-rl: {tmp_path / 'file'}: ")


def test_no_solution_is_said_and_has_a_status_of_its_own(capsys: Capture, tmp_path: Path):
    feeder = load("ieee13")
    heavy = {
        name: type(one)(**{**{f: getattr(one, f) for f in one.__slots__}, "kw": one.kw * 1e7})
        for name, one in feeder.loads.items()
    }
    write_tables(type(feeder)(**{**_fields(feeder), "loads": heavy}), tmp_path)
    assert main(["solve", str(tmp_path)]) == NOT_SOLVED
    assert "no solution found in" in capsys.readouterr().out
    assert main(["solve", str(tmp_path), "--json"]) == NOT_SOLVED
    found = json.loads(capsys.readouterr().out)
    assert found["converged"] is False
    assert found["losses_kw"] is None
    assert found["voltages"]["671.1"] == [None, None]


def _fields(feeder: object) -> dict:
    return {name: getattr(feeder, name) for name in feeder.__dataclass_fields__}  # pyright: ignore


def test_an_unknown_feeder_is_refused(capsys: Capture):
    assert main(["solve", "ieee14"]) == 2
    assert "no feeder 'ieee14'; known: " in capsys.readouterr().err


def test_bench_year_extrapolates_and_says_so(capsys: Capture):
    options = ["--feeder", "ieee13", "--hours", "48", "--sample", "2"]
    assert main(["bench", "year", "--feeders", "10", *options]) == 0
    text = capsys.readouterr().out
    assert "10 feeders of 41 nodes (ieee13) x 48 hours" in text
    assert "EXTRAPOLATED from a sample of 2" in text
    assert main(["bench", "year", "--feeders", "10", *options, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["extrapolated"] is True
    assert found["converged_share"] == 1.0
    assert found["total_s"] == pytest.approx(5 * (found["compile_s"] + found["solve_s"]), rel=0.02)
    assert main(["bench", "year", "--feeders", "2", *options, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["extrapolated"] is False


@pytest.mark.parametrize("option", ["feeders", "sample", "hours", "threads"])
def test_bench_refuses_nothing_to_do(capsys: Capture, option: str):
    assert main(["bench", "year", f"--{option}", "0"]) == 2
    assert f"--{option} is 0; expected 1 or more" in capsys.readouterr().err


def test_variants_have_the_size_of_their_model_and_figures_of_their_own():
    model = load("ieee13")
    rng = np.random.default_rng(0)
    one, other = variant(model, rng), variant(model, rng)
    assert list(one.lines) == list(model.lines)
    assert one.lines["650632"].length_m != other.lines["650632"].length_m
    assert one.loads["671"].kw / one.loads["671"].kvar == pytest.approx(
        model.loads["671"].kw / model.loads["671"].kvar
    )
    level = year_multiplier(8760, 3, rng)
    assert level.shape == (8760, 3)
    assert 0.0 < level.min() < level.max() < 1.5


def test_bench_errors_are_the_package_s_own():
    with pytest.raises(GridFedRLError):
        main(["--debug", "bench", "year", "--hours", "0"])
