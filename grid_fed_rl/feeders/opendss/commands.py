"""OpenDSS commands that build a feeder.

Every property that has a say in the voltages is written out, so that none hangs
on a default of one OpenDSS version; numbers are written with all their digits.
Elements keep the names they have in the feeder.
"""

import math
from collections.abc import Iterable, Iterator, Mapping

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.feeder import Feeder
from grid_fed_rl.feeders.opendss.shunt_commands import controls, shunts
from grid_fed_rl.feeders.opendss.words import leg_place, numbers, place, triangle
from grid_fed_rl.feeders.records import (
    Line,
    LineCode,
    LineDropControl,
    Reactor,
    Regulator,
    Source,
    Switch,
    SwitchKind,
    Transformer,
)

__all__ = ["SECTIONALISER", "check_names", "commands", "sections"]

# Windows of taps that OpenDSS gives a winding that nothing moves.
FIXED_TAPS = (0.5, 1.5, 32)

# Devices that say what opens a section. They are written disabled: a fuse that
# acts would change what is solved.
DEVICE = {
    SwitchKind.FUSE: "fuse",
    SwitchKind.RECLOSER: "recloser",
    SwitchKind.BREAKER: "relay",
}

SECTIONALISER = "sectionaliser_"  # OpenDSS has no such class: a switch control's first name


def commands(feeder: Feeder) -> list[str]:
    """Return the OpenDSS commands that build a feeder, from ``clear`` on.

    Loads and DER stand at their nominal powers, regulators and capacitors where
    the feeder has them. Nothing is solved.

    Raises:
        FeederError: two elements would have one name in OpenDSS.
    """
    return [command for _, lines in sections(feeder) for command in lines]


def sections(feeder: Feeder) -> Iterator[tuple[str, list[str]]]:
    """Yield the commands by class, in the order in which OpenDSS needs them.

    Raises:
        FeederError: two elements would have one name in OpenDSS.
    """
    check_names(feeder)
    yield "circuit", list(_circuit(feeder))
    yield "linecodes", [_line_code(c, feeder) for c in feeder.line_codes.values()]
    yield "lines", [_line(line) for line in feeder.lines.values()]
    yield "switches", [c for switch in feeder.switches.values() for c in _switch(switch)]
    yield "reactors", [_reactor(reactor) for reactor in feeder.reactors.values()]
    moved = {r.transformer: r for r in feeder.regulators.values()}
    transformers = feeder.transformers.values()
    yield "transformers", [c for t in transformers for c in _transformer(t, moved.get(t.name))]
    yield from shunts(feeder)
    yield "regulators", [_regulator(r) for r in feeder.regulators.values()]
    yield from controls(feeder)
    yield "voltages", list(_voltages(feeder))


def check_names(feeder: Feeder) -> None:
    """Refuse names that OpenDSS could not tell apart.

    OpenDSS knows no case, and lines and switches are one class to it.

    Raises:
        FeederError: listing every clash.
    """
    classes: dict[str, tuple[Mapping[str, object], ...]] = {
        "line": (feeder.lines, feeder.switches),
        "line code": (feeder.line_codes,),
        "bus": (feeder.buses,),
        "transformer": (feeder.transformers,),
        "reactor": (feeder.reactors,),
        "regulator": (feeder.regulators,),
        "capacitor": (feeder.capacitors,),
        "load": (feeder.loads,),
        "pv": (feeder.pvs,),
        "storage": (feeder.storages,),
        "generator": (feeder.generators,),
    }
    faults = [f for kind, names in classes.items() for f in _clashes(kind, names)]
    if faults:
        raise FeederError(
            f"feeder {feeder.name!r}: OpenDSS cannot tell these names apart: {'; '.join(faults)}"
        )


def _clashes(kind: str, names: Iterable[Iterable[str]]) -> Iterator[str]:
    seen: dict[str, str] = {}
    for name in (name for group in names for name in group):
        if name.lower() in seen:
            yield f"{kind} {seen[name.lower()]!r} and {name!r}"
        seen[name.lower()] = name


def _circuit(feeder: Feeder) -> Iterator[str]:
    yield "clear"
    yield f"set defaultbasefrequency={feeder.frequency_hz!r}"
    first = feeder.source.name.lower() == "source"
    yield f"new circuit.{feeder.name} {_source(feeder.source, feeder.frequency_hz)}"
    if not first:  # a circuit always brings a source of this name
        yield f"new vsource.{feeder.source.name} {_source(feeder.source, feeder.frequency_hz)}"
        yield "edit vsource.source enabled=no"


def _source(source: Source, frequency_hz: float) -> str:
    ground = ".".join((source.bus, "0", "0", "0"))
    z1, z0 = (numbers((z.real, z.imag)) for z in (source.z1_ohm, source.z0_ohm))
    return (
        f"phases=3 bus1={source.bus}.1.2.3 bus2={ground} basekv={source.kv_ll!r} "
        f"pu={source.v_pu!r} angle={source.angle_deg!r} frequency={frequency_hz!r} "
        f"z1={z1} z2={z1} z0={z0}"
    )


def _line_code(code: LineCode, feeder: Feeder) -> str:
    r = tuple(tuple(z.real for z in row) for row in code.z_ohm_per_km)
    x = tuple(tuple(z.imag for z in row) for row in code.z_ohm_per_km)
    return (
        f"new linecode.{code.name} nphases={len(r)} units=km basefreq={feeder.frequency_hz!r} "
        f"rmatrix={triangle(r)} xmatrix={triangle(x)} cmatrix={triangle(code.c_nf_per_km)}"
    )


def _line(line: Line | Switch) -> str:
    amps = "" if math.isinf(line.amps) else f" normamps={line.amps!r}"
    return (
        f"new line.{line.name} phases={len(line.from_.phases)} bus1={line.from_} "
        f"bus2={line.to} linecode={line.code} length={line.length_m!r} units=m{amps}"
    )


def _switch(switch: Switch) -> Iterator[str]:
    # OpenDSS's own `switch=yes` would put its impedance in place of the code's.
    yield _line(switch)
    if switch.kind in DEVICE:
        device, what = f"{DEVICE[switch.kind]}.{switch.name}", "monitored"
    else:
        first = SECTIONALISER if switch.kind is SwitchKind.SECTIONALISER else ""
        device, what = f"swtcontrol.{first}{switch.name}", "switched"
    shut = ""
    if switch.kind is SwitchKind.FUSE:  # those of a fourth conductor and on would be open
        shut = f" state=[{' '.join(['closed'] * len(switch.from_.phases))}]"
    yield f"new {device} {what}obj=line.{switch.name} {what}term=1{shut} enabled=no"
    if not switch.closed:
        yield f"open line.{switch.name} 1"
        yield f"open line.{switch.name} 2"


def _reactor(reactor: Reactor) -> str:
    if reactor.to is None:
        bus, n, far = place(reactor.connection, reactor.from_)
        where = f"phases={n} bus1={bus} " + (f"bus2={far} conn=wye" if far else "conn=delta")
    else:
        n = len(reactor.from_.phases)
        where = f"phases={n} bus1={reactor.from_} bus2={reactor.to} conn=wye"
    z = reactor.z_ohm
    return f"new reactor.{reactor.name} {where} r={z.real!r} x={z.imag!r} parallel=no"


def _transformer(t: Transformer, moved: Regulator | None) -> Iterator[str]:
    lead = "euro" if t.low_side_leads else "ansi"
    yield (
        f"new transformer.{t.name} phases={t.n_phases} windings={len(t.windings)} leadlag={lead} "
        f"%noloadloss={t.no_load_percent!r} %imag={t.magnetising_percent!r} "
        f"ppm_antifloat={t.antifloat_ppm!r}"
    )
    for n, winding in enumerate(t.windings, start=1):
        tap_pu, window = winding.tap_pu, FIXED_TAPS
        if moved is not None and moved.winding == n:
            tap_pu = 1.0 + moved.tap_position * moved.step_pu
            window = (moved.tap_min_pu, moved.tap_max_pu, moved.n_steps)
        bus, conn = leg_place(winding.connection, winding.terminal)
        yield (
            f"~ wdg={n} bus={bus} conn={conn} "
            f"kv={winding.kv!r} kva={winding.kva!r} mintap={window[0]!r} maxtap={window[1]!r} "
            f"numtaps={window[2]} tap={tap_pu!r} rneut=-1"
        )
    # After the ratings: setting one of the first winding sets the others.
    kva, r = ([getattr(w, field) for w in t.windings] for field in ("kva", "r_percent"))
    x = f"xhl={t.x_percent[0]!r}" if len(t.windings) == 2 else f"xscarray={numbers(t.x_percent)}"
    yield f"~ kvas={numbers(kva)} %rs={numbers(r)} {x}"


def _regulator(regulator: Regulator) -> str:
    head = (
        f"new regcontrol.{regulator.name} transformer={regulator.transformer} "
        f"winding={regulator.winding} tapwinding={regulator.winding}"
    )
    if regulator.control is None:
        return f"{head} enabled=no"
    return f"{head} {_line_drop(regulator.control)}"


def _line_drop(c: LineDropControl) -> str:
    text = (
        f"vreg={c.v_reg!r} band={c.band_v!r} ptratio={c.pt_ratio!r} ctprim={c.ct_primary_a!r} "
        f"r={c.r_v!r} x={c.x_v!r} delay={c.delay_s!r} tapdelay={c.tap_delay_s!r} "
        f"maxtapchange={c.max_steps} vlimit={c.v_limit!r} reversible=no"
    )
    return text if c.monitored is None else f"{text} bus={c.monitored}"


def _voltages(feeder: Feeder) -> Iterator[str]:
    yield "makebuslist"
    for bus in feeder.buses.values():
        yield f"setkvbase bus={bus.name} kvll={bus.kv_ll!r}"
