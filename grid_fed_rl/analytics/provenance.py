"""What a result was made with: versions, machine, source revision, hashes of inputs."""

import hashlib
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import grid_fed_rl
from grid_fed_rl.feeders import load, names

__all__ = ["feeder_hashes", "file_hashes", "git_state", "machine", "versions"]

_PACKAGE = Path(grid_fed_rl.__file__).resolve().parent
_DISTRIBUTIONS = (
    "numpy",
    "scipy",
    "numba",
    "gymnasium",
    "opendssdirect.py",
    "torch",
    "minari",
    "flwr",
    "opacus",
    "dp-accounting",
)


def versions() -> dict[str, str | None]:
    """Version of Python, this package and what it stands on; None where not installed."""
    found: dict[str, str | None] = {
        "python": platform.python_version(),
        "grid-fed-rl": grid_fed_rl.__version__,
    }
    for name in _DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def machine() -> dict[str, str | int]:
    """Kind of machine, without its name: operating system, processor, usable cores."""
    return {
        "platform": platform.platform(),
        "architecture": platform.machine(),
        "n_cores": len(os.sched_getaffinity(0)),
    }


def git_state(folder: Path = _PACKAGE.parent) -> dict[str, str | bool] | None:
    """Revision of a checkout and whether tracked files differ from it.

    None where there is no answer: git is not installed, or `folder` is not the
    top of a checkout (an installed package may lie inside somebody else's).
    """
    top = _git(folder, "rev-parse", "--show-toplevel")
    revision = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    if top is None or revision is None or changes is None or Path(top) != folder.resolve():
        return None
    return {"revision": revision, "modified": bool(changes)}


def file_hashes(folder: Path, prefix: str) -> Mapping[str, str]:
    """SHA-256 of every file under a folder, by ``prefix/relative/path``, sorted."""
    return {
        f"{prefix}/{path.relative_to(folder).as_posix()}": _sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def feeder_hashes(name_or_path: str) -> Mapping[str, str]:
    """SHA-256 of the files of a feeder, by ``feeders/<name>/<file>``.

    Args:
        name_or_path: A shipped feeder, a folder of tables, or a script, of which the file
            itself counts and not what it redirects to.

    Raises:
        FeederError: no such feeder is shipped.
    """
    path = Path(name_or_path)
    if name_or_path not in names() and path.is_file():
        return {f"feeders/{path.name}": _sha256(path)}
    if name_or_path not in names() and path.is_dir():
        return file_hashes(path, f"feeders/{path.name}")
    shipped = load(name_or_path).name
    return file_hashes(_PACKAGE / "feeders" / "data" / shipped, f"feeders/{shipped}")


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
