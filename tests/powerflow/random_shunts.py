"""What stands on one bus, drawn by lot; see `random_feeders`."""

from dataclasses import replace

import numpy as np

from grid_fed_rl.feeders import (
    Capacitor,
    Connection,
    Generator,
    Load,
    LoadModel,
    Pv,
    Reactor,
    Storage,
    Terminal,
)
from grid_fed_rl.powerflow import (
    compile_network,
    nominal_setpoint,
    primitives,
)
from tests.powerflow.random_branches import DELTA, Branches, Draw
from tests.powerflow.rounding import admittance

__all__ = ["Shunts"]

JUMPS = {LoadModel.MOTOR, LoadModel.CVR, LoadModel.FIXED_Q, LoadModel.FIXED_X}


class Shunts:
    """What stands on one bus, in proportion to the short-circuit power of its legs."""

    def __init__(self, draw: Draw, branches: Branches, n: int) -> None:
        self.draw, self.branches = draw, branches
        closed = {k: replace(s, closed=True) for k, s in branches.switches.items()}
        self.network = compile_network(replace(branches.feeder(), switches=closed))
        bare = nominal_setpoint(self.network)
        self.z_ohm = np.linalg.inv(admittance(self.network, bare)[0])
        self.v = self.network.v_flat_pu * self.network.v_base_v
        self.n = n  # that share the short-circuit power
        self.records: dict[str, dict[str, object]] = {
            kind: {} for kind in ("capacitors", "loads", "pvs", "storages", "generators")
        }

    def place(self) -> tuple[Terminal, Connection, float, float, float]:
        """Terminal, connection, rated kV, voltage of its lowest leg in per unit, kVA."""
        draw, branches = self.draw, self.branches
        bus = draw.one(tuple(branches.nodes))
        have = branches.nodes[bus]
        phases = [k for k in have if k < 4]
        n = int(draw.rng.integers(1, len(phases) + 1))
        connection, nodes = branches.coils(have, n, is_split=False)
        rated = branches.rated_kv(bus, connection, nodes)
        rated = draw.one((rated, float(f"{rated * draw.number(0.93, 1.07):.6g}")))
        at = [self.network.node_index[f"{bus}.{k}"] if k else -1 for k in nodes]
        leg_kv = primitives.rated_leg_kv(connection, len(nodes), rated)
        v_pu, va = [], []
        z = np.pad(self.z_ohm, (0, 1))
        v = np.append(self.v, 0.0)
        for start, stop in primitives.legs_of(connection, len(nodes)):
            i, j = at[start], -1 if stop is None else at[stop]
            u = abs(v[i] - v[j])
            v_pu.append(float(u) / leg_kv / 1000.0)
            va.append(float(u**2 / abs(z[i, i] + z[j, j] - z[i, j] - z[j, i])))
        power = draw.number(0.02, 0.15) / self.n * min(va) * len(va) / 1000.0
        return Terminal(bus, nodes), connection, rated, min(v_pu), float(f"{power:.5g}")

    def window(self, v_pu: float, jumps: bool) -> tuple[float, float]:
        """Around the voltage without load, above it, below it, or one end of it there."""
        draw = self.draw
        where = draw.one(("around", "around", "above", "below", "at"))
        if where == "at" and not jumps:
            low = v_pu * draw.number(0.93, 1.0)
            return self.six(low), self.six(low + draw.one((0.02, 0.1)))
        if where == "above":
            return self.six(1.25 * v_pu), self.six(1.5 * v_pu)
        if where == "below":
            return self.six(0.4 * v_pu), self.six(0.7 * v_pu)
        return self.six(0.7 * v_pu), self.six(1.3 * v_pu)

    def six(self, x: float) -> float:
        return float(f"{x:.6g}")

    def add(self, kind: str) -> None:
        """One more of a kind; the name says which."""
        terminal, connection, kv, v_pu, kva = self.place()
        if v_pu < 0.2 or kva < 1e-3:  # a leg that nothing feeds
            return
        draw = self.draw
        records = self.records[kind]
        name = f"{kind[0]}{len(records)}"
        if kind == "capacitors":
            steps = draw.one((1, 1, 2, 3, 4))
            closed = int(draw.rng.integers(0, steps + 1))
            kvar = self.six(kva / 2)
            records[name] = Capacitor(name, terminal, connection, kvar, kv, steps, closed)
            return
        if kind == "loads":
            records[name] = self.load(name, terminal, connection, kv, v_pu, kva)
            return
        window = self.window(v_pu, connection is DELTA and len(terminal.phases) == 2)
        p_kw, q_kvar = draw.number(0.0, 0.8) * kva, draw.number(-0.5, 0.5) * kva
        p_kw, q_kvar = self.six(p_kw), draw.one((0.0, self.six(q_kvar)))
        where = name, terminal, connection, kv
        if kind == "pvs":
            records[name] = Pv(*where, self.six(1.1 * kva), kva, *window, p_kw, q_kvar)
        elif kind == "storages":
            there, back, least = (
                draw.number(*ends) for ends in ((0.8, 1.0), (0.8, 1.0), (0.0, 0.3))
            )
            kw, kwh = self.six(0.9 * kva), self.six(3 * kva)
            p_kw *= draw.one((-1.0, 0.0, 1.0))
            records[name] = Storage(
                *where, kw, kwh, kva, there, back, least, 1.0, *window, p_kw, q_kvar
            )
        else:
            records[name] = Generator(*where, kva, *window, p_kw, q_kvar)

    def load(
        self,
        name: str,
        terminal: Terminal,
        connection: Connection,
        kv: float,
        v_pu: float,
        kva: float,
    ) -> Load:
        draw = self.draw
        model = draw.one(tuple(LoadModel))
        low, high = self.window(v_pu, model in JUMPS)
        z_p, i_p, z_q, i_q = (draw.number(0.0, 0.5) for _ in range(4))
        p_p, p_q = round(1 - z_p - i_p, 9), round(1 - z_q - i_q, 9)
        power = self.six(kva * draw.number(0.5, 1.0)), self.six(kva * draw.number(-0.3, 0.5))
        is_zip = model is LoadModel.ZIP
        cut = draw.one((0.0, self.six(0.5 * v_pu)))
        return Load(
            name,
            terminal,
            connection,
            model,
            power[0] * draw.one((1.0, 1.0, 1.0, -0.5)),
            power[1],
            kv,
            low,
            high,
            self.six(low * draw.one((0.5, 0.8, draw.number(0.1, 1.0)))),
            cvr=draw.one(((0.8, 3.0), (0.4, 4.7), (2.0, 0.0), (0.0, 1.0)))
            if model is LoadModel.CVR
            else (1.0, 2.0),
            zipv=(z_p, i_p, p_p, z_q, i_q, p_q, cut) if is_zip else (),
        )

    def reactor(self) -> Reactor:
        terminal, connection, kv, _, kva = self.place()
        z_ohm = kv**2 * 1000.0 / max(kva, 1e-3)
        z = complex(self.six(self.draw.number(0.0, 0.5) * z_ohm), self.six(z_ohm))
        return Reactor(f"r{len(self.branches.reactors)}", terminal, None, z, connection)
