"""Transformers, regulators, reactors and the source out of a compiled circuit."""

import math
from dataclasses import dataclass, field

from grid_fed_rl.feeders.opendss.circuit import (
    Circuit,
    Element,
    RefusedError,
    digits,
    distinct,
)
from grid_fed_rl.feeders.records import (
    Connection,
    LineDropControl,
    Reactor,
    Regulator,
    Source,
    Terminal,
    Transformer,
    Winding,
)

__all__ = ["leg_place", "neutral_reactor", "read_reactors", "read_source", "read_transformers"]

OFF_STEP = 1e-6  # steps; a tap nearer to one than this stands on it
SAME = 1e-9


def leg_place(
    conn: str, bus: str, nodes: tuple[int, ...], phases: int
) -> tuple[Terminal, Connection]:
    """Where the legs of a winding, load or DER lie, by OpenDSS's connection."""
    if conn == "delta":
        if phases == 2:
            raise RefusedError("an open delta of two phases; expected one or three phases a delta")
        n = 2 if phases == 1 else phases
        return Terminal(bus, distinct(bus, nodes[:n])), Connection.DELTA
    nodes = distinct(bus, nodes[: phases + 1])
    if nodes[phases] == 0 and not (phases == 1 and nodes[0] == 0):
        return Terminal(bus, nodes[:phases]), Connection.WYE
    return Terminal(bus, nodes[: phases + 1]), Connection.WYE_N


def neutral_reactor(
    e: Element, suffix: str, terminal: Terminal, connection: Connection, r: float, x: float
) -> Reactor | None:
    """The impedance by which an element grounds its own neutral; below 0 ohm it has none."""
    if connection is not Connection.WYE_N or r < 0 or terminal.phases[-1] == 0:
        return None
    z = complex(r, x) or complex(1e-6, 0.0)  # as OpenDSS does for a solid one
    at = Terminal(terminal.bus, terminal.phases[-1:])
    return Reactor(f"{e.name}_neutral{suffix}", at, None, z)


@dataclass
class _Reader:
    circuit: Circuit
    regulated: dict[str, int]
    reactors: dict[str, Reactor] = field(default_factory=dict)

    def read(self, e: Element) -> list[Transformer]:
        phases, moved = int(e["phases"]), self.regulated.get(e.name)
        if any(any(row) for row in self.circuit.opened(e)):
            raise RefusedError("it is open at a winding; expected a transformer in service")
        terminals = self.circuit.terminals(e)
        conns = [str(conn).lower() for conn in e["conns"]]
        if phases == 2 and "delta" in conns:
            if moved is not None:
                raise RefusedError("a regulated open delta of two phases")
            return self._open_delta(e, terminals, conns)
        windings = []
        for n, (conn, (bus, nodes)) in enumerate(zip(conns, terminals, strict=True), start=1):
            terminal, connection = leg_place(conn, bus, nodes, phases)
            tap_pu = 1.0 if n == moved else float(e["taps"][n - 1])
            windings.append(self._winding(e, n, terminal, connection, tap_pu))
            r, x = float(e["rneut"][n - 1]), float(e["xneut"][n - 1])
            if reactor := neutral_reactor(e, f"_{n}", terminal, connection, r, x):
                self.reactors[reactor.name] = reactor
                self.circuit.stands_apart(e, f"its neutral impedance is reactor {reactor.name!r}")
        return [self._transformer(e, e.name, tuple(windings))]

    def _winding(
        self, e: Element, n: int, terminal: Terminal, connection: Connection, tap_pu: float,
        share: float = 1.0,
    ) -> Winding:  # fmt: skip
        kv, kva, r = (float(e[key][n - 1]) for key in ("kvs", "kvas", "pctrs"))
        return Winding(terminal, connection, kv, digits(kva * share), digits(r), digits(tap_pu))

    def _transformer(self, e: Element, name: str, windings: tuple[Winding, ...]) -> Transformer:
        # Two-winding ones keep their reactance as X12, all as the array.
        return Transformer(
            name=name,
            windings=windings,
            x_percent=tuple(digits(x) for x in e["xscarray"]),
            antifloat_ppm=digits(e.number("ppm_antifloat")),
            no_load_percent=digits(e.number("pctnoloadloss")),
            magnetising_percent=digits(e.number("pctimag")),
            low_side_leads=e.text("leadlag") in ("lead", "euro"),
        )

    def _open_delta(
        self, e: Element, terminals: list[tuple[str, tuple[int, ...]]], conns: list[str]
    ) -> list[Transformer]:
        """Two coils on three conductors are two one-phase transformers of half the rating."""
        pair = []
        for coil in range(2):
            windings = []
            for n, (conn, (bus, nodes)) in enumerate(zip(conns, terminals, strict=True), start=1):
                if conn == "delta":
                    legs, connection = nodes[coil : coil + 2], Connection.DELTA
                    kv = float(e["kvs"][n - 1])
                else:
                    if nodes[2] != 0:
                        raise RefusedError("an open wye with a neutral beside an open delta")
                    legs, connection = nodes[coil : coil + 1], Connection.WYE
                    kv = float(e["kvs"][n - 1]) / math.sqrt(3)
                tap_pu = float(e["taps"][n - 1])
                one = self._winding(e, n, Terminal(bus, legs), connection, tap_pu, 0.5)
                windings.append(Winding(*_with_kv(one, digits(kv))))
            pair.append(self._transformer(e, f"{e.name}_{coil + 1}", tuple(windings)))
        self.circuit.approximated(
            e, f"an open delta, read as {pair[0].name!r} and {pair[1].name!r} of half its rating"
        )
        return pair


def _with_kv(w: Winding, kv: float) -> tuple[Terminal, Connection, float, float, float, float]:
    return w.terminal, w.connection, kv, w.kva, w.r_percent, w.tap_pu


def read_transformers(
    circuit: Circuit,
) -> tuple[dict[str, Transformer], dict[str, Regulator], dict[str, Reactor]]:
    """Read transformers, their regulators, and reactors that stand for grounded neutrals."""
    regulators: dict[str, Regulator] = {}
    taken: dict[str, str] = {}
    bases = {e.name: e for e in circuit.enabled("transformer")}
    for enabled in (True, False):
        for e in circuit.elements("regcontrol"):
            if bool(e["enabled"]) is not enabled:
                continue
            try:
                regulator = _regulator(circuit, e, bases, taken)
            except RefusedError as refusal:
                circuit.refuse(e, str(refusal))
            else:
                circuit.report.read["regcontrol"] += 1
                regulators[regulator.name] = regulator
                taken[regulator.transformer] = regulator.name
    in_order = {e.name: regulators[e.name] for e in circuit.elements("regcontrol")
                if e.name in regulators}  # fmt: skip
    reader = _Reader(circuit, {r.transformer: r.winding for r in in_order.values()})
    read = [t for pair in circuit.read_each("transformer", reader.read) for t in pair]
    transformers = {t.name: t for t in read}
    for name, r in list(in_order.items()):
        if r.transformer not in transformers:
            circuit.refuse(Element("regcontrol", name, {}), f"{r.transformer!r} is refused")
            del in_order[name]
    return transformers, in_order, reader.reactors


def _regulator(
    circuit: Circuit, e: Element, bases: dict[str, Element], taken: dict[str, str]
) -> Regulator:
    name, winding = e.text("transformer"), int(e["tapwinding"])
    if name not in bases:
        raise RefusedError(f"transformer is {name!r}; expected an enabled transformer")
    if name in taken:
        raise RefusedError(f"its transformer is moved by {taken[name]!r} already")
    t = bases[name]
    low, high, steps = (t[key][winding - 1] for key in ("mintap", "maxtap", "numtaps"))
    low, high, steps = float(low), float(high), int(steps)
    if steps < 1 or not low < high:
        raise RefusedError(f"taps of {name!r} are from {low} to {high} in {steps} steps")
    step_pu = (high - low) / steps
    position = (float(t["taps"][winding - 1]) - 1.0) / step_pu
    if abs(position - round(position)) > OFF_STEP:
        circuit.approximated(
            e, f"its tap is {position:.4f} steps from neutral; read as {round(position)}"
        )
    control = _line_drop(circuit, e) if e["enabled"] else None
    return Regulator(e.name, name, winding, low, high, steps, round(position), control)


def _line_drop(circuit: Circuit, e: Element) -> LineDropControl:
    e.must("winding", int(e["tapwinding"]), "expected the winding whose taps it moves")
    e.must("ptphase", "1", "expected phase 1 of its winding")
    e.must("ldc_z", 0.0, "expected compensation by R and X")
    for key, why in (
        ("reversible", "power that flows back is regulated as if it flowed forward"),
        ("cogen", "its cogeneration mode is left out"),
        ("inversetime", "its delay is read as constant"),
    ):
        if e[key]:
            circuit.approximated(e, why)
    monitored = None
    if e["bus"]:
        bus, *nodes = e.text("bus").split(".")
        monitored = Terminal(bus, tuple(map(int, nodes)) or (1,))
        if e.number("remoteptratio") != e.number("ptratio"):
            raise RefusedError("remoteptratio differs from ptratio; expected one ratio")
    return LineDropControl(
        v_reg=e.number("vreg"),
        band_v=e.number("band"),
        pt_ratio=e.number("ptratio"),
        ct_primary_a=e.number("ctprim"),
        r_v=e.number("r"),
        x_v=e.number("x"),
        delay_s=e.number("delay"),
        tap_delay_s=e.number("tapdelay"),
        max_steps=int(e["maxtapchange"]),
        monitored=monitored,
        v_limit=e.number("vlimit"),
    )


def read_reactors(circuit: Circuit) -> dict[str, Reactor]:
    """Read reactors in line and to ground."""
    return {r.name: r for r in circuit.read_each("reactor", lambda e: _reactor(circuit, e))}


def _reactor(circuit: Circuit, e: Element) -> Reactor:
    for key in ("rcurve", "lcurve"):
        e.must(key, None, "an impedance that depends on frequency cannot be held")
    if any(e["z1"]) and (e["z1"] != e["z0"] or e["z1"] != e["z2"]):
        raise RefusedError("its phases are coupled (z1, z0); expected one impedance a phase")
    if "rmatrix" in circuit.was_set("reactor").get(e.name, []):
        raise RefusedError("its impedance is a matrix; expected one impedance a phase")
    if any(any(row) for row in circuit.opened(e)):
        raise RefusedError("it is open; expected a reactor in service")
    # OpenDSS takes R and X in series whatever `parallel` says.
    z = complex(e.number("r"), e.number("x"))
    if any(e["z1"]):
        z = complex(*e["z1"])
    if z == 0:
        raise RefusedError("r and x are 0; expected an impedance, however small")
    if e.number("rp"):
        z = 1 / (1 / z + 1 / e.number("rp"))
        z = complex(digits(z.real), digits(z.imag))
    phases, terminals = int(e["phases"]), circuit.terminals(e)
    bus, nodes = terminals[0]
    if e.text("conn") == "delta":
        if phases != 3:
            raise RefusedError("a delta of less than three phases; expected legs node to node")
        return Reactor(e.name, Terminal(bus, nodes), None, z, Connection.DELTA)
    near, (far_bus, far) = Terminal(bus, nodes[:phases]), terminals[1]
    if not any(far):
        return Reactor(e.name, near, None, z)
    if far_bus == bus and phases == 1:
        return Reactor(e.name, Terminal(bus, (*near.phases, *far)), None, z, Connection.DELTA)
    if far_bus == bus and len(set(far)) == 1:
        return Reactor(e.name, Terminal(bus, (*near.phases, far[0])), None, z, Connection.WYE_N)
    return Reactor(e.name, near, Terminal(far_bus, far[:phases]), z)


def read_source(circuit: Circuit) -> Source:
    """Read the one source of the circuit.

    Raises:
        RefusedError: it has no source, several, or one that is not a stiff
            three-phase one.
    """
    sources = circuit.enabled("vsource")
    if len(sources) != 1:
        names = ", ".join(s.name for s in sources) or "none"
        raise RefusedError(f"the circuit has {len(sources)} sources ({names}); expected one")
    (e,) = sources
    (bus, nodes), (_, ground) = circuit.terminals(e)
    if int(e["phases"]) != 3 or nodes != (1, 2, 3) or any(ground):
        raise RefusedError(
            f"the source stands on {'.'.join((bus, *map(str, nodes)))} against "
            f"{'.'.join(map(str, ground))}; expected phases 1.2.3 against ground"
        )
    e.must("frequency", circuit.frequency_hz, "expected the circuit's frequency")
    e.must("sequence", "positive", "expected a source of positive sequence")
    kv = e.number("basekv")
    if e.text("model") == "ideal":
        z1 = z0 = complex(*e["puzideal"]) * kv**2 / e.number("basemva")
    else:
        z1, z2, z0 = (complex(*e[key]) for key in ("z1", "z2", "z0"))
        if abs(z1 - z2) > SAME * abs(z1):
            raise RefusedError(f"z2 of the source is {z2}; expected z1, {z1}")
    circuit.report.read["vsource"] += 1
    return Source(e.name, bus, kv, e.number("pu"), e.number("angle"), z1, z0)
