"""MAPDN's 33-bus feeder, by one phase.

Baran and Wu's feeder is balanced, and no phase couples to another, so that one conductor
with the line-to-line voltage to ground and the powers of all three has the same voltages
per unit and the same losses: drops grow by the square root of three, as the voltage does.
That takes a third of the work. The open ties are left out, as MAPDN leaves them open.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from grid_fed_rl.feeders import Connection, Feeder, Line, LineCode, Load, Pv, Terminal

__all__ = ["PV_BUSES", "V_HIGH_PU", "V_LOW_PU", "one_phase"]

V_LOW_PU, V_HIGH_PU = 0.6, 1.4  # within which its loads are of constant power
PV_BUSES = ("13", "18", "22", "25", "29", "33")


def one_phase(whole: Feeder, pv_kw: Sequence[float], pv_kva: Sequence[float]) -> Feeder:
    """The equivalent of a balanced feeder, with PV at `PV_BUSES`.

    Args:
        whole: The feeder.
        pv_kw: (pv,) largest power of each.
        pv_kva: (pv,) rating of each.
    """
    up = math.sqrt(3.0)  # a bus of so many kV line to line has the old ones to ground
    pvs = {
        f"pv{bus}": Pv(
            f"pv{bus}",
            Terminal(bus, (1,)),
            Connection.WYE,
            whole.buses[bus].kv_ll,
            kw,
            kva,
            V_LOW_PU,
            V_HIGH_PU,
        )
        for bus, kw, kva in zip(PV_BUSES, pv_kw, pv_kva, strict=True)
    }
    lines = {name: _line(line) for name, line in whole.lines.items()}
    return replace(
        whole,
        source=replace(whole.source, kv_ll=up * whole.source.kv_ll),
        buses={name: replace(bus, kv_ll=up * bus.kv_ll) for name, bus in whole.buses.items()},
        line_codes={one.code: _line_code(whole.line_codes[one.code]) for one in lines.values()},
        lines=lines,
        switches={},
        loads={name: _load(one) for name, one in whole.loads.items()},
        pvs=pvs,
    )


def _line_code(code: LineCode) -> LineCode:
    z, c = code.z_ohm_per_km[0][0], code.c_nf_per_km[0][0]
    return replace(code, z_ohm_per_km=((z,),), c_nf_per_km=((c,),))


def _line(line: Line) -> Line:
    return replace(line, from_=_one(line.from_), to=_one(line.to))


def _load(load: Load) -> Load:
    return replace(load, terminal=_one(load.terminal))


def _one(terminal: Terminal) -> Terminal:
    return Terminal(terminal.bus, (1,))
