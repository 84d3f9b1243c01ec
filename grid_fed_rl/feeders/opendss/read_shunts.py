"""Loads, capacitors and DER out of a compiled circuit."""

import math
from dataclasses import dataclass, field, replace

from grid_fed_rl.feeders.opendss.circuit import (
    Circuit,
    Element,
    RefusedError,
    digits,
    distinct,
)
from grid_fed_rl.feeders.opendss.read_transformers import leg_place, neutral_reactor
from grid_fed_rl.feeders.opendss.shunt_commands import MODEL
from grid_fed_rl.feeders.records import Connection, Reactor, Terminal
from grid_fed_rl.feeders.shunts import (
    Capacitor,
    Generator,
    Load,
    LoadModel,
    Pv,
    Storage,
)

__all__ = ["read_capacitors", "read_generators", "read_loads", "read_pvs", "read_storages"]

_MODEL = {number: model for model, number in MODEL.items()}

_VARIABLE = 0  # OpenDSS's number of the status that follows the load multiplier

FLAT = "default"  # OpenDSS's own load shape, which every load has unless told otherwise


def _place(circuit: Circuit, e: Element) -> tuple[Terminal, Connection]:
    if any(any(row) for row in circuit.opened(e)):
        raise RefusedError("it is open; expected an element in service")
    ((bus, nodes),) = circuit.terminals(e)
    return leg_place(e.text("conn"), bus, nodes, int(e["phases"]))


@dataclass
class _Loads:
    circuit: Circuit
    multiplier: float
    reactors: dict[str, Reactor] = field(default_factory=dict)

    def read(self, e: Element) -> list[Load]:
        if any(any(row) for row in self.circuit.opened(e)):
            raise RefusedError("it is open; expected a load in service")
        ((bus, nodes),) = self.circuit.terminals(e)
        phases, conn = int(e["phases"]), e.text("conn")
        if phases == 2 and conn == "delta":
            self.circuit.approximated(e, "an open delta, read as two loads of half its power")
            return [
                self._one(e, Terminal(bus, nodes[k : k + 2]), Connection.DELTA, 0.5, f"_{k + 1}")
                for k in range(2)
            ]
        terminal, connection = leg_place(conn, bus, nodes, phases)
        r, x = e.number("rneut"), e.number("xneut")
        if reactor := neutral_reactor(e, "", terminal, connection, r, x):
            self.reactors[reactor.name] = reactor
            self.circuit.stands_apart(
                e,
                f"its neutral impedance is reactor {reactor.name!r}; OpenDSS leaves it out of the "
                f"balance that it solves",
            )
        return [self._one(e, terminal, connection)]

    def _one(
        self, e: Element, at: Terminal, connection: Connection, share: float = 1.0, suffix: str = ""
    ) -> Load:
        model = _MODEL.get(int(e["model"]))
        if model is None:
            raise RefusedError(f"model is {e['model']}; expected one of 1 to 8")
        if e.text("status") == "variable" and self.multiplier != 1.0:
            share *= self.multiplier
        kw, kvar = e.number("kw"), e.number("kvar")
        shapes = [e.text(key) for key in ("yearly", "daily", "duty")]
        load = Load(
            name=e.name + suffix,
            terminal=at,
            connection=connection,
            model=model,
            kw=kw if share == 1.0 else digits(kw * share),
            kvar=kvar if share == 1.0 else digits(kvar * share),
            kv=e.number("kv"),
            v_min_pu=e.number("vminpu"),
            v_max_pu=e.number("vmaxpu"),
            v_low_pu=e.number("vlowpu"),
            profile=next((shape for shape in shapes if shape and shape != FLAT), ""),
        )
        if model is LoadModel.CVR:
            load = replace(load, cvr=(e.number("cvrwatts"), e.number("cvrvars")))
        if model is LoadModel.ZIP:
            load = replace(load, zipv=tuple(float(share) for share in e["zipv"]))
        return load


def read_loads(circuit: Circuit) -> tuple[dict[str, Load], dict[str, Reactor]]:
    """Read loads at the circuit's load multiplier, and reactors that ground their neutrals."""
    multiplier = float(circuit.dss.Solution.LoadMult())
    reader = _Loads(circuit, multiplier)
    loads = [load for pair in circuit.read_each("load", reader.read) for load in pair]
    if loads and multiplier != 1.0:
        circuit.approximated("load.*", f"times the circuit's load multiplier, {multiplier:g}")
    report, total = circuit.report, circuit.dss.Loads
    report.load_kw, report.load_kvar = sum(x.kw for x in loads), sum(x.kvar for x in loads)
    at = total.First()
    while at:
        times = multiplier if int(total.Status()) == _VARIABLE else 1.0
        report.script_load_kw += total.kW() * times
        report.script_load_kvar += total.kvar() * times
        at = total.Next()
    return {load.name: load for load in loads}, reader.reactors


def read_capacitors(circuit: Circuit) -> dict[str, Capacitor]:
    """Read shunt capacitors, without their controls."""
    return {c.name: c for c in circuit.read_each("capacitor", lambda e: _capacitor(circuit, e))}


def _capacitor(circuit: Circuit, e: Element) -> Capacitor:
    for key in ("r", "xl", "harm"):
        if any(e[key]):
            raise RefusedError(f"{key} is {e[key]}; expected a plain capacitor without reactor")
    if "cmatrix" in circuit.was_set("capacitor").get(e.name, []):
        raise RefusedError("its capacitance is a matrix; expected equal phases")
    steps = [float(step) for step in _steps(circuit, e)]
    if any(abs(step - steps[0]) > 1e-9 * abs(steps[0]) for step in steps):
        raise RefusedError(f"its steps are {steps} kvar; expected equal ones")
    phases, (bus, nodes), *far = int(e["phases"]), *circuit.terminals(e)
    opened = circuit.opened(e)
    if any(map(any, opened)) and not any(map(all, opened)):
        raise RefusedError("some of its conductors are open; expected all or none")
    closed = sum(1 for state in e["states"] if state)
    if any(map(all, opened)):
        circuit.stands_apart(e, "opened at its terminal; read as no step closed")
        closed = 0
    terminal, connection = _bank_place(e, phases, bus, nodes, far)
    if connection is Connection.DELTA and len(steps) > 1:
        circuit.approximated(
            e, "a delta of several steps, which OpenDSS does not solve by its rating; read by it"
        )
    kvar = _total(steps[0], len(steps))
    return Capacitor(e.name, terminal, connection, kvar, e.number("kv"), len(steps), closed)


def _steps(circuit: Circuit, e: Element) -> list[float]:
    """Rating of each step, kvar, also where the script has microfarads instead."""
    if "cuf" not in circuit.was_set("capacitor").get(e.name, []):
        return e["kvar"]
    v_leg = e.number("kv")
    if e.text("conn") == "wye" and int(e["phases"]) > 1:
        v_leg /= math.sqrt(3)
    omega = 2 * math.pi * circuit.frequency_hz
    return [digits(int(e["phases"]) * omega * 1e-3 * float(c) * v_leg**2) for c in e["cuf"]]


def _bank_place(
    e: Element,
    phases: int,
    bus: str,
    nodes: tuple[int, ...],
    far: list[tuple[str, tuple[int, ...]]],
) -> tuple[Terminal, Connection]:
    if e.text("conn") == "delta":
        if phases != 3:
            raise RefusedError("a delta of less than three phases; expected legs node to node")
        return Terminal(bus, nodes[:3]), Connection.DELTA
    ((far_bus, ends),) = far
    near = distinct(bus, nodes[:phases])
    if not any(ends):
        return Terminal(bus, near), Connection.WYE
    if far_bus != bus:
        raise RefusedError(f"it is in series, to bus {far_bus!r}; expected a shunt")
    if phases == 1:
        return Terminal(bus, (*near, *ends)), Connection.DELTA
    if len(set(ends)) > 1:
        raise RefusedError(f"its legs end on nodes {ends}; expected one neutral")
    return Terminal(bus, (*near, ends[0])), Connection.WYE_N


def _total(step: float, n_steps: int) -> float:
    """The rating of the bank whose share is exactly this step."""
    total = digits(step * n_steps)
    return total if total / n_steps == step else step * n_steps


def _injection(circuit: Circuit, e: Element, p_kw: float) -> tuple[float, float]:
    """What an inverter injects of this power, kW and kvar, within its rating.

    Of kvar and power factor the later holds. Beyond the rating reactive power goes
    first, unless the inverter says otherwise.
    """
    keys, kva = circuit.was_set(e.kind).get(e.name, []), e.number("kva")
    q_kvar, pf = 0.0, e.number("pf")
    if "kvar" in keys and ("pf" not in keys or keys.index("kvar") > keys.index("pf")):
        q_kvar = e.number("kvar")
    elif abs(pf) < 1:
        q_kvar = digits(math.copysign(abs(p_kw) * math.sqrt(1 / pf**2 - 1), pf))
    q_kvar = min(max(q_kvar, -abs(e.number("kvarmaxabs"))), e.number("kvarmax"))
    if math.hypot(p_kw, q_kvar) <= kva:
        return p_kw, q_kvar
    if e["wattpriority"]:
        p_kw = math.copysign(min(abs(p_kw), kva), p_kw)
        return p_kw, digits(math.copysign(math.sqrt(kva**2 - p_kw**2), q_kvar))
    if e["pfpriority"]:
        share = kva / math.hypot(p_kw, q_kvar)
        return digits(p_kw * share), digits(q_kvar * share)
    q_kvar = math.copysign(min(abs(q_kvar), kva), q_kvar)
    return digits(math.copysign(math.sqrt(kva**2 - q_kvar**2), p_kw)), q_kvar


def _inverter_only(e: Element) -> None:
    e.must("model", 1, "expected a constant-power inverter, model 1")
    e.must("effcurve", None, "expected an inverter without a curve of efficiency")
    e.must("limitcurrent", False, "expected no limit of current")


def read_pvs(circuit: Circuit) -> dict[str, Pv]:
    """Read photovoltaic systems at the irradiance they stand in, without controls."""
    return {p.name: p for p in circuit.read_each("pvsystem", lambda e: _pv(circuit, e))}


def _pv(circuit: Circuit, e: Element) -> Pv:
    _inverter_only(e)
    e.must("ptcurve", None, "expected a panel whose power does not depend on temperature")
    terminal, connection = _place(circuit, e)
    kw_dc, kva = e.number("pmpp"), e.number("kva")
    panel_kw = digits(kw_dc * e.number("irradiance"))
    p_kw = min(panel_kw, kw_dc * e.number("pctpmpp") / 100.0)
    if panel_kw < kva * e.number("pctcutin") / 100.0:
        circuit.approximated(e, f"off: {panel_kw:g} kW is below what cuts its inverter in")
        p_kw = 0.0
    window, power = (e.number("vminpu"), e.number("vmaxpu")), _injection(circuit, e, p_kw)
    return Pv(e.name, terminal, connection, e.number("kv"), kw_dc, kva, *window, *power)


def read_storages(circuit: Circuit) -> dict[str, Storage]:
    """Read batteries in the state they are in, without controls."""
    return {s.name: s for s in circuit.read_each("storage", lambda e: _storage(circuit, e))}


def _storage(circuit: Circuit, e: Element) -> Storage:
    _inverter_only(e)
    terminal, connection = _place(circuit, e)
    kw, state = e.number("kwrated"), e.text("state")
    share = {
        "charging": -e.number("pctcharge"),
        "discharging": e.number("pctdischarge"),
    }.get(state, -e.number("pctidlingkw"))
    p_kw, q_kvar = _injection(circuit, e, digits(kw * share / 100.0))
    return Storage(
        name=e.name,
        terminal=terminal,
        connection=connection,
        kv=e.number("kv"),
        kw=kw,
        kwh=e.number("kwhrated"),
        kva=e.number("kva"),
        efficiency_charge=digits(e.number("pcteffcharge") / 100.0),
        efficiency_discharge=digits(e.number("pcteffdischarge") / 100.0),
        soc_min=digits(e.number("pctreserve") / 100.0),
        soc_max=1.0,
        v_min_pu=e.number("vminpu"),
        v_max_pu=e.number("vmaxpu"),
        p_kw=p_kw,
        q_kvar=q_kvar,
    )


def read_generators(circuit: Circuit) -> dict[str, Generator]:
    """Read generators that inject constant power."""
    return {g.name: g for g in circuit.read_each("generator", lambda e: _generator(circuit, e))}


def _generator(circuit: Circuit, e: Element) -> Generator:
    e.must("model", 1, "expected a generator of constant power, model 1")
    terminal, connection = _place(circuit, e)
    window = e.number("vminpu"), e.number("vmaxpu")
    kw, kvar, times = e.number("kw"), e.number("kvar"), float(circuit.dss.Solution.GenMult())
    if times != 1.0 and e.text("status") == "variable":
        kw, kvar = digits(kw * times), digits(kvar * times)
        circuit.approximated(e, f"times the circuit's generator multiplier, {times:g}")
    return Generator(
        e.name, terminal, connection, e.number("kv"), e.number("kva"), *window, kw, kvar
    )
