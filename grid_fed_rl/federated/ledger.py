"""The privacy budget of one site, on the site's own disk.

A ledger is a `ChainedFile`. Its first line fixes the budget; each later one
reserves steps before they are trained, or notes that their answer is about to
leave the site. A site that is killed at any moment has spent at most what its
ledger says, because nothing is trained before its line is on the disk.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from grid_fed_rl.errors import BudgetError, PrivacyError
from grid_fed_rl.federated.chain import ChainedFile, Entry, read_chain
from grid_fed_rl.federated.privacy import GaussianSteps, epsilon_of, steps_within

__all__ = ["UNIT", "Ledger", "LedgerSummary", "read_ledger"]

UNIT = "one site-day trajectory"

_FORMAT = 1


@dataclass(frozen=True)
class LedgerSummary:
    """What a ledger says, for reports: nothing in it depends on the data."""

    path: Path
    site: str
    epsilon: float  # budget
    delta: float
    epsilon_spent: float
    n_steps: int  # reserved so far, over all runs
    n_rounds: int
    repeatable: bool  # whether any of it was noised from a seed, which voids the guarantee
    head: str  # digest of the last line


class Ledger:
    """The open ledger of one site; only one process can hold it.

    Args:
        path: the file; made, with its folder, if it is not there.
        site: name of the site; kept in the file.
        epsilon: budget over the life of the file.
        delta: delta at which the budget is counted.

    Raises:
        PrivacyError: the budget is out of bounds or not the one in the file, the
            file was changed by something else, or another process holds it.
    """

    def __init__(self, path: Path | str, site: str, epsilon: float, delta: float) -> None:
        if not 0 < epsilon < math.inf or not 0 < delta < 1:
            raise PrivacyError(
                f"site '{site}': a budget of epsilon {epsilon} at delta {delta} is not possible; "
                "epsilon must be finite and above 0, delta between 0 and 1"
            )
        self._file = ChainedFile(Path(path))
        try:
            if not self._file.entries:
                opening: Entry = {"kind": "open", "format": _FORMAT, "unit": UNIT, "site": site}
                opening |= {"epsilon": float(epsilon), "delta": float(delta)}
                self._file.append(opening)
                self._state = _State(self.path, [opening])
            else:
                self._state = _State(self.path, self._file.entries)
                self._require_same_budget(site, epsilon, delta)
        except BaseException:
            self.close()
            raise

    @property
    def path(self) -> Path:
        """Where the ledger is."""
        return self._file.path

    @property
    def epsilon(self) -> float:
        """The budget."""
        return self._state.epsilon

    @property
    def delta(self) -> float:
        """Delta at which the budget is counted."""
        return self._state.delta

    @property
    def epsilon_spent(self) -> float:
        """Epsilon of everything reserved, over all runs, finished or not."""
        return self._state.epsilon_spent

    @property
    def summary(self) -> LedgerSummary:
        """What the ledger says now."""
        return self._state.summary(self.path, self._file.head)

    def reserve(
        self, run: str, round_number: int, steps: GaussianSteps, *, repeatable: bool = False
    ) -> float:
        """Set aside the cost of `steps` for one round, before anything is trained.

        Reserving the same steps for the same run and round again changes
        nothing: the round may be trained again after a crash, because one
        answer at most is ever released for it (`release`).

        Args:
            run: name of the run.
            round_number: from 1.
            steps: what the round takes.
            repeatable: whether its noise comes from a seed. The ledger keeps that,
                since one such round voids the guarantee of all.

        Returns:
            Epsilon spent, this round included.

        Raises:
            BudgetError: the budget does not cover the steps; nothing is written.
            PrivacyError: other steps are reserved for this run and round.
        """
        state = self._state
        known = state.reserved.get((run, round_number))
        if known is not None:
            if known != steps:
                raise PrivacyError(
                    f"site '{state.site}': round {round_number} of run '{run}' is reserved for "
                    f"{known}, not for {steps}; use another run name"
                )
            return self.epsilon_spent
        after = epsilon_of((*state.reserved.values(), steps), self.delta)
        if after > self.epsilon:
            raise BudgetError(
                f"site '{state.site}': {steps.n_steps} steps with noise multiplier "
                f"{steps.noise_multiplier:g} at sampling rate {steps.sampling_rate:g} would bring "
                f"epsilon from {self.epsilon_spent:.4g} to {after:.4g} at delta {self.delta:g}, "
                f"past the budget of {self.epsilon:g}; {self.steps_left(steps)} such steps still "
                f"fit; ledger {self.path}"
            )
        line: Entry = {"kind": "reserve", "run": run, "round": round_number}
        line |= {
            "noise_multiplier": float(steps.noise_multiplier),
            "sampling_rate": float(steps.sampling_rate),
            "n_steps": steps.n_steps,
            "epsilon_spent": after,
            "repeatable": repeatable,
        }
        self._file.append(line)
        state.take(line)
        return after

    def release(self, run: str, round_number: int, answer_sha256: str) -> None:
        """Note that the answer of a reserved round is about to leave the site.

        Raises:
            PrivacyError: the round was not reserved, or had another answer.
        """
        state, key = self._state, (run, round_number)
        known = state.released.get(key)
        if known == answer_sha256:
            return
        if key not in state.reserved:
            raise PrivacyError(
                f"site '{state.site}': round {round_number} of run '{run}' was not reserved; "
                "reserve it before training"
            )
        if known is not None:
            raise PrivacyError(
                f"site '{state.site}': round {round_number} of run '{run}' was answered already "
                f"(SHA-256 {known[:12]}...); a second answer would cost privacy again"
            )
        line: Entry = {"kind": "release", "run": run, "round": round_number}
        line |= {"answer": answer_sha256}
        self._file.append(line)
        state.take(line)

    def released(self, run: str, round_number: int) -> str | None:
        """SHA-256 of the answer released for a round, or None if there was none."""
        return self._state.released.get((run, round_number))

    def steps_left(self, steps: GaussianSteps) -> int:
        """How many more steps like one of `steps` the budget covers."""
        return steps_within(
            self.epsilon,
            self.delta,
            steps.noise_multiplier,
            steps.sampling_rate,
            self._state.reserved.values(),
        )

    def close(self) -> None:
        """Let go of the file. Closing twice is harmless."""
        self._file.close()

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _require_same_budget(self, site: str, epsilon: float, delta: float) -> None:
        state = self._state
        asked, written = (site, epsilon, delta), (state.site, state.epsilon, state.delta)
        if asked != written:
            raise PrivacyError(
                f"ledger {self.path} was opened for site '{written[0]}' with epsilon {written[1]} "
                f"at delta {written[2]}, not for site '{asked[0]}' with epsilon {asked[1]} at "
                f"delta {asked[2]}; a budget is fixed once"
            )


def read_ledger(path: Path | str) -> LedgerSummary:
    """Read a ledger without holding it, checking its chain.

    Raises:
        PrivacyError: there is no ledger, or it was changed by something else.
    """
    path = Path(path)
    entries, head = read_chain(path)
    return _State(path, entries).summary(path, head)


class _State:
    """What the lines of a ledger amount to."""

    def __init__(self, path: Path, entries: Iterable[Entry]) -> None:
        first, *rest = [*entries] or [{}]
        if first.get("kind") != "open" or first.get("format") != _FORMAT:
            raise PrivacyError(f"{path}: not a ledger of format {_FORMAT}; its line 1 is {first}")
        self.site = str(first["site"])
        self.epsilon = float(first["epsilon"])
        self.delta = float(first["delta"])
        self.reserved: dict[tuple[str, int], GaussianSteps] = {}
        self.released: dict[tuple[str, int], str] = {}
        self.repeatable = False
        for entry in rest:
            self.take(entry)

    def take(self, entry: Entry) -> None:
        """Add one line."""
        key = (str(entry["run"]), int(entry["round"]))
        if entry["kind"] == "reserve":
            self.reserved[key] = GaussianSteps(
                float(entry["noise_multiplier"]),
                float(entry["sampling_rate"]),
                int(entry["n_steps"]),
            )
            self.repeatable |= bool(entry["repeatable"])
        else:
            self.released[key] = str(entry["answer"])

    @property
    def epsilon_spent(self) -> float:
        return epsilon_of(self.reserved.values(), self.delta)

    def summary(self, path: Path, head: str) -> LedgerSummary:
        """Sum up for reports."""
        return LedgerSummary(
            path=path,
            site=self.site,
            epsilon=self.epsilon,
            delta=self.delta,
            epsilon_spent=self.epsilon_spent,
            n_steps=sum(steps.n_steps for steps in self.reserved.values()),
            n_rounds=len(self.reserved),
            repeatable=self.repeatable,
            head=head,
        )
