"""A sparse linear programme, put together block by block and solved by HiGHS.

Q. Huangfu and J. A. J. Hall, "Parallelizing the dual revised simplex method",
Mathematical Programming Computation 10, 2018, doi:10.1007/s12532-017-0130-5, as
`scipy.optimize.milp` has it.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from grid_fed_rl.errors import TaskError

__all__ = ["Programme"]

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


class Programme:
    """Variables with bounds and prices, and rows that tie them; the least price is sought."""

    def __init__(self) -> None:
        self._n = 0
        self._low: list[Floats] = []
        self._high: list[Floats] = []
        self._price: list[Floats] = []
        self._rows = 0
        self._entries: list[tuple[Index, Index, Floats]] = []
        self._row_low: list[Floats] = []
        self._row_high: list[Floats] = []

    def variables(
        self, low: ArrayLike, high: ArrayLike, price: ArrayLike, shape: tuple[int, ...]
    ) -> Index:
        """New variables, each within its bounds and at its price: their numbers, of `shape`."""
        n = int(np.prod(shape))
        for kept, given in ((self._low, low), (self._high, high), (self._price, price)):
            kept.append(np.broadcast_to(np.asarray(given, dtype=np.float64), shape).ravel())
        self._n += n
        return np.arange(self._n - n, self._n).reshape(shape)

    def price(self, variables: Index, price: ArrayLike) -> None:
        """Add to the price of variables."""
        whole = np.concatenate(self._price)
        np.add.at(whole, variables.ravel(), np.broadcast_to(price, variables.shape).ravel())
        self._price = [whole]

    def tie(
        self, low: ArrayLike, high: ArrayLike, *terms: tuple[ArrayLike, Index], over: int = 0
    ) -> None:
        """Rows ``low <= sum of coefficient * variable <= high``.

        Every term has the rows' shape, but for `over` axes more at its end, over which
        it is summed; coefficients are broadcast to their variables.
        """
        shape = np.broadcast_shapes(*(v.shape[: v.ndim - over] for _, v in terms))
        n = int(np.prod(shape))
        row = np.arange(self._rows, self._rows + n).reshape(shape)
        for coefficient, variable in terms:
            row_of = row.reshape(row.shape + (1,) * (variable.ndim - row.ndim))
            row_of, columns, values = np.broadcast_arrays(row_of, variable, coefficient)
            kept = values != 0.0
            self._entries.append((row_of[kept], columns[kept], values[kept]))
        self._row_low.append(np.broadcast_to(np.asarray(low, dtype=np.float64), shape).ravel())
        self._row_high.append(np.broadcast_to(np.asarray(high, dtype=np.float64), shape).ravel())
        self._rows += n

    def sums(self, total: Index, coefficient: float, parts: Index, group: Index) -> None:
        """Rows ``total = coefficient * sum of its parts``, part k belonging to total `group[k]`."""
        rows = self._rows + np.arange(len(total))
        self._entries.append((rows, total, -np.ones(len(total))))
        self._entries.append((self._rows + group, parts, np.full(len(parts), coefficient)))
        self._row_low.append(np.zeros(len(total)))
        self._row_high.append(np.zeros(len(total)))
        self._rows += len(total)

    def solve(self) -> Floats:
        """The best values of all variables.

        Raises:
            TaskError: there are none, which a programme with priced limits cannot say of
                a case, but only of a mistake in it.
        """
        row, column, value = (np.concatenate(part) for part in zip(*self._entries, strict=True))
        matrix = coo_array((value, (row, column)), shape=(self._rows, self._n)).tocsc()
        # SciPy's own stubs know numbers only where arrays are meant.
        bounds: Any = Bounds(*(np.concatenate(one) for one in (self._low, self._high)))  # pyright: ignore[reportArgumentType]
        rows: Any = LinearConstraint(
            matrix,
            *(np.concatenate(one) for one in (self._row_low, self._row_high)),  # pyright: ignore[reportArgumentType]
        )
        answer = milp(np.concatenate(self._price), bounds=bounds, constraints=rows)
        if answer.x is None:
            raise TaskError(f"the oracle's linear programme has no answer: {answer.message}")
        return answer.x
