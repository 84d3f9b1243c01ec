"""The reference engine: OpenDSS behind the same interface.

The circuit is written from the same `Feeder` that the batched engine compiles;
every row of a set-point is then set and solved in turn, each starting from the
voltages of the row before.

Nodes that open switches cut off from the source have 0 V, as in the batched
engine. OpenDSS itself leaves what its tiny anti-float admittances give there, or
the voltages of an earlier solve.
"""

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.feeders import Feeder, Pv, Storage
from grid_fed_rl.feeders.topology import FIRST_NEUTRAL
from grid_fed_rl.powerflow.flow import PowerFlow, Status
from grid_fed_rl.powerflow.network import GROUND, Network
from grid_fed_rl.powerflow.opendss_circuit import Circuit, controlled_inverters, script
from grid_fed_rl.powerflow.setpoint import Setpoint, check_setpoint

if TYPE_CHECKING:
    from grid_fed_rl.powerflow.controls import LocalControls

__all__ = ["OpenDSS", "script"]

Inverter = TypeVar("Inverter", Pv, Storage)


class OpenDSS:
    """OpenDSS solving the rows of a set-point, one after the other.

    One OpenDSS context an instance, so that engines do not disturb each other. An
    instance solves for one thread at a time, others wait; for speed give every
    thread an instance of its own. It pickles: the copy builds its circuit anew.

    Args:
        network: The compiled feeder; its node order is the answer's.
        tolerance_pu: OpenDSS's own convergence tolerance.

    Raises:
        PowerFlowError: OpenDSS refuses the feeder or has other nodes.
    """

    def __init__(self, network: Network, tolerance_pu: float = 1e-10) -> None:
        self.network = network
        self.tolerance_pu = tolerance_pu
        self._circuit = Circuit(network, tolerance_pu)
        self._live = _Live(network)
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[Self], tuple[Network, float]]:
        return type(self), (self.network, self.tolerance_pu)

    def solve(self, setpoint: Setpoint, *, controls: "LocalControls | bool" = False) -> PowerFlow:
        """Solve every row.

        Args:
            setpoint: What varies, a row a scenario.
            controls: Let OpenDSS's own controls settle, static mode, from the
                set-point's taps and capacitors on, with no memory of the row before;
                the hour of a `LocalControls` is theirs. Inverters with curves are
                then PVSystem and Storage with an InvControl, in a circuit built anew
                for every row.

        Returns:
            Voltages, and where the controls came to rest. A row whose controls hunt
            counts as not converged. The residual is not a number: OpenDSS keeps it
            to itself.

        Raises:
            PowerFlowError: as `grid_fed_rl.powerflow.solve` does; OpenDSS fails; or a
                control is one that OpenDSS itself gets wrong.
        """
        check_setpoint(self.network, setpoint)
        with self._lock:
            return self._solve(setpoint, controls)

    def _solve(self, setpoint: Setpoint, controls: "LocalControls | bool") -> PowerFlow:
        rows, network, circuit = setpoint.n_rows, self.network, self._circuit
        v_pu = np.empty((rows, network.n_nodes), dtype=np.complex128)
        status = np.full(rows, Status.CONVERGED, dtype=np.int8)
        iterations = np.empty(rows, dtype=np.int32)
        taps, steps = setpoint.tap_position.copy(), setpoint.capacitor_step.copy()
        hours = np.broadcast_to(getattr(controls, "hour", 0.0), (rows,))
        circuit.allow_controls(bool(controls))
        if controls:
            circuit.check_controls()
        live = self._live.nodes(setpoint.switch_closed)
        whole = np.asarray(live.all(axis=1))
        inverters = bool(controls) and bool(controlled_inverters(network))
        kw, kvar = setpoint.der_kw.copy(), setpoint.der_kvar.copy()
        asked, setpoint = setpoint, self._live.unloaded(setpoint, live)
        for row in range(rows):
            if inverters:  # they cannot be told to forget: begin afresh
                circuit = self._circuit = Circuit(
                    network, self.tolerance_pu, _offering(network.feeder, setpoint, row)
                )
            if controls:
                circuit.forget()
                circuit.allow_controls(True, float(hours[row]))
            circuit.set_row(setpoint, row, whole=bool(whole[row]))
            if not circuit.solve():
                status[row] = Status.NOT_CONVERGED
                circuit.start_afresh()
            iterations[row] = circuit.iterations
            v_pu[row] = circuit.voltages_v()
            if controls:
                taps[row], steps[row] = circuit.positions()
                for column, (p, q) in circuit.injected().items():
                    kw[row, column], kvar[row, column] = p, q
        if inverters:
            self._circuit = Circuit(network, self.tolerance_pu)
        v_pu /= network.v_base_v
        v_pu[~live] = 0.0
        return PowerFlow(
            v_pu=v_pu,
            status=status,
            iterations=iterations,
            residual_pu=np.full(rows, np.nan),
            setpoint=asked.with_(tap_position=taps, capacitor_step=steps, der_kw=kw, der_kvar=kvar),
            settled=status == Status.CONVERGED,
        )

    def losses_kw(self) -> float:
        """Total losses of the row solved last."""
        return self._circuit.losses_kw()


def _offering(feeder: Feeder, setpoint: Setpoint, row: int) -> Feeder:
    """The feeder whose DER stand at the powers of a row."""
    names = (*feeder.pvs, *feeder.storages)
    powers = dict(
        zip(names, zip(setpoint.der_kw[row], setpoint.der_kvar[row], strict=True), strict=False)
    )

    def at_row(ders: Mapping[str, Inverter]) -> dict[str, Inverter]:
        stand = {name: tuple(map(float, powers[name])) for name in ders}
        return {
            name: replace(der, p_kw=stand[name][0], q_kvar=stand[name][1])
            for name, der in ders.items()
        }

    return replace(feeder, pvs=at_row(feeder.pvs), storages=at_row(feeder.storages))


class _Live:
    """Which nodes are live: a convention that both engines share, see `islands`."""

    def __init__(self, network: Network) -> None:
        feeder = network.feeder
        self._network = network
        ders = (*feeder.pvs.values(), *feeder.storages.values(), *feeder.generators.values())
        self._load_nodes, self._der_nodes = (
            [[k for k in network.nodes_of(one.terminal) if k != GROUND] for one in group]
            for group in (feeder.loads.values(), ders)
        )
        self._phase = np.array(
            [int(name.rpartition(".")[2]) < FIRST_NEUTRAL for name in network.node_names]
        )

    def nodes(self, switch_closed: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(batch, node), from (batch, switch)."""
        patterns, of_row = np.unique(switch_closed, axis=0, return_inverse=True)
        network, zones = self._network, self._network.zones
        switch = zones.edge_factor - 2 * len(network.regulators) - len(network.capacitors)
        live = np.empty((len(patterns), network.n_nodes), dtype=np.bool_)
        for k, pattern in enumerate(patterns):
            alive, closed = zones.alive > 0.0, pattern[switch]
            while (reached := closed & alive[zones.edge_from] & ~alive[zones.edge_to]).any():
                alive[zones.edge_to[reached]] = True
            live[k, network.elimination.order] = alive[zones.of]
        return live[of_row.reshape(-1)]

    def unloaded(self, setpoint: Setpoint, live: NDArray[np.bool_]) -> Setpoint:
        """The set-point without loads and DER none of whose phases is live.

        OpenDSS would go on looking for the voltages of an island that nothing holds.
        """
        if live.all():
            return setpoint
        powers = {}
        for kind, columns in (("load", self._load_nodes), ("der", self._der_nodes)):
            phases = live & self._phase
            fed = np.array([phases[:, at].any(axis=1) for at in columns]).T.reshape(len(live), -1)
            for name in (f"{kind}_kw", f"{kind}_kvar"):
                powers[name] = getattr(setpoint, name) * fed
        return setpoint.with_(**powers)
