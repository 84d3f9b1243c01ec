"""The branches of a network, conductor by conductor, as arrays that can be measured.

`branch_assembly` fills them; the kernels of `measure_kernels` and `sensitivity` read them.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.errors import PowerFlowError

__all__ = ["BranchTable", "Conductors", "CurrentTerms", "LossTerms", "NodeTerms"]

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]
Index = NDArray[np.uint32]  # unsigned: no index counts from the end, so none is looked at twice


@dataclass(frozen=True)
class Conductors:
    """The conductors of every terminal of every branch: what columns of currents mean.

    Attributes:
        elements: (conductor,) such as ``line.650632``; the kind comes first: line,
            switch, transformer, reactor or capacitor.
        ends: (conductor,) terminal of the element, from 1; of a transformer, its winding.
        phases: (conductor,) node of the bus it lands on, 0 for ground.
    """

    elements: tuple[str, ...]
    ends: tuple[int, ...]
    phases: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.elements)

    @cached_property
    def _column(self) -> Mapping[tuple[str, int, int], int]:
        keys = zip(self.elements, self.ends, self.phases, strict=True)
        return {key: k for k, key in reversed(list(enumerate(keys)))}

    @cached_property
    def _columns(self) -> Mapping[str, list[int]]:
        columns = defaultdict[str, list[int]](list)
        for k, element in enumerate(self.elements):
            columns[element].append(k)
        return dict(columns)

    def index(self, element: str, *, end: int = 1, phase: int) -> int:
        """Column of one conductor.

        Raises:
            PowerFlowError: there is no such element, or it has no such conductor.
        """
        try:
            return self._column[element, end, phase]
        except KeyError:
            there = [f"{self.ends[k]}.{self.phases[k]}" for k in self.indices(element)]
            raise PowerFlowError(
                f"branch {element!r} has no conductor on end {end}, phase {phase}; "
                f"it has end.phase {', '.join(there)}"
            ) from None

    def indices(self, element: str, *, end: int | None = None) -> list[int]:
        """Columns of all conductors of an element, or of one end of it.

        Raises:
            PowerFlowError: there is no such element.
        """
        if element not in self._columns:
            raise PowerFlowError(
                f"no branch {element!r}; names are such as {', '.join(list(self._columns)[:3])}"
            )
        return [k for k in self._columns[element] if end is None or self.ends[k] == end]

    def take(self, columns: Sequence[int]) -> Self:
        """Return some of them."""
        return type(self)(
            tuple(self.elements[k] for k in columns),
            tuple(self.ends[k] for k in columns),
            tuple(self.phases[k] for k in columns),
        )


class CurrentTerms(NamedTuple):
    """Current of a conductor, A: the sum over its terms of ``f y (v[start] - v[stop])``.

    `f` is the row's factor of the term, the first of which is 1; voltages are per
    unit; the node after the last is ground.
    """

    first: Index  # (conductor + 1,) where the terms of each begin
    start: Index  # (term,)
    stop: Index  # (term,)
    factor: Index  # (term,)
    re: Real  # (term,) A per unit of voltage
    im: Real

    def take(self, conductors: Sequence[int]) -> Self:
        """Return the terms of some conductors."""
        spans = [np.arange(self.first[k], self.first[k + 1]) for k in conductors]
        first = np.cumsum([0, *map(len, spans)]).astype(np.uint32)
        terms = np.concatenate([np.empty(0, dtype=np.int64), *spans])
        columns: list[NDArray[Any]] = [column[terms] for column in self[1:]]
        return type(self)(first, *columns)


class LossTerms(NamedTuple):
    """What an element takes: the sum over its terms of ``f s Re(d_1 conj(d_2))``.

    ``d_k = v[start_k] - v[stop_k]``, per unit.
    """

    first: Index  # (element + 1,) where the terms of each begin
    start_1: Index  # (term,)
    stop_1: Index
    start_2: Index
    stop_2: Index
    factor: Index
    kw: Real  # (term,) real part of s
    kvar: Real  # (term,) imaginary part


@dataclass(frozen=True)
class BranchTable:
    """The branches of a network as arrays.

    Attributes:
        elements: Lines, switches, transformers, reactors, capacitors, in this order.
        is_shunt: (element,) stands on one bus, to ground or between its conductors.
        conductors: Names of the conductors, element by element.
        first: (element + 1,) where the conductors of each element begin.
        node: (conductor,) column of the node it lands on; the number of nodes for ground.
        rating: (element,) A of a line or switch, kVA of winding 1 of a transformer;
            infinite where it has none.
        current: How currents follow from voltages.
        loss: What every element takes.
        active: The terms of `loss` with a conductance, of elements that are no shunts.
    """

    elements: tuple[str, ...]
    is_shunt: NDArray[np.bool_]
    conductors: Conductors
    first: Index
    node: Index
    rating: Real
    current: CurrentTerms
    loss: LossTerms
    active: LossTerms

    @cached_property
    def terms(self) -> "NodeTerms":
        """The terms of `current` one by one, each with its conductor and node."""
        conductor = np.repeat(np.arange(len(self.node)), np.diff(self.current.first))
        whole = (self.node, self.current.start, self.current.stop, self.current.factor)
        node, start, stop, factor = (column.astype(np.int64) for column in whole)
        y_a = self.current.re + 1j * self.current.im
        return NodeTerms(conductor, node[conductor], start, stop, factor, y_a)


class NodeTerms(NamedTuple):
    """Terms of conductor currents, A: ``f y_a (v[start] - v[stop])`` leaves `node`.

    As in `CurrentTerms`; indices are signed.
    """

    conductor: NDArray[np.int64]  # (term,)
    node: NDArray[np.int64]  # (term,) where the conductor lands
    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    factor: NDArray[np.int64]
    y_a: Complex  # (term,) A per unit of voltage

    def only(self, kept: NDArray[np.bool_]) -> Self:
        """Return some of them."""
        columns: list[NDArray[Any]] = [column[kept] for column in self]
        return type(self)(*columns)

    def admittance_pu(self, factors: Real, v_base_v: Real, s_base_kva: float) -> Complex:
        """(term,) per unit, at the factors of a row: (factor,)."""
        to_pu = np.append(v_base_v, 0.0) / (s_base_kva * 1000.0)
        return self.y_a * factors[self.factor] * to_pu[self.node]
