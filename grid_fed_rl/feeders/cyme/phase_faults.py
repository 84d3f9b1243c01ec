"""Devices on phases that their section has not got."""

from collections.abc import Iterator

from grid_fed_rl.feeders.cyme.codes import Connection, Phases
from grid_fed_rl.feeders.cyme.dataset import CymeDataset
from grid_fed_rl.feeders.cyme.places import CymeFault, Record

__all__ = ["phase_faults"]


def phase_faults(dataset: CymeDataset) -> Iterator[CymeFault]:
    """Yield a fault for each device on phases of which its section has not all.

    Switchgear is left out: exports write ABC for closed switchgear on any section. So are load
    rows of zero, which stand for the phases that a load has not.
    """
    on = {name: section.phases for name, section in dataset.sections.items()}
    for devices in (
        dataset.shunt_capacitors,
        dataset.shunt_reactors,
        dataset.photovoltaics,
        dataset.storages,
        dataset.generators,
        dataset.motors,
    ):
        for device in devices:
            if device.phases is not None:
                yield from _beyond(device, device.phases, on.get(device.section))
    yield from _lines(dataset, on)
    yield from _loads(dataset, on)


def _beyond(record: Record, phases: str, there: Phases | None) -> Iterator[CymeFault]:
    if there is not None and not set(phases) <= set(there):
        yield CymeFault(
            record.place, "phases", str(phases), f"phases of its section, which has {there or '?'}"
        )


def _lines(dataset: CymeDataset, on: dict[str, Phases]) -> Iterator[CymeFault]:
    for line in dataset.overhead_by_phase:
        conductors = {"A": line.conductor_a, "B": line.conductor_b, "C": line.conductor_c}
        for phase in on.get(line.section, ""):
            if conductors[phase] is None:
                yield CymeFault(
                    line.place,
                    f"conductor_{phase.lower()}",
                    "NONE",
                    f"a conductor, for section {line.section} has phase {phase}",
                )


def _loads(dataset: CymeDataset, on: dict[str, Phases]) -> Iterator[CymeFault]:
    """Check what loads draw: the leg that begins at a phase is on the next one as well."""
    delta = {
        (load.kind, load.number)
        for load in dataset.loads
        if load.connection in (Connection.DELTA, Connection.OPEN_DELTA, Connection.CLOSED_DELTA)
    }
    for row in dataset.customer_loads:
        if not row.value1 and not row.value2:
            continue
        phases = str(row.phases)
        if (row.kind, row.number) in delta and len(phases) == 1:
            phases = {"A": "AB", "B": "BC", "C": "CA"}[phases]
        if row.value1 == 0.0 and row.value_type != "kw_kvar":
            continue
        yield from _beyond(row, phases, on.get(row.section))
