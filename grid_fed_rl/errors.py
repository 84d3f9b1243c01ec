"""The exceptions of the package, one tree.

::

    GridFedRLError
    ├── FeederError       a feeder, or a table or script it is read from, is wrong
    │   └── CymeError     a CYME export is wrong: every fault of it
    ├── PowerFlowError    a set-point does not fit the network it is solved on
    ├── ScenarioError     a load, sun or price series is wrong or missing
    ├── TaskError         an environment is asked for something it cannot be
    │   └── ActionError   an action has the wrong shape, is not finite or out of bounds
    ├── DatasetError      a logged dataset is missing, broken or of another task
    ├── TrainingError     a learner was configured or fed wrongly, or diverged
    ├── FederationError   a federated update, message or site is refused
    └── PrivacyError      a privacy setting is unsound
        └── BudgetError   a site's privacy budget does not cover what is asked

Bad input raises one of these and names the element, the field, the value and
what would be right. A power flow that does not converge is a result, not an
exception: see `grid_fed_rl.powerflow.PowerFlow.status`.
"""

from collections.abc import Sequence

__all__ = [
    "ActionError",
    "BudgetError",
    "CymeError",
    "DatasetError",
    "FederationError",
    "FeederError",
    "GridFedRLError",
    "PowerFlowError",
    "PrivacyError",
    "ScenarioError",
    "TaskError",
    "TrainingError",
]


_SHOWN = 50  # lines that a person reads; a file of the wrong kind has a fault a row


class GridFedRLError(Exception):
    """Root of every exception this package raises on purpose."""


class FeederError(GridFedRLError, ValueError):
    """A feeder, or a table or script it is read from, is wrong."""


class CymeError(FeederError):
    """A CYME export cannot be read; says all that is wrong with it, not the first thing only.

    Attributes:
        faults: Each with its place (file, line, section), field, value and what would be right.
    """

    def __init__(self, faults: Sequence[object]) -> None:
        """Say every fault on a line of its own."""
        self.faults = tuple(faults)
        listed = [str(fault) for fault in self.faults[:_SHOWN]]
        if len(self.faults) > _SHOWN:
            listed.append(f"... and {len(self.faults) - _SHOWN} more, in `faults`")
        count = f"{len(self.faults)} faults:\n" if len(self.faults) > 1 else ""
        super().__init__(count + "\n".join(listed))

    def __reduce__(self) -> tuple[type["CymeError"], tuple[tuple[object, ...]]]:
        """Travel between processes with the faults, not with their text."""
        return type(self), (self.faults,)


class PowerFlowError(GridFedRLError, ValueError):
    """A set-point does not fit the network it is solved on."""


class ScenarioError(GridFedRLError, ValueError):
    """A load, sun or price series is wrong or missing."""


class TaskError(GridFedRLError, ValueError):
    """An environment is asked for something it cannot be."""


class ActionError(TaskError):
    """An action has the wrong shape, is not finite or is out of bounds."""


class DatasetError(GridFedRLError, ValueError):
    """A logged dataset is missing, broken or belongs to another task."""


class TrainingError(GridFedRLError, ValueError):
    """A learner was configured or fed wrongly, or its losses are not finite."""


class FederationError(GridFedRLError, ValueError):
    """A federated update, message or site is refused."""


class PrivacyError(GridFedRLError, ValueError):
    """A privacy setting is unsound."""


class BudgetError(PrivacyError):
    """A site's privacy budget does not cover what is asked of it."""
