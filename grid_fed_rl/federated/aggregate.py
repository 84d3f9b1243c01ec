"""From the sites' updates to one step of the server.

All sites count the same: weights by the size of a log would publish it. The
order in which updates arrive changes no bit of the answer.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.errors import FederationError
from grid_fed_rl.federated.update import Arrays

__all__ = ["RULES", "mean", "median", "trimmed_mean"]


def mean(deltas: Mapping[str, Arrays]) -> Arrays:
    """Plain mean over sites of each number (McMahan et al. 2017, FedAvg with equal weights).

    One dishonest site can move it anywhere the guard lets through.
    """
    return _combine(deltas, lambda stacked: stacked.mean(axis=0))


def median(deltas: Mapping[str, Arrays]) -> Arrays:
    """Median over sites of each number (Yin et al., ICML 2018).

    Bounded by the honest sites as long as they are more than half.
    """
    return _combine(deltas, lambda stacked: np.median(stacked, axis=0))


def trimmed_mean(deltas: Mapping[str, Arrays]) -> Arrays:
    """Mean over sites of each number without its largest and its smallest (Yin et al. 2018).

    Bounded by the honest sites if one at most is dishonest.

    Raises:
        FederationError: there are fewer than three sites.
    """
    if len(deltas) < 3:
        raise FederationError(
            f"trimmed_mean: {len(deltas)} updates; three are needed to drop two of each number"
        )
    return _combine(deltas, lambda stacked: np.sort(stacked, axis=0)[1:-1].mean(axis=0))


RULES: dict[str, Callable[[Mapping[str, Arrays]], Arrays]] = {
    "mean": mean,
    "median": median,
    "trimmed_mean": trimmed_mean,
}


def _combine(
    deltas: Mapping[str, Arrays], rule: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> Arrays:
    if not deltas:
        raise FederationError("aggregate: no update was accepted; one is needed")
    ordered = [deltas[site] for site in sorted(deltas)]
    return {
        name: rule(np.stack([delta[name] for delta in ordered]).astype(np.float64)).astype(
            np.float32
        )
        for name in ordered[0]
    }
