"""The reference engine: OpenDSS behind the same interface.

One OpenDSS context an instance, so that engines do not disturb each other. The
circuit is written from the same `Feeder` that the batched engine compiles; every
row of a set-point is then set and solved in turn.

OpenDSS has no lock of its own: use an instance from one thread at a time.
"""

from collections.abc import Iterator

import numpy as np
import opendssdirect
from numpy.typing import NDArray

from grid_fed_rl.errors import PowerFlowError
from grid_fed_rl.feeders import Connection, Feeder, LoadModel, Terminal
from grid_fed_rl.powerflow.flow import PowerFlow, Status
from grid_fed_rl.powerflow.network import Network
from grid_fed_rl.powerflow.primitives import legs_of
from grid_fed_rl.powerflow.setpoint import Setpoint, check_setpoint

__all__ = ["OpenDSS", "script"]

CONTROLS_HUNT = 485  # OpenDSS's error number where maxcontroliter is spent

_MODEL = {LoadModel.PQ: 1, LoadModel.Z: 2, LoadModel.I: 5}


def _triangle(rows: tuple[tuple[float, ...], ...]) -> str:
    return "[" + " | ".join(" ".join(map(repr, row[: i + 1])) for i, row in enumerate(rows)) + "]"


def _n_phases(connection: Connection, terminal: Terminal) -> int:
    return len(legs_of(connection, len(terminal.phases)))


def _branches(feeder: Feeder) -> Iterator[str]:
    for code in feeder.line_codes.values():
        r = tuple(tuple(z.real for z in row) for row in code.z_ohm_per_km)
        x = tuple(tuple(z.imag for z in row) for row in code.z_ohm_per_km)
        yield (
            f"new linecode.{code.name} nphases={len(r)} units=km basefreq={feeder.frequency_hz} "
            f"rmatrix={_triangle(r)} xmatrix={_triangle(x)} cmatrix={_triangle(code.c_nf_per_km)}"
        )
    for line in feeder.lines.values():
        yield (
            f"new line.{line.name} phases={len(line.from_.phases)} bus1={line.from_} "
            f"bus2={line.to} linecode={line.code} length={line.length_m!r} units=m"
        )
    for switch in feeder.switches.values():
        yield (
            f"new line.switch_{switch.name} phases={len(switch.from_.phases)} "
            f"bus1={switch.from_} bus2={switch.to} "
            f"linecode={switch.code} length={switch.length_m!r} units=m"
        )
        if not switch.closed:
            yield f"open line.switch_{switch.name} 2"


def _transformers(feeder: Feeder) -> Iterator[str]:
    for t in feeder.transformers.values():
        yield (
            f"new transformer.{t.name} phases={t.n_phases} windings=2 xhl={t.x_percent[0]!r} "
            f"ppm_antifloat={t.antifloat_ppm!r}"
        )
        for n, winding in enumerate(t.windings, start=1):
            yield (
                f"~ wdg={n} bus={winding.terminal} conn={winding.connection} kv={winding.kv!r} "
                f"kva={winding.kva!r} %r={winding.r_percent!r} tap={winding.tap_pu!r}"
            )
    for r in feeder.regulators.values():
        yield (
            f"edit transformer.{r.transformer} wdg=2 mintap={r.tap_min_pu!r} "
            f"maxtap={r.tap_max_pu!r} numtaps={r.n_steps}"
        )
        if r.control is not None:
            c = r.control
            yield (
                f"new regcontrol.{r.name} transformer={r.transformer} winding=2 vreg={c.v_reg!r} "
                f"band={c.band_v!r} ptratio={c.pt_ratio!r} ctprim={c.ct_primary_a!r} "
                f"r={c.r_v!r} x={c.x_v!r}"
            )


def _shunts(feeder: Feeder) -> Iterator[str]:
    for c in feeder.capacitors.values():
        n = _n_phases(c.connection, c.terminal)
        yield (
            f"new capacitor.{c.name} phases={n} bus1={c.terminal} conn={c.connection} "
            f"kvar={c.kvar!r} kv={c.kv!r}"
        )
        if c.control is not None:
            yield (
                f"new capcontrol.{c.name} element=capacitor.{c.name} capacitor={c.name} "
                f"type=voltage ptratio={c.control.pt_ratio!r} onsetting={c.control.on!r} "
                f"offsetting={c.control.off!r}"
            )
    ders = [*feeder.pvs.values(), *feeder.storages.values(), *feeder.generators.values()]
    for kind, elements in (("load", feeder.loads.values()), ("der", ders)):
        for e in elements:
            model = getattr(e, "model", LoadModel.PQ)
            low, least, most = getattr(e, "v_low_pu", 0.5), e.v_min_pu, e.v_max_pu
            yield (
                f"new load.{kind}_{e.name} phases={_n_phases(e.connection, e.terminal)} "
                f"bus1={e.terminal} conn={e.connection} model={_MODEL[model]} kv={e.kv!r} "
                f"kw=0 kvar=0 vminpu={least!r} vmaxpu={most!r} vlowpu={low!r}"
            )


def script(feeder: Feeder) -> list[str]:
    """OpenDSS commands that build a feeder, with every load and DER at zero."""
    s = feeder.source
    return [
        "clear",
        f"set defaultbasefrequency={feeder.frequency_hz}",
        f"new circuit.{feeder.name} bus1={s.bus} basekv={s.kv_ll!r} pu={s.v_pu!r} "
        f"angle={s.angle_deg!r} z1=[{s.z1_ohm.real!r} {s.z1_ohm.imag!r}] "
        f"z0=[{s.z0_ohm.real!r} {s.z0_ohm.imag!r}]",
        *_branches(feeder),
        *_transformers(feeder),
        *_shunts(feeder),
    ]


class OpenDSS:
    """OpenDSS solving the rows of a set-point, one after the other.

    Args:
        network: The compiled feeder; its node order is the answer's.
        tolerance_pu: OpenDSS's own convergence tolerance.
    """

    def __init__(self, network: Network, tolerance_pu: float = 1e-10) -> None:
        self.network = network
        self._dss = opendssdirect.NewContext()
        self._dss.Basic.AllowForms(False)
        self._tolerance_pu = tolerance_pu
        self._build()
        found: list[str] = self._dss.Circuit.YNodeOrder() or []
        where = {name.lower(): k for k, name in enumerate(found)}
        self._order = np.array([where[name.lower()] for name in network.node_names])
        self._settled: tuple[NDArray[np.int32], NDArray[np.float64]] | None = None

    def _build(self) -> None:
        for command in script(self.network.feeder):
            self._command(command)
        self._command(f"set tolerance={self._tolerance_pu!r} maxiterations=200 maxcontroliter=200")
        self._command("set controlmode=off")
        self._command("solve")

    def _command(self, command: str) -> None:
        self._dss.Text.Command(command)

    def _set_row(self, setpoint: Setpoint, row: int) -> None:
        network, feeder = self.network, self.network.feeder
        transformers = self._dss.Transformers
        for k, regulator in enumerate(feeder.regulators.values()):
            transformers.Name(regulator.transformer)
            transformers.Wdg(2)
            transformers.Tap(1.0 + float(setpoint.tap_position[row, k]) * network.tap_step_pu[k])
        for k, name in enumerate(network.capacitors):
            self._dss.Capacitors.Name(name)
            self._dss.Capacitors.States([int(setpoint.capacitor_step[row, k])])
        loads = self._dss.Loads
        for kind, names, kw, kvar, sign in (
            ("load", network.loads, setpoint.load_kw, setpoint.load_kvar, 1.0),
            ("der", network.ders, setpoint.der_kw, setpoint.der_kvar, -1.0),
        ):
            for k, name in enumerate(names):
                loads.Name(f"{kind}_{name}")
                loads.kW(sign * float(kw[row, k]))
                loads.kvar(sign * float(kvar[row, k]))

    def solve(self, setpoint: Setpoint, *, controls: bool = False) -> PowerFlow:
        """Solve every row.

        Args:
            setpoint: What varies, a row a scenario.
            controls: Let OpenDSS's regulator and capacitor controls settle,
                starting from the set-point's taps and capacitors; `settled`
                then tells where they ended. A row whose controls hunt counts
                as not converged.

        Raises:
            PowerFlowError: as `grid_fed_rl.powerflow.solve` does.
        """
        check_setpoint(self.network, setpoint)
        rows, network = setpoint.n_rows, self.network
        v = np.empty((rows, network.n_nodes), dtype=np.complex128)
        status = np.empty(rows, dtype=np.int8)
        iterations = np.empty(rows, dtype=np.int32)
        taps = np.empty_like(setpoint.tap_position)
        capacitors = np.empty_like(setpoint.capacitor_step)
        self._command("set controlmode=off")
        for row in range(rows):
            if controls:
                # Capacitor controls remember their last operation: begin afresh.
                self._build()
                self._command("set controlmode=static")
            self._set_row(setpoint, row)
            status[row] = Status.CONVERGED if self._solved() else Status.NOT_CONVERGED
            iterations[row] = self._dss.Solution.Iterations() or 0
            v[row] = self._voltages() / network.v_base_v
            taps[row], capacitors[row] = self._positions()
        self._settled = taps, capacitors
        came_to_rest = setpoint.with_(tap_position=taps, capacitor_step=capacitors)
        settled = status == Status.CONVERGED
        return PowerFlow(v, status, iterations, np.full(rows, np.nan), came_to_rest, settled)

    def _solved(self) -> bool:
        """Whether a solution was found and its controls, if on, came to rest."""
        try:
            self._dss.Solution.Solve()
        except opendssdirect.DSSException as error:
            if error.args[0] != CONTROLS_HUNT:
                raise
            return False
        return bool(self._dss.Solution.Converged())

    @property
    def settled(self) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Tap positions (batch, regulator) and capacitor states of the last solve."""
        if self._settled is None:
            raise PowerFlowError("nothing was solved yet; call solve first")
        return self._settled

    def losses_kw(self) -> float:
        """Total losses of the row solved last."""
        return float(np.asarray(self._dss.Circuit.Losses())[0]) / 1000.0

    def _voltages(self) -> NDArray[np.complex128]:
        flat = np.asarray(self._dss.Circuit.YNodeVArray(), dtype=np.float64)
        return (flat[0::2] + 1j * flat[1::2])[self._order]

    def _positions(self) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        taps, states = [], []
        for k, regulator in enumerate(self.network.feeder.regulators.values()):
            self._dss.Transformers.Name(regulator.transformer)
            self._dss.Transformers.Wdg(2)
            tap_pu: float = self._dss.Transformers.Tap() or 1.0
            taps.append(round((tap_pu - 1.0) / self.network.tap_step_pu[k]))
        for name in self.network.capacitors:
            self._dss.Circuit.SetActiveElement(f"capacitor.{name}")
            self._dss.Capacitors.Name(name)
            steps: list[int] = self._dss.Capacitors.States() or [0]
            states.append(float(steps[0] and not self._dss.CktElement.IsOpen(1, 0)))
        return np.array(taps, dtype=np.int32), np.array(states)
