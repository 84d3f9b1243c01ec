"""Time profiles that a feeder brings: how its loads move through a day, say.

They lie beside the tables as ``profiles.npz``, a compressed NumPy archive of
the three arrays of a `Profiles`.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.errors import FeederError

__all__ = ["Profiles", "read_profiles", "write_profiles"]

_FILE = "profiles.npz"


@dataclass(frozen=True, eq=False)
class Profiles:
    """Profiles over time, every one of as many equal steps.

    Attributes:
        step_h: Length of a step, h.
        names: Names that `Load.profile` speaks of.
        multiplier: ``(step, profile)``, of a load's nominal kW and kvar; read-only.
    """

    step_h: float
    names: tuple[str, ...]
    multiplier: NDArray[np.float64]  # (step, profile)

    def __post_init__(self) -> None:
        multiplier = np.array(self.multiplier, dtype=np.float64)
        if not self.step_h > 0:
            raise FeederError(f"profiles: step_h is {self.step_h!r}; expected a number above 0")
        if len(set(self.names)) != len(self.names):
            raise FeederError(f"profiles: names is {self.names!r}; expected each name once")
        if multiplier.ndim != 2 or multiplier.shape[1] != len(self.names):
            raise FeederError(
                f"profiles: multiplier has shape {multiplier.shape}; expected (step, profile) "
                f"with a column for each of {len(self.names)} name(s)"
            )
        if not np.isfinite(multiplier).all():
            step, column = np.argwhere(~np.isfinite(multiplier))[0]
            raise FeederError(
                f"profiles: {self.names[column]!r} is {multiplier[step, column]} at step {step}; "
                f"expected a finite number"
            )
        multiplier.flags.writeable = False
        object.__setattr__(self, "multiplier", multiplier)

    def of(self, name: str) -> NDArray[np.float64]:
        """Multipliers ``(step,)`` of one profile.

        Raises:
            FeederError: there is none of that name.
        """
        if name not in self.names:
            raise FeederError(f"no profile {name!r}; known: {', '.join(self.names)}")
        return self.multiplier[:, self.names.index(name)]


def read_profiles(folder: Path) -> Profiles | None:
    """Read the profiles of a feeder's folder; None where it brings none.

    Raises:
        FeederError: the file is not such an archive, or what it holds is unsound.
    """
    path = folder / _FILE
    if not path.exists():
        return None
    where = f"{folder.name}/{_FILE}"
    try:
        with np.load(path, allow_pickle=False) as held:
            values = {key: held[key] for key in ("step_h", "names", "multiplier")}
            return Profiles(
                step_h=float(values["step_h"]),
                names=tuple(map(str, values["names"])),
                multiplier=values["multiplier"],
            )
    except FeederError as error:
        raise FeederError(f"{where}: {error}") from None
    except (KeyError, OSError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise FeederError(
            f"{where}: expected an archive of step_h, names and multiplier: {error}"
        ) from None


def write_profiles(profiles: Profiles, folder: Path) -> None:
    """Write profiles beside the tables of a feeder; the folder is created."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        folder / _FILE,
        step_h=np.float64(profiles.step_h),
        names=np.array(profiles.names, dtype=np.str_),
        multiplier=profiles.multiplier,
    )
