"""What varies from row to row of a batch: taps, capacitors, switches, loads, DER."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.errors import PowerFlowError
from grid_fed_rl.powerflow import kernels
from grid_fed_rl.powerflow.network import Network

__all__ = ["Setpoint", "check_setpoint", "nominal_setpoint"]


@dataclass(frozen=True, slots=True)
class Setpoint:
    """What varies from row to row. Injection into the grid is positive for DER.

    Attributes:
        tap_position: (batch, regulator) steps from neutral, integer.
        capacitor_step: (batch, capacitor) steps that are closed, integer.
        switch_closed: (batch, switch) whether it is closed.
        load_kw: (batch, load) nominal consumption.
        load_kvar: (batch, load).
        der_kw: (batch, der) injection.
        der_kvar: (batch, der) injection.
    """

    tap_position: NDArray[np.int32]
    capacitor_step: NDArray[np.int32]
    switch_closed: NDArray[np.bool_]
    load_kw: NDArray[np.float64]
    load_kvar: NDArray[np.float64]
    der_kw: NDArray[np.float64]
    der_kvar: NDArray[np.float64]

    @property
    def n_rows(self) -> int:
        """Rows of the batch."""
        return len(self.tap_position)

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """The arrays, in their order."""
        return (
            self.tap_position,
            self.capacitor_step,
            self.switch_closed,
            self.load_kw,
            self.load_kvar,
            self.der_kw,
            self.der_kvar,
        )

    def as_rows(self) -> kernels.Rows:
        """The same arrays, as the compiled kernels take them."""
        return kernels.Rows(*map(kernels.read_only, self.arrays))

    def rows(self, index: slice | NDArray[np.int64] | NDArray[np.bool_]) -> Self:
        """Return some rows."""
        return type(self)(*(array[index] for array in self.arrays))

    def with_rows(self, index: NDArray[np.int64] | NDArray[np.bool_], other: Self) -> Self:
        """Return a copy in which the rows at `index` are those of another set-point."""
        arrays = [array.copy() for array in self.arrays]
        for array, theirs in zip(arrays, other.arrays, strict=True):
            array[index] = theirs
        return type(self)(*arrays)

    def with_(self, **changes: ArrayLike) -> Self:
        """Return a copy with some arrays replaced; they broadcast over the batch.

        Raises:
            PowerFlowError: an array is unknown, does not broadcast, or holds what
                its kind cannot: half a tap, a switch that is neither open nor closed.
        """
        arrays = {name: self._typed(name, value) for name, value in changes.items()}
        n_rows = max([self.n_rows, *(len(array) for array in arrays.values() if array.ndim == 2)])
        whole: list[NDArray[Any]] = []
        for name in self.__slots__:
            array = arrays[name] if name in arrays else getattr(self, name)
            shape = (n_rows, getattr(self, name).shape[1])
            try:
                whole.append(np.ascontiguousarray(np.broadcast_to(array, shape)))
            except ValueError:
                raise PowerFlowError(
                    f"set-point {name} of shape {array.shape} does not broadcast to {shape}"
                ) from None
        return type(self)(*whole)

    def _typed(self, name: str, value: ArrayLike) -> NDArray[Any]:
        if name not in self.__slots__:
            known = ", ".join(self.__slots__)
            raise PowerFlowError(f"a set-point has no {name!r}; it has {known}")
        dtype = getattr(self, name).dtype
        try:
            array = np.asarray(value)
        except ValueError:
            raise PowerFlowError(f"set-point {name} is ragged: rows differ in length") from None
        words, fits = _WANTED[dtype.kind]
        if array.dtype.kind not in "biuf":
            raise PowerFlowError(f"set-point {name} is of type {array.dtype}; expected {words}")
        broken = array[~fits(array)]
        if broken.size:
            raise PowerFlowError(f"set-point {name} holds {broken[0]}; expected {words}")
        return array.astype(dtype)


def _is_int32(array: NDArray[Any]) -> NDArray[np.bool_]:
    return (array == np.rint(array)) & (np.abs(array) < 2.0**31)


# By kind of array: what it may hold, in words and as a test of each value.
_WANTED: dict[str, tuple[str, Callable[[NDArray[Any]], NDArray[np.bool_]]]] = {
    "i": ("whole numbers", _is_int32),
    "b": ("true or false", lambda array: (array == 0) | (array == 1)),
    "f": ("numbers", lambda array: np.ones(array.shape, dtype=np.bool_)),
}


def nominal_setpoint(network: Network, n_rows: int = 1) -> Setpoint:
    """Everything as the feeder has it: taps, capacitors, switches, loads, DER.

    Raises:
        PowerFlowError: `n_rows` is negative.
    """
    if n_rows < 0:
        raise PowerFlowError(f"n_rows is {n_rows}; expected 0 or more")
    feeder = network.feeder
    ders = [*feeder.pvs.values(), *feeder.storages.values(), *feeder.generators.values()]
    row = Setpoint(
        tap_position=np.array(
            [[r.tap_position for r in feeder.regulators.values()]], dtype=np.int32
        ),
        capacitor_step=np.array(
            [[c.steps_closed for c in feeder.capacitors.values()]], dtype=np.int32
        ),
        switch_closed=np.array([[s.closed for s in feeder.switches.values()]], dtype=np.bool_),
        load_kw=np.array([[load.kw for load in feeder.loads.values()]]),
        load_kvar=np.array([[load.kvar for load in feeder.loads.values()]]),
        der_kw=np.array([[der.p_kw for der in ders]]),
        der_kvar=np.array([[der.q_kvar for der in ders]]),
    )
    return row if n_rows == 1 else row.rows(np.zeros(n_rows, dtype=np.int64))


# Columns of each array of a set-point: the kind of element, and where its names stand.
_COLUMNS = {
    "tap_position": ("regulator", "regulators"),
    "capacitor_step": ("capacitor", "capacitors"),
    "switch_closed": ("switch", "switches"),
    "load_kw": ("load", "loads"),
    "load_kvar": ("load", "loads"),
    "der_kw": ("der", "ders"),
    "der_kvar": ("der", "ders"),
}


def check_setpoint(network: Network, setpoint: Setpoint) -> None:
    """Raise a `PowerFlowError` that names the first value no network could take."""
    for name, (_, elements) in _COLUMNS.items():
        found = getattr(setpoint, name).shape
        expected = (setpoint.n_rows, len(getattr(network, elements)))
        if found != expected:
            raise PowerFlowError(
                f"set-point {name} has shape {found}; feeder {network.feeder.name!r} "
                f"takes {expected}"
            )
    which, row, k = kernels.first_fault(setpoint.as_rows(), network.steps)
    if which < 0:
        return
    name = list(_COLUMNS)[which]
    kind, elements = _COLUMNS[name]
    expected = "a finite number"
    if name == "tap_position":
        expected = f"{network.tap_lowest[k]} to {network.tap_highest[k]}"
    elif name == "capacitor_step":
        expected = f"0 to {network.capacitor_steps[k]}"
    raise PowerFlowError(
        f"row {row}: {name} of {kind} {getattr(network, elements)[k]!r} is "
        f"{getattr(setpoint, name)[row, k]}; expected {expected}"
    )
