"""From the records of a feeder to its `BranchTable`.

An element is a set of drops ``d`` (voltages between two nodes, or a node and
ground), a symmetric admittance ``Y`` between them, and the conductors that each
drop feeds: ``i = K Y d``. What it takes is ``sum(d conj(Y d))``.

The drops of a line are those along its conductors, and then the voltages of both
ends to ground for its charging. Its current is so an admittance times a small
difference, and not a difference of large products: a closed switch of a micro-ohm
has a million siemens, and between its ends a fraction of a millivolt.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.feeders import Capacitor, Feeder, Line, Reactor, Switch, Terminal, Transformer
from grid_fed_rl.powerflow import primitives
from grid_fed_rl.powerflow.branches import BranchTable, Conductors, CurrentTerms, LossTerms

__all__ = ["branch_table"]

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]
Index = NDArray[np.uint32]
Element = Line | Switch | Transformer | Reactor | Capacitor

CONSTANT = 0  # the factor that is 1 in every row


class _Named(NamedTuple):
    name: str
    element: Element
    terminals: tuple[Terminal, ...]
    rating: float


class _Piece(NamedTuple):
    """An admittance of an element, scaled by one factor of the row."""

    element: int
    y: Complex  # (conductor, conductor) siemens; of a section (2, n, n), series and shunt
    factor: int
    nodes: Index  # (conductor,)
    is_section: bool  # n conductors between two buses on one base


class _Drops(NamedTuple):
    """Pieces of one shape, in terms of their drops."""

    element: Index  # (piece,)
    factor: Index  # (piece,)
    feeds: Real  # (conductor, drop) K
    y: Complex  # (piece, drop, drop) siemens
    start: Index  # (piece, drop)
    stop: Index  # (piece, drop)
    volts: Real  # (piece, drop) base of the drop


def branch_table(feeder: Feeder, node_index: Mapping[str, int], v_base_v: Real) -> BranchTable:
    """Arrange the branches of a feeder for `measures`.

    Args:
        feeder: The feeder.
        node_index: Column of each node.
        v_base_v: (node,) nominal line-to-neutral volts.
    """
    named = list(_named(feeder))
    ground = len(node_index)
    labels = [
        (one.name, end, phase, node_index[f"{terminal.bus}.{phase}"] if phase else ground)
        for one in named
        for end, terminal in enumerate(one.terminals, start=1)
        for phase in terminal.phases
    ]
    elements, ends, phases, node = zip(*labels, strict=True) if labels else ((), (), (), ())
    nodes = np.array(node, dtype=np.uint32)
    counts = [sum(len(terminal.phases) for terminal in one.terminals) for one in named]
    first = _starts(counts)
    is_shunt = np.array([len(one.terminals) == 1 for one in named], dtype=np.bool_)
    base_v = np.append(v_base_v, 0.0)
    groups = [_drops(pieces, base_v) for pieces in _by_shape(feeder, named, nodes, first, base_v)]
    loss = _loss_terms(groups, len(named))
    return BranchTable(
        elements=tuple(one.name for one in named),
        is_shunt=is_shunt,
        conductors=Conductors(elements, ends, phases),
        first=first,
        node=nodes,
        rating=np.array([one.rating for one in named], dtype=np.float64),
        current=_current_terms(groups, first),
        loss=loss,
        active=_active(loss, is_shunt),
    )


def _named(feeder: Feeder) -> Iterator[_Named]:
    for name, line in feeder.lines.items():
        yield _Named(f"line.{name}", line, (line.from_, line.to), line.amps)
    for name, switch in feeder.switches.items():
        yield _Named(f"switch.{name}", switch, (switch.from_, switch.to), switch.amps)
    for name, t in feeder.transformers.items():
        terminals = tuple(winding.terminal for winding in t.windings)
        yield _Named(f"transformer.{name}", t, terminals, t.windings[0].kva)
    for name, reactor in feeder.reactors.items():
        terminals = (reactor.from_,) if reactor.to is None else (reactor.from_, reactor.to)
        yield _Named(f"reactor.{name}", reactor, terminals, np.inf)
    for name, capacitor in feeder.capacitors.items():
        yield _Named(f"capacitor.{name}", capacitor, (capacitor.terminal,), np.inf)


def _starts(counts: Sequence[int] | NDArray[np.int64]) -> Index:
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.uint32)


def _section(feeder: Feeder, element: Line | Switch | Reactor) -> Complex:
    """Series admittance between two buses and shunt admittance at each: (2, n, n)."""
    if isinstance(element, Reactor):
        n = len(element.from_.phases)
        series = -primitives.reactor_admittance(element)[:n, n:]
        return np.stack([series, np.zeros_like(series)])
    code = feeder.line_codes[element.code]
    return np.stack(primitives.line_series_shunt(element, code, feeder.frequency_hz))


def _whole(feeder: Feeder, element: Element) -> Complex:
    """Primitive admittance of all conductors."""
    match element:
        case Reactor():
            return primitives.reactor_admittance(element)
        case Capacitor():
            return primitives.capacitor_admittance(element)
        case Transformer():
            return primitives.transformer_admittance(element)
    code = feeder.line_codes[element.code]
    return primitives.line_admittance(element, code, feeder.frequency_hz)


class _Factors:
    """Which factor of a row scales an element.

    They are 1, then ``1/t`` and ``1/t^2`` of each regulator, then the share of each
    capacitor's steps that is closed, then 0 or 1 of each switch: `measures.row_factors`.
    """

    def __init__(self, feeder: Feeder) -> None:
        first = 1 + 2 * len(feeder.regulators)
        last = first + len(feeder.capacitors)
        self._capacitor = {name: first + k for k, name in enumerate(feeder.capacitors)}
        self._switch = {name: last + k for k, name in enumerate(feeder.switches)}
        self._regulator = {
            regulator.transformer: (regulator.winding, 1 + 2 * k)
            for k, regulator in enumerate(feeder.regulators.values())
        }

    def of(self, element: Element) -> int:
        """The factor of an element as a whole."""
        if isinstance(element, Switch):
            return self._switch[element.name]
        return self._capacitor[element.name] if isinstance(element, Capacitor) else CONSTANT

    def parts(self, feeder: Feeder, element: Element) -> list[tuple[Complex, int]]:
        """Primitive admittances of an element, each with its factor."""
        if isinstance(element, Transformer) and element.name in self._regulator:
            winding, tap = self._regulator[element.name]
            places = (CONSTANT, tap, tap + 1)
            return list(zip(primitives.tap_parts(element, winding), places, strict=True))
        return [(_whole(feeder, element), self.of(element))]


def _by_shape(
    feeder: Feeder, named: Sequence[_Named], nodes: Index, first: Index, base_v: Real
) -> list[list[_Piece]]:
    """Every piece of every element, those of one shape together."""
    shapes = defaultdict[tuple[bool, int], list[_Piece]](list)
    factors = _Factors(feeder)
    for k, one in enumerate(named):
        around = nodes[first[k] : first[k + 1]]
        element, n = one.element, len(around) // 2
        if (
            not isinstance(element, Transformer | Capacitor)
            and len(one.terminals) == 2
            and (base_v[around[:n]] == base_v[around[n:]]).all()
        ):
            y = _section(feeder, element)
            shapes[True, n].append(_Piece(k, y, factors.of(element), around, True))
            continue
        for y, factor in factors.parts(feeder, element):
            shapes[False, len(around)].append(_Piece(k, y, factor, around, False))
    return list(shapes.values())


def _drops(pieces: Sequence[_Piece], base_v: Real) -> _Drops:
    ground = len(base_v) - 1
    y = np.array([piece.y for piece in pieces])
    nodes = np.array([piece.nodes for piece in pieces], dtype=np.uint32)
    n_pieces, n = nodes.shape
    start, stop, feeds = nodes, np.full_like(nodes, ground), np.eye(n)
    if pieces[0].is_section:
        h = n // 2
        start, stop = np.hstack([nodes[:, :h], start]), np.hstack([nodes[:, h:], stop])
        feeds = np.hstack([np.vstack([np.eye(h), -np.eye(h)]), feeds])
        series, shunt = y[:, 0], y[:, 1]
        y = np.zeros((n_pieces, 3 * h, 3 * h), dtype=np.complex128)
        y[:, :h, :h], y[:, h:n, h:n], y[:, n:, n:] = series, shunt, shunt
    volts = np.maximum(base_v[start], base_v[stop])  # ground has none
    element = np.array([piece.element for piece in pieces], dtype=np.uint32)
    factor = np.array([piece.factor for piece in pieces], dtype=np.uint32)
    return _Drops(element, factor, feeds, y, start, stop, volts)


def _current_terms(groups: Sequence[_Drops], first: Index) -> CurrentTerms:
    columns: list[tuple[NDArray[Any], ...]] = []
    for group in groups:
        y = group.feeds @ group.y * group.volts[:, None, :]
        piece, conductor, drop = np.nonzero(y)
        start, stop = group.start[piece, drop], group.stop[piece, drop]
        at = first[group.element[piece]] + conductor
        value = y[piece, conductor, drop]
        columns.append((at, start, stop, group.factor[piece], value.real, value.imag))
    at, *rest = _gathered(columns, 4, 2)
    return CurrentTerms(_starts(np.bincount(at, minlength=first[-1])), *rest)


def _loss_terms(groups: Sequence[_Drops], n_elements: int) -> LossTerms:
    columns: list[tuple[NDArray[Any], ...]] = []
    for group in groups:
        # Re(d conj(e)) serves an entry of Y and the one across the diagonal.
        once = np.triu(np.ones(group.y.shape[1:])) + np.triu(np.ones(group.y.shape[1:]), 1)
        kva = group.y * once * group.volts[:, :, None] * group.volts[:, None, :] / 1000.0
        piece, p, q = np.nonzero(kva)
        value = kva[piece, p, q]
        columns.append(
            (
                group.element[piece],
                group.start[piece, p],
                group.stop[piece, p],
                group.start[piece, q],
                group.stop[piece, q],
                group.factor[piece],
                value.real,
                -value.imag,
            )
        )
    element, *rest = _gathered(columns, 6, 2)
    return LossTerms(_starts(np.bincount(element, minlength=n_elements)), *rest)


def _gathered(
    columns: Sequence[tuple[NDArray[Any], ...]], n_indices: int, n_values: int
) -> list[NDArray[Any]]:
    """Stack the terms of all groups and sort them by their first column."""
    types = [np.uint32] * n_indices + [np.float64] * n_values
    empty = [np.empty(0, dtype=dtype) for dtype in types]
    whole = [np.concatenate(parts) for parts in zip(empty, *columns, strict=True)]
    order = np.argsort(whole[0], kind="stable")
    return [
        np.ascontiguousarray(column[order], dtype)
        for column, dtype in zip(whole, types, strict=True)
    ]


def _active(loss: LossTerms, is_shunt: NDArray[np.bool_]) -> LossTerms:
    """The terms with a conductance, of elements that are no shunts."""
    counts = np.diff(loss.first)
    element = np.repeat(np.arange(len(counts)), counts)
    kept = (loss.kw != 0.0) & ~is_shunt[element]
    first = _starts(np.bincount(element[kept], minlength=len(counts)))
    columns: list[NDArray[Any]] = [column[kept] for column in loss[1:]]
    return LossTerms(first, *columns)
