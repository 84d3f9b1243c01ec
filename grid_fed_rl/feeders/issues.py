"""One fault of a feeder: where it is, what was found, what would be right."""

from dataclasses import dataclass

__all__ = ["KINDS", "Issue"]

KINDS = {
    "buses": "bus",
    "line_codes": "line code",
    "lines": "line",
    "switches": "switch",
    "transformers": "transformer",
    "reactors": "reactor",
    "regulators": "regulator",
    "capacitors": "capacitor",
    "loads": "load",
    "pvs": "pv",
    "storages": "storage",
    "generators": "generator",
}
"""What one record of each kind is called."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One fault: where it is, what was found, what would be right."""

    element: str
    field: str
    value: object
    expected: str

    def __str__(self) -> str:
        return f"{self.element}: {self.field} is {self.value!r}; expected {self.expected}"
