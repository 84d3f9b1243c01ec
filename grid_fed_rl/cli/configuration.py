"""The configuration of the main job: its groups, composing it, and what was wrong."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from grid_fed_rl.errors import GridFedRLError
from grid_fed_rl.resources import config_folder

if TYPE_CHECKING:
    from omegaconf import DictConfig

__all__ = ["compose", "groups"]

_NAME = "demo"  # of the primary configuration file


@cache
def groups() -> Mapping[str, tuple[str, ...]]:
    """Options of every configuration group, by name; needs no Hydra."""
    folder = config_folder()
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*/**/*.yaml")):
        found.setdefault(path.parent.relative_to(folder).as_posix(), []).append(path.stem)
    return {name: tuple(options) for name, options in found.items()}


def compose(overrides: Sequence[str]) -> dict[str, Any]:
    """Compose the configuration, as plain nested mappings.

    A later override of the same name wins.

    Raises:
        GridFedRLError: an override is not one, or names what there is not; a
            value is missing or refers to something that is not there.
    """
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    for override in overrides:
        name, equals, _ = override.partition("=")
        if not name or not (equals or name.startswith("~")):
            raise GridFedRLError(f"override {override!r}: expected NAME=VALUE, as in feeder=ieee13")
    try:
        config = _compose(overrides)
        OmegaConf.resolve(config)
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise GridFedRLError(_explain(error, overrides)) from error
    missing = sorted(OmegaConf.missing_keys(config))
    if missing:
        raise GridFedRLError(
            f"setting {missing[0]!r} has no value; give it one: {missing[0]}=VALUE"
        )
    return {str(key): value for key, value in _plain(config).items()}


def _compose(overrides: Sequence[str]) -> "DictConfig":
    import hydra

    with hydra.initialize_config_dir(str(config_folder()), version_base="1.3"):
        return hydra.compose(_NAME, overrides=list(overrides))


def _plain(config: "DictConfig") -> dict[Any, Any]:
    from omegaconf import OmegaConf

    settings = OmegaConf.to_container(config)
    assert isinstance(settings, dict)  # what the primary file holds
    return settings


def _explain(error: Exception, overrides: Iterable[str]) -> str:
    """Name the override that is wrong and what would be right; else the error in one line."""
    settings: list[str] | None = None
    for override in overrides:
        name, _, value = override.lstrip("+~").partition("=")
        name = name.partition("@")[0]
        if name in groups():
            if value and value not in groups()[name]:
                return (
                    f"{override!r}: no option {value!r} of {name!r}"
                    f"{_close(value, groups()[name])}; known: {', '.join(groups()[name])}"
                )
        elif not override.startswith("+"):
            settings = list(_names(_plain(_compose([])))) if settings is None else settings
            if name not in settings:
                return (
                    f"{override!r}: no setting {name!r}{_close(name, settings)}; "
                    "'grid-fed-rl demo --cfg' lists them all"
                )
    return " ".join(str(error).split())


def _names(config: object, prefix: str = "") -> Iterator[str]:
    """Dotted name of every node of a configuration."""
    if isinstance(config, Mapping):
        for key in config:
            name = f"{prefix}{key}"
            yield name
            yield from _names(config[key], f"{name}.")


def _close(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
