"""Capacitor and inverter controls out of a compiled circuit."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from grid_fed_rl.feeders.opendss.circuit import Circuit, Element, RefusedError, digits
from grid_fed_rl.feeders.opendss.shunt_commands import ENDLESS, GUARDS
from grid_fed_rl.feeders.shunts import (
    Capacitor,
    CapacitorControl,
    CapacitorControlKind,
    InverterControl,
    Pv,
    Storage,
)

__all__ = ["with_capacitor_controls", "with_inverter_controls"]

_MODES = {
    ("voltvar", ""): ("vvc_curve1",),
    ("voltwatt", ""): ("voltwatt_curve",),
    ("", "vv_vw"): ("vvc_curve1", "voltwatt_curve"),
}


def with_capacitor_controls(
    circuit: Circuit, capacitors: Mapping[str, Capacitor]
) -> dict[str, Capacitor]:
    """The capacitors with the controls that OpenDSS has for them."""
    controlled = dict(capacitors)

    def read(e: Element) -> None:
        name = e.text("capacitor")
        if name not in controlled:
            raise RefusedError(f"capacitor is {name!r}; expected one that is read")
        if controlled[name].control is not None:
            raise RefusedError(f"capacitor {name!r} has a control already; expected one each")
        controlled[name] = replace(controlled[name], control=_capacitor_control(circuit, e, name))

    for _ in circuit.read_each("capcontrol", read):
        pass
    return controlled


def _capacitor_control(circuit: Circuit, e: Element, capacitor: str) -> CapacitorControl:
    kinds = {str(kind): kind for kind in CapacitorControlKind}
    kinds["powerfactor"] = CapacitorControlKind.PF
    kind = kinds.get(e.text("type"))
    if kind is None:
        raise RefusedError(f"type is {e['type']}; expected one of {', '.join(kinds)}")
    watched, _, element = e.text("element").partition(".")
    if watched == "capacitor" and element == capacitor:
        element = ""
    elif watched not in ("line", "transformer", "reactor"):
        raise RefusedError(f"element is {e['element']}; expected a line, transformer or reactor")
    phases_of = {
        str(x): int(x["phases"]) for k in (watched, "capacitor") for x in circuit.enabled(k)
    }
    if phases_of.get(e.text("element"), 0) < phases_of[f"capacitor.{capacitor}"]:
        raise RefusedError(f"element is {e['element']}; expected one of as many phases as the bank")
    others = [x for k in ("line", "transformer", "reactor") for x in circuit.enabled(k)]
    if element and [x.name for x in others].count(element) > 1:
        raise RefusedError(f"element is {e['element']}, whose name another class has too")
    e.must("vbus", None, "expected the voltage override of its own element")
    override = bool(e["voltoverride"])
    phases = {key: e.text(key) for key in ("ctphase", "ptphase")}
    for key, phase in phases.items():
        if not phase.isdigit():
            raise RefusedError(f"{key} is {phase}; expected the number of a phase")
    only_one = not override and kind is CapacitorControlKind.CURRENT
    if kind is CapacitorControlKind.VOLTAGE or not only_one:
        phase = int(phases["ptphase"])
    else:
        phase = int(phases["ctphase"])
    both = override and kind is CapacitorControlKind.CURRENT
    if both and len(set(phases.values())) > 1:
        raise RefusedError("ctphase and ptphase differ; expected one phase")
    if kind is CapacitorControlKind.PF:
        e.must("pctminkvar", 50.0, "expected OpenDSS's own 50 %")
    on, off, v_max = e.number("onsetting"), e.number("offsetting"), e.number("vmax")
    if kind is CapacitorControlKind.PF:  # OpenDSS writes a leading one with a minus
        on, off = (2.0 + x if x < 0 else x for x in (on, off))
    return CapacitorControl(
        kind=kind,
        on=on,
        off=off,
        pt_ratio=e.number("ptratio"),
        ct_ratio=e.number("ctratio"),
        element=element,
        end=int(e["terminal"]),
        phase=phase,
        delay_s=e.number("delay"),
        delay_off_s=e.number("delayoff"),
        dead_time_s=e.number("deadtime"),
        v_min=e.number("vmin") if override else 0.0,
        v_max=v_max if override and v_max < ENDLESS else math.inf,
    )


def with_inverter_controls(
    circuit: Circuit, pvs: Mapping[str, Pv], storages: Mapping[str, Storage]
) -> tuple[dict[str, Pv], dict[str, Storage]]:
    """PV systems and batteries with their volt-var and volt-watt curves."""
    controlled: dict[str, dict[str, Any]] = {"pvsystem": dict(pvs), "storage": dict(storages)}
    curves = {e.name: e for e in circuit.elements("xycurve")}

    def read(e: Element) -> None:
        named = [str(der).lower() for der in e["derlist"] or []]
        named = named or [f"{kind}.{name}" for kind, group in controlled.items() for name in group]
        volt_var, volt_watt = _curves(circuit, e, curves)
        for der in named:
            kind, _, name = der.partition(".")
            group = controlled.get(kind, {})
            if name not in group:
                raise RefusedError(f"derlist has {der!r}; expected inverters that are read")
            if group[name].control is not None:
                raise RefusedError(f"{der!r} has a control already; expected one each")
            group[name] = replace(
                group[name],
                control=InverterControl(
                    tuple((x, y * _var_share(circuit, der, group[name])) for x, y in volt_var),
                    volt_watt,
                ),
            )

    for _ in circuit.read_each("invcontrol", read):
        pass
    return controlled["pvsystem"], controlled["storage"]


Points = tuple[tuple[float, float], ...]


def _curves(circuit: Circuit, e: Element, curves: Mapping[str, Element]) -> tuple[Points, Points]:
    mode = (e.text("mode"), e.text("combimode"))
    if mode not in _MODES:
        raise RefusedError(
            f"mode is {' '.join(filter(None, mode))}; expected voltvar, voltwatt or vv_vw"
        )
    e.must("voltage_curvex_ref", "rated", "expected voltage on the rated one")
    e.must("hysteresis_offset", 0.0, "expected curves without hysteresis")
    e.must("monvoltagecalc", "avg", "expected the mean of its phases")
    e.must("monbus", None, "expected its own bus")
    of: dict[str, Points] = {"vvc_curve1": (), "voltwatt_curve": ()}
    for key in _MODES[mode]:
        if e.text(key) not in curves:
            raise RefusedError(f"{key} is {e[key]!r}; expected an XYcurve")
        of[key] = _points(curves[e.text(key)])
    if of["vvc_curve1"] and e.text("refreactivepower") != "varmax":
        circuit.approximated(e, "volt-var of the reactive power still free; read as of the rated")
    if of["voltwatt_curve"]:
        e.must("voltwattyaxis", "pmpppu", "expected active power on the rated one")
    return of["vvc_curve1"], of["voltwatt_curve"]


def _points(curve: Element) -> Points:
    """Points of a curve, without those that only keep it level outside."""
    x_scale, y_scale, x_shift, y_shift = (
        curve.number(key) for key in ("xscale", "yscale", "xshift", "yshift")
    )
    pairs = [
        (x * x_scale + x_shift, y * y_scale + y_shift)
        for x, y in zip(curve["xarray"], curve["yarray"], strict=True)
    ]
    if len(pairs) > 2 and pairs[0][0] == GUARDS[0] and pairs[0][1] == pairs[1][1]:
        del pairs[0]
    if len(pairs) > 1 and pairs[-1][0] == GUARDS[1] and pairs[-1][1] == pairs[-2][1]:
        del pairs[-1]
    return tuple((float(x), float(y)) for x, y in pairs)


def _var_share(circuit: Circuit, der: str, inverter: Pv | Storage) -> float:
    """Largest reactive power of an inverter as a share of its rating."""
    kind, _, name = der.partition(".")
    (element,) = (e for e in circuit.elements(kind) if e.name == name)
    return digits(element.number("kvarmax") / inverter.kva) if inverter.kva else 1.0
