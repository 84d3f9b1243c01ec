"""What a feeder is: the records of `records` by name, and where they are from.

A `Feeder` holds what stands in the field and nothing of how it is solved.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from types import MappingProxyType
from typing import Self

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.records import (
    Bus,
    Line,
    LineCode,
    Reactor,
    Regulator,
    Source,
    Switch,
    Transformer,
)
from grid_fed_rl.feeders.shunts import Capacitor, Generator, Load, Pv, Storage

__all__ = ["Feeder"]


@dataclass(frozen=True)
class Feeder:
    """A distribution feeder, by name.

    Attributes:
        name: Short lower-case name, as in ``load("ieee123")``.
        source: The substation.
        provenance: Where the figures are from, and under which licence.
        frequency_hz: Nominal frequency.

    Every other attribute maps a name to its record. Mappings are read-only;
    `with_` returns a changed copy.
    """

    name: str
    source: Source
    buses: Mapping[str, Bus]
    line_codes: Mapping[str, LineCode] = field(default_factory=dict)
    lines: Mapping[str, Line] = field(default_factory=dict)
    switches: Mapping[str, Switch] = field(default_factory=dict)
    transformers: Mapping[str, Transformer] = field(default_factory=dict)
    reactors: Mapping[str, Reactor] = field(default_factory=dict)
    regulators: Mapping[str, Regulator] = field(default_factory=dict)
    capacitors: Mapping[str, Capacitor] = field(default_factory=dict)
    loads: Mapping[str, Load] = field(default_factory=dict)
    pvs: Mapping[str, Pv] = field(default_factory=dict)
    storages: Mapping[str, Storage] = field(default_factory=dict)
    generators: Mapping[str, Generator] = field(default_factory=dict)
    frequency_hz: float = 60.0
    title: str = ""
    provenance: str = ""

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, Mapping):
                object.__setattr__(self, f.name, MappingProxyType(dict(value)))

    def __getstate__(self) -> dict[str, object]:
        """Plain dictionaries travel; read-only views do not pickle."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {k: dict(v) if isinstance(v, MappingProxyType) else v for k, v in values.items()}

    def __setstate__(self, state: dict[str, object]) -> None:
        for key, value in state.items():
            object.__setattr__(self, key, value)
        self.__post_init__()

    def with_(self, *, pvs: Iterable[Pv] = (), storages: Iterable[Storage] = ()) -> Self:
        """Return this feeder with more DER on it.

        Raises:
            FeederError: a name is already taken by a PV system or a battery.
        """
        pvs, storages = tuple(pvs), tuple(storages)
        taken = {*self.pvs, *self.storages, *self.generators}
        for der in (*pvs, *storages):
            if der.name in taken:
                raise FeederError(
                    f"feeder {self.name!r}: DER {der.name!r} is already there; choose another name"
                )
            taken.add(der.name)
        return replace(
            self,
            pvs={**self.pvs, **{pv.name: pv for pv in pvs}},
            storages={**self.storages, **{storage.name: storage for storage in storages}},
        )

    @cached_property
    def _phases(self) -> Mapping[str, tuple[int, ...]]:
        branches = [*self.lines.values(), *self.switches.values()]
        terminals = [terminal for b in branches for terminal in (b.from_, b.to)]
        terminals += [w.terminal for t in self.transformers.values() for w in t.windings]
        for reactor in self.reactors.values():
            terminals += [end for end in (reactor.from_, reactor.to) if end is not None]
        phases = defaultdict[str, set[int]](set, {self.source.bus: {1, 2, 3}})
        for terminal in terminals:
            phases[terminal.bus].update(set(terminal.phases) - {0})
        return {bus: tuple(sorted(there)) for bus, there in phases.items()}

    def phases_of(self, bus: str) -> tuple[int, ...]:
        """Nodes, ground excepted, that some branch brings to a bus, in order."""
        return self._phases.get(bus, ())
