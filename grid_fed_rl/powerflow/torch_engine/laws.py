"""How loads and DER answer to voltage, all rows at once: the laws of `answers` on a device.

Every law is evaluated in the one form that all kinds share; the few legs with a law
of its own for reactive power, or with a smooth part, get theirs on top.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.powerflow.answers import (
    CUT,
    HIGH,
    IN_0,
    IN_1,
    IN_2,
    LOW,
    MID_0,
    MID_1,
    OWN_LAWS,
    SMOOTH,
    STEEP,
    Legs,
)
from grid_fed_rl.powerflow.torch_engine.devices import ToDevice

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["LegsOnDevice"]

Index = NDArray[np.int64]


class _Law(NamedTuple):
    """One law of some legs; each part (leg, 1). Voltages are squared."""

    low: "Tensor"
    nominal: "Tensor"
    high: "Tensor"
    columns: "tuple[Tensor, ...]"  # as in `Legs.law`

    def g(self, square: "Tensor", inverse: "Tensor") -> "Tensor":
        """The law's g from |u|^2 and 1/|u|, each (leg, row); at 0 V an impedance."""
        law = self.columns
        g = law[IN_1].addcmul(law[IN_2], inverse)
        g = law[IN_0].addcmul(g, inverse)
        g = law[HIGH].where(square > self.high, g)
        g = law[MID_0].addcmul(law[MID_1], inverse).where(square <= self.nominal, g)
        return law[LOW].where(square <= self.low, g)


class _Smooth(NamedTuple):
    """What some legs have besides; each part (leg, 1). Voltages but `cut` are squared."""

    above: "Tensor"  # the window of the power
    high: "Tensor"
    weight: "Tensor"
    exponent: "Tensor"
    cut_above: "Tensor"  # from where the cut-off counts
    cut: "Tensor"
    steep: "Tensor"

    def g(self, g: "Tensor", square: "Tensor") -> "Tensor":
        """The whole law from the part that `_Law` has."""
        size = square.sqrt()
        inside = (square > self.above) & (square <= self.high)
        g = (g + self.weight * size**self.exponent).where(inside, g)
        cut = 0.5 * (1.0 + (self.steep * (size - self.cut)).tanh())
        return (g * cut).where(square > self.cut_above, g)


class LegsOnDevice:
    """The legs of a network on a device.

    Args:
        legs: The legs.
        order: (leg,) those of `legs` in the order that the currents have here.
        site_of: (site,) row of each of the network's sites in the voltages.
        tensor: Puts an array on the device.
    """

    def __init__(self, legs: Legs, order: Index, site_of: Index, tensor: ToDevice) -> None:
        legs = legs._replace(**{name: getattr(legs, name)[order] for name in legs._fields})
        place = np.append(site_of, len(site_of))  # ground stands last
        self.start, self.stop = tensor(place[legs.start]), tensor(place[legs.stop])
        self.element = tensor(legs.element)
        own = np.flatnonzero((legs.kind == OWN_LAWS) | (legs.kind == SMOOTH))
        smooth = np.flatnonzero(legs.kind == SMOOTH)
        every = np.arange(len(legs.start))
        self._p, self._q = _law(legs, every, 0, tensor), _law(legs, own, 1, tensor)
        self._own, self._smooth = tensor(own), tensor(smooth)
        self._smooth_p, self._smooth_q = (_smooth(legs, smooth, k, tensor) for k in range(2))
        self._smooth_of_own = tensor(np.searchsorted(own, smooth))

    def currents(self, v: "Tensor", p: "Tensor", minus_q: "Tensor") -> "Tensor":
        """(leg, row) current that each leg injects, per unit.

        Args:
            v: (site + 1, row) complex; ground, the last, is 0.
            p: (leg, row) injection of the leg's element at rated voltage.
            minus_q: (leg, row) the same of reactive power, sign turned.
        """
        import torch

        u = v.index_select(0, self.start) - v.index_select(0, self.stop)
        square = torch.view_as_real(u).square().sum(-1)
        inverse = square.rsqrt()
        g_p = g_q = self._p.g(square, inverse)
        if len(self._own):
            own_square = square.index_select(0, self._own)
            own_q = self._q.g(own_square, inverse.index_select(0, self._own))
            if len(self._smooth):
                at = square.index_select(0, self._smooth)
                smooth_p = self._smooth_p.g(g_p.index_select(0, self._smooth), at)
                smooth_q = self._smooth_q.g(own_q.index_select(0, self._smooth_of_own), at)
                own_q = own_q.index_copy(0, self._smooth_of_own, smooth_q)
                g_p = g_p.index_copy(0, self._smooth, smooth_p)
            g_q = g_q.index_copy(0, self._own, own_q)
        return torch.complex(p * g_p, minus_q * g_q) * u


def _law(legs: Legs, which: np.ndarray, part: int, tensor: ToDevice) -> _Law:
    low, nominal, high = (
        tensor(limit[which, None] ** 2) for limit in (legs.low, legs.nominal, legs.high)
    )
    columns = tuple(tensor(legs.law[which, part, k, None]) for k in range(legs.law.shape[2]))
    return _Law(low, nominal, high, columns)


def _smooth(legs: Legs, which: np.ndarray, part: int, tensor: ToDevice) -> _Smooth:
    smooth, low = legs.smooth[which], legs.low[which]
    numbers = (
        np.maximum(low, legs.nominal[which]) ** 2,
        legs.high[which] ** 2,
        smooth[:, 2 * part],
        smooth[:, 2 * part + 1],
        np.where(smooth[:, STEEP] > 0.0, low**2, np.inf),
        smooth[:, CUT],
        smooth[:, STEEP],
    )
    return _Smooth(*(tensor(number[:, None]) for number in numbers))
