"""Where the files that are not Python are found.

A wheel carries `configs/` inside the package; a checkout, and an editable
install of one, keeps it at the top where people edit it.
"""

from pathlib import Path

__all__ = ["config_folder"]

_PACKAGE = Path(__file__).resolve().parent


def config_folder() -> Path:
    """Return the absolute path of the folder that holds the Hydra YAML files."""
    inside = _PACKAGE / "configs"
    return inside if inside.is_dir() else _PACKAGE.parent / "configs"
