"""Which part of an export becomes the feeder, and what stands on each of its sections."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.cyme.codes import Location, NetworkKind
from grid_fed_rl.feeders.cyme.dataset import CymeDataset, Use
from grid_fed_rl.feeders.cyme.draft import Draft
from grid_fed_rl.feeders.cyme.records_lines import Device
from grid_fed_rl.feeders.cyme.records_network import Section

__all__ = ["SERIES", "SHUNTS", "Scope", "scope_of"]

SERIES = (
    "overhead_by_phase",
    "overhead_lines",
    "overhead_unbalanced",
    "underground_lines",
    "underground_by_phase",
    "transformers",
    "transformers_by_phase",
    "autotransformers",
    "three_winding",
    "regulators",
    "switchgear",
    "series_devices",
)
"""Devices that stand between the ends of a section, by attribute of the dataset."""

SHUNTS = (
    "grounding_transformers",
    "shunt_capacitors",
    "shunt_reactors",
    "photovoltaics",
    "storages",
    "generators",
    "motors",
    "loads",
)
"""Devices that stand at one place of a section."""

_RANK = {Location.FROM: 0, Location.MIDDLE: 1, None: 1, Location.TO: 2}


@dataclass
class Scope:
    """The sections that are converted, with their series devices in order.

    Attributes:
        source: The node that the feeder is fed from.
        networks: The networks in it.
        sections: By id.
        series: By section, what stands between its ends: kind and record.
        opened: Sections that a disconnected device leaves open.
        unheld: By section, what its rows in unknown tables are called.
    """

    source: str
    networks: tuple[str, ...]
    sections: dict[str, Section]
    series: dict[str, list[tuple[str, Device]]] = field(default_factory=dict)
    opened: set[str] = field(default_factory=set)
    unheld: dict[str, list[str]] = field(default_factory=dict)

    def shunts(self, data: CymeDataset, kind: str) -> Iterator[Device]:
        """Connected devices of a kind on the sections."""
        for device in getattr(data, kind):
            if device.section in self.sections and device.connected:
                yield device


def _source_nodes(data: CymeDataset) -> dict[str, str | None]:
    """Nodes with a source, and the network that it says it feeds."""
    found: dict[str, str | None] = {e.node: None for e in data.source_equivalents}
    found |= {s.node: s.network for s in data.sources}
    heads = {h.node: h.network for h in data.headnodes}
    return {node: network or heads.get(node) for node, network in found.items()}


def _heads(data: CymeDataset) -> dict[str, str]:
    heads = {n.id: n.head_node for n in data.networks.values() if n.head_node}
    return heads | {h.network: h.node for h in data.headnodes}


def _by_network(data: CymeDataset) -> dict[str, list[Section]]:
    by_network: dict[str, list[Section]] = defaultdict(list)
    for section in data.sections.values():
        by_network[section.network or ""].append(section)
    return by_network


def _upstream(data: CymeDataset, network: str, sources: dict[str, str | None]) -> list[str]:
    """A network and those it is fed through, up to one with a source."""
    heads, by_network = _heads(data), _by_network(data)
    touching: dict[str, set[str]] = defaultdict(set)
    for name, sections in by_network.items():
        for section in sections:
            touching[section.from_node].add(name)
            touching[section.to_node].add(name)
    chain, here = [network], network
    while heads.get(here) not in sources:
        head = heads.get(here)
        above = sorted(
            (touching.get(head, set()) if head else set()) - set(chain),
            key=lambda name: (_kind(data, name) is not NetworkKind.SUBSTATION, name),
        )
        if not above:
            raise FeederError(
                f"network {network!r}: nothing feeds {head or 'it'!r}, its head node; expected a "
                f"source there, or a network in the export that leads to one"
            )
        here = above[0]
        chain.append(here)
    return chain


def _kind(data: CymeDataset, name: str) -> NetworkKind | None:
    network = data.networks.get(name)
    return None if network is None else network.kind


def _choose(data: CymeDataset, network: str | None) -> tuple[str, tuple[str, ...]]:
    """The node of the source, and the networks to take; none for all."""
    sources = _source_nodes(data)
    known = sorted({*data.networks, *filter(None, (s.network for s in data.sections.values()))})
    if not sources:
        raise FeederError(
            "the export has no source; expected a [SOURCE] or [SOURCE EQUIVALENT] section with one"
        )
    if network is not None:
        if network not in known:
            raise FeederError(f"no network {network!r}; the export has {', '.join(known)}")
        chain = _upstream(data, network, sources)
        head = _heads(data)[chain[-1]]
        return head, tuple(chain)
    if len(sources) > 1:
        fed = ", ".join(f"{n or 'no network'} at node {node}" for node, n in sources.items())
        raise FeederError(
            f"the export has {len(sources)} sources ({fed}); choose a network: {', '.join(known)}"
        )
    return next(iter(sources)), ()


def scope_of(draft: Draft) -> Scope:
    """What to convert, by the options of the import.

    Raises:
        FeederError: there is no source, no such network, or a choice to be made.
    """
    data = draft.data
    source, networks = _choose(data, draft.options.network)
    sections = {
        s.id: s for s in data.sections.values() if not networks or (s.network or "") in networks
    }
    scope = Scope(source, networks, sections)
    found: dict[str, list[tuple[int, str, Device]]] = defaultdict(list)
    for kind in SERIES:
        for device in getattr(data, kind):
            if device.section not in sections:
                continue
            if not device.connected:
                scope.opened.add(device.section)
                draft.report.ignored[f"{kind}: disconnected"] += 1
            else:
                found[device.section].append((_RANK[device.location], kind, device))
    for section, devices in found.items():
        devices.sort(key=lambda one: one[0])
        scope.series[section] = [(kind, device) for _, kind, device in devices]
    for kind in SHUNTS:
        left = sum(d.section in sections and not d.connected for d in getattr(data, kind))
        if left:
            draft.report.ignored[f"{kind}: disconnected"] += left
    _find_unheld(draft, scope)
    return scope


def _find_unheld(draft: Draft, scope: Scope) -> None:
    """Rows of unknown tables that name a section: devices of kinds that no record holds.

    A section that something known stands on keeps it, where the table does not say by its
    name that it holds devices: exports know many things of a section.
    """
    unknown = {(c.file, c.section) for c in draft.data.coverage if c.use is Use.UNKNOWN}
    for table in draft.data.others:
        columns = [c.lower() for c in table.columns]
        if (table.file, table.section) not in unknown or "sectionid" not in columns:
            continue
        at = columns.index("sectionid")
        of_devices = "SETTING" in table.section.upper() or "SECTIONDEVICE" in table.section.upper()
        for row in table.rows:
            section = row[at] if len(row) > at else ""
            if section not in scope.sections:
                continue
            if of_devices or section not in scope.series:
                scope.unheld.setdefault(section, []).append(table.section)
            else:
                draft.report.ignored[f"{table.section}: nothing is known of it"] += 1
