"""The constants of `answers.Legs`: which law of voltage every load and DER obeys.

A law is a function g of the voltage across a leg: at voltage u the leg draws the
current ``(p g_p(|u|) - j q g_q(|u|)) u`` of its power p + jq. In per unit of rated
voltage they are, as OpenDSS's Load, PVSystem, Storage and Generator have them (there
``vlowpu``, ``vminpu``, ``vmaxpu``; R. C. Dugan, "OpenDSS Load Models", EPRI):

=============  ====================  ======================  ===================
model          up to `v_min`         between                 above `v_max`
=============  ====================  ======================  ===================
pq             line to 1 / v_min     1 / v^2                 1 / v_max^2
z              1                     1                       1
motor          as pq                 p as pq, q as z         as pq
cvr            as pq                 v^(e - 2)               as pq
i              line to 1             1 / v                   1 / v_max
fixed_q        p 1 / v_min^2, q 1    as pq                   p 1 / v_max^2, q 1
fixed_x        p 1 / v_min^2, q 1    p as pq, q as z         p 1 / v_max^2, q 1
zip            the shares of z, i    and pq added up         everywhere
DER            1 / v_min^2           1 / v^2                 1 / v_max^2
=============  ====================  ======================  ===================

"Line to c" means that the current runs linearly from `v_low`, where g is 1, to c at
`v_min`. Up to `v_low` every load is its rated impedance, g = 1, whatever its shares.
Model zip has a cut-off besides: everything above `v_low` is multiplied by
``(1 + tanh(500 (v - cut))) / 2``. A DER of one leg between two conductors (delta)
is, outside its window, a third of the impedance: OpenDSS's delta machines are.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from grid_fed_rl.feeders import Connection, Feeder, Generator, Load, LoadModel, Pv, Storage
from grid_fed_rl.powerflow import answers
from grid_fed_rl.powerflow.primitives import legs_of, rated_leg_kv

__all__ = ["Law", "legs", "voltage_law"]

Element = Load | Pv | Storage | Generator
Constants = tuple[float, float, float, float, float, float, float]

CUT_STEEPNESS = 500.0  # of model zip, per unit of rated voltage
IMPEDANCE: Constants = (1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Law:
    """How an element answers to voltage, per unit of its rated leg voltage.

    Attributes:
        low: Up to here an impedance.
        nominal: Lower end of the window in which its model holds.
        high: Upper end.
        p: Of active power: g up to `low`; w1 and w0 up to `nominal`; w2, w1 and w0
            in the window; g above it.
        q: Of reactive power.
        p_power: Weight and exponent of v that the window has besides.
        q_power: The same of reactive power.
        cut: Voltage below which it draws nothing; 0 where there is none.
    """

    low: float
    nominal: float
    high: float
    p: Constants
    q: Constants
    p_power: tuple[float, float] = (0.0, 0.0)
    q_power: tuple[float, float] = (0.0, 0.0)
    cut: float = 0.0

    @property
    def kind(self) -> int:
        """The family of `answers` it belongs to."""
        if self.p_power[0] or self.q_power[0] or self.cut > 0.0:
            return answers.SMOOTH
        if self.p == self.q == IMPEDANCE:
            return answers.IMPEDANCE
        return answers.ONE_LAW if self.p == self.q and not self.p[5] else answers.OWN_LAWS


def _line(v_low: float, v_min: float, current: float) -> tuple[float, float]:
    """w1 and w0 of a current that runs from that of g = 1 at `v_low` to one at `v_min`."""
    if v_min <= v_low:
        return 0.0, 1.0  # nothing lies between them
    slope = (current - v_low) / (v_min - v_low)
    return v_low * (1.0 - slope), slope


def _square(v_pu: float, at_zero: float) -> float:
    """Constant power's g at one voltage; OpenDSS reads a limit of 0 as none."""
    return 1.0 / v_pu**2 if v_pu > 0.0 else at_zero


def _power(load: Load, window: tuple[float, float, float] = (1.0, 0.0, 0.0)) -> Constants:
    """Constant power outside the window, what is given in it."""
    at_min = 1.0 / load.v_min_pu if load.v_min_pu > 0.0 else 0.0
    mid = _line(load.v_low_pu, load.v_min_pu, at_min)
    return (1.0, *mid, *window, _square(load.v_max_pu, 1.0))


def _current(load: Load) -> Constants:
    above = 1.0 / load.v_max_pu if load.v_max_pu > 0.0 else 1.0
    return (1.0, *_line(load.v_low_pu, load.v_min_pu, 1.0), 0.0, 1.0, 0.0, above)


def _mixture(load: Load, shares: tuple[float, ...]) -> Constants:
    parts = np.array([IMPEDANCE, _current(load), _power(load)])
    _, *rest = (np.array(shares) @ parts).tolist()
    w1, w0, in_2, in_1, in_0, above = rest
    return 1.0, w1, w0, in_2, in_1, in_0, above


def _load_law(load: Load) -> Law:
    window = load.v_low_pu, load.v_min_pu, load.v_max_pu
    power, as_impedance = _power(load), (0.0, 0.0, 1.0)
    no_slope = (1.0, 0.0, _square(load.v_min_pu, 0.0), 1.0, 0.0, 0.0, power[-1])
    match load.model:
        case LoadModel.PQ:
            return Law(*window, power, power)
        case LoadModel.Z:
            return Law(*window, IMPEDANCE, IMPEDANCE)
        case LoadModel.MOTOR:
            return Law(*window, power, _power(load, as_impedance))
        case LoadModel.I:
            return Law(*window, _current(load), _current(load))
        case LoadModel.FIXED_Q:
            return Law(*window, no_slope, (1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0))
        case LoadModel.FIXED_X:
            return Law(*window, no_slope, IMPEDANCE)
        case LoadModel.ZIP:
            shares = load.zipv
            p, q = _mixture(load, shares[:3]), _mixture(load, shares[3:6])
            return Law(*window, p, q, cut=shares[6])
        case LoadModel.CVR:
            return _cvr(load, window)


def _cvr(load: Load, window: tuple[float, float, float]) -> Law:
    """Whole exponents up to 2 are a constant power, current or impedance."""
    whole = {0.0: (1.0, 0.0, 0.0), 1.0: (0.0, 1.0, 0.0), 2.0: (0.0, 0.0, 1.0)}
    p, q = (_power(load, whole.get(e, (0.0, 0.0, 0.0))) for e in load.cvr)
    p_power, q_power = ((0.0, 0.0) if e in whole else (1.0, e - 2.0) for e in load.cvr)
    return Law(*window, p, q, p_power, q_power)


def voltage_law(element: Element) -> Law:
    """How an element answers to voltage."""
    if isinstance(element, Load):
        return _load_law(element)
    below, above = _square(element.v_min_pu, 0.0), _square(element.v_max_pu, 1.0)
    if element.connection is Connection.DELTA and len(element.terminal.phases) == 2:
        below, above = below / 3.0, above / 3.0
    law: Constants = (below, 0.0, below, 1.0, 0.0, 0.0, above)
    return Law(element.v_min_pu, element.v_min_pu, element.v_max_pu, law, law)


def _scaled(law: Law, share: float, rated_pu: float) -> tuple[list[float], ...]:
    """Window, law and smooth part of `answers.Legs`, per unit of the node's base."""
    r = rated_pu
    scale = share * np.array([r**-2, r**-1, r**-2, 1.0, r**-1, r**-2, r**-2])
    smooth = [
        number
        for weight, exponent in (law.p_power, law.q_power)
        for number in (share * weight * r ** (-2.0 - exponent), exponent)
    ]
    steep = CUT_STEEPNESS / r if law.cut > 0.0 else 0.0
    return (
        [law.low * r, law.nominal * r, law.high * r],
        [*(scale * law.p).tolist(), *(scale * law.q).tolist()],
        [*smooth, law.cut * r, steep],
    )


def legs(feeder: Feeder, index: Mapping[str, int], ground: int) -> answers.Legs:
    """Legs of all loads, then PV, storage and generators.

    A leg whose both ends are one node or ground draws nothing and is left out.

    Args:
        feeder: The feeder.
        index: Index of every node by its name ``bus.node``, in any order.
        ground: Index of ground.
    """
    elements: list[Element] = [
        *feeder.loads.values(),
        *feeder.pvs.values(),
        *feeder.storages.values(),
        *feeder.generators.values(),
    ]
    places: list[tuple[int, int, bool, int, int]] = []
    numbers: list[tuple[list[float], ...]] = []
    for column, element in enumerate(elements):
        bus, phases = element.terminal
        at = [index[f"{bus}.{phase}"] if phase else ground for phase in phases]
        spans = legs_of(element.connection, len(at))
        law = voltage_law(element)
        base_kv = feeder.buses[bus].kv_ll / math.sqrt(3)
        rated_pu = rated_leg_kv(element.connection, len(at), element.kv) / base_kv
        for first, last in spans:
            start, stop = at[first], ground if last is None else at[last]
            if start == ground:  # a current is as odd as its voltage
                start, stop = stop, start
            if start != stop:
                places.append((start, stop, stop == ground, column, law.kind))
                numbers.append(_scaled(law, 1.0 / len(spans), rated_pu))
    return _table(places, numbers)


def _table(
    places: list[tuple[int, int, bool, int, int]], numbers: list[tuple[list[float], ...]]
) -> answers.Legs:
    start, stop, to_ground, element, kind = np.array(places, dtype=np.int32).reshape(-1, 5).T
    low, nominal, high = np.array([n[0] for n in numbers], dtype=np.float64).reshape(-1, 3).T
    return answers.Legs(
        start=start.copy(),
        stop=stop.copy(),
        to_ground=to_ground.astype(np.bool_),
        element=element.copy(),
        kind=kind.astype(np.int8),
        low=low.copy(),
        nominal=nominal.copy(),
        high=high.copy(),
        law=np.array([n[1] for n in numbers], dtype=np.float64).reshape(-1, 2, 7),
        smooth=np.array([n[2] for n in numbers], dtype=np.float64).reshape(-1, 6),
    )
