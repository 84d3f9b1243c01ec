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
from grid_fed_rl.powerflow.controls.capacitor_kernels import CapacitorRules
from grid_fed_rl.powerflow.kernels import read_only
from grid_fed_rl.powerflow.network import GROUND, Network

__all__ = ["capacitors_of"]

Complex = NDArray[np.complex128]

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
        if c.kind is CapacitorControlKind.CURRENT:
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
    controls, branches = [one.control for one in found], [one.branch for one in found]

    def each(values: list[float]) -> NDArray[np.float64]:
        return np.array(values, dtype=np.float64)

    def whole(values: list[int]) -> NDArray[np.int64]:
        return np.array(values, dtype=np.int64)

    into, around, y = _padded(found)
    rules = CapacitorRules(
        column=whole([one.column for one in found]),
        n_steps=whole([one.bank.n_steps for one in found]),
        bank_kvar=each([one.bank.kvar for one in found]),
        kind=whole([KINDS[c.kind] for c in controls]),
        on=each([c.on for c in controls]),
        off=each([c.off for c in controls]),
        delay_s=each([c.delay_s for c in controls]),
        delay_off_s=each([c.delay_off_s for c in controls]),
        dead_time_s=each([c.dead_time_s for c in controls]),
        pt_ratio=each([c.pt_ratio for c in controls]),
        ct_ratio=each([c.ct_ratio for c in controls]),
        v_min=each([c.v_min for c in controls]),
        v_max=each([c.v_max for c in controls]),
        seen=np.array([one.seen() for one in found], dtype=np.int64).reshape(-1, 2),
        into=into,
        around=around,
        y=y,
        regulator=whole([b.regulator for b in branches]),
        regulator_step_pu=each(
            [float(network.tap_step_pu[b.regulator]) if b.regulator >= 0 else 0.0 for b in branches]
        ),
        switch=whole([b.switch for b in branches]),
        bank=whole([b.capacitor for b in branches]),
        bank_steps=whole(
            [int(network.capacitor_steps[b.capacitor]) if b.capacitor >= 0 else 1 for b in branches]
        ),
    )
    return CapacitorRules(*map(read_only, rules))


def _padded(
    found: list[_Watched],
) -> tuple[NDArray[np.int64], NDArray[np.int64], Complex]:
    """What is measured of every element, its conductors and admittances: see `CapacitorRules`.

    Elements with fewer conductors than the most have ground for the others, without current.
    """
    n_measured = max((len(one.measured()) for one in found), default=0)
    n_nodes = max((len(one.branch.nodes) for one in found), default=0)
    into = np.full((len(found), n_measured), GROUND, dtype=np.int64)
    around = np.full((len(found), n_nodes), GROUND, dtype=np.int64)
    y = np.zeros((len(found), 3, n_measured, n_nodes), dtype=np.complex128)
    for k, one in enumerate(found):
        nodes, parts, measured = one.branch.nodes, one.branch.parts, one.measured()
        into[k, : len(measured)] = [nodes[i] for i in measured]
        around[k, : len(nodes)] = nodes
        y[k, : len(parts), : len(measured), : len(nodes)] = parts[:, measured]
    return into, around, y
