"""Tables of CYME's database, joined to what a text export has in one row.

A device and its section (``CYMSECTIONDEVICE``), a bus and its drawing, a regulator and its
settings, equipment and how often it fails, a spacing and its places. Which number a type of
equipment has in the last two joins is inferred from IEEE 13, whose text export says which equipment
has such figures.
"""

from collections.abc import Iterable, Mapping

from grid_fed_rl.feeders.cyme.all_kinds import KINDS
from grid_fed_rl.feeders.cyme.mdb_tables import Row

__all__ = ["join"]

_FAILURES = {
    "CYMEQTRANSFORMER": "2",
    "CYMEQREGULATOR": "5",
    "CYMEQSWITCH": "6",
    "CYMEQSECTIONALIZER": "7",
    "CYMEQFUSE": "8",
    "CYMEQRECLOSER": "9",
    "CYMEQBREAKER": "10",
    "CYMEQLVCB": "11",
    "CYMEQMISCELLANEOUS": "18",
    "CYMEQCONDUCTOR": "28",
    "CYMEQCABLE": "29",
    "CYMEQNETWORKPROTECTOR": "47",
}
_SPACING = "32"
_JOINED = frozenset(
    {
        "CYMSECTIONDEVICE",
        "CYMBUSDISPLAY",
        "CYMLDCSETTINGS",
        "CYMLOADTAPCHANGER",
        "CYMEQRELIABILITYEXTENSION",
        "CYMEQGEOMETRICALARRANGEMENT",
        "CYMEQAVERAGEGEOARRANGEMENT",
        "CYMEQMULTIWIRECONCNEUTCONFIG",
        "CYMEQTAPESHIELDEDCONFIGURATION",
        "CYMEQLOADTAPCHANGER",
    }
)


def join(tables: Mapping[str, list[Row]]) -> dict[str, list[Row]]:
    """Return the tables by name, with the columns of those that belong to their rows."""
    joined = {name: rows for name, rows in tables.items() if name not in _JOINED}
    _by_type(joined)
    _sections(joined, tables)
    _add(joined, "CYMNODE", tables, "CYMBUSDISPLAY", "NodeId")
    _add(joined, "CYMNETWORK", tables, "CYMHEADNODE", "NetworkId", rename={"NodeId": "HeadNodeID"})
    for forward, prefix in (("1", ""), ("0", "Rev")):
        rows = tables.get("CYMLDCSETTINGS", [])
        settings = [row for row in rows if row.get("Forward") == forward]
        names = {
            f"{part}{phase}": f"{prefix}{short}{phase}"
            for part, short in (("SetVoltage", "Vset"), ("Rset", "Rset"), ("Xset", "Xset"))
            for phase in "ABC"
        }
        for regulators in ("CYMREGULATOR", "CYMREGULATORBYPHASE"):
            _put(joined, regulators, settings, "DeviceNumber", names)
    _add(joined, "CYMTRANSFORMER", tables, "CYMLOADTAPCHANGER", "DeviceNumber")
    for name, number in _FAILURES.items():
        rows = _of_type(tables, "CYMEQRELIABILITYEXTENSION", number)
        _put(joined, name, rows, "EquipmentId")
    places = _of_type(tables, "CYMEQGEOMETRICALARRANGEMENT", _SPACING)
    _put(joined, "CYMEQOVERHEADSPACINGOFCOND", places, "EquipmentId")
    means = "CYMEQAVERAGEGEOARRANGEMENT"
    _add(joined, "CYMEQOVERHEADSPACINGOFCOND", tables, means, "EquipmentId")
    for part in ("CYMEQMULTIWIRECONCNEUTCONFIG", "CYMEQTAPESHIELDEDCONFIGURATION"):
        _add(joined, "CYMEQCABLE", tables, part, "EquipmentId")
    taps = _of_type(tables, "CYMEQLOADTAPCHANGER", _FAILURES["CYMEQTRANSFORMER"])
    _put(joined, "CYMEQTRANSFORMER", [{**row, "IsLTC": "1"} for row in taps], "EquipmentId")
    return joined


def _by_type(joined: dict[str, list[Row]]) -> None:
    """Give autotransformers, which share a table with transformers, tables of their own."""
    for shared, own, number in (
        ("CYMTRANSFORMER", "CYMAUTOTRANSFORMER", "47"),
        ("CYMTHREEWINDINGTRANSFORMER", "CYMTHREEWINDAUTOTRANSFORMER", "48"),
    ):
        rows = joined.get(shared, [])
        autos = [row for row in rows if row.get("DeviceType") == number]
        if autos:
            joined[shared] = [row for row in rows if row.get("DeviceType") != number]
            joined[own] = [*joined.get(own, []), *autos]


def _of_type(tables: Mapping[str, list[Row]], name: str, number: str) -> list[Row]:
    return [row for row in tables.get(name, []) if row.get("EquipmentType") == number]


def _sections(joined: dict[str, list[Row]], tables: Mapping[str, list[Row]]) -> None:
    """Put a device's section and its place there into the device's row.

    The places of devices that stand in no table with records remain, as a table of their own.
    """
    where = {
        (row.get("DeviceType", ""), row.get("DeviceNumber", ""), row.get("NetworkId", "")): row
        for row in tables.get("CYMSECTIONDEVICE", [])
    }
    left = dict(where)
    for kind in KINDS:
        for name in kind.tables:
            if not kind.device_types or name not in joined:
                continue
            rows: list[Row] = []
            for row in joined[name]:
                types = [row["DeviceType"]] if "DeviceType" in row else kind.device_types
                device = row.get("DeviceNumber", ""), row.get("NetworkId", "")
                at = next(((t, *device) for t in types if (t, *device) in where), None)
                found = where[at] if at else {}
                if at:
                    left.pop(at, None)
                place = {"SectionID": found.get("SectionId", "")}
                if name != "CYMCUSTOMERLOAD":
                    place["Location"] = found.get("Location", "")
                rows.append({**row, **place})
            joined[name] = rows
    joined["CYMSECTIONDEVICE"] = list(left.values())


def _add(
    joined: dict[str, list[Row]],
    name: str,
    tables: Mapping[str, list[Row]],
    other: str,
    key: str,
    rename: Mapping[str, str] | None = None,
) -> None:
    _put(joined, name, tables.get(other, []), key, rename)


def _put(
    joined: dict[str, list[Row]],
    name: str,
    others: Iterable[Row],
    key: str,
    rename: Mapping[str, str] | None = None,
) -> None:
    """Put the columns of other rows into those of a table, where both have the same key.

    With `rename`, only the columns it names are taken, under the names it gives them.
    """
    by_key = {_get(row, key): row for row in others}
    if name not in joined or not by_key:
        return
    rows: list[Row] = []
    for row in joined[name]:
        other = by_key.get(_get(row, key), {})
        if rename is not None:
            other = {to: other[column] for column, to in rename.items() if column in other}
        rows.append({**other, **row})
    joined[name] = rows


def _get(row: Row, key: str) -> str:
    """Return a key's cell; CYME writes EquipmentId and EquipmentID."""
    return next((cell for name, cell in row.items() if name.lower() == key.lower()), "")
