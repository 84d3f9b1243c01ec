"""Laws of the house: what is installed, what an import costs, what a wheel carries."""

import json
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from statistics import median

import pytest
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import grid_fed_rl
from grid_fed_rl.resources import config_folder

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
LEARNING_LIBRARIES = {"torch", "flwr", "minari", "opacus", "dp_accounting"}
PHYSICS_ROOMS = (
    *("feeders", "powerflow", "scenarios", "devices", "drawing", "safety", "envs", "analytics"),
)


def fresh_interpreter(code: str) -> str:
    """What `code` prints in an interpreter of its own."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def modules_under(*rooms: str, without: str = "") -> list[str]:
    """Names of the modules in some rooms, such as ``grid_fed_rl.feeders.tables``."""
    files = chain.from_iterable((ROOT / "grid_fed_rl" / room).rglob("*.py") for room in rooms)
    parts = [file.relative_to(ROOT).with_suffix("").parts for file in sorted(files)]
    return [
        ".".join(names).removesuffix(".__init__") for names in parts if without not in names[2:]
    ]


def loaded_by(modules: list[str]) -> set[str]:
    """Top-level packages loaded once `modules` are imported."""
    lines = [*(f"import {module}" for module in modules), "import json, sys"]
    lines.append("print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))")
    return set(json.loads(fresh_interpreter("\n".join(lines))))


def test_import_takes_less_than_half_a_second() -> None:
    # Processor time rather than the clock's, which neighbours on the machine lengthen.
    code = (
        "from time import process_time; begin = process_time(); import grid_fed_rl; "
        "print(process_time() - begin)"
    )
    fresh_interpreter(code)  # compiles to bytecode
    assert median(float(fresh_interpreter(code)) for _ in range(3)) < 0.5


def test_import_loads_no_learning_library() -> None:
    assert loaded_by(["grid_fed_rl"]) & LEARNING_LIBRARIES == set()


def test_physics_tower_loads_no_learning_library() -> None:
    assert loaded_by(modules_under(*PHYSICS_ROOMS)) & LEARNING_LIBRARIES == set()


def test_federated_core_loads_no_flower() -> None:
    loaded = loaded_by(modules_under("federated", without="flower"))
    assert "grid_fed_rl" in loaded
    assert "flwr" not in loaded


def test_installed_version_is_the_packages_own() -> None:
    assert version("grid-fed-rl") == grid_fed_rl.__version__


def test_extra_all_names_every_other_extra() -> None:
    (everything,) = map(Requirement, EXTRAS["all"])
    assert everything.extras == EXTRAS.keys() - {"all"}


def test_constraints_pin_every_requirement_within_its_range() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = {
        canonicalize_name(name): pin
        for name, _, pin in (line.partition("==") for line in lines if not line.startswith("#"))
    }
    assert all(pins.values()), "every line is name==version"
    installed_by_make = ("train", "federated", "experiments", "plot", "dev", "docs")
    wanted = map(
        Requirement,
        chain(PROJECT["dependencies"], *(EXTRAS[extra] for extra in installed_by_make)),
    )
    wrong = [
        str(requirement)
        for requirement in wanted
        if requirement.name != PROJECT["name"]
        and not requirement.specifier.contains(pins.get(canonicalize_name(requirement.name), "0"))
    ]
    assert wrong == []


def test_wheel_carries_configs_feeder_tables_and_the_type_marker(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    carried = set(zipfile.ZipFile(wheel).namelist())
    tables = (ROOT / "grid_fed_rl" / "feeders" / "data").rglob("*")
    expected = {str(path.relative_to(ROOT)) for path in tables if path.is_file()}
    expected |= {
        f"grid_fed_rl/configs/{path.relative_to(config_folder())}"
        for path in config_folder().rglob("*.yaml")
    }
    assert expected | {"grid_fed_rl/py.typed"} <= carried
    assert expected, "a feeder is shipped"


def test_no_tracked_file_names_a_folder_of_this_machine() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    # A root or a home of one part, such as /app, is a word that may stand anywhere.
    folders = [str(path) for path in (ROOT, Path.home()) if len(path.parts) > 2]
    patterns = [*folders, r"/(home|root|Users)/[A-Za-z.]", r"C:\\Users"]
    arguments = chain.from_iterable(("-e", pattern) for pattern in patterns)
    found = subprocess.run(
        ["git", "grep", "-nIE", *arguments, "--", ".", ":!tests/test_house.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == ""
    assert found.returncode == 1, found.stderr  # 1: nothing found
