"""Ids that name something: nodes, sections, equipment. CYME's ids do not mind case."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from grid_fed_rl.feeders.cyme.codes import LoadKind
from grid_fed_rl.feeders.cyme.dataset import CymeDataset
from grid_fed_rl.feeders.cyme.places import CymeFault, Record

__all__ = ["resolve"]


@dataclass(frozen=True, slots=True)
class _Reference:
    """Fields of some records that name what stands in a mapping.

    `key` makes the mapping's key of a record and a name; `what` is what is named, and `where`
    says where it would stand.
    """

    attribute: str
    fields: tuple[str, ...]
    target: str
    what: str
    where: str
    key: Callable[[Any, str], Any] | None = None
    optional: bool = False  # nothing is said where the file has none of the target at all


def _kind(record: Any, name: str) -> Any:
    return record.kind, name


_NODE = ("nodes", "a node", "[NODE]")
_SECTION = ("sections", "a section", "[SECTION]")
_CONDUCTOR = ("conductors", "a conductor", "[CONDUCTOR]")
_TYPE = "the equipment file"

_REFERENCES = (
    _Reference("sections", ("from_node", "to_node"), *_NODE),
    _Reference("sections", ("network",), "networks", "a network", "[SECTION]", optional=True),
    _Reference("points", ("section",), *_SECTION),
    _Reference("networks", ("head_node",), *_NODE),
    _Reference("headnodes", ("node",), *_NODE),
    _Reference("headnodes", ("network",), "networks", "a network", "[SECTION]", optional=True),
    _Reference("sources", ("node",), *_NODE),
    _Reference("sources", ("equipment",), "substation_types", "a substation", _TYPE),
    _Reference("source_equivalents", ("node",), *_NODE),
    _Reference("load_equivalents", ("node",), *_NODE),
    *(
        _Reference(attribute, ("section",), *_SECTION)
        for attribute in (
            "overhead_by_phase",
            "overhead_lines",
            "overhead_unbalanced",
            "underground_lines",
            "underground_by_phase",
            "transformers",
            "transformers_by_phase",
            "autotransformers",
            "three_winding",
            "grounding_transformers",
            "regulators",
            "switchgear",
            "shunt_capacitors",
            "shunt_reactors",
            "series_devices",
            "photovoltaics",
            "storages",
            "generators",
            "motors",
            "loads",
            "customer_loads",
        )
    ),
    *(
        _Reference(attribute, ("from_node",), *_NODE)
        for attribute in (
            "transformers",
            "transformers_by_phase",
            "autotransformers",
            "three_winding",
            "regulators",
            "switchgear",
        )
    ),
    _Reference("three_winding", ("tertiary_node",), *_NODE),
    _Reference("regulators", ("at_section",), *_SECTION),
    _Reference(
        "overhead_by_phase",
        ("conductor_a", "conductor_b", "conductor_c", "neutral_1", "neutral_2"),
        *_CONDUCTOR,
    ),
    _Reference("overhead_by_phase", ("spacing",), "spacings", "a spacing", _TYPE),
    _Reference("overhead_lines", ("line",), "line_types", "a line", _TYPE),
    _Reference("overhead_unbalanced", ("line",), "unbalanced_types", "an unbalanced line", _TYPE),
    _Reference("underground_lines", ("cable",), "cable_types", "a cable", _TYPE),
    _Reference(
        "underground_by_phase",
        ("cable_a", "cable_b", "cable_c", "cable_n"),
        "cable_types",
        "a cable",
        _TYPE,
    ),
    _Reference("cable_conductors", ("cable",), "cable_types", "a cable", _TYPE),
    _Reference("cable_insulations", ("cable",), "cable_types", "a cable", _TYPE),
    _Reference("cable_neutrals", ("cable",), "cable_types", "a cable", _TYPE),
    _Reference("transformers", ("equipment",), "transformer_types", "a transformer", _TYPE),
    _Reference(
        "transformers_by_phase",
        ("equipment_a", "equipment_b", "equipment_c"),
        "transformer_types",
        "a transformer",
        _TYPE,
    ),
    _Reference(
        "autotransformers", ("equipment",), "autotransformer_types", "an autotransformer", _TYPE
    ),
    _Reference(
        "three_winding",
        ("equipment",),
        "three_winding_types",
        "a three-winding transformer",
        _TYPE,
        key=lambda record, name: (record.auto, name),
    ),
    _Reference(
        "grounding_transformers",
        ("equipment",),
        "grounding_types",
        "a grounding transformer",
        _TYPE,
    ),
    _Reference("regulators", ("equipment",), "regulator_types", "a regulator", _TYPE),
    _Reference("switchgear", ("equipment",), "switchgear_types", "switchgear", _TYPE, key=_kind),
    _Reference("shunt_capacitors", ("equipment",), "capacitor_types", "a shunt capacitor", _TYPE),
    _Reference("shunt_reactors", ("equipment",), "reactor_types", "a shunt reactor", _TYPE),
    _Reference(
        "series_devices",
        ("equipment",),
        "series_types",
        "a series device",
        _TYPE,
        key=lambda record, name: (record.capacitor, name),
    ),
    _Reference("photovoltaics", ("equipment",), "photovoltaic_types", "a module", _TYPE),
    _Reference("storages", ("equipment",), "storage_types", "a battery", _TYPE),
    _Reference("generators", ("equipment",), "generator_types", "a generator", _TYPE, key=_kind),
    _Reference("motors", ("equipment",), "motor_types", "a motor", _TYPE, key=_kind),
    _Reference(
        "customer_loads",
        ("customer_class",),
        "customer_classes",
        "a customer class",
        "[CUSTOMER CLASS]",
    ),
    _Reference(
        "customer_loads",
        ("load_model",),
        "load_models",
        "a load model",
        "[LOAD MODEL INFORMATION]",
        optional=True,
    ),
)


def resolve(dataset: CymeDataset, faults: list[CymeFault]) -> CymeDataset:
    """Put ids into the case in which they are defined; a fault for each that names nothing."""
    for reference in _REFERENCES:
        dataset = _resolve(dataset, reference, faults)
    _check_numbers(dataset, faults)
    return dataset


def _resolve(dataset: CymeDataset, reference: _Reference, faults: list[CymeFault]) -> CymeDataset:
    held = getattr(dataset, reference.attribute)
    records: Iterable[Record] = held.values() if isinstance(held, Mapping) else held
    target = getattr(dataset, reference.target)
    if reference.optional and not target:
        return dataset
    changed: dict[int, Record] = {}
    missing: list[tuple[Record, str, str]] = []
    folded: dict[Any, Any] | None = None
    for record in records:
        for name in reference.fields:
            value = getattr(record, name)
            if value is None:
                continue
            key = value if reference.key is None else reference.key(record, value)
            if key in target:
                continue
            folded = folded if folded is not None else {_fold(k): k for k in target}
            found = folded.get(_fold(key))
            if found is None:
                missing.append((record, name, value))
                continue
            proper = found if reference.key is None else found[-1]
            now: Any = changed.get(id(record), record)
            changed[id(record)] = replace(now, **{name: proper})
    faults += _missing(reference, missing, empty=not target)
    return _changed(dataset, reference.attribute, changed)


def _fold(key: Any) -> Any:
    return tuple(map(_fold, key)) if isinstance(key, tuple) else str(key).casefold()


def _missing(
    reference: _Reference, missing: list[tuple[Record, str, str]], *, empty: bool
) -> list[CymeFault]:
    expected = f"{reference.what} that stands in {reference.where}"
    if empty and len(missing) > 1:
        # Without a whole file, one fault says more than a fault for each row.
        record, name, value = missing[0]
        more = f"; there is none at all, and {len(missing)} rows name one"
        return [CymeFault(record.place, name, value, expected + more)]
    return [CymeFault(record.place, name, value, expected) for record, name, value in missing]


def _changed(dataset: CymeDataset, attribute: str, changed: dict[int, Record]) -> CymeDataset:
    if not changed:
        return dataset
    held = getattr(dataset, attribute)
    now: Any
    if isinstance(held, Mapping):
        now = {key: changed.get(id(record), record) for key, record in held.items()}
    else:
        now = tuple(changed.get(id(record), record) for record in held)
    return replace(dataset, **{attribute: now})


def _check_numbers(dataset: CymeDataset, faults: list[CymeFault]) -> None:
    """Check rows that belong to a device by its number: what loads draw, converters."""
    loads = {(load.kind, load.number) for load in dataset.loads}
    for row in dataset.customer_loads:
        if (row.kind, row.number) not in loads:
            kind = "SPOT" if row.kind is LoadKind.SPOT else "DISTRIBUTED"
            expected = f"the number of a {kind} load that stands in [LOADS]"
            faults.append(CymeFault(row.place, "number", row.number, expected))
    numbers = {
        device.number
        for devices in (dataset.photovoltaics, dataset.storages, dataset.generators)
        for device in devices
    }
    for rows in (dataset.converters, dataset.converter_controls, dataset.generation_models):
        for row in rows:
            if row.number not in numbers:
                expected = "the number of a photovoltaic system, battery or generator"
                faults.append(CymeFault(row.place, "number", row.number, expected))
