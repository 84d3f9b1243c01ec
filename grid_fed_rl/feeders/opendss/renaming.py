"""Names that tables can carry: OpenDSS allows more letters in them than a feeder does."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

from grid_fed_rl.feeders.feeder import Feeder
from grid_fed_rl.feeders.opendss.report import ImportReport
from grid_fed_rl.feeders.records import Terminal

__all__ = ["with_plain_names"]

_OTHER = re.compile(r"""[\s"'`,=()\[\]{}|!]""")
_KIND = {
    "buses": "bus",
    "line_codes": "linecode",
    "lines": "line",
    "switches": "line",
    "transformers": "transformer",
    "reactors": "reactor",
    "regulators": "regcontrol",
    "capacitors": "capacitor",
    "loads": "load",
    "pvs": "pvsystem",
    "storages": "storage",
    "generators": "generator",
}
# Fields that name something else, and what.
_NAMES = {"bus": "bus", "code": "linecode", "transformer": "transformer", "profile": "profile"}


def with_plain_names(feeder: Feeder, report: ImportReport) -> Feeder:
    """The feeder with ``-`` for every letter that a name may not have.

    A name that another element of its kind has already gets a number. Every new
    name stands in the report.
    """
    groups = {field: getattr(feeder, field) for field in _KIND}
    new: dict[str, dict[str, str]] = {}
    for kind in dict.fromkeys(_KIND.values()):
        names = [n for field, group in groups.items() if _KIND[field] == kind for n in group]
        new[kind] = _plain(names)
    new["profile"] = _plain(load.profile for load in feeder.loads.values())
    if not any(old != name for names in new.values() for old, name in names.items()):
        return feeder
    for kind, names in new.items():
        for old, name in names.items():
            if old != name:
                report.renamed[f"{kind}.{old}"] = name
    branches = {k: v for kind in ("line", "transformer", "reactor") for k, v in new[kind].items()}
    changed: dict[str, Any] = {}
    for field, group in groups.items():
        names = new[_KIND[field]]
        records = (_renamed(record, names, new, branches) for record in group.values())
        changed[field] = {record.name: record for record in records}
    source = _renamed(feeder.source, {}, new, branches)
    return replace(feeder, **changed, source=source)


def _plain(names: Iterable[str]) -> dict[str, str]:
    wanted = list(dict.fromkeys(names))
    taken = {name for name in wanted if not _OTHER.search(name)}
    plain = {}
    for old in wanted:
        name = base = _OTHER.sub("-", old)
        n = 1
        while name in taken and name != old:
            n += 1
            name = f"{base}-{n}"
        taken.add(name)
        plain[old] = name
    return plain


def _renamed(
    record: Any,
    own: Mapping[str, str],
    new: Mapping[str, Mapping[str, str]],
    branches: Mapping[str, str],
) -> Any:
    of_field: dict[str, Mapping[str, str]] = {"name": own, "element": branches}
    of_field |= {field: new[kind] for field, kind in _NAMES.items()}

    def change(name: str, value: Any) -> Any:
        if isinstance(value, Terminal):
            return Terminal(new["bus"][value.bus], value.phases)
        if name == "windings":
            return tuple(_renamed(winding, own, new, branches) for winding in value)
        if name == "control" and value is not None:
            return _renamed(value, own, new, branches)
        if isinstance(value, str) and name in of_field:
            return of_field[name].get(value, value)
        return value

    changed = {f.name: change(f.name, getattr(record, f.name)) for f in fields(record)}
    return replace(record, **changed)
