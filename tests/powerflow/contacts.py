"""Feeders whose lines begin behind one-phase switches, and rows with some of these open."""

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from grid_fed_rl.feeders import Connection, Feeder, LineCode, Load, Switch, Terminal
from grid_fed_rl.powerflow import Network, Setpoint, nominal_setpoint, solve

__all__ = ["by_legs", "one_phase_open", "open_circuits_off", "with_contacts"]

CONTACT = LineCode("contact", ((0.3 + 0.4j,),), ((0.0,),))


def with_contacts(feeder: Feeder, lines: Iterable[str]) -> Feeder:
    """A switch a conductor before each of some lines: ``contact.<line>.<conductor>``."""
    buses, sections, switches = dict(feeder.buses), dict(feeder.lines), dict(feeder.switches)
    for name in lines:
        line = sections[name]
        near, behind = line.from_, f"behind_{name}"
        buses[behind] = replace(buses[near.bus], name=behind)
        for k in near.phases:
            if k:
                ends = Terminal(near.bus, (k,)), Terminal(behind, (k,))
                contact = Switch(f"contact_{name}_{k}", *ends, CONTACT.name, 10.0)
                switches[contact.name] = contact
        sections[name] = replace(line, from_=Terminal(behind, near.phases))
    codes = {**feeder.line_codes, CONTACT.name: CONTACT}
    return replace(feeder, buses=buses, lines=sections, switches=switches, line_codes=codes)


def by_legs(feeder: Feeder) -> Feeder:
    """The feeder with every wye or delta load of several legs as loads of one leg.

    With one end dead a leg is an open circuit. OpenDSS has no such load but one that
    is off, and it has a load off as a whole only.
    """
    loads: dict[str, Load] = {}
    for load in feeder.loads.values():
        phases, kv = load.terminal.phases, load.kv
        legs: list[tuple[int, ...]] = [phases]
        if load.connection is Connection.WYE and len(phases) > 1:
            legs, kv = [(k,) for k in phases], kv / math.sqrt(3.0)
        elif load.connection is Connection.DELTA and len(phases) == 3:
            legs = [(phases[k], phases[k - 2]) for k in range(3)]
        for n, leg in enumerate(legs):
            name = f"{load.name}_{n}"
            at = Terminal(load.terminal.bus, leg)
            power = load.kw / len(legs), load.kvar / len(legs)
            loads[name] = replace(load, name=name, terminal=at, kw=power[0], kvar=power[1], kv=kv)
    return replace(feeder, loads=loads)


def one_phase_open(network: Network, rng: np.random.Generator, n_rows: int) -> Setpoint:
    """Rows with one or two of the contacts open, at any loads; the first at nominal ones."""
    nominal = nominal_setpoint(network, n_rows)
    closed = nominal.switch_closed.copy()
    contacts = [k for k, name in enumerate(network.switches) if name.startswith("contact_")]
    for row in closed:
        row[rng.permutation(contacts)[: rng.integers(1, 3)]] = False
    level = rng.uniform(0.2, 1.0, nominal.load_kw.shape)
    level[0] = 1.0
    return nominal.with_(
        switch_closed=closed,
        load_kw=nominal.load_kw * level,
        load_kvar=nominal.load_kvar * level,
    )


def open_circuits_off(network: Network, setpoint: Setpoint) -> Setpoint:
    """Loads and DER with a dead end at no power: how OpenDSS is told that they are open."""
    feeder, zero = network.feeder, np.zeros((1, 1))
    off = {f"{kind}_{unit}": zero for kind in ("load", "der") for unit in ("kw", "kvar")}
    dead = solve(network, setpoint.with_(**off)).v_pu == 0.0
    ders = (*feeder.pvs.values(), *feeder.storages.values(), *feeder.generators.values())
    powers = {}
    for kind, group in (("load", feeder.loads.values()), ("der", ders)):
        closed = np.ones(getattr(setpoint, f"{kind}_kw").shape, dtype=np.bool_)
        for k, one in enumerate(group):
            at = [node for node in network.nodes_of(one.terminal) if node >= 0]
            closed[:, k] = ~dead[:, at].any(axis=1)
        for unit in ("kw", "kvar"):
            powers[f"{kind}_{unit}"] = getattr(setpoint, f"{kind}_{unit}") * closed
    return setpoint.with_(**powers)
