"""Restoration of a feeder with many switches: a mixed-integer linear programme.

The programme finds the switch states that serve the most load without a loop and
without energising a fault. Voltage and current are not in it: a power flow looks at its
answer, and an answer outside the limits is cut off and the programme solved again, so
that the answer is the best of those within limits. Where that takes more than
`EXACT_CUTS` answers, ties are made to carry less, step by step: a good answer then, and
not always the best.

Radiality is held phase by phase, by arcs that lead away from the substation and a flow
of its load to every live vertex along them: M. Lavorato, J. F. Franco, M. J. Rider and
R. Romero, "Imposing radiality constraints in distribution system optimization problems",
IEEE Transactions on Power Systems 27(1), 2012, doi 10.1109/TPWRS.2011.2161349.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array, vstack

from grid_fed_rl.envs.flisr.case import FLISRCase
from grid_fed_rl.envs.flisr.env import FLISRVectorEnv
from grid_fed_rl.envs.flisr.judge import Judge
from grid_fed_rl.envs.flisr.rules import served_kw
from grid_fed_rl.envs.flisr.sections import PHASES
from grid_fed_rl.envs.flisr.snapshot import FLISRSnapshot

__all__ = ["EXACT_CUTS", "MOST_CUTS", "Programme", "Restoration"]

EXACT_CUTS = 10  # answers outside the limits that are cut off one by one
MOST_CUTS = 40  # after which no tie is closed
SHRINK = 0.7  # of the load through a tie, where cutting off one by one takes too long
LEAST_KW = 0.1  # that a live vertex takes, so that each hangs on the substation
A_WATT = 1e-3  # kW: serving less than this more is serving the same

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Index = NDArray[np.int64]


class _Rows:
    """Rows of linear constraints, collected."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._matrix: list[csr_array] = []
        self._low: list[Floats] = []
        self._high: list[Floats] = []

    def add(self, terms: list[tuple[Index, float]], low: float, high: float) -> None:
        """Rows ``low <= sum of factor * variable[column] <= high``, an entry a row."""
        n_rows = len(terms[0][0])
        row = np.concatenate([np.arange(n_rows)] * len(terms))
        column = np.concatenate([columns for columns, _ in terms])
        value = np.concatenate([np.full(n_rows, factor) for _, factor in terms])
        self.add_rows(coo_array((value, (row, column)), shape=(n_rows, self._n)), low, high)

    def add_rows(self, matrix: coo_array | csr_array, low: float, high: float) -> None:
        """Rows of a matrix between two numbers."""
        rows = csr_array(matrix)
        n_rows = len(rows.indptr) - 1
        self._matrix.append(rows)
        self._low.append(np.full(n_rows, low))
        self._high.append(np.full(n_rows, high))

    def constraint(self) -> LinearConstraint:
        """All rows together."""
        low, high = np.concatenate(self._low), np.concatenate(self._high)
        # SciPy's types forget that bounds may be arrays.
        return LinearConstraint(vstack(self._matrix), low, high)  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where the variables stand."""

    closed: Index  # (switch,) 0 or 1
    live: Index  # (vertex,) 0 or 1
    out: Index  # (edge,) arc from its first end to its second, 0 or 1
    back: Index  # (edge,) the other way
    flow: Index  # (edge,) kW of load that hangs on it, from its first end to its second
    served: Index  # (group,) 0 to 1


class Programme:
    """The programme of one lane as it stands.

    Args:
        case: What the environment is made of.
        one: A snapshot of one lane; its faults are known.
    """

    def __init__(self, case: FLISRCase, one: FLISRSnapshot) -> None:
        self._case, self._one = case, one
        sections = case.sections
        groups, of_load = np.unique(sections.load_vertex, axis=0, return_inverse=True)
        self._groups = groups
        kw = np.bincount(of_load.ravel(), weights=one.demand_kw[0], minlength=len(groups))
        self._kw = kw.astype(np.float64)
        self._vertex_kw = _vertex_kw(groups, self._kw, len(sections.exists))
        self._flow_kw = np.zeros(len(sections.edge_switch))  # of the last answer
        n_edges = len(sections.edge_switch)
        sizes = (len(sections.switches), len(sections.exists), n_edges, n_edges, n_edges)
        ends = np.cumsum([0, *sizes, len(groups)])
        self._at = _Columns(*(np.arange(a, b) for a, b in pairwise(ends)))
        self._n = int(ends[-1])
        self._rows = _Rows(self._n)
        self._radial()
        at = self._at
        for k in range(PHASES):
            self._rows.add([(at.served, 1.0), (at.live[groups[:, k]], -1.0)], -np.inf, 0.0)

    def best(self) -> Flags | None:
        """(switch,) the most load with the fewest switchings; None where nothing is left."""
        at, now = self._at, self._one.closed[0]
        gain = np.zeros(self._n)
        gain[at.served] = -self._kw
        first = self._solved(gain)
        if first is None:
            return None
        moves = np.zeros(self._n)
        moves[at.closed] = np.where(now, -1.0, 1.0)
        floor = LinearConstraint(gain[None], -np.inf, float(gain @ first) + A_WATT)
        second = self._solved(moves, floor)
        answer = first if second is None else second
        self._flow_kw = answer[at.flow]
        return answer[at.closed] > 0.5

    def cut(self, closed: Flags) -> None:
        """Leave out all switch states whose live conductors are those of these."""
        sections, at = self._case.sections, self._at
        live = sections.standing(closed[None]).live[0]
        on = closed[sections.edge_switch] & live[sections.edge_from]
        sign = np.where(on, -1.0, 1.0)
        column = np.concatenate([at.out, at.back])
        row = coo_array(
            (np.concatenate([sign, sign]), (np.zeros(len(column), dtype=int), column)),
            shape=(1, self._n),
        )
        self._rows.add_rows(row, 1.0 - float(on.sum()), np.inf)

    def shrink(self, closed: Flags, section: int | None) -> None:
        """Let the tie that feeds a section carry less than in the last answer.

        Quick, and no longer exact: other loads by the same tie might fit.

        Args:
            closed: (switch,) the last answer.
            section: Where the voltage is worst; the tie that carries most where not given.
        """
        sections, at = self._case.sections, self._at
        per_switch = np.bincount(sections.edge_switch, np.abs(self._flow_kw), minlength=len(closed))
        ties = closed & ~sections.normal & (per_switch > 1.0)
        if section is not None:
            feeding = ties & self._feeds(closed, section)
            ties = feeding if feeding.any() else ties
        if not ties.any():
            self.cut(closed)
            return
        tie = int(np.argmax(np.where(ties, per_switch, -1.0)))
        edges = np.flatnonzero(sections.edge_switch == tie)
        row = coo_array(
            (np.sign(self._flow_kw[edges]), (np.zeros(len(edges), dtype=int), at.flow[edges])),
            shape=(1, self._n),
        )
        self._rows.add_rows(row, -np.inf, SHRINK * float(per_switch[tie]))

    def without_ties(self) -> None:
        """Keep open all that is normally open."""
        ties = self._at.closed[~self._case.sections.normal]
        if len(ties):
            self._rows.add([(ties, 1.0)], 0.0, 0.0)

    def _feeds(self, closed: Flags, section: int) -> Flags:
        """(switch,) whether a section goes dark if a switch opens."""
        sections = self._case.sections
        without = closed[None] & ~np.eye(len(closed), dtype=bool)
        live = sections.any_phase(sections.standing(without).live)
        return ~live[:, section]

    def _radial(self) -> None:
        """Live vertices hang on the substation by one way each; closed ends are alike."""
        sections, at, rows = self._case.sections, self._at, self._rows
        switch = at.closed[sections.edge_switch]
        one, other = at.live[sections.edge_from], at.live[sections.edge_to]
        n = float(self._vertex_kw.sum())
        rows.add([(switch, 1.0), (one, 1.0), (other, -1.0)], -np.inf, 1.0)
        rows.add([(switch, 1.0), (other, 1.0), (one, -1.0)], -np.inf, 1.0)
        rows.add([(at.out, 1.0), (at.back, 1.0), (switch, -1.0)], -np.inf, 0.0)
        rows.add([(at.out, 1.0), (at.back, 1.0), (switch, -1.0), (one, -1.0)], -1.0, np.inf)
        rows.add([(at.out, 1.0), (one, -1.0)], -np.inf, 0.0)
        rows.add([(at.back, 1.0), (other, -1.0)], -np.inf, 0.0)
        rows.add([(at.flow, 1.0), (at.out, -n)], -np.inf, 0.0)
        rows.add([(at.flow, 1.0), (at.back, n)], 0.0, np.inf)
        beyond = np.arange(PHASES, len(sections.exists))  # all but the substation
        self._lead(beyond)
        self._conserve(beyond)

    def _lead(self, beyond: Index) -> None:
        """One arc into every live vertex, none into the substation."""
        sections, at = self._case.sections, self._at
        n = len(sections.exists)
        into = coo_array(
            (
                np.concatenate([np.ones(2 * len(at.out)), np.full(len(beyond), -1.0)]),
                (
                    np.concatenate([sections.edge_to, sections.edge_from, beyond]),
                    np.concatenate([at.out, at.back, at.live[beyond]]),
                ),
            ),
            shape=(n, self._n),
        )
        self._rows.add_rows(into, 0.0, 0.0)

    def _conserve(self, beyond: Index) -> None:
        """Every live vertex takes its load."""
        sections, at = self._case.sections, self._at
        ones = np.ones(len(at.flow))
        column = [at.flow, at.flow, at.live[beyond]]
        value = [ones, -ones, -self._vertex_kw[beyond]]
        vertex = [sections.edge_to, sections.edge_from, beyond]
        matrix = coo_array(
            (
                np.concatenate(value),
                (np.concatenate(vertex), np.concatenate(column)),
            ),
            shape=(len(sections.exists), self._n),
        ).tocsr()[PHASES:]
        self._rows.add_rows(matrix, 0.0, 0.0)

    def _solved(self, cost: Floats, more: LinearConstraint | None = None) -> Floats | None:
        sections, at, one = self._case.sections, self._at, self._one
        low, high = np.zeros(self._n), np.ones(self._n)
        low[at.flow], high[at.flow] = -np.inf, np.inf
        high[at.live] = sections.exists
        faulted = one.faults.at(one.active, len(sections.names))
        high[at.live[np.repeat(faulted[0], PHASES)]] = 0.0
        low[at.live[:PHASES]] = 1.0
        integral = np.ones(self._n)
        integral[at.flow] = integral[at.served] = 0
        constraints = [self._rows.constraint(), *([] if more is None else [more])]
        bounds = Bounds(low, high)  # pyright: ignore[reportArgumentType] - as above
        answer = milp(cost, integrality=integral, bounds=bounds, constraints=constraints)
        return answer.x if answer.status == 0 else None


def _vertex_kw(groups: Index, kw: Floats, n: int) -> Floats:
    """(vertex,) load on it, that of several in equal parts; a little where there is none."""
    parts = np.full(groups.shape, 1.0 / PHASES)  # repeats fill up, and add up
    load_kw = np.bincount(groups.ravel(), (parts * kw[:, None]).ravel(), minlength=n)
    return load_kw.astype(np.float64) + LEAST_KW


class Restoration:
    """Goes to the switch states that serve the most load within limits, by the fewest moves.

    Like `exact.Exact` it knows where the fault is. It is exact in where it goes (but see
    `EXACT_CUTS`), not in the order of the way there: it opens first, then closes what
    brings back most. Where `MOST_CUTS` answers in a row leave the limits it closes no
    tie, and where that leaves them, too, it stays where it is.

    Args:
        env: The environment that it acts in.
    """

    def __init__(self, env: FLISRVectorEnv) -> None:
        self._env = env
        self._wanted: dict[int, tuple[bytes, Flags]] = {}

    def __call__(self, observation: NDArray[np.float32], /) -> Index:
        """(lane,) actions."""
        del observation
        snapshot = self._env.snapshot
        return np.array([self._act(snapshot, k) for k in range(len(snapshot.step))], dtype=np.int64)

    def _act(self, snapshot: FLISRSnapshot, lane: int) -> int:
        one = snapshot.lanes(np.array([lane]))
        key = one.outage
        if lane not in self._wanted or self._wanted[lane][0] != key or not one.acted[0]:
            self._wanted[lane] = key, self.target(one)
        return self._step(one, self._wanted[lane][1])

    def target(self, one: FLISRSnapshot) -> Flags:
        """(switch,) where a lane should go."""
        case = self._env.case
        if not one.active.any():
            return case.sections.normal
        programme, judge = Programme(case, one), Judge(case, one)
        now_kw = served_kw(self._env, one, one.closed)[0]
        for k in range(MOST_CUTS + 1):
            closed = programme.best()
            if closed is None or served_kw(self._env, one, closed[None])[0] <= now_kw + A_WATT:
                break  # nothing is better than to stay
            if judge.within(closed[None])[0]:
                return closed
            if k == MOST_CUTS - 1:
                programme = Programme(case, one)
                programme.without_ties()
            elif k < EXACT_CUTS:
                programme.cut(closed)
            else:
                programme.shrink(closed, judge.worst_section(closed))
        return one.closed[0]

    def _step(self, one: FLISRSnapshot, wanted: Flags) -> int:
        """The next move: openings, then the closing that brings back most."""
        legal, closed = one.legal[0], one.closed[0]
        opening = np.flatnonzero(closed & ~wanted)
        if len(opening):
            return 1 + 2 * int(opening[0])
        closing = np.flatnonzero(~closed & wanted & legal[2::2])
        if not len(closing):
            return 0
        rows = np.repeat(one.closed, len(closing), axis=0)
        rows[np.arange(len(closing)), closing] = True
        return 2 + 2 * int(closing[np.argmax(served_kw(self._env, one, rows))])
