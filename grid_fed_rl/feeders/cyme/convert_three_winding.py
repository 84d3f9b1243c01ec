"""Three-winding transformers and grounding transformers of a CYME dataset."""

import math

from grid_fed_rl.feeders.cyme.codes import Connection as Side
from grid_fed_rl.feeders.cyme.codes import Phases
from grid_fed_rl.feeders.cyme.convert_windings import End, coils_of, impedance_of
from grid_fed_rl.feeders.cyme.draft import Draft, RefusedError, nodes_of
from grid_fed_rl.feeders.cyme.records_catalogue import PairImpedance, WindingRating
from grid_fed_rl.feeders.cyme.records_devices import GroundingTransformer, ThreeWindingTransformer
from grid_fed_rl.feeders.records import Bus, Connection, Terminal, Transformer, Winding

__all__ = ["add_grounding", "add_three_winding"]


def _pair(pair: PairImpedance, smaller_kva: float, base_kva: float) -> tuple[complex, complex]:
    """Positive and zero sequence on the first winding's rating."""
    z = impedance_of(pair.z1_percent, pair.xr1, pair.z0_percent, pair.xr0)
    return z.z1 * base_kva / smaller_kva, z.z0 * base_kva / smaller_kva


def add_three_winding(
    draft: Draft,
    device: ThreeWindingTransformer,
    phases: Phases,
    near: str,
    far: str,
    to_node: str,
) -> None:
    """Put a transformer of three windings into the feeder.

    The third ends at its own node, or at a bus of its own where nothing is connected to it.

    Raises:
        RefusedError: a figure is missing, or a side cannot be held.
    """
    kind = draft.data.three_winding_types[device.auto, device.equipment]
    ratings = kind.primary, kind.secondary, kind.tertiary
    kvas, kvs = [], []
    for word, rating in zip(("primary", "secondary", "tertiary"), ratings, strict=True):
        if not rating.kva or not rating.kv or rating.connection is None:
            raise RefusedError(
                f"{word} winding of {kind.id!r} has {rating.kva} kVA, {rating.kv} kV and "
                f"connection {rating.connection}; expected all three"
            )
        kvas.append(rating.kva)
        kvs.append(rating.kv)
    pairs = [
        _pair(pair, min(kvas[i], kvas[j]), kvas[0])
        for pair, i, j in (
            (kind.primary_secondary, 0, 1),
            (kind.primary_tertiary, 0, 2),
            (kind.secondary_tertiary, 1, 2),
        )
    ]
    (z12, z012), (z13, z013), (z23, z023) = pairs
    off = max(abs(a - b) / abs(a) for a, b in ((z12, z012), (z13, z013), (z23, z023)))
    if off > 1e-6:
        draft.report.approximate(
            "three-winding transformer",
            device.number,
            device.place,
            "its zero-sequence impedances are read as those of the positive sequence",
            f"up to {100 * off:.3g} % of them",
        )
    r = [((z12 + z13 - z23) / 2).real, ((z12 + z23 - z13) / 2).real, ((z13 + z23 - z12) / 2).real]
    if min(r) < 0.0:
        draft.report.approximate(
            "three-winding transformer",
            device.number,
            device.place,
            "a winding's share of the resistances is negative and cut to 0",
            f"{min(r):.3g} %",
        )
    feeding, fed = (far, near) if device.from_node == to_node else (near, far)
    third = (
        draft.bus(device.tertiary_node)
        if device.tertiary_node
        else _own_bus(draft, f"{device.number}_tertiary", near)
    )
    taps = (
        device.primary_tap_percent,
        device.secondary_tap_percent,
        device.tertiary_tap_percent,
    )
    name = draft.names.of("transformer", device.number)
    windings = []
    for bus, rating, kva, tap, own in zip(
        (feeding, fed, third), ratings, kvas, taps, r, strict=True
    ):
        coils = _coils(draft, name, bus, rating, phases)
        windings.append(
            Winding(coils.terminal, coils.connection, coils.kv, kva, max(own, 0.0),
                    (tap or 100.0) / 100.0)
        )  # fmt: skip
    no_load = 100.0 * (kind.no_load_kw or 0.0) / kvas[0]
    record = Transformer(
        name, tuple(windings), (z12.imag, z13.imag, z23.imag), 1.0, no_load,
        kind.magnetising_percent or 0.0,
    )  # fmt: skip
    bases = device.primary_base_kv, device.secondary_base_kv, device.tertiary_base_kv
    draft.add_transformer(record, tuple(b or kv for b, kv in zip(bases, kvs, strict=True)))
    draft.use("transformer", name, "transformer", kind.id)


def _coils(draft: Draft, name: str, bus: str, rating: WindingRating, phases: Phases):  # noqa: ANN202
    ground = complex(rating.rg_ohm or 0.0, rating.xg_ohm or 0.0)
    end = End(bus, rating.connection or Side.YG, rating.kv or 0.0, ground)
    coils, _ = coils_of(draft, name, end, phases)
    return coils


def _own_bus(draft: Draft, wish: str, near: str) -> str:
    name = draft.names.of("bus", wish, quiet=True)
    at = draft.buses[near]
    draft.buses[name] = Bus(name, math.nan, at.x, at.y)
    return name


def add_grounding(draft: Draft, device: GroundingTransformer, bus: str, phases: Phases) -> None:
    """Put a grounding transformer into the feeder: a grounded wye over a closed delta.

    For currents of the zero sequence its delta is a short circuit behind Z0; for others it
    is open.

    Raises:
        RefusedError: a figure is missing, or it is not on three phases.
    """
    kind = draft.data.grounding_types[device.equipment]
    z0 = impedance_of(kind.z0_percent or kind.z1_percent, kind.xr0 or kind.xr1, None, None).z1
    if not kind.rated_kva or not kind.rated_kv or len(phases) != 3:
        raise RefusedError(
            f"type {kind.id!r} of {kind.rated_kva} kVA and {kind.rated_kv} kV on phases {phases}; "
            f"expected ratings, and three phases"
        )
    name = draft.names.of("transformer", device.number)
    ground = complex(device.rg_ohm or 0.0, device.xg_ohm or 0.0)
    end = End(bus, Side.YG, draft.kv_ll[bus], ground)
    coils, _ = coils_of(draft, name, end, phases)
    inner = _own_bus(draft, f"{device.number}_delta", bus)
    draft.kv_ll[inner] = draft.kv_ll[bus]
    base = (draft.kv_ll[bus] / kind.rated_kv) ** 2  # its own rating may be another
    z = z0 / base
    windings = (
        Winding(coils.terminal, coils.connection, coils.kv, kind.rated_kva, z.real / 2.0),
        Winding(
            Terminal(inner, nodes_of(phases)), Connection.DELTA, draft.kv_ll[bus],
            kind.rated_kva, z.real / 2.0,
        ),
    )  # fmt: skip
    kv = draft.kv_ll[bus]
    draft.add_transformer(Transformer(name, windings, (z.imag,)), (kv, kv))
