"""What generates or stores, and motors: as they stand in the export."""

import math

from grid_fed_rl.feeders.cyme.codes import Connection as Side
from grid_fed_rl.feeders.cyme.codes import Phases
from grid_fed_rl.feeders.cyme.convert_scope import Scope
from grid_fed_rl.feeders.cyme.convert_sections import KIND_WORDS, Places
from grid_fed_rl.feeders.cyme.convert_shunts import bus_of
from grid_fed_rl.feeders.cyme.draft import Draft, RefusedError, nodes_of, phases_of
from grid_fed_rl.feeders.cyme.records_der import Generator, Motor, Photovoltaic, Storage
from grid_fed_rl.feeders.cyme.records_lines import Device
from grid_fed_rl.feeders.cyme.records_network import LoadModel
from grid_fed_rl.feeders.records import Connection, Terminal
from grid_fed_rl.feeders.shunts import Generator as GeneratorRecord
from grid_fed_rl.feeders.shunts import Load, Pv
from grid_fed_rl.feeders.shunts import LoadModel as Law
from grid_fed_rl.feeders.shunts import Storage as StorageRecord

__all__ = ["add_ders"]

_DELTAS = (Side.DELTA, Side.CLOSED_DELTA, Side.OPEN_DELTA)
_V_MAX_PU = 2.0


def add_ders(draft: Draft, scope: Scope, places: Places, model: LoadModel | None) -> None:
    """Put photovoltaics, storage, generators and motors into the feeder."""
    for kind, add in (
        ("photovoltaics", _add_pv),
        ("storages", _add_storage),
        ("generators", _add_generator),
        ("motors", _add_motor),
    ):
        for device in scope.shunts(draft.data, kind):
            bus = bus_of(places, device)
            if bus is None or bus not in draft.kv_ll:
                draft.report.ignored[f"{KIND_WORDS[kind]}: on an island"] += 1
                continue
            section = scope.sections[device.section].phases or Phases.ABC
            with draft.holding(KIND_WORDS[kind], device.number, device.place):
                add(draft, device, bus, section, model)


def _where(
    draft: Draft, bus: str, phases: Phases, side: Side | None = None
) -> tuple[Terminal, Connection, float]:
    nodes = nodes_of(phases)
    if side in _DELTAS and len(nodes) > 1:
        return Terminal(bus, nodes), Connection.DELTA, draft.kv_ll[bus]
    kv = draft.kv_ll[bus] / (math.sqrt(3) if len(nodes) == 1 else 1.0)
    return Terminal(bus, nodes), Connection.WYE, kv


def _produced(
    draft: Draft, number: str, model: LoadModel | None, *said: tuple[float | None, float | None]
) -> tuple[float, float]:
    """Kilowatt and kvar of the load model's row, else of the first pair that says kW.

    A negative power factor is a leading one: of a generator, that takes reactive power.
    """
    names = (None, "", model.id, model.name) if model is not None else (None, "")
    rows = [g for g in draft.data.generation_models if g.number == number]
    own = [g for g in rows if g.load_model in names] or rows
    pairs = [(g.active_kw, g.power_factor_percent) for g in own[:1]]
    for kw, pf in (*pairs, *said):
        if kw is None:
            continue
        share = (pf or 100.0) / 100.0
        if not -1.0 <= share <= 1.0:
            raise RefusedError(f"power factor of {pf} percent; expected up to 100")
        kvar = kw * math.sqrt(1.0 - share * share) / abs(share) * (1.0 if share > 0 else -1.0)
        return kw, kvar
    return 0.0, 0.0


def _converter(draft: Draft, number: str) -> tuple[float | None, float | None, float | None]:
    """Rating, kW and kvar of a device's converter."""
    found = next((c for c in draft.data.converters if c.number == number), None)
    if found is None:
        return None, None, None
    return found.rating_kva, found.active_kw, found.reactive_kvar


def _say_control(draft: Draft, device: Device, kind: str) -> None:
    controls = [c for c in draft.data.converter_controls if c.number == device.number]
    codes = sorted({c.control or "?" for c in controls})
    if controls:
        draft.report.approximate(
            kind, device.number, device.place,
            f"its converter's control (code {', '.join(codes)}) is left out; it stands as found",
        )  # fmt: skip


def _add_pv(
    draft: Draft, device: Device, bus: str, section: Phases, model: LoadModel | None
) -> None:
    assert isinstance(device, Photovoltaic)
    phases = phases_of(device.phases, section)
    kind = draft.data.photovoltaic_types.get(device.equipment or "")
    kva, kw, kvar = _converter(draft, device.number)
    modules = (device.n_series or 1) * (device.n_parallel or 1) * (device.n_generators or 1)
    watts = (kind.mpp_a or 0.0) * (kind.mpp_v or 0.0) if kind else 0.0
    kw_dc = modules * watts / 1000.0
    p, q = _produced(
        draft, device.number, model, (device.active_kw, device.power_factor_percent), (kw, None)
    )
    if kvar:
        q = kvar
    rating = kva or kw_dc or math.hypot(p, q)
    if not rating:
        raise RefusedError("neither a converter rating nor modules nor power; expected one")
    if not kva:
        draft.report.approximate(
            "photovoltaic", device.number, device.place,
            "no converter rating; read as that of its panels", f"{rating:.4g} kVA",
        )  # fmt: skip
    _say_control(draft, device, "photovoltaic")
    name = draft.names.of("der", device.number)
    terminal, connection, kv = _where(draft, bus, phases, device.connection)
    draft.pvs[name] = Pv(name, terminal, connection, kv, kw_dc or rating, rating, p_kw=p, q_kvar=q)
    draft.report.totals.generation_kw += p


def _add_storage(
    draft: Draft, device: Device, bus: str, section: Phases, model: LoadModel | None
) -> None:
    assert isinstance(device, Storage)
    kind = draft.data.storage_types.get(device.equipment or "")
    if kind is None or not kind.energy_kwh:
        raise RefusedError(f"type {device.equipment!r} says no energy; expected kWh above 0")
    phases = phases_of(device.phases, section)
    kva, kw, kvar = _converter(draft, device.number)
    power = kind.discharge_kw or kind.charge_kw or kva
    if not power:
        raise RefusedError(f"type {kind.id!r} says no power; expected kW above 0")
    p, q = _produced(draft, device.number, model, (kw, None))
    name = draft.names.of("der", device.number)
    terminal, connection, kv = _where(draft, bus, phases, device.connection)
    _say_control(draft, device, "storage")
    low, high = ((v / 100.0) if v is not None else None
                 for v in (device.soc_min_percent, device.soc_max_percent))  # fmt: skip
    draft.storages[name] = StorageRecord(
        name,
        terminal,
        connection,
        kv,
        power,
        kind.energy_kwh,
        kva or power,
        efficiency_charge=(kind.charge_efficiency_percent or 95.0) / 100.0,
        efficiency_discharge=(kind.discharge_efficiency_percent or 95.0) / 100.0,
        soc_min=0.1 if low is None else low,
        soc_max=1.0 if high is None or high <= 0.0 else high,
        p_kw=p,
        q_kvar=kvar or q,
    )
    draft.report.totals.generation_kw += p


def _add_generator(
    draft: Draft, device: Device, bus: str, section: Phases, model: LoadModel | None
) -> None:
    assert isinstance(device, Generator)
    kind = draft.data.generator_types.get((device.kind, device.equipment or ""))
    phases = phases_of(device.phases, section)
    units = device.n_generators or 1
    kva, converter_kw, kvar = _converter(draft, device.number)
    p, q = _produced(
        draft,
        device.number,
        model,
        (device.active_kw, device.power_factor_percent),
        (converter_kw, None),
        (kind.active_kw, kind.power_factor_percent) if kind else (None, None),
    )
    rating = kva or (kind.rated_kva if kind else None) or math.hypot(p, q)
    if not rating:
        raise RefusedError(f"{device.kind} generator without rating or power; expected one")
    if device.voltage_control not in (None, "", "0"):
        draft.report.approximate(
            "generator", device.number, device.place,
            f"its voltage control ({device.voltage_control}) is left out: it injects constant "
            f"power",
        )  # fmt: skip
    name = draft.names.of("der", device.number)
    terminal, connection, kv = _where(draft, bus, phases, device.connection)
    draft.generators[name] = GeneratorRecord(
        name, terminal, connection, kv, rating * units, p_kw=p * units, q_kvar=(kvar or q) * units
    )
    draft.report.totals.generation_kw += p * units


def _add_motor(
    draft: Draft, device: Device, bus: str, section: Phases, model: LoadModel | None
) -> None:
    assert isinstance(device, Motor)
    del model
    kind = draft.data.motor_types.get((device.kind, device.equipment or ""))
    if kind is None or not kind.rated_kw:
        raise RefusedError(f"motor type {device.equipment!r} has no rated kW; expected one above 0")
    factor = device.load_factor_percent
    shaft_kw = kind.rated_kw * (factor if factor is not None else 100.0) / 100.0
    kw = shaft_kw / ((kind.efficiency_percent or 100.0) / 100.0)
    pf = (device.power_factor_percent or kind.power_factor_percent or 100.0) / 100.0
    kvar = kw * math.sqrt(max(1.0 - pf * pf, 0.0)) / abs(pf)
    draft.report.approximate(
        "motor", device.number, device.place,
        "it draws the power of its nameplate and load factor, whatever the voltage",
        f"{kw:.4g} kW, {kvar:.4g} kvar",
    )  # fmt: skip
    name = draft.names.of("load", device.number)
    terminal, connection, kv = _where(draft, bus, phases_of(device.phases, section))
    draft.loads[name] = Load(
        name, terminal, connection, Law.PQ, kw, kvar, kv, v_min_pu=0.5, v_max_pu=_V_MAX_PU
    )
    draft.report.totals.file_kw += kw
    draft.report.totals.file_kvar += kvar
