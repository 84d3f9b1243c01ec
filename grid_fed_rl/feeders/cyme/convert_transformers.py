"""Two-winding transformers of a CYME dataset, of any connection."""

import math

from grid_fed_rl.feeders.cyme.codes import Connection as Side
from grid_fed_rl.feeders.cyme.codes import Phases
from grid_fed_rl.feeders.cyme.convert_banks import open_bank, zigzag_bank
from grid_fed_rl.feeders.cyme.convert_nameplates import (
    connection_of,
    ground_ohm,
    nameplate_of,
    rated_kv,
    turned,
    two_windings,
)
from grid_fed_rl.feeders.cyme.convert_tap_changers import add_tap_changer
from grid_fed_rl.feeders.cyme.convert_windings import End
from grid_fed_rl.feeders.cyme.draft import Draft
from grid_fed_rl.feeders.cyme.records_catalogue import TransformerType
from grid_fed_rl.feeders.cyme.records_devices import Transformer

__all__ = ["add_transformer"]

_OPEN = {Side.OPEN_DELTA, Side.OPEN_Y, Side.OPEN_DELTA_CENTRE_TAP}
_LEADS = frozenset({"11", "-1"})  # of a clock; everything else is the standard's lag
_LAGS = frozenset({"", "0", "1"})


def _leads(draft: Draft, device: Transformer, kind: TransformerType) -> bool:
    """Whether the low side of a delta-wye bank leads."""
    said = (device.phase_shift or kind.phase_shift or "").strip()
    if said not in _LEADS | _LAGS:
        draft.report.approximate(
            "transformer",
            device.number,
            device.place,
            f"phase shift code {said!r} is read as the standard's: the low side lags",
            "angles beyond it may be off by a multiple of 30 degrees",
        )
    return said in _LEADS


def add_transformer(
    draft: Draft, device: Transformer, phases: Phases, near: str, far: str, to_node: str
) -> str:
    """Put a transformer into the feeder, with its tap changer if it has one.

    Returns:
        Its name.

    Raises:
        RefusedError: a figure is missing, or its connection cannot be held.
    """
    kind = draft.data.transformer_types[device.equipment]
    connection = connection_of(device, kind)
    plate = nameplate_of(draft, kind, phases)
    primary, secondary = turned(near, far, device.from_node, to_node)
    high, low = rated_kv(kind)
    ends = (
        End(
            primary, connection.primary, high,
            ground_ohm(device.primary_rg_ohm, device.primary_xg_ohm,
                    kind.primary_rg_ohm, kind.primary_xg_ohm),
            (device.primary_tap_percent or 100.0) / 100.0,
            _corner(device.primary_corner_phase),
        ),
        End(
            secondary, connection.secondary, low,
            ground_ohm(device.secondary_rg_ohm, device.secondary_xg_ohm,
                    kind.secondary_rg_ohm, kind.secondary_xg_ohm),
            (device.secondary_tap_percent or 100.0) / 100.0,
            _corner(device.secondary_corner_phase),
        ),
    )  # fmt: skip
    name = draft.names.of("transformer", device.number)
    leads = _leads(draft, device, kind) if connection.primary != connection.secondary else False
    nominal = (device.primary_base_kv or high, device.secondary_base_kv or low)
    if {connection.primary, connection.secondary} & _OPEN:
        open_bank(draft, device, name, plate.kva, plate.impedance, ends, phases, nominal)
    elif Side.ZG in (connection.primary, connection.secondary):
        zigzag_bank(
            draft, device, name, plate.kva, plate.impedance, ends, phases, nominal, leads=leads
        )
    else:
        record, left_out = two_windings(draft, name, plate, ends, phases, leads=leads)
        draft.add_transformer(record, _nominal(ends, nominal))
        for what in left_out:
            draft.report.approximate("transformer", device.number, device.place, what)
        add_tap_changer(draft, device.number, name, device.ltc, kind)
    draft.use("transformer", name, "transformer", kind.id)
    return name


def _corner(text: str | None) -> str | None:
    return text if text in ("A", "B", "C") else None


def _nominal(ends: tuple[End, End], nominal: tuple[float, float]) -> tuple[float, float]:
    """Nominal voltages line to line; of a centre tap so that a phase has that of both halves."""
    first, second = (
        kv * math.sqrt(3) if end.side is Side.CENTRE_TAP else kv
        for end, kv in zip(ends, nominal, strict=True)
    )
    return first, second
