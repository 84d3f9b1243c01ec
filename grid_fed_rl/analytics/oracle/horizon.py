"""The horizon problem: the best day on the power flow linearised at another day.

Variables are the inputs of all device groups in all steps. Losses, the substation's
energy and limits are linear in them; leaving a limit has a price. Of the limits, which
are as many as nodes times steps, only those are written down that some answer so far
has come near to or left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.analytics.oracle.blocks import Block
from grid_fed_rl.analytics.oracle.curvature import Directions, add_curvature, directions
from grid_fed_rl.analytics.oracle.programme import Programme
from grid_fed_rl.analytics.oracle.slopes import Slopes
from grid_fed_rl.analytics.oracle.yardstick import Limited, Yardstick

__all__ = ["MARGINS", "Horizon"]

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]

MARGINS: Mapping[str, float] = {"voltage": 2e-4, "thermal": 2e-3, "unbalance": 1e-2, "head": 2.0}
"""How far within a limit a plan stays, in the channel's unit: the curvature a plan cannot see."""

NEAR = 20.0  # margins from a limit within which a quantity is looked at from the start
LEFT = -0.5  # margins beside a limit, from which on an answer is sought again: still within it
BESIDE = 1.0  # margins beside a limit of what is then written down, too
ROUNDS = 8  # of adding limits that the answer left


class _Answer(NamedTuple):
    """Values of each block's inputs, (step, input), and of its further variables."""

    inputs: list[Floats]
    further: list[Floats]


@dataclass(frozen=True, eq=False)
class Horizon:
    """The problem at one trajectory.

    Attributes:
        yardstick: Prices and limits.
        blocks: Device groups.
        row: (step,) rows of the scenario, for their prices.
        at: (step, input) of each block, where the trajectory stands.
        slopes: At the trajectory.
    """

    yardstick: Yardstick
    blocks: Sequence[Block]
    row: Index
    at: Sequence[Floats]
    slopes: Slopes

    def actions(self, trust: float, margins: Sequence[Floats], shares: Sequence[float]) -> Floats:
        """(plan, step, action) of the best day within a part of every input's range.

        A plan for each share of the way; where there are promises (of energy, to cars), then
        again for each share without them: keeping one may take more than a limit leaves.

        Args:
            trust: The part, up to 1.
            margins: (step,) of each limited quantity: how far within its limits to stay.
            shares: Of the way there from the trajectory.
        """
        answer = self._answer(trust, margins)
        kept = (1.0, 0.0) if any(more.size for more in answer.further) else (1.0,)
        plans = []
        for promise, share in product(kept, shares):
            parts = zip(self.blocks, self.at, answer.inputs, answer.further, strict=True)
            each = [
                block.actions(at + share * (to - at), promise * more)
                for block, at, to, more in parts
            ]
            plans.append(np.concatenate(each, axis=1))
        return np.array(plans)

    def _answer(self, trust: float, margins: Sequence[Floats]) -> _Answer:
        """Solved again until it comes near no limit that is not written down."""
        limited = self.slopes.limited
        watched = self._near(tuple(one.value for one in limited), margins, NEAR)
        answer = self._solved(trust, margins, watched)
        for _ in range(ROUNDS):
            change = np.concatenate(answer.inputs, axis=1) - np.concatenate(self.at, axis=1)
            predicted = self.slopes.predicted(change)
            left = self._near(predicted, margins, LEFT)
            if not any((more & ~mask).any() for more, mask in zip(left, watched, strict=True)):
                break
            beside = self._near(predicted, margins, BESIDE)
            watched = [mask | more for mask, more in zip(watched, beside, strict=True)]
            answer = self._solved(trust, margins, watched)
        return answer

    def _near(
        self, values: Sequence[Floats], margins: Sequence[Floats], beside: float
    ) -> list[Mask]:
        """(step, thing) of each limited quantity: beyond its margin, or so many beside it."""
        masks = []
        for one, value, margin in zip(self.slopes.limited, values, margins, strict=True):
            within = (margin + beside * MARGINS.get(one.name, 0.0))[:, None]
            masks.append((value < one.low + within) | (value > one.high - within))
        return masks

    def _solved(self, trust: float, margins: Sequence[Floats], watched: Sequence[Mask]) -> _Answer:
        """The best values with these limits written down."""
        programme = Programme()
        inputs, further = [], []
        for block, at in zip(self.blocks, self.at, strict=True):
            low, high = block.bounds()
            at = np.clip(at, low, high)
            near = trust * block.span
            variables = programme.variables(
                np.maximum(low, at - near), np.minimum(high, at + near), 0.0, at.shape
            )
            inputs.append(variables)
            further.append(block.add(programme, variables, at))
        every, at = np.concatenate(inputs, axis=1), np.concatenate(self.at, axis=1)
        self._price(programme, every, at)
        for limited, slope, mask, margin in zip(
            self.slopes.limited, self.slopes.by_limited, watched, margins, strict=True
        ):
            self._limit(programme, every, at, limited, slope, mask, margin)
        values = programme.solve()
        return _Answer([values[one] for one in inputs], [values[one] for one in further])

    @cached_property
    def _bends(self) -> Directions:
        span = np.concatenate([block.span for block in self.blocks])
        return directions(self.slopes.loss_bends, span)

    def _price(self, programme: Programme, inputs: Index, at: Floats) -> None:
        """Losses, what loads draw, and the energy through the substation: bought less sold."""
        step_h, slopes = self.yardstick.case.year.step_h, self.slopes
        bent = add_curvature(programme, inputs, at, self._bends)
        programme.price(inputs, slopes.metered_usd)
        programme.price(bent, self.yardstick.loss_usd_per_kwh * step_h)
        energy = self.yardstick.energy
        if energy is None:
            return
        buy, sell = energy.import_usd_per_kwh[self.row], energy.export_usd_per_kwh[self.row]
        bought = programme.variables(0.0, np.inf, step_h * buy, buy.shape)
        sold = programme.variables(0.0, np.inf, -step_h * sell, sell.shape)
        fixed = slopes.source_kw_at - (slopes.source_kw * at).sum(axis=1)
        # Where energy costs nothing, losses are worth nothing, and would be made up.
        costs = np.broadcast_to((sell > 0.0)[:, None], bent.shape)
        programme.tie(
            fixed,
            fixed,
            (1.0, bought[:, None]),
            (-1.0, sold[:, None]),
            (-slopes.source_kw, inputs),
            (-costs.astype(np.float64), bent),
            over=1,
        )

    def _limit(
        self,
        programme: Programme,
        inputs: Index,
        at: Floats,
        limited: Limited,
        slope: Floats,
        mask: Mask,
        margin: Floats,
    ) -> None:
        """Limits of what is watched, each with a priced excess either way."""
        step, thing = np.nonzero(mask)
        if not len(step):
            return
        width = margin[step]
        usd = self.yardstick.usd_per_unit(limited.name)
        slope = slope[step, thing]
        beyond = programme.variables(0.0, np.inf, usd, (len(step), 1))
        below = programme.variables(0.0, np.inf, usd, (len(step), 1))
        fixed = limited.value[step, thing] - (slope * at[step]).sum(axis=1)
        programme.tie(
            limited.low + width - fixed,
            limited.high - width - fixed,
            (slope, inputs[step]),
            (-1.0, beyond),
            (1.0, below),
            over=1,
        )
