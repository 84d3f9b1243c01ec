"""What varies from row to row of a batch: taps, capacitors, switches, loads, DER."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.errors import PowerFlowError
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

    def rows(self, index: slice | NDArray[np.int64] | NDArray[np.bool_]) -> Self:
        """Return some rows."""
        return type(self)(*(getattr(self, name)[index] for name in self.__slots__))

    def with_rows(self, index: NDArray[np.int64] | NDArray[np.bool_], other: Self) -> Self:
        """Return a copy in which the rows at `index` are those of another set-point."""
        arrays = [getattr(self, name).copy() for name in self.__slots__]
        for array, name in zip(arrays, self.__slots__, strict=True):
            array[index] = getattr(other, name)
        return type(self)(*arrays)

    def with_(self, **changes: ArrayLike) -> Self:
        """Return a copy with some arrays replaced; they broadcast over the batch.

        Raises:
            PowerFlowError: an array is unknown, does not broadcast, or holds a
                tap position that is not a whole number.
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
        array = np.asarray(value)
        dtype = getattr(self, name).dtype
        if dtype.kind == "i" and array.dtype.kind == "f":
            broken = array[array != np.rint(array)]
            if broken.size:
                raise PowerFlowError(f"set-point {name} holds {broken[0]}; expected whole numbers")
        return array.astype(dtype)


def nominal_setpoint(network: Network, n_rows: int = 1) -> Setpoint:
    """Everything as the feeder has it: taps, capacitors, switches, loads, DER."""
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


def check_setpoint(network: Network, setpoint: Setpoint) -> None:
    """Raise a `PowerFlowError` that names the first value no network could take."""
    taps, steps = setpoint.tap_position, setpoint.capacitor_step
    _check_shape(network, setpoint, "tap_position", network.regulators)
    outside = (taps < network.tap_lowest) | (taps > network.tap_highest)
    if outside.any():
        row, k = np.argwhere(outside)[0]
        raise PowerFlowError(
            f"row {row}: tap_position of regulator {network.regulators[k]!r} is {taps[row, k]}; "
            f"expected {network.tap_lowest[k]} to {network.tap_highest[k]}"
        )
    _check_shape(network, setpoint, "capacitor_step", network.capacitors)
    outside = (steps < 0) | (steps > network.capacitor_steps)
    if outside.any():
        row, k = np.argwhere(outside)[0]
        raise PowerFlowError(
            f"row {row}: capacitor_step of capacitor {network.capacitors[k]!r} is {steps[row, k]}; "
            f"expected 0 to {network.capacitor_steps[k]}"
        )
    _check_shape(network, setpoint, "switch_closed", network.switches)
    for kind, elements in (("load", network.loads), ("der", network.ders)):
        for name in (f"{kind}_kw", f"{kind}_kvar"):
            _check_shape(network, setpoint, name, elements)
            powers = getattr(setpoint, name)
            if not np.isfinite(powers).all():
                row, k = np.argwhere(~np.isfinite(powers))[0]
                raise PowerFlowError(
                    f"row {row}: {name} of {kind} {elements[k]!r} is {powers[row, k]}; "
                    f"expected a finite number"
                )


def _check_shape(
    network: Network, setpoint: Setpoint, name: str, elements: tuple[str, ...]
) -> None:
    found, expected = getattr(setpoint, name).shape, (setpoint.n_rows, len(elements))
    if found != expected:
        raise PowerFlowError(
            f"set-point {name} has shape {found}; feeder {network.feeder.name!r} takes {expected}"
        )
