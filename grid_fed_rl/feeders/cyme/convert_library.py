"""The catalogue of a CYME dataset as an equipment library, settings of devices with it."""

from collections.abc import Iterable

from grid_fed_rl.feeders.cyme.codes import ByPhase
from grid_fed_rl.feeders.cyme.dataset import CymeDataset
from grid_fed_rl.feeders.cyme.draft import Draft
from grid_fed_rl.feeders.cyme.records_lines import Point, Reliability
from grid_fed_rl.feeders.equipment import (
    CableType,
    CapacitorSetting,
    CapacitorType,
    ConductorType,
    EquipmentLibrary,
    LineType,
    RegulatorSetting,
    RegulatorType,
    SpacingType,
    SwitchgearType,
    TransformerType,
    Use,
)

__all__ = ["library_of"]


def library_of(draft: Draft) -> EquipmentLibrary:
    """Everything in the catalogue, used or not, and what each element of the draft is of it."""
    data = draft.data
    library = EquipmentLibrary(
        conductors=tuple(_conductors(data)),
        line_types=tuple(_line_types(data)),
        cables=tuple(_cables(data)),
        spacings=tuple(_spacings(data)),
        transformers=tuple(_transformers(data)),
        regulators=tuple(_regulators(data)),
        regulator_settings=tuple(_regulator_settings(draft)),
        capacitors=tuple(
            CapacitorType(c.id, c.rated_kvar, c.rated_kv) for c in data.capacitor_types.values()
        ),
        capacitor_settings=tuple(
            CapacitorSetting(c.number, c.control or "", _first(c.on_value), _first(c.off_value))
            for c in data.shunt_capacitors
        ),
        switchgear=tuple(_switchgear(data)),
        uses=tuple(Use(*use) for use in draft.uses),
    )
    for kind, records in library.kinds():
        if kind != "uses":
            draft.report.read[f"catalogue: {kind.replace('_', ' ')}"] = len(records)
    return library


def _first(values: ByPhase) -> float | None:
    return next((v for v in values if v is not None), None)


def _repair(r: Reliability) -> tuple[float | None, float | None]:
    return r.failure_rate, r.major_repair_h


def _conductors(data: CymeDataset) -> Iterable[ConductorType]:
    for c in data.conductors.values():
        yield ConductorType(
            c.id, c.r25_ohm_per_km, c.r50_ohm_per_km, c.gmr_m, c.diameter_m, c.amps.nominal,
            c.size_mm2, *_repair(c.reliability),
        )  # fmt: skip


def _line_types(data: CymeDataset) -> Iterable[LineType]:
    for t in data.line_types.values():
        yield LineType(
            t.id, t.r1_ohm_per_km, t.x1_ohm_per_km, t.r0_ohm_per_km, t.x0_ohm_per_km,
            t.b1_us_per_km, t.b0_us_per_km, t.amps.nominal, t.phase_conductor or "",
            t.neutral_conductor or "", t.spacing or "", *_repair(t.reliability),
        )  # fmt: skip


def _cables(data: CymeDataset) -> Iterable[CableType]:
    for t in data.cable_types.values():
        yield CableType(
            t.id, t.r1_ohm_per_km, t.x1_ohm_per_km, t.r0_ohm_per_km, t.x0_ohm_per_km,
            t.b1_us_per_km, t.b0_us_per_km, t.amps.nominal, t.rated_kv, t.phase_conductor or "",
            *_repair(t.reliability),
        )  # fmt: skip


def _xy(point: Point | None) -> tuple[float | None, float | None]:
    return (None, None) if point is None else (point.x_m, point.y_m)


def _spacings(data: CymeDataset) -> Iterable[SpacingType]:
    for s in data.spacings.values():
        first, second, third = (_xy(point) for point in s.positions)
        yield SpacingType(
            s.id, *first, *second, *third, *_xy(s.neutral_1), *_xy(s.neutral_2), s.gmd_phase_m,
            s.gmd_neutral_m, s.phase_height_m, s.neutral_height_m,
        )  # fmt: skip


def _transformers(data: CymeDataset) -> Iterable[TransformerType]:
    for t in data.transformer_types.values():
        yield TransformerType(
            t.id, t.rated_kva, t.primary_kv, t.secondary_kv, t.z1_percent, t.xr1, t.z0_percent,
            t.xr0, t.no_load_kw, t.magnetising_percent, str(t.connection or ""),
            None if t.single_phase is None else (1 if t.single_phase else 3), t.n_taps,
            t.min_regulation_percent, t.max_regulation_percent, *_repair(t.reliability),
        )  # fmt: skip


def _regulators(data: CymeDataset) -> Iterable[RegulatorType]:
    for t in data.regulator_types.values():
        yield RegulatorType(
            t.id, t.rated_kva, t.rated_kv, t.n_taps, t.max_buck_percent, t.max_boost_percent,
            t.band_v, t.pt_ratio, t.ct_a, *_repair(t.reliability),
        )  # fmt: skip


def _regulator_settings(draft: Draft) -> Iterable[RegulatorSetting]:
    """By unit of the feeder: ``<device>_<phase>``, as the regulators of the feeder are named."""
    for device in draft.data.regulators:
        for at, letter in enumerate("abc"):
            name = f"{device.number}_{letter}"
            if name in draft.regulators:
                yield RegulatorSetting(
                    name, str(device.mode or device.setting or ""),
                    *(f[at] for f in (device.v_set, device.band_v, device.pt_ratio, device.ct_a,
                                      device.r_set, device.x_set)),
                )  # fmt: skip


def _switchgear(data: CymeDataset) -> Iterable[SwitchgearType]:
    for t in data.switchgear_types.values():
        r = t.reliability
        yield SwitchgearType(
            t.id, str(t.kind), t.amps.nominal, t.rated_kv, t.interrupting_a, r.failure_rate,
            r.temporary_failure_rate, r.major_repair_h, r.minor_repair_h, r.major_share_percent,
            r.stuck_percent, r.switch_h, t.remote_controlled, t.automated,
        )  # fmt: skip
