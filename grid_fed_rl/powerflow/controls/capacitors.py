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
from grid_fed_rl.powerflow.flow import PowerFlow
from grid_fed_rl.powerflow.measures.floating import potentials
from grid_fed_rl.powerflow.measures.rows import row_factors
from grid_fed_rl.powerflow.network import Network

__all__ = ["CLOSE", "NOTHING", "OPEN", "WatchedCapacitor", "capacitors_of"]

Floats = NDArray[np.float64]
Wants = NDArray[np.int8]
Rows = NDArray[np.complex128]

OPEN, NOTHING, CLOSE = -1, 0, 1  # the change of step that a control wants

LEAST_KVAR_SHARE = 0.5  # of the bank: a power-factor control closes for no less


@dataclass(frozen=True, slots=True)
class _Branch:
    """The watched element's current: admittance parts and what scales each.

    Attributes:
        nodes: Conductors of the whole element; ground where there is none.
        ends: Slice of its conductors at each terminal.
        parts: (part, conductor, conductor) admittance in siemens.
        switch: Column of the switch it is, or -1.
        capacitor: Column of the capacitor it is, or -1.
        regulator: Column of the regulator that moves it, or -1.
    """

    nodes: list[int]
    ends: list[slice]
    parts: NDArray[np.complex128]
    switch: int = -1
    capacitor: int = -1
    regulator: int = -1

    def current_a(self, network: Network, flow: PowerFlow, volts: Rows, end: int) -> Rows:
        """Current into the conductors of a terminal: (batch, conductor)."""
        setpoint, rows = flow.setpoint, self.ends[end - 1]
        i = volts @ self.parts[0][rows].T
        if self.regulator >= 0:
            position = setpoint.tap_position[:, self.regulator, None]
            t = 1.0 + position * network.tap_step_pu[self.regulator]
            i = i + volts @ self.parts[1][rows].T / t + volts @ self.parts[2][rows].T / t**2
        if self.switch >= 0:
            i = i * setpoint.switch_closed[:, self.switch, None]
        if self.capacitor >= 0:
            share = setpoint.capacitor_step / network.capacitor_steps
            i = i * share[:, self.capacitor, None]
        return i


@dataclass(frozen=True, slots=True)
class WatchedCapacitor:
    """A capacitor bank with a control of its own."""

    network: Network
    column: int  # column of the capacitor steps
    bank: Capacitor
    control: CapacitorControl
    branch: _Branch

    def wants(self, flow: PowerFlow, hour: Floats, before: Wants) -> tuple[Wants, NDArray]:
        """What the control wants in every row, and whether it has just asked for it.

        Args:
            flow: What it sees.
            hour: (batch,) hour of the day.
            before: (batch,) what it wanted last.
        """
        step = flow.setpoint.capacitor_step[:, self.column]
        closed, full = step > 0, step == self.bank.n_steps
        beyond_on, beyond_off, more = self._beyond(flow, hour)
        asks_close = np.where(closed, ~beyond_off & more & ~full, beyond_on)
        asks_open = closed & beyond_off
        keeps = closed & ~full & ~asks_open & ~asks_close
        if self.control.kind is CapacitorControlKind.VOLTAGE:
            keeps[:] = False
        else:
            low, high = self._override(flow)
            asks_close, asks_open = (
                np.where(closed, asks_close & ~high, asks_close | low),
                asks_open | (closed & high),
            )
            keeps &= ~asks_open
        wants = np.where(asks_open, OPEN, np.where(asks_close, CLOSE, NOTHING))
        return np.where(keeps, before, wants).astype(np.int8), asks_open | asks_close

    def delay_s(self, wants: Wants, was_opened: NDArray[np.bool_]) -> Floats:
        """Time from asking to acting: (batch,). Closing waits for the dead time."""
        c = self.control
        close = c.delay_s + np.where(was_opened, c.dead_time_s, 0.0)
        return np.where(wants == CLOSE, close, c.delay_off_s)

    def _volts(self, flow: PowerFlow) -> Rows:
        """Voltage of every conductor of the watched element: (batch, conductor).

        A dead conductor beside live ones floats: earthed it would carry a current.
        """
        nodes = np.array(self.branch.nodes)
        lands, network, v_pu = nodes >= 0, self.network, flow.v_pu
        if (v_pu[:, nodes[lands]] == 0.0).any():
            v_pu = potentials(network, flow, row_factors(network, flow))
        v = np.zeros((len(v_pu), len(nodes)), dtype=np.complex128)
        v[:, lands] = v_pu[:, nodes[lands]] * network.v_base_v[nodes[lands]]
        return v

    def _voltage(self, flow: PowerFlow) -> Floats:
        """At the secondary of the potential transformer: (batch,)."""
        c = self.control
        end = 1 if c.kind is CapacitorControlKind.TIME else c.end
        v = self._volts(flow)[:, self.branch.ends[end - 1]]
        seen = v[:, c.phase - 1]
        if self.bank.connection is Connection.DELTA and len(self.bank.terminal.phases) > 2:
            seen = seen - v[:, c.phase % 3]
        return np.abs(seen) / c.pt_ratio

    def _override(self, flow: PowerFlow) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether the voltage asks for a step in, or out, whatever the kind."""
        c = self.control
        if c.v_min <= 0.0 and np.isinf(c.v_max):
            nowhere = np.zeros(len(flow.v_pu), dtype=np.bool_)
            return nowhere, nowhere
        v = self._voltage(flow)
        return v < c.v_min, v > c.v_max

    def _power_kva(self, flow: PowerFlow) -> Rows:
        """Into the watched terminal, all its conductors: (batch,)."""
        volts, end = self._volts(flow), self.control.end
        i = self.branch.current_a(self.network, flow, volts, end)
        return (volts[:, self.branch.ends[end - 1]] * i.conj()).sum(axis=1) / 1000.0

    def _beyond(
        self, flow: PowerFlow, hour: Floats
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        """Beyond the setting for closing the first step, for opening, for closing more."""
        c = self.control
        match c.kind:
            case CapacitorControlKind.VOLTAGE:
                v = self._voltage(flow)
                return v < c.on, v > c.off, v < c.on
            case CapacitorControlKind.KVAR:
                kvar = self._power_kva(flow).imag
                return kvar > c.on, kvar < c.off, kvar > c.on
            case CapacitorControlKind.CURRENT:
                volts = self._volts(flow)
                i = self.branch.current_a(self.network, flow, volts, 1)[:, c.phase - 1]
                amps = np.abs(i) / c.ct_ratio
                return amps > c.on, amps < c.off, amps > c.on
            case CapacitorControlKind.PF:
                return self._beyond_power_factor(self._power_kva(flow))
            case CapacitorControlKind.TIME:
                return self._beyond_time(hour)

    def _beyond_power_factor(
        self, kva: Rows
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        c, size = self.control, np.abs(kva)
        lagging = np.where(size > 0.0, np.abs(kva.real) / np.where(size > 0.0, size, 1.0), 1.0)
        pf = np.where(kva.imag < 0.0, 2.0 - lagging, lagging)
        kvar = self.bank.kvar * LEAST_KVAR_SHARE
        first = (pf < c.on) & (kva.imag > kvar)
        return first, pf > c.off, (pf < c.on) & (kva.imag > kvar / self.bank.n_steps)

    def _beyond_time(
        self, hour: Floats
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        c = self.control
        if c.off > c.on:
            on = (hour >= c.on) & (hour < c.off)
            return on, ~on, on
        on = hour >= c.on  # the off time is the next day's
        return on, (hour >= c.off) & ~on, on


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
    network: Network, terminals: list[Terminal], parts: list[Rows], **columns: int
) -> _Branch:
    edges = np.cumsum([0, *(len(t.phases) for t in terminals)]).tolist()
    return _Branch(
        nodes=[k for t in terminals for k in network.nodes_of(t)],
        ends=[slice(a, b) for a, b in pairwise(edges)],
        parts=np.stack(parts),
        **columns,
    )


def capacitors_of(network: Network) -> list[WatchedCapacitor]:
    """The capacitors of a network that have a control of their own."""
    return [
        WatchedCapacitor(network, k, bank, bank.control, _watched(network, k, bank, bank.control))
        for k, bank in enumerate(network.feeder.capacitors.values())
        if bank.control is not None
    ]
