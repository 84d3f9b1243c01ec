"""A dataset from records: by id, with no id twice and no id that names nothing."""

from collections.abc import Iterable
from typing import Any

from grid_fed_rl.feeders.cyme.build import Built, build
from grid_fed_rl.feeders.cyme.dataset import CymeDataset
from grid_fed_rl.feeders.cyme.kinds import Kind
from grid_fed_rl.feeders.cyme.phase_faults import phase_faults
from grid_fed_rl.feeders.cyme.places import CymeFault, Place, Record, raise_all
from grid_fed_rl.feeders.cyme.raw import RawTable
from grid_fed_rl.feeders.cyme.references import resolve

__all__ = ["assemble"]


def assemble(
    tables: Iterable[RawTable],
    *,
    faults: Iterable[CymeFault] = (),
    files: tuple[str, ...],
    version: str = "",
    date: str = "",
    units: str = "",
    needs: str = "",
) -> CymeDataset:
    """Make the dataset that tables hold.

    Args:
        tables: All tables of all files.
        faults: What the reader found wrong already.
        files: Names of the files.
        version: CYME's version, as written.
        date: Date of the export, as written.
        units: SI or IMPERIAL.
        needs: What holds the sections of a network, where there are none.

    Raises:
        CymeError: the tables or the reader have faults; it lists them all.
    """
    built = build(tables)
    collected = [*faults, *built.faults]
    parts = _parts(built, collected)
    if not parts.get("sections") and not collected:
        place = Place(", ".join(files))
        collected.append(CymeFault(place, "", None, f"sections of a network: {needs}"))
    dataset = CymeDataset(
        **parts,
        version=version,
        date=date,
        units=units,
        files=files,
        coverage=tuple(built.coverage),
        others=tuple(built.others),
    )
    dataset = resolve(dataset, collected)
    collected += phase_faults(dataset)
    raise_all(collected)
    return dataset


def _parts(built: Built, faults: list[CymeFault]) -> dict[str, Any]:
    """Sort records into the dataset's fields: mappings by key, tuples in order."""
    parts: dict[str, Any] = {}
    taken: dict[str, dict[tuple[Any, ...], Record]] = {}
    for kind in built.kinds:
        keys = taken.setdefault(kind.attribute, {})
        kept = _without_repeats(kind, built.records[id(kind)], keys, faults)
        if not kind.mapped:
            parts[kind.attribute] = (*parts.get(kind.attribute, ()), *kept)
            continue
        mapping = parts.setdefault(kind.attribute, {})
        for record in kept:
            key = _key(kind, record)
            mapping[key if len(key) > 1 else next(iter(key))] = record
    return parts


def _key(kind: Kind, record: Record) -> tuple[Any, ...]:
    return tuple(getattr(record, name) for name in kind.key)


def _without_repeats(
    kind: Kind,
    records: Iterable[Record],
    keys: dict[tuple[Any, ...], Record],
    faults: list[CymeFault],
) -> list[Record]:
    """Drop a record that says again what an earlier one says, where that does no harm."""
    if not kind.key:
        return list(records)
    kept: list[Record] = []
    for record in records:
        key = _key(kind, record)
        first = keys.setdefault(key, record)
        if first is record:
            kept.append(record)
        elif not (kind.repeatable and first == record):
            name = " ".join(str(part) for part in key if part is not None)
            faults.append(
                CymeFault(
                    record.place,
                    kind.key[-1],
                    name,
                    f"each {kind.what} once; it stands at {first.place} already",
                )
            )
    return kept
