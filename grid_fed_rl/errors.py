"""The exceptions of the package, one tree.

::

    GridFedRLError
    ├── FeederError       a feeder, or a table or script it is read from, is wrong
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

__all__ = [
    "ActionError",
    "BudgetError",
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


class GridFedRLError(Exception):
    """Root of every exception this package raises on purpose."""


class FeederError(GridFedRLError, ValueError):
    """A feeder, or a table or script it is read from, is wrong."""


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
