"""Line constants of CYME's conductors, spacings and cables."""

import math
from collections.abc import Iterable

import numpy as np

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.cyme.codes import Phases
from grid_fed_rl.feeders.cyme.draft import Draft, RefusedError
from grid_fed_rl.feeders.cyme.records_lines import (
    CableType,
    Conductor,
    ConductorSpacing,
    LineType,
    OverheadByPhase,
)
from grid_fed_rl.feeders.line_constants import (
    ConcentricNeutralCable,
    EarthModel,
    LineConstants,
    Placed,
    TapeShieldCable,
    bundle,
    cable_line,
    mean_line,
    overhead_line,
    solid_gmr_m,
)
from grid_fed_rl.feeders.line_constants import Conductor as Wire

__all__ = ["by_phase_constants", "cable_constants", "line_type_constants", "listed", "wire_of"]

_NONE = "NONE"
_LETTERS = "ABC"


def listed(words: Iterable[str]) -> str:
    """Words with commas between them."""
    return ", ".join(words)


def _named(name: str | None) -> str | None:
    return None if name is None or name.upper() == _NONE else name


def wire_of(draft: Draft, name: str) -> Wire:
    """A conductor of the catalogue as a wire.

    Raises:
        RefusedError: it lacks a figure that no other gives.
    """
    kind: Conductor = draft.data.conductors[name]
    r = kind.r50_ohm_per_km or kind.r25_ohm_per_km
    if kind.r50_ohm_per_km and kind.r50_ohm_per_km != kind.r25_ohm_per_km:
        draft.report.assume("conductors at 50 degrees Celsius (R50)")
    if not r or not kind.diameter_m:
        missing = "resistance" if not r else "diameter"
        raise RefusedError(f"conductor {name!r} has no {missing}; expected one above 0")
    gmr = kind.gmr_m
    if not gmr:
        gmr = solid_gmr_m(kind.diameter_m / 2.0)
        draft.report.approximate(
            "conductor", name, kind.place, "no GMR; read as a solid wire", f"{gmr:.4g} m"
        )
    return Wire(name, r, gmr, kind.diameter_m, kind.amps.nominal or math.inf)


def _wires(
    draft: Draft, spacing: ConductorSpacing, phases: list[str], neutrals: list[str]
) -> tuple[list[Wire], list[Wire]]:
    n = spacing.n_bundle or 1
    try:
        bundles = [bundle(wire_of(draft, name), n, spacing.bundle_m or math.nan) for name in phases]
    except FeederError as error:
        raise RefusedError(f"spacing {spacing.id!r}: {error}") from error
    return bundles, [wire_of(draft, name) for name in neutrals]


def _constants(
    draft: Draft,
    spacing: ConductorSpacing,
    phases: list[str],
    order: list[int],
    neutrals: list[str | None],
    earth_ohm_m: float | None,
) -> tuple[LineConstants, float]:
    """Constants of conductors at the places of a spacing, and the rating of the weakest.

    Args:
        draft: What the conductors are looked up in.
        spacing: Where they hang.
        phases: A conductor each, in the order of the matrices.
        order: At which place of the spacing, from 0, each of them hangs.
        neutrals: The conductors at the two places for neutrals.
        earth_ohm_m: Resistivity of the earth.
    """
    used = [name for name in neutrals if name is not None]
    wires, bare = _wires(draft, spacing, phases, used)
    earth = draft.earth(earth_ohm_m)
    amps = min((wire.amps for wire in wires), default=math.inf)
    try:
        if any(spacing.positions):
            hung = [_placed(spacing, wire, at) for wire, at in zip(wires, order, strict=True)]
            where = (spacing.neutral_1, spacing.neutral_2)
            grounded, left = [], iter(bare)
            for name, place in zip(neutrals, where, strict=True):
                if name is None:
                    continue
                if place is None:
                    raise RefusedError(
                        f"spacing {spacing.id!r} has no place for neutral {name!r}; expected one"
                    )
                grounded.append(Placed(next(left), place.x_m, place.y_m))
            return overhead_line(hung, grounded, earth), amps
        return _mean(draft, spacing, wires, bare, earth_ohm_m), amps
    except FeederError as error:
        raise RefusedError(f"spacing {spacing.id!r}: {error}") from error


def _placed(spacing: ConductorSpacing, wire: Wire, at: int) -> Placed:
    place = spacing.positions[at]
    if place is None:
        raise RefusedError(
            f"spacing {spacing.id!r} has no place {at + 1}; expected one for each phase"
        )
    return Placed(wire, place.x_m, place.y_m)


def _mean(
    draft: Draft,
    spacing: ConductorSpacing,
    wires: list[Wire],
    bare: list[Wire],
    earth_ohm_m: float | None,
) -> LineConstants:
    if len(bare) > 1:
        raise RefusedError(
            f"spacing {spacing.id!r} has mean distances and {len(bare)} neutrals; expected one"
        )
    figures = (
        spacing.gmd_phase_m,
        spacing.gmd_neutral_m,
        spacing.phase_height_m,
        spacing.neutral_height_m,
    )
    gmd, to_neutral, height, neutral_height = (f or math.nan for f in figures)
    return mean_line(
        wires,
        bare[0] if bare else None,
        gmd_phases_m=gmd if len(wires) > 1 else 1.0,
        gmd_neutral_m=to_neutral if bare else 1.0,
        height_m=height,
        neutral_height_m=neutral_height if bare else height,
        earth=draft.earth(earth_ohm_m),
    )


def by_phase_constants(draft: Draft, device: OverheadByPhase, phases: Phases) -> tuple[str, float]:
    """Name of a line code, and its rating, of a line by a conductor for each phase.

    Raises:
        RefusedError: a conductor, a place or a spacing is missing.
    """
    names = [_named(getattr(device, f"conductor_{p.lower()}")) for p in phases]
    neutrals = [_named(device.neutral_1), _named(device.neutral_2)]
    order = device.order or str(phases)
    key = ("by phase", *names, *neutrals, device.spacing, phases, order, device.earth_ohm_m)
    known = draft.known_code(key)
    if known is not None:
        return known
    if not all(names):
        missing = [p for p, name in zip(phases, names, strict=True) if name is None]
        raise RefusedError(
            f"no conductor on {listed(missing)}; expected one for each phase of its section"
        )
    if device.spacing is None:
        raise RefusedError("no spacing; expected one of [SPACING TABLE FOR LINE]")
    if not set(phases) <= set(order):
        raise RefusedError(
            f"conductor position {order} lacks a phase of {phases}; expected all of them"
        )
    present = [str(name) for name in names]
    spacing = draft.data.spacings[device.spacing]
    places = [order.index(p) for p in phases]
    constants, amps = _constants(draft, spacing, present, places, neutrals, device.earth_ohm_m)
    what = "-".join(dict.fromkeys([*present, *filter(None, neutrals)]))
    wish = f"{what}-{device.spacing}-{order.lower()}"
    name = draft.code(key, wish, constants, amps)
    _compare_models(draft)
    return name, amps


def _compare_models(draft: Draft) -> None:
    model = draft.options.earth_model
    draft.report.assume(
        f"lines by conductor and spacing by Carson's equations, {model} form, and Kron's reduction"
        if model is not EarthModel.DERI
        else "lines by conductor and spacing by A. Deri's complex depth, and Kron's reduction"
    )


def line_type_constants(draft: Draft, kind: LineType, phases: Phases) -> LineConstants | None:
    """Constants of a balanced type by its conductors and spacing; None where it names none.

    A type says neither which phase hangs where nor a transposition: the places of its spacing
    are taken in order and the matrices transposed, as its sequence values would be.
    """
    phase, neutral = _named(kind.phase_conductor), _named(kind.neutral_conductor)
    if phase is None or kind.spacing is None:
        return None
    spacing = draft.data.spacings[kind.spacing]
    n = 3 if sum(p is not None for p in spacing.positions) in (0, 3) else len(phases)
    constants, _ = _constants(draft, spacing, [phase] * n, list(range(n)), [neutral, None], None)
    _compare_models(draft)
    return _transposed(constants, len(phases))


def _transposed(constants: LineConstants, n: int) -> LineConstants:
    z, c = constants.z_ohm_per_km, constants.c_nf_per_km
    away = ~np.eye(len(z), dtype=bool)
    z_mutual, c_mutual = (m[away].mean() if away.any() else 0.0 for m in (z, c))
    mean_z = np.full((n, n), z_mutual, np.complex128)
    mean_c = np.full((n, n), c_mutual)
    np.fill_diagonal(mean_z, z.diagonal().mean())
    np.fill_diagonal(mean_c, c.diagonal().mean())
    return LineConstants(mean_z, mean_c)


def cable_constants(draft: Draft, kind: CableType, n: int) -> LineConstants:
    """Constants of a cable by its build.

    Raises:
        RefusedError: it has neither impedances nor a build to compute them from.
    """
    if _named(kind.phase_conductor) is None:
        raise RefusedError(
            f"cable {kind.id!r} has no impedance and no conductor; expected R1 and X1, or a build"
        )
    core = wire_of(draft, str(kind.phase_conductor))
    d_ab, d_bc, d_ac = (d or math.nan for d in (kind.d_ab_m, kind.d_bc_m, kind.d_ac_m))
    try:
        cable = _cable(draft, kind, core)
        x = [0.0, d_ab, d_ac if d_ac == d_ac else d_ab + d_bc][:n]
        constants = cable_line([cable] * n, x, (), draft.earth(None))
    except FeederError as error:
        raise RefusedError(f"cable {kind.id!r}: {error}") from error
    draft.report.assume("cables without impedances by W. H. Kersting's equations of their build")
    return constants


def _cable(draft: Draft, kind: CableType, core: Wire) -> ConcentricNeutralCable | TapeShieldCable:
    permittivity = kind.dielectric_constant or 2.3
    over = kind.insulation_diameter_m
    if over is None and kind.insulation_thickness_m is not None:
        over = core.diameter_m + 2.0 * kind.insulation_thickness_m
    neutral = _named(kind.neutral_conductor)
    if neutral is not None and kind.n_wires and over:
        strand = wire_of(draft, neutral)
        around = over + 2.0 * strand.diameter_m
        return ConcentricNeutralCable(kind.id, core, strand, kind.n_wires, around, permittivity)
    if kind.sheath_inner_m and kind.sheath_outer_m:
        tape = kind.sheath_outer_m - kind.sheath_inner_m
        return TapeShieldCable(kind.id, core, 2.0 * kind.sheath_inner_m, tape, permittivity)
    raise RefusedError(
        f"cable {kind.id!r} has no impedance, no neutral wires and no sheath; expected one of them"
    )
