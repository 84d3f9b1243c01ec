"""OpenDSS commands of what stands on one bus: loads, capacitors, DER, their controls."""

import math
from collections.abc import Iterator

from grid_fed_rl.feeders.feeder import Feeder
from grid_fed_rl.feeders.opendss.words import leg_place, numbers, place
from grid_fed_rl.feeders.shunts import (
    Capacitor,
    CapacitorControl,
    CapacitorControlKind,
    Generator,
    InverterControl,
    Load,
    LoadModel,
    Pv,
    Storage,
)

__all__ = ["ENDLESS", "GUARDS", "MODEL", "controls", "element_class", "shunts"]

MODEL = {
    LoadModel.PQ: 1,
    LoadModel.Z: 2,
    LoadModel.MOTOR: 3,
    LoadModel.CVR: 4,
    LoadModel.I: 5,
    LoadModel.FIXED_Q: 6,
    LoadModel.FIXED_X: 7,
    LoadModel.ZIP: 8,
}

# OpenDSS goes on along the last slope of a curve; ours is level outside its
# points. Two points far out make it level there too.
GUARDS = (0.0, 10.0)

_KIND = {CapacitorControlKind.PF: "powerfactor"}

ENDLESS = 1e30  # V; OpenDSS has no infinity


def shunts(feeder: Feeder) -> Iterator[tuple[str, list[str]]]:
    """Yield the commands of loads, capacitors and DER by class."""
    yield "capacitors", [_capacitor(c) for c in feeder.capacitors.values()]
    yield "loads", [_load(load) for load in feeder.loads.values()]
    yield "pvsystems", [_pv(pv) for pv in feeder.pvs.values()]
    yield "storages", [_storage(storage) for storage in feeder.storages.values()]
    yield "generators", [_generator(g) for g in feeder.generators.values()]


def controls(feeder: Feeder) -> Iterator[tuple[str, list[str]]]:
    """Yield the commands of capacitor and inverter controls."""
    banks = feeder.capacitors.values()
    yield (
        "capcontrols",
        [_capacitor_control(c.name, c.control, feeder) for c in banks if c.control is not None],
    )
    inverters = [("pvsystem", pv) for pv in feeder.pvs.values()]
    inverters += [("storage", storage) for storage in feeder.storages.values()]
    yield (
        "invcontrols",
        [
            command
            for kind, der in inverters
            if der.control is not None
            for command in _inverter_control(f"{kind}.{der.name}", der.control)
        ],
    )


def element_class(feeder: Feeder, name: str) -> str:
    """Return the OpenDSS class of a branch that a capacitor control watches."""
    for kind, group in (
        ("line", feeder.lines),
        ("line", feeder.switches),
        ("transformer", feeder.transformers),
        ("reactor", feeder.reactors),
    ):
        if name in group:
            return kind
    return "line"


def _where(e: Load | Pv | Storage | Generator) -> str:
    """Phases, bus with its neutral, connection and voltage of what injects current."""
    n = e.connection.n_legs(len(e.terminal.phases))
    bus, conn = leg_place(e.connection, e.terminal)
    return (
        f"phases={n} bus1={bus} conn={conn} kv={e.kv!r} vminpu={e.v_min_pu!r} vmaxpu={e.v_max_pu!r}"
    )


def _capacitor(c: Capacitor) -> str:
    bus, n, far = place(c.connection, c.terminal)
    if far:
        where = f"phases={n} bus1={bus} bus2={far} conn=wye"
    else:
        where = f"phases={n} bus1={bus} conn=delta"
    steps, closed, kvar = c.n_steps, c.steps_closed, c.kvar
    if not far and steps > 1:
        # OpenDSS 0.14.5 draws too much where a delta bank has steps: one step of
        # what is closed is what stands there.
        kvar, steps, closed = kvar * max(closed, 1) / steps, 1, min(closed, 1)
    states = [1] * closed + [0] * (steps - closed)
    return (
        f"new capacitor.{c.name} {where} kv={c.kv!r} numsteps={steps} "
        f"kvar={numbers([kvar / steps] * steps)} states={numbers(states)}"
    )


def _load(load: Load) -> str:
    text = (
        f"new load.{load.name} {_where(load)} model={MODEL[load.model]} kw={load.kw!r} "
        f"kvar={load.kvar!r} vlowpu={load.v_low_pu!r} rneut=-1 status=variable"
    )
    if load.model is LoadModel.CVR:
        text += f" cvrwatts={load.cvr[0]!r} cvrvars={load.cvr[1]!r}"
    if load.model is LoadModel.ZIP:
        text += f" zipv={numbers(load.zipv)}"
    return text


def _pv(pv: Pv) -> str:
    irradiance = pv.p_kw / pv.kw_dc if pv.kw_dc else 0.0
    return (
        f"new pvsystem.{pv.name} {_where(pv)} model=1 kva={pv.kva!r} pmpp={pv.kw_dc!r} "
        f"%pmpp=100 irradiance={irradiance!r} temperature=25 {_inverter(pv.kva)} "
        f"kvar={pv.q_kvar!r}"
    )


def _storage(s: Storage) -> str:
    state = "charging" if s.p_kw < 0 else "discharging" if s.p_kw > 0 else "idling"
    return (
        f"new storage.{s.name} {_where(s)} model=1 kva={s.kva!r} kwrated={s.kw!r} "
        f"kwhrated={s.kwh!r} %reserve={100 * s.soc_min!r} %stored={50 * (s.soc_min + s.soc_max)!r} "
        f"%effcharge={100 * s.efficiency_charge!r} "
        f"%effdischarge={100 * s.efficiency_discharge!r} %idlingkw=0 dispmode=default "
        f"{_inverter(s.kva)} state={state} kw={s.p_kw!r} kvar={s.q_kvar!r}"
    )


def _inverter(kva: float) -> str:
    return (
        f"%cutin=0 %cutout=0 varfollowinverter=no wattpriority=no kvarmax={kva!r} "
        f"kvarmaxabs={kva!r} balanced=no"
    )


def _generator(g: Generator) -> str:
    return (
        f"new generator.{g.name} {_where(g)} model=1 kva={g.kva!r} kw={g.p_kw!r} "
        f"kvar={g.q_kvar!r} status=fixed forceon=yes dispmode=default"
    )


def _capacitor_control(name: str, c: CapacitorControl, feeder: Feeder) -> str:
    watched = (
        f"{element_class(feeder, c.element)}.{c.element}" if c.element else f"capacitor.{name}"
    )
    on, off = c.on, c.off
    if c.kind is CapacitorControlKind.PF:  # OpenDSS writes a leading one with a minus
        on, off = (x - 2.0 if x > 1 else x for x in (on, off))
    text = (
        f"new capcontrol.{name} capacitor={name} element={watched} terminal={c.end} "
        f"type={_KIND.get(c.kind, c.kind)} ptratio={c.pt_ratio!r} ctratio={c.ct_ratio!r} "
        f"onsetting={on!r} offsetting={off!r} ctphase={c.phase} ptphase={c.phase} "
        f"delay={c.delay_s!r} delayoff={c.delay_off_s!r} deadtime={c.dead_time_s!r}"
    )
    if c.kind is CapacitorControlKind.PF:
        text += " pctminkvar=50"
    if c.v_min > 0 or not math.isinf(c.v_max):
        v_max = min(c.v_max, ENDLESS)
        text += f" voltoverride=yes vmin={c.v_min!r} vmax={v_max!r}"
    return text


def _inverter_control(der: str, control: InverterControl) -> Iterator[str]:
    name = der.replace(".", "_")
    modes = []
    for mode, curve, points in (
        ("voltvar", "vvc_curve1", control.volt_var),
        ("voltwatt", "voltwatt_curve", control.volt_watt),
    ):
        if points:
            level = ((GUARDS[0], points[0][1]), *points, (GUARDS[1], points[-1][1]))
            x, y = zip(*level, strict=True)
            yield (
                f"new xycurve.{name}_{mode} npts={len(level)} xarray={numbers(x)} "
                f"yarray={numbers(y)}"
            )
            modes.append((mode, f"{curve}={name}_{mode}"))
    if not modes:
        return
    how = f"mode={modes[0][0]}" if len(modes) == 1 else "combimode=vv_vw"
    yield (
        f"new invcontrol.{name} derlist=[{der}] {how} {' '.join(c for _, c in modes)} "
        f"voltage_curvex_ref=rated refreactivepower=varmax voltwattyaxis=pmpppu "
        f"monvoltagecalc=avg"
    )
