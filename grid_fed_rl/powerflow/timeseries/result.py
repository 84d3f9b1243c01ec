"""A time series as run: recorded quantities by name, in memory or on disk."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.errors import PowerFlowError

__all__ = ["Summary", "TimeSeries"]


@dataclass(frozen=True, slots=True)
class Summary:
    """A time series in a few numbers, over all scenarios of it.

    Attributes:
        steps: Steps that were run.
        converged: Of them, solved.
        settled: Of them, those whose controls came to rest.
        v_min_pu: Lowest voltage of any node; NaN where it was not recorded.
        v_max_pu: Highest.
        source_kwh: Energy from the substation; NaN where `source_kw` was not recorded.
        losses_kwh: Energy lost; NaN where `losses_kw` was not recorded.
        tap_operations: Steps that taps moved, between the steps of the series.
        capacitor_operations: Steps that capacitors switched.
    """

    steps: int
    converged: int
    settled: int
    v_min_pu: float
    v_max_pu: float
    source_kwh: float
    losses_kwh: float
    tap_operations: int
    capacitor_operations: int


class TimeSeries(Mapping[str, NDArray]):
    """Recorded quantities by name; see `quantities.QUANTITIES` for what each is.

    An array is (step,) or (step, element), with a leading (scenario,) axis where
    several scenarios were run side by side. One that lies on disk is read when it
    is asked for.

    Args:
        step_h: Length of a step, h.
        first_hour: Hour of the day at which step 0 begins.
        columns: By quantity, names of its elements; empty where it has none.
        read: Gives the array of a quantity.
    """

    def __init__(
        self,
        step_h: float,
        first_hour: float,
        columns: Mapping[str, tuple[str, ...] | None],
        read: Callable[[str], NDArray],
    ) -> None:
        self.step_h = step_h
        self.first_hour = first_hour
        self.columns = dict(columns)
        self._read = read

    def __getitem__(self, name: str) -> NDArray:
        if name not in self.columns:
            raise KeyError(f"{name!r} was not recorded; recorded: {', '.join(self.columns)}")
        return self._read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def hours(self) -> NDArray[np.float64]:
        """(step,) hours from midnight of the first day to the beginning of each step."""
        return self.first_hour + self.step_h * np.arange(self["converged"].shape[-1])

    def of(self, name: str, element: str) -> NDArray:
        """One element's series: (step,) or (scenario, step).

        Raises:
            PowerFlowError: the quantity has no such element.
        """
        array = self[name]
        columns = self.columns[name] or ()
        if element not in columns:
            raise PowerFlowError(
                f"{name} has no {element!r}; it has {', '.join(columns) or 'no elements'}"
            )
        return array[..., columns.index(element)]

    def summary(self) -> Summary:
        """The whole series in a few numbers."""

        def over(name: str, reduce: Callable[[NDArray], float]) -> float:
            array = self[name] if name in self else np.empty(0)
            return float(reduce(array)) if np.isfinite(array).any() else float("nan")

        def energy(name: str) -> float:
            return over(name, np.nansum) * self.step_h

        def moves(name: str) -> int:
            return int(np.abs(np.diff(self[name], axis=-2)).sum()) if name in self else 0

        return Summary(
            steps=self["converged"].size,
            converged=int(self["converged"].sum()),
            settled=int(self["settled"].sum()),
            v_min_pu=over("v_min_pu", np.nanmin),
            v_max_pu=over("v_max_pu", np.nanmax),
            source_kwh=energy("source_kw"),
            losses_kwh=energy("losses_kw"),
            tap_operations=moves("taps"),
            capacitor_operations=moves("capacitors"),
        )
