"""Which devices a case controls, entry by entry of its action, and where they stand.

Zones are told bus by bus: what hangs on one bank of regulators, up to the next. The
regulators of a bank that stand on different phases of a bus have one zone together, so
that a device on three phases stands in one.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.groups import DeviceGroup
from grid_fed_rl.errors import TaskError
from grid_fed_rl.feeders import Feeder, Load, Regulator, Terminal
from grid_fed_rl.feeders.topology import HEAD_ZONE, places
from grid_fed_rl.powerflow import Network

__all__ = ["NOWHERE", "Device", "Kind", "bus_zones", "kinds_of", "zone_nodes"]

NOWHERE = -1  # instead of a node or a column that there is not


@dataclass(frozen=True, slots=True)
class Word:
    """What is known of a kind of devices before there is one.

    Attributes:
        kind: What it is called.
        records: Where a feeder keeps what its devices are named after.
        states: What each entry of a device's state is.
    """

    kind: str
    records: str
    states: tuple[str, ...]


WORDS = {  # by the `state_name` of a group
    "tap_position": Word("regulator", "regulators", ("tap_position",)),
    "capacitor_closed": Word("capacitor", "capacitors", ("capacitor_closed",)),
    "soc": Word("battery", "storages", ("soc",)),
    "inverter": Word("inverter", "pvs", ("kw", "kvar")),
    "owed_kwh": Word("flexible_load", "loads", ("owed_kwh",)),
}


@dataclass(frozen=True, slots=True)
class Device:
    """One controlled device.

    Attributes:
        name: What the feeder calls it.
        entries: Its entries of the case's action.
        states: Its entries of its group's state, as `observe` shows it.
        nodes: Its node of phase 1, 2 and 3; `NOWHERE` where it stands on none.
        zone: Zone of its bus; that which a regulator feeds.
        der: Its column among the DER, or `NOWHERE`.
        load: Its column among the loads, or `NOWHERE`.
        kva: Rating that its power is a share of; twice the nominal power of a load.
    """

    name: str
    entries: tuple[int, ...]
    states: tuple[int, ...]
    nodes: tuple[int, int, int]
    zone: str
    der: int
    load: int
    kva: float


@dataclass(frozen=True, slots=True)
class Kind:
    """Devices that have the same spaces: those of one group.

    Attributes:
        name: Such as ``regulator``; the group's `state_name` where it has no word.
        group: Whose devices they are.
        states: What each entry of a device's state is.
        choices: How many choices each entry of a device's action has, if discrete.
        devices: In the order of the action.
    """

    name: str
    group: DeviceGroup
    states: tuple[str, ...]
    choices: tuple[int, ...]
    devices: tuple[Device, ...]


def kinds_of(case: Case) -> tuple[Kind, ...]:
    """The kinds of devices that a case controls, in the order of its action.

    Entries that differ only behind the last dot, such as ``pv1.kvar`` and ``pv1.kw``,
    belong to one device.

    Raises:
        TaskError: devices of one group differ in how many entries they have.
    """
    zones, kinds, first = bus_zones(case.network.feeder), [], 0
    for group in case.groups:
        kinds.append(_kind(case, group, first, zones))
        first += len(group.names)
    return tuple(kinds)


def _kind(case: Case, group: DeviceGroup, first: int, zones: Mapping[str, str]) -> Kind:
    network, word = case.network, WORDS.get(group.state_name)
    records = _records(network.feeder, word)
    states = _by_device(group.state_names, records)
    devices: list[Device] = []
    for name, entries in _by_device(group.names, records).items():
        record = records.get(name)
        terminal = _terminal(network.feeder, record)
        is_load = isinstance(record, Load)
        devices.append(
            Device(
                name=name,
                entries=tuple(first + k for k in entries),
                states=tuple(states.get(name, ())),
                nodes=_phase_nodes(network, terminal),
                zone=HEAD_ZONE if terminal is None else zones.get(terminal.bus, HEAD_ZONE),
                der=_column(network.ders, name) if hasattr(record, "kva") else NOWHERE,
                load=_column(network.loads, name) if is_load else NOWHERE,
                kva=_rating_kva(record),
            )
        )
    sizes = {(len(one.entries), len(one.states)) for one in devices}
    if len(sizes) > 1:
        raise TaskError(
            f"devices with state {group.state_name!r} have {sorted(sizes)} entries of action and "
            f"state; expected as many each, so that they can be agents of one kind"
        )
    if not devices:
        n_entries = 2 if getattr(group, "curtails", False) else 1
        return Kind(
            word.kind if word else group.state_name,
            group,
            word.states if word else (),
            (2,) * n_entries,
            (),
        )
    shown = devices[0]
    return Kind(
        word.kind if word else group.state_name,
        group,
        tuple(_quantity(group.state_names[k], shown.name, group) for k in shown.states),
        tuple(group.choices[k - first] for k in shown.entries),
        tuple(devices),
    )


def bus_zones(feeder: Feeder) -> dict[str, str]:
    """Zone of every bus that the source reaches.

    Zones that meet at a bus are one, named after all its regulators, such as
    ``reg4a+reg4b+reg4c``; a bus of which only some phases are regulated belongs to
    those that are.
    """
    at_bus: dict[str, set[str]] = defaultdict(set)
    for (bus, _), place in places(feeder).items():
        at_bus[bus].add(place.zone)
    banks: list[set[str]] = []
    for zones in at_bus.values():
        met = zones - {HEAD_ZONE}
        apart = [bank for bank in banks if not bank & met]
        banks = [*apart, met.union(*(bank for bank in banks if bank & met))]
    name_of = {zone: "+".join(sorted(bank)) for bank in banks for zone in bank}
    return {
        bus: name_of.get(min(zones - {HEAD_ZONE}, default=""), HEAD_ZONE)
        for bus, zones in at_bus.items()
    }


def zone_nodes(network: Network) -> dict[str, NDArray[np.int64]]:
    """Nodes of every zone, in the order in which the network first meets it."""
    zones, found = bus_zones(network.feeder), defaultdict(list)
    for k, name in enumerate(network.node_names):
        bus, _ = name.rsplit(".", 1)
        found[zones.get(bus, HEAD_ZONE)].append(k)
    return {zone: np.array(nodes, dtype=np.int64) for zone, nodes in found.items()}


def _records(feeder: Feeder, word: Word | None) -> Mapping[str, object]:
    """Records that devices of a kind are named after; of a kind without a word, all."""
    fields = [word.records] if word else [one.records for one in WORDS.values()]
    return {name: one for field in fields for name, one in getattr(feeder, field).items()}


def _by_device(names: tuple[str, ...], records: Mapping[str, object]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for k, name in enumerate(names):
        stem = name.rpartition(".")[0]
        found.setdefault(stem if name not in records and stem in records else name, []).append(k)
    return found


def _quantity(state_name: str, device: str, group: DeviceGroup) -> str:
    return state_name[len(device) + 1 :] or group.state_name


def _terminal(feeder: Feeder, record: object) -> Terminal | None:
    """Where a device stands; of a regulator, the side that it regulates."""
    if isinstance(record, Regulator):
        windings = feeder.transformers[record.transformer].windings
        return windings[max(record.winding, 2) - 1].terminal
    return getattr(record, "terminal", None)


def _phase_nodes(network: Network, terminal: Terminal | None) -> tuple[int, int, int]:
    nodes = [NOWHERE] * 3
    for k in network.nodes_of(terminal) if terminal is not None else ():
        phase = int(network.node_names[k].rsplit(".", 1)[1]) if k >= 0 else 0
        if 1 <= phase <= 3:
            nodes[phase - 1] = k
    return nodes[0], nodes[1], nodes[2]


def _column(names: tuple[str, ...], name: str) -> int:
    return names.index(name) if name in names else NOWHERE


def _rating_kva(record: object) -> float:
    kva = getattr(record, "kva", None)
    if kva is not None:
        return float(kva)
    return max(2.0 * abs(complex(getattr(record, "kw", 0.0), getattr(record, "kvar", 0.0))), 1e-9)
