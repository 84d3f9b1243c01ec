"""Buses and what stands between them, drawn by lot; see `random_feeders`."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from grid_fed_rl.feeders import (
    Bus,
    Connection,
    Feeder,
    Line,
    LineCode,
    Reactor,
    Regulator,
    Source,
    Switch,
    SwitchKind,
    Terminal,
    Transformer,
    Winding,
)
from grid_fed_rl.powerflow import (
    compile_network,
)

__all__ = ["DELTA", "WYE", "WYE_N", "Branches", "Draw"]

WYE, WYE_N, DELTA = Connection
LEVELS_KV = (0.4, 0.48, 4.16, 12.47, 20.0, 24.9)
T = TypeVar("T")
TAPS = ((0.9, 1.1, 32), (0.95, 1.05, 10), (0.85, 1.1, 20), (0.925, 1.0, 6), (1.0, 1.1, 8))


class Draw:
    """Random numbers of six digits, so that files carry them exactly."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def number(self, low: float, high: float) -> float:
        return float(f"{self.rng.uniform(low, high):.6g}")

    def spread(self, low: float, high: float) -> float:
        """Any order of magnitude alike."""
        return float(f"{math.exp(self.rng.uniform(math.log(low), math.log(high))):.6g}")

    def one(self, among: Sequence[T]) -> T:
        return among[int(self.rng.integers(len(among)))]

    def some(self, among: Sequence[T], n: int) -> tuple[T, ...]:
        """So many of them, in any order."""
        return tuple(among[int(k)] for k in self.rng.permutation(len(among))[:n])

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)


class Branches:
    """A feeder that grows: buses and what stands between them."""

    def __init__(self, draw: Draw, name: str) -> None:
        self.draw = draw
        self.name = name
        self.frequency_hz = draw.one((50.0, 60.0))
        self.codes: dict[str, LineCode] = {}
        self.lines: dict[str, Line] = {}
        self.switches: dict[str, Switch] = {}
        self.transformers: dict[str, Transformer] = {}
        self.reactors: dict[str, Reactor] = {}
        self.regulators: dict[str, Regulator] = {}
        kv_ll = draw.one(LEVELS_KV)
        self.buses = {"b0": Bus("b0", kv_ll)}
        self.nodes: dict[str, tuple[int, ...]] = {"b0": (1, 2, 3)}
        self.split: set[str] = set()  # buses of centre-tapped services: nodes 1 and 2 opposed
        z_ohm = kv_ll**2 / draw.spread(20.0, 500.0)
        self.source = Source(
            draw.one(("source", "grid")),
            "b0",
            draw.one((kv_ll, draw.number(0.98 * kv_ll, 1.02 * kv_ll))),
            draw.number(0.97, 1.05),
            draw.one((0.0, 30.0, draw.number(-180.0, 180.0))),
            complex(draw.number(0.05, 0.3) * z_ohm, z_ohm),
            complex(draw.number(0.05, 0.9) * z_ohm, draw.number(0.7, 3.0) * z_ohm),
        )

    def feeder(self) -> Feeder:
        return Feeder(
            name=self.name,
            source=self.source,
            buses=self.buses,
            line_codes=self.codes,
            lines=self.lines,
            switches=self.switches,
            transformers=self.transformers,
            reactors=self.reactors,
            regulators=self.regulators,
            frequency_hz=self.frequency_hz,
            title="drawn by lot",
            provenance="nobody's",
        )

    def new_bus(self, kv_ll: float, nodes: Sequence[int]) -> str:
        name = f"b{len(self.buses)}"
        placed = self.draw.chance(0.5)
        x, y = (self.draw.number(0, 9) if placed else math.nan for _ in "xy")
        self.buses[name] = Bus(name, kv_ll, x, y)
        self.nodes[name] = tuple(sorted(nodes))
        return name

    def grow(self) -> None:
        """One more bus, or two."""
        draw = self.draw
        parent = draw.one(tuple(self.buses))
        kind = draw.rng.choice(["line", "switch", "reactor", "transformer"], p=[0.4, 0.2, 0.1, 0.3])
        if kind == "transformer":
            self.transform(parent)
            return
        have = self.nodes[parent]
        near = list(draw.some(have, int(draw.rng.integers(1, len(have) + 1))))
        if near == [4]:
            near = [draw.one([k for k in have if k < 4]), 4]
        far = list(near)
        if draw.chance(0.15) and parent not in self.split:  # phases change places
            phases = draw.some([k for k in near if k < 4], len([k for k in near if k < 4]))
            far = [*phases, *(k for k in near if k >= 4)]
            near = sorted(near)
        if 4 not in near and kind != "reactor" and len(near) < 4 and draw.chance(0.25):
            near, far = [*near, 0], [*far, 4]  # a neutral that begins at ground
        child = self.new_bus(self.buses[parent].kv_ll, far)
        if parent in self.split:
            self.split.add(child)
        self.join(str(kind), Terminal(parent, tuple(near)), Terminal(child, tuple(far)))

    def join(self, kind: str, near: Terminal, far: Terminal) -> None:
        """A line, a switch or a reactor between equally many conductors."""
        draw, n = self.draw, len(near.phases)
        if kind == "reactor":
            z_ohm = self.buses[near.bus].kv_ll ** 2 / draw.spread(5.0, 500.0)
            name = f"r{len(self.reactors)}"
            z = complex(draw.number(0.0, 0.5) * z_ohm, z_ohm)
            self.reactors[name] = Reactor(name, near, far, z)
            return
        amps = draw.one((math.inf, draw.number(50.0, 600.0)))
        if kind == "switch":
            name, code = f"s{len(self.switches)}", self.code(n, draw.chance(0.5))
            where = (name, near, far, code, draw.spread(0.5, 100.0), amps)
            is_closed = draw.chance(0.8)
            self.switches[name] = Switch(*where, draw.one(tuple(SwitchKind)), is_closed)
            return
        name, code = f"l{len(self.lines)}", self.code(n, False)
        self.lines[name] = Line(name, near, far, code, draw.spread(10.0, 3000.0), amps)

    def code(self, n: int, bare: bool) -> str:
        """A full, uneven matrix of an overhead line or a cable."""
        draw, rng = self.draw, self.draw.rng
        r, x = draw.number(0.05, 1.0), draw.number(0.1, 0.7)
        z = np.full((n, n), 0.06 + 0.35j * x) + np.diag(
            [draw.number(0.8, 1.2) * r + 1j * draw.number(0.8, 1.3) * x for _ in range(n)]
        )
        skew = rng.uniform(0.9, 1.1, (n, n))
        z = np.round(z * (skew + skew.T) / 2.0, 7)
        size = 0.0 if bare else draw.spread(5.0, 300.0)
        c = np.diag(rng.uniform(0.9, 1.1, n)) * size - (1 - np.eye(n)) * 0.15 * size
        c *= (skew + skew.T) / 2.0
        name = f"c{len(self.codes)}"
        matrices = (tuple(map(tuple, m.tolist())) for m in (z, np.round(c, 6)))
        self.codes[name] = LineCode(name, *matrices)
        return name

    def transform(self, parent: str) -> None:
        """A transformer, with the buses behind it."""
        draw, have = self.draw, self.nodes[parent]
        phases = [k for k in have if k < 4]
        n_coils = draw.one([n for n in (1, 1, 2, 3, 3) if n <= len(phases)])
        if parent in self.split:
            n_coils = 1
        kv_ll = self.buses[parent].kv_ll
        other_kv = kv_ll if draw.chance(0.3) else draw.one(LEVELS_KV)
        if n_coils == 3 and draw.chance(0.15):
            self.open_delta(parent, other_kv)
            return
        kva = draw.spread(50.0, 5000.0) * (0.2 if n_coils == 1 else 1.0)
        first = self.winding(parent, self.coils(have, n_coils, parent in self.split), kva)
        if n_coils == 1 and draw.chance(0.3):
            child = self.new_bus(0.208, (1, 2))
            self.split.add(child)
            how = draw.one((DELTA, WYE_N))
            halves = [(how, (1, 0)), (how, (0, 2))]
            windings = [first, *(self.winding(child, half, kva, 0.12) for half in halves)]
        else:
            windings = [first]
            for _ in range(draw.one((1, 1, 1, 2))):
                where = self.coils((1, 2, 3, 4), n_coils, False)
                nodes = [k for k in where[1] if k]
                child = self.new_bus(other_kv, nodes)
                windings.append(self.winding(child, where, kva))
                if 4 in nodes and draw.chance(0.8):
                    self.earth(child)
                other_kv = draw.one(LEVELS_KV)
        self.add(windings)

    def add(self, windings: Sequence[Winding]) -> None:
        draw = self.draw
        tight = draw.chance(0.2)  # a regulator's leakage
        n = len(windings)
        x = [draw.number(0.01, 0.5) if tight else draw.number(1.0, 8.0) for _ in range(n - 1)]
        if n == 3:  # of three windings, two leakages make most of the third
            x.append(float(f"{draw.number(0.5, 0.98) * (x[0] + x[1]):.6g}"))
        floats = any(w.connection is not WYE or w.n_coils > 1 for w in windings)
        name = f"t{len(self.transformers)}"
        if draw.chance(0.35):
            moved = int(draw.rng.integers(n))
            windings = [replace(w, tap_pu=1.0) if k == moved else w for k, w in enumerate(windings)]
            low, high, steps = draw.one(TAPS)
            regulator = Regulator(f"reg{name}", name, moved + 1, low, high, steps)
            lowest, highest = (round((end - 1.0) / regulator.step_pu) for end in (low, high))
            position = int(draw.rng.integers(max(lowest, -4), min(highest, 4) + 1))
            self.regulators[regulator.name] = replace(regulator, tap_position=position)
        self.transformers[name] = Transformer(
            name,
            tuple(windings),
            tuple(x),
            antifloat_ppm=draw.one((1.0, 10.0, 1000.0)) if floats else draw.one((0.0, 1.0)),
            no_load_percent=draw.one((0.0, draw.number(0.05, 0.5))),
            magnetising_percent=draw.one((0.0, draw.number(0.2, 2.0))),
            low_side_leads=draw.chance(0.3),
        )

    def winding(
        self,
        bus: str,
        where: tuple[Connection, tuple[int, ...]],
        kva: float,
        kv: float | None = None,
    ) -> Winding:
        draw, (connection, nodes) = self.draw, where
        rated = kv or self.rated_kv(bus, connection, nodes)
        tap = draw.one((1.0, 1.0, 1.025, 0.975, 0.95))
        r = draw.one((0.0, draw.number(0.05, 1.5)))
        kva = float(f"{kva * draw.one((1.0, 1.0, 0.5)):.6g}")
        return Winding(Terminal(bus, nodes), connection, rated, kva, r, tap)

    def rated_kv(self, bus: str, connection: Connection, nodes: tuple[int, ...]) -> float:
        """Nominal voltage of a leg if there is one, else between phases."""
        kv_ll = self.buses[bus].kv_ll
        phases = [k for k in nodes if 0 < k < 4]
        if connection is not WYE and len(nodes) == 2 and len(phases) == 2:
            return 0.24 if bus in self.split else kv_ll
        one_leg = connection.n_legs(len(nodes)) == 1
        return float(f"{kv_ll / math.sqrt(3):.6g}") if one_leg else kv_ll

    def coils(
        self, have: Sequence[int], n: int, is_split: bool
    ) -> tuple[Connection, tuple[int, ...]]:
        """Somewhere for so many legs to lie, on nodes that are there."""
        draw = self.draw
        phases = [k for k in have if k < 4]
        ways: list[tuple[Connection, tuple[int, ...]]] = [(WYE, draw.some(phases, n))]
        if 4 in have:
            ways.append((WYE_N, (*draw.some(phases, n), 4)))
        if n == 3:
            ways += [(DELTA, draw.some(phases, 3))] * 2
        if n == 1:
            (one,) = draw.some(phases, 1)
            ways += [(DELTA, (0, one)), (WYE_N, (0, one)), (DELTA, (one, 0))]
            if len(phases) > 1:
                ways += [(DELTA, draw.some(phases, 2))] * 2
                ways.append((WYE_N, draw.some(phases, 2)))
        if is_split:
            ways = [way for way in ways if way[0] is not WYE]
        return draw.one(ways)

    def open_delta(self, parent: str, other_kv: float) -> None:
        """Two one-phase transformers on three conductors, to a delta."""
        draw = self.draw
        child = self.new_bus(other_kv, (1, 2, 3))
        a, b, c = draw.some((1, 2, 3), 3)
        kva = draw.spread(50.0, 2000.0)
        for far in ((a, b), (c, b)):
            near = (DELTA, far) if other_kv == self.buses[parent].kv_ll else (WYE, far[:1])
            self.add([self.winding(parent, near, kva), self.winding(child, (DELTA, far), kva)])

    def earth(self, bus: str) -> None:
        """A neutral's own way to ground."""
        draw = self.draw
        name = f"r{len(self.reactors)}"
        at, how = draw.one((((4,), WYE), ((4, 0), DELTA)))
        z = complex(draw.spread(0.01, 20.0), draw.one((0.0, draw.number(0.0, 2.0))))
        self.reactors[name] = Reactor(name, Terminal(bus, at), None, z, how)

    def mesh(self) -> None:
        """Close loops between nodes of like voltage."""
        network = compile_network(self.feeder())
        for _ in range(self.draw.one((0, 0, 1, 2, 3))):
            one, other = self.draw.some(tuple(self.buses), 2)
            if self.buses[one].kv_ll != self.buses[other].kv_ll:
                continue
            pairs = []
            free = list(self.nodes[other])
            for k in self.draw.some(self.nodes[one], 4):
                v = network.v_flat_pu[network.node_index[f"{one}.{k}"]]
                for m in free:
                    if abs(v - network.v_flat_pu[network.node_index[f"{other}.{m}"]]) < 0.1:
                        pairs.append((k, m))
                        free.remove(m)
                        break
            if pairs:
                near, far = zip(*pairs, strict=True)
                kind = self.draw.one(("line", "switch"))
                self.join(kind, Terminal(one, near), Terminal(other, far))
