"""Capacitor controls: what they see, and whether they want a step in or out.

A control watches a terminal of some element: the voltage of one of its conductors to
ground (to the next conductor for a delta bank of three), a conductor's current, or the
whole terminal's power. It wants a step in beyond one setting and a step out beyond the
other; a voltage override comes first. These are the rules of OpenDSS's CapControl,
with its ways:

- power is positive into the element, so that a line's first end sees what flows on;
- a current is measured at the element's first terminal whatever terminal is named, and
  so is the voltage that overrides a clock;
- a control that is neither beyond one setting nor the other and has steps left to
  close keeps to what it wanted last, if that is still waiting (all kinds but
  voltage).
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.feeders import (
    Capacitor,
    CapacitorControl,
    CapacitorControlKind,
    Connection,
    Feeder,
    Terminal,
)
from grid_fed_rl.powerflow import primitives
from grid_fed_rl.powerflow.controls import capacitor_kernels
from grid_fed_rl.powerflow.controls.capacitor_kernels import CAPACITOR, MEASURED, CapacitorRules
from grid_fed_rl.powerflow.controls.seen_kernels import TERM
from grid_fed_rl.powerflow.kernels import read_only
from grid_fed_rl.powerflow.network import GROUND, Network

__all__ = ["capacitors_of"]

Complex = NDArray[np.complex128]

# Settings that the kernels have by the same names.
SETTINGS = (
    *("on", "off", "delay_s", "delay_off_s", "dead_time_s"),
    *("pt_ratio", "ct_ratio", "v_min", "v_max"),
)

KINDS = {
    CapacitorControlKind.VOLTAGE: capacitor_kernels.VOLTAGE,
    CapacitorControlKind.KVAR: capacitor_kernels.KVAR,
    CapacitorControlKind.CURRENT: capacitor_kernels.CURRENT,
    CapacitorControlKind.TIME: capacitor_kernels.TIME,
    CapacitorControlKind.PF: capacitor_kernels.PF,
}


@dataclass(frozen=True, slots=True)
class _Branch:
    """The watched element's current: admittance parts and what scales each.

    Attributes:
        nodes: Conductors of the whole element; ground where there is none.
        ends: Slice of its conductors at each terminal.
        parts: (part, conductor, conductor) admittance in siemens: fixed, and with a
            regulator what is scaled by 1/t and 1/t^2.
        switch: Column of the switch it is, or -1.
        capacitor: Column of the capacitor it is, or -1.
        regulator: Column of the regulator that moves it, or -1.
    """

    nodes: list[int]
    ends: list[slice]
    parts: Complex
    switch: int = -1
    capacitor: int = -1
    regulator: int = -1


@dataclass(frozen=True, slots=True)
class _Watched:
    """A capacitor with a control, and what the control watches."""

    column: int  # column of the capacitor steps
    bank: Capacitor
    control: CapacitorControl
    branch: _Branch

    def seen(self) -> list[int]:
        """Conductors whose difference the voltage is."""
        c = self.control
        end = 1 if c.kind is CapacitorControlKind.TIME else c.end
        nodes = self.branch.nodes[self.branch.ends[end - 1]]
        across = self.bank.connection is Connection.DELTA and len(self.bank.terminal.phases) > 2
        return [nodes[c.phase - 1], nodes[c.phase % 3] if across else GROUND]

    def measured(self) -> list[int]:
        """Conductors of the element, counted as it has them, whose current is measured."""
        c = self.control
        if c.kind is CapacitorControlKind.CURRENT:  # at the first terminal
            return [c.phase - 1]
        end = self.branch.ends[c.end - 1]
        return list(range(end.start, end.stop))


def _watched(network: Network, column: int, bank: Capacitor, control: CapacitorControl) -> _Branch:
    feeder, name = network.feeder, control.element
    if not name:
        ends = _shunt_ends(bank.terminal, bank.connection)
        return _branch(network, ends, [primitives.capacitor_admittance(bank)], capacitor=column)
    for group in (feeder.lines, feeder.switches):
        if name in group:
            line = group[name]
            y = primitives.line_admittance(line, feeder.line_codes[line.code], feeder.frequency_hz)
            switch = list(feeder.switches).index(name) if group is feeder.switches else -1
            return _branch(network, [line.from_, line.to], [y], switch=switch)
    if name in feeder.transformers:
        return _watched_transformer(network, feeder, name)
    reactor = feeder.reactors[name]
    if reactor.to is None:
        ends = _shunt_ends(reactor.from_, reactor.connection)
    else:
        ends = [reactor.from_, reactor.to]
    return _branch(network, ends, [primitives.reactor_admittance(reactor)])


def _shunt_ends(terminal: Terminal, connection: Connection) -> list[Terminal]:
    """The starts of the legs, and then where they all end if that is a conductor."""
    n = connection.n_legs(len(terminal.phases))
    ends = [terminal.phases[:n], terminal.phases[n:]]
    return [Terminal(terminal.bus, phases) for phases in ends if phases]


def _watched_transformer(network: Network, feeder: Feeder, name: str) -> _Branch:
    transformer = feeder.transformers[name]
    ends = [w.terminal for w in transformer.windings]
    for column, regulator in enumerate(feeder.regulators.values()):
        if regulator.transformer == name:
            parts = primitives.tap_parts(transformer, regulator.winding)
            return _branch(network, ends, list(parts), regulator=column)
    return _branch(network, ends, [primitives.transformer_admittance(transformer)])


def _branch(
    network: Network, terminals: list[Terminal], parts: list[Complex], **columns: int
) -> _Branch:
    edges = np.cumsum([0, *(len(t.phases) for t in terminals)]).tolist()
    return _Branch(
        nodes=[k for t in terminals for k in network.nodes_of(t)],
        ends=[slice(a, b) for a, b in pairwise(edges)],
        parts=np.stack(parts),
        **columns,
    )


def capacitors_of(network: Network) -> CapacitorRules:
    """The capacitors of a network that have a control of their own."""
    found = [
        _Watched(k, bank, bank.control, _watched(network, k, bank, bank.control))
        for k, bank in enumerate(network.feeder.capacitors.values())
        if bank.control is not None
    ]
    each, measured = np.zeros(len(found), dtype=CAPACITOR), np.zeros(0, dtype=MEASURED)
    terms = np.zeros(0, dtype=TERM)
    for own, one in zip(each, found, strict=True):
        _write(own, one, network)
        own["first_measured"] = len(measured)
        for conductor in one.measured():
            more = _terms(one.branch, conductor)
            into = (one.branch.nodes[conductor], len(terms), len(terms) + len(more))
            measured = np.append(measured, np.array([into], dtype=MEASURED))
            terms = np.append(terms, more)
        own["last_measured"] = len(measured)
    return CapacitorRules(read_only(each), read_only(measured), read_only(terms))


def _write(own: Any, one: _Watched, network: Network) -> None:
    """All of a control's record but what it measures."""
    bank, branch = one.bank, one.branch
    own["column"], own["n_steps"], own["bank_kvar"] = one.column, bank.n_steps, bank.kvar
    own["kind"] = KINDS[one.control.kind]
    for name in SETTINGS:
        own[name] = getattr(one.control, name)
    own["seen_start"], own["seen_stop"] = one.seen()
    own["regulator"], own["switch"], own["bank"] = branch.regulator, branch.switch, branch.capacitor
    if branch.regulator >= 0:
        own["tap_step_pu"] = network.tap_step_pu[branch.regulator]
    if branch.capacitor >= 0:
        own["bank_steps"] = network.capacitor_steps[branch.capacitor]


def _terms(branch: _Branch, conductor: int) -> NDArray[Any]:
    """Of the current into a conductor of the watched element."""
    terms = np.zeros(len(branch.nodes), dtype=TERM)
    terms["node"] = branch.nodes
    for name, part in zip(("fixed", "crossing", "second"), branch.parts, strict=False):
        terms[name] = part[conductor]
    return terms
