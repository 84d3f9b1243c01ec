"""The console command: help that reads well, errors in one line, and how it ends."""

import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import grid_fed_rl
from grid_fed_rl.analytics.runs import RunFolder
from grid_fed_rl.cli import main
from grid_fed_rl.cli.configuration import compose, groups
from grid_fed_rl.cli.text import columns
from grid_fed_rl.errors import FeederError, GridFedRLError
from grid_fed_rl.feeders import names

Capture = pytest.CaptureFixture[str]
Job = Callable[[dict[str, Any]], object]


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Callable[[Job], None]:
    """Put a job of the test's own in the place of the main job."""

    def replace(run: Job) -> None:
        module = types.ModuleType("grid_fed_rl.demo")
        module.__dict__["run"] = run
        monkeypatch.setitem(sys.modules, "grid_fed_rl.demo", module)
        monkeypatch.setattr(grid_fed_rl, "demo", module, raising=False)

    return replace


def help_of(capsys: Capture, *command: str) -> str:
    with pytest.raises(SystemExit) as exit_info:
        main([*command, "--help"])
    assert exit_info.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    [
        (),
        ("demo",),
        ("feeders",),
        ("feeders", "show"),
        ("solve",),
        ("envs",),
        ("envs", "show"),
        ("bench",),
        ("bench", "year"),
    ],
)
def test_every_help_explains_gives_an_example_and_fits_the_screen(
    capsys: Capture, command: tuple[str, ...]
):
    text = help_of(capsys, *command)
    assert " ".join(("usage: grid-fed-rl", *command)) in text
    assert "example" in text
    assert max(map(len, text.splitlines())) <= 80
    options = [line for line in text.splitlines() if line.startswith("  -")]
    assert all(len(line.split()) > 2 for line in options)  # no option without words


def test_help_names_every_command(capsys: Capture):
    text = help_of(capsys)
    assert all(
        f"    {command} " in text for command in ("demo", "feeders", "solve", "envs", "bench")
    )
    assert main([]) == 0
    assert capsys.readouterr().out == text


def test_demo_help_lists_groups_and_their_options(capsys: Capture):
    text = help_of(capsys, "demo")
    for group, options in groups().items():
        assert f"    {group} " in text
        assert ", ".join(options) in text
    assert {"ieee13", "ieee123"} <= set(groups()["feeder"])


def test_version(capsys: Capture):
    with pytest.raises(SystemExit) as exit_info:
        main(["--version"])
    assert exit_info.value.code == 0
    assert capsys.readouterr().out == f"grid-fed-rl {grid_fed_rl.__version__}\n"


def test_help_loads_neither_torch_nor_hydra_nor_the_engine():
    code = (
        "import sys\n"
        "from grid_fed_rl.cli import main\n"
        "try:\n    main(['demo', '--help'])\n"
        "finally:\n    print([m for m in ('torch', 'flwr', 'hydra', 'numba', 'matplotlib')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_feeders_are_listed_with_their_counts(capsys: Capture):
    assert main(["feeders"]) == 0
    heading, *rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert heading[:4] == ["name", "buses", "nodes", "loads"]
    assert [row[0] for row in rows] == list(names())
    counts = {row[0]: row[1:7] for row in rows}
    assert counts["ieee13"] == ["16", "41", "15", "3,466", "3", "2"]
    assert counts["ieee123"] == ["132", "278", "91", "3,490", "7", "4"]


def test_a_feeder_is_shown(capsys: Capture):
    assert main(["feeders", "show", "ieee13"]) == 0
    text = capsys.readouterr().out
    assert "IEEE 13 Node Test Feeder (ieee13), 60 Hz" in text
    assert "1 at 115 kV, 14 at 4.16 kV, 1 at 0.48 kV" in text
    assert "3,466 kW and 2,102 kvar" in text
    assert "cap1 (600 kvar), cap2 (100 kvar)" in text
    assert "Figures: IEEE PES" in text
    assert max(map(len, text.splitlines())) <= 80


def test_envs_lists_the_registered_ids(capsys: Capture):
    assert main(["envs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["id", "feeder"]
    assert ["GridFedRL/IEEE13-VVO-v0", "ieee13"] in [line.split() for line in lines]
    assert ["GridFedRL/IEEE123-VVO-v0", "ieee123"] in [line.split() for line in lines]
    assert any(line.endswith("13Bus_soc of PowerGym, by data=FOLDER") for line in lines)


def test_an_environment_is_shown_and_drawn(capsys: Capture, tmp_path: Path):
    pytest.importorskip("matplotlib", reason="matplotlib draws; the extra `plot` has it")
    command = ["envs", "show", "GridFedRL/IEEE13-VVO-v0", "--steps", "2", "--plot"]
    for name in ("one.png", "other.png"):
        assert main([*command, str(tmp_path / name)]) == 0
    text = capsys.readouterr().out
    assert "6 numbers from -1 to 1: reg1, reg2, reg3, cap1, cap2, battery_680" in " ".join(
        text.split()
    )
    assert f"Drawn into {tmp_path / 'one.png'}" in text
    assert max(len(line) for line in text.splitlines() if "Drawn" not in line) <= 80
    one, other = ((tmp_path / name).read_bytes() for name in ("one.png", "other.png"))
    assert one.startswith(b"\x89PNG")
    assert one == other


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["GridFedRL/IEEE14-VVO-v0"], "no environment 'GridFedRL/IEEE14-VVO-v0'; known: "),
        (["GridFedRL/IEEE13-VVO-v0", "--steps", "25"], "--steps is 25; an episode has 0 to 24"),
    ],
)
def test_an_environment_that_is_not_is_refused(capsys: Capture, argv: list[str], message: str):
    assert main(["envs", "show", *argv]) == 2
    assert capsys.readouterr().err.startswith(f"grid-fed-rl: {message}")


def test_an_error_is_one_line_and_status_two(capsys: Capture):
    assert main(["feeders", "show", "ieee14"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("grid-fed-rl: no feeder 'ieee14'; known: " + ", ".join(names()))
    assert err.count("\n") == 1


def test_debug_shows_the_traceback():
    with pytest.raises(FeederError):
        main(["feeders", "show", "ieee14", "--debug"])
    with pytest.raises(FeederError):
        main(["--debug", "feeders", "show", "ieee14"])


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["feeder"], "invalid choice: 'feeder'"),
        (["demo", "--qick"], "demo: unrecognised arguments: --qick"),
        (["envs", "x"], "invalid choice: 'x'"),
        (["feeders", "show"], "required: NAME"),
    ],
)
def test_a_wrong_command_is_refused(capsys: Capture, argv: list[str], complaint: str):
    with pytest.raises(SystemExit) as exit_info:
        main(argv)
    assert exit_info.value.code == 2
    assert complaint in capsys.readouterr().err


def test_overrides_reach_the_job_wherever_they_stand(job: Callable[[Job], None]):
    seen: list[dict[str, Any]] = []
    job(seen.append)
    assert main(["demo", "seed=7", "--quick", "federated.rounds=5", "--run", "first"]) == 0
    [settings] = seen
    assert settings["seed"] == 7
    assert settings["federated"]["rounds"] == 5
    assert settings["feeder"]["name"] == "ieee13"
    assert settings["run"] == "first"
    assert type(settings["federated"]) is dict
    assert type(settings["algorithm"]["hidden"]) is list


def test_a_run_has_a_name_that_is_new(job: Callable[[Job], None]):
    seen: list[dict[str, Any]] = []
    job(seen.append)
    assert [main(["demo"]), main(["demo"]), main(["demo", "run=2024"])] == [0, 0, 0]
    first, second, third = (settings["run"] for settings in seen)
    assert first != second
    assert third == "2024"


def test_cfg_prints_the_configuration_and_runs_nothing(job: Callable[[Job], None], capsys: Capture):
    def run(_: object) -> None:
        raise AssertionError

    job(run)
    assert main(["demo", "--quick", "--cfg", "seed=7"]) == 0
    text = capsys.readouterr().out
    assert "feeder:\n  name: ieee13\n" in text
    assert "\nseed: 7\n" in text


def test_what_comes_later_wins_over_quick():
    settings = compose(["feeder=ieee13", "feeder=ieee123", "seed=1", "seed=2"])
    assert settings["feeder"]["name"] == "ieee123"
    assert settings["seed"] == 2


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("ieee13", "override 'ieee13': expected NAME=VALUE"),
        ("=3", "expected NAME=VALUE"),
        (
            "feeder=iee13",
            "no option 'iee13' of 'feeder' (did you mean 'ieee13'?); known: custom, ieee123,",
        ),
        ("federated.round=4", "no setting 'federated.round' (did you mean 'federated.rounds'?)"),
        ("seed=[1", "'[1'"),
        ("seed=${nowhere}", "nowhere"),
        ("seed=???", "setting 'seed' has no value"),
        ("~nothing", "no setting 'nothing'"),
    ],
)
def test_a_wrong_override_is_named(capsys: Capture, override: str, complaint: str):
    assert main(["demo", "--cfg", override]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert complaint in err
    assert err.count("\n") == 1


def test_a_value_can_be_added():
    assert compose(["+note=hello"])["note"] == "hello"


def test_an_error_of_the_job_is_one_line(job: Callable[[Job], None], capsys: Capture):
    def run(_: object) -> None:
        raise GridFedRLError("site 'a': the budget is spent")

    job(run)
    assert main(["demo"]) == 2
    assert capsys.readouterr().err == "grid-fed-rl: site 'a': the budget is spent\n"


def test_an_error_that_nobody_foresaw_keeps_its_traceback(job: Callable[[Job], None]):
    def run(_: object) -> None:
        raise ZeroDivisionError

    job(run)
    with pytest.raises(ZeroDivisionError):
        main(["demo"])


def test_a_missing_extra_says_what_to_install(job: Callable[[Job], None], capsys: Capture):
    def run(_: object) -> None:
        raise ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn")

    job(run)
    assert main(["demo"]) == 2
    assert capsys.readouterr().err == (
        "grid-fed-rl: 'demo' needs torch, which is not installed: "
        "pip install 'grid-fed-rl[experiments]'\n"
    )


def test_hydra_missing_says_so_too(monkeypatch: pytest.MonkeyPatch, capsys: Capture):
    monkeypatch.setitem(sys.modules, "hydra", None)
    monkeypatch.setitem(sys.modules, "hydra.errors", None)
    assert main(["demo", "--cfg"]) == 2
    assert "'demo' needs hydra" in capsys.readouterr().err


def test_a_module_of_ours_that_is_missing_is_not_an_extra(job: Callable[[Job], None]):
    def run(_: object) -> None:
        raise ModuleNotFoundError(name="grid_fed_rl.nothing")

    job(run)
    with pytest.raises(ModuleNotFoundError):
        main(["demo"])


def test_ctrl_c_says_what_is_on_disk(job: Callable[[Job], None], capsys: Capture, tmp_path: Path):
    def run(settings: dict[str, Any]) -> None:
        folder = RunFolder.create(settings["runs_dir"], settings["run"])
        with folder.stage("check"):
            pass
        with folder.stage("logs"):
            pass
        raise KeyboardInterrupt

    job(run)
    assert main(["demo", f"runs_dir={tmp_path}", "--run", "x"]) == 130
    err = capsys.readouterr().err
    assert f"interrupted; {tmp_path / 'x'} keeps what was finished (check, logs)" in err
    assert "--run x" in err


def test_ctrl_c_before_anything_was_finished(job: Callable[[Job], None], capsys: Capture):
    def run(_: object) -> None:
        raise KeyboardInterrupt

    job(run)
    assert main(["demo"]) == 130
    assert "interrupted; nothing was finished" in capsys.readouterr().err


def test_ctrl_c_elsewhere(monkeypatch: pytest.MonkeyPatch, capsys: Capture):
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("grid_fed_rl.feeders.names", interrupt)
    assert main(["feeders"]) == 130
    assert capsys.readouterr().err == "grid-fed-rl: interrupted\n"


def test_the_module_is_the_command_and_a_closed_pipe_is_no_error():
    command = f"{sys.executable} -m grid_fed_rl.cli feeders show ieee123"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | true"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    failed = subprocess.run(
        [sys.executable, "-m", "grid_fed_rl.cli", "feeders", "show", "x"],
        capture_output=True,
        text=True,
    )
    assert failed.returncode == 2
    assert "Traceback" not in failed.stderr


def test_columns_put_words_left_and_numbers_right():
    text = columns(("name", "kW"), [("a", 5), ("long name", 1234)])
    assert text.splitlines() == ["name          kW", "a              5", "long name  1,234"]
    assert columns(("name", "kW"), []) == "name  kW"
