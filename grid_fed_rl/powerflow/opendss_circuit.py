"""One OpenDSS circuit of a feeder, and the quickest calls that change and read it.

What varies from row to row is set through arrays and cached indices, and only
where it differs from what stands there: an OpenDSS loop as fast as this library
lets it be.
"""

import math
import threading
from collections.abc import Collection
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.errors import PowerFlowError
from grid_fed_rl.feeders import (
    CapacitorControlKind,
    Connection,
    Feeder,
    Generator,
    Line,
    Pv,
    Storage,
)
from grid_fed_rl.feeders.opendss import commands
from grid_fed_rl.feeders.opendss.library import opendssdirect
from grid_fed_rl.powerflow.network import Network
from grid_fed_rl.powerflow.setpoint import Setpoint

__all__ = ["Circuit", "controlled_inverters", "script"]

CONTROLS_HUNT = 485  # OpenDSS's error number where maxcontroliter is spent
CONTROLS_OFF, CONTROLS_STATIC = -1, 0

# A load's powers are set without computing its admittance anew, as OpenDSS's own
# interface to loads does: it steers the iteration only, not where that ends.
AVOID_FULL_RECALC = 2

# Primitives of elements that did not change are kept when the matrix is rebuilt:
# the same matrix a third sooner.
KEEP_PRIMITIVES = 0x10000000

# The 8500-node feeder needs more than OpenDSS's 15 iterations and 10 control rounds.
LIMITS = "maxiterations=500 maxcontroliter=500"

# An InvControl stops a good way off its curve unless told otherwise.
FINE = (
    "varchangetolerance=1e-6 voltagechangetolerance=1e-7 activepchangetolerance=1e-6 "
    "deltaq_factor=0.2 deltap_factor=0.2"
)

# OpenDSS's library makes one context at a time; two at once end the process.
_BIRTHS = threading.Lock()

Floats = NDArray[np.float64]


def _injected(der: Pv | Storage | Generator) -> Generator:
    """DER as the generator of constant power that the engines solve."""
    kva = der.kva if der.kva > 0 else 1.0
    where = der.terminal, der.connection, der.kv
    window = der.v_min_pu, der.v_max_pu
    return Generator(f"der_{der.name}", *where, kva, *window, der.p_kw, der.q_kvar)


def script(feeder: Feeder, inverters: Collection[str] = ()) -> list[str]:
    """OpenDSS commands that build a feeder as the engines solve it.

    It is `grid_fed_rl.feeders.opendss.commands` of the feeder, but every DER is
    a generator ``der_<name>`` of constant power: its panel, battery and inverter
    have a say in what it may inject, none in the power flow. Switches are closed
    lines after the others; what opens them is no matter here.

    Args:
        feeder: The feeder.
        inverters: PV systems and batteries that stay what they are, with their own
            InvControl, at the powers they have in the feeder.
    """
    sections = (
        Line(s.name, s.from_, s.to, s.code, s.length_m, s.amps) for s in feeder.switches.values()
    )
    lines = {**feeder.lines, **{line.name: line for line in sections}}
    ders = [*feeder.pvs.values(), *feeder.storages.values(), *feeder.generators.values()]
    generators = [_injected(der) for der in ders if der.name not in inverters]
    plain = replace(
        feeder,
        lines=lines,
        switches={},
        pvs={name: pv for name, pv in feeder.pvs.items() if name in inverters},
        storages={name: s for name, s in feeder.storages.items() if name in inverters},
        generators={generator.name: generator for generator in generators},
    )
    return [*commands(plain), *(f"batchedit invcontrol..* {FINE}" for _ in [0] if inverters)]


def controlled_inverters(network: Network) -> dict[str, int]:
    """Column of the DER powers of every inverter that has a control."""
    ders = [*network.feeder.pvs.values(), *network.feeder.storages.values()]
    return {der.name: k for k, der in enumerate(ders) if der.control is not None}


class Circuit:
    """A feeder in an OpenDSS context of its own.

    Args:
        network: The compiled feeder.
        tolerance_pu: OpenDSS's convergence tolerance.
        feeder: The network's feeder with other powers of the DER; its inverters then
            stand at these and follow their curves when controls act.

    Raises:
        PowerFlowError: OpenDSS has other nodes than the network.
    """

    def __init__(self, network: Network, tolerance_pu: float, feeder: Feeder | None = None) -> None:
        inverters = controlled_inverters(network) if feeder else {}
        feeder = feeder or network.feeder
        self._network = network
        with _BIRTHS:
            self._dss = opendssdirect.NewContext()
            self._dss.Basic.AllowForms(False)
            self._lib = self._dss.Solution._lib
            self._ffi = self._dss.Solution._api_util.ffi
            self._error = self._lib.Error_Get_NumberPtr()
            for command in script(feeder, inverters):
                self._command(command)
        self._command(f"set tolerance={tolerance_pu!r} {LIMITS} controlmode=off")
        self._command("solve")
        self._lib.YMatrix_Set_SolverOptions(KEEP_PRIMITIVES)
        self._order = self._node_order() + 1  # ground comes first in its vector

        place = {name: k for k, name in enumerate(feeder.transformers, start=1)}
        regulators = feeder.regulators.values()
        self._tapped = [(place[r.transformer], r.winding) for r in regulators]
        self._first_switch = len(feeder.lines) + 1
        self._banks = list(feeder.capacitors.values())
        self._ganged = [  # banks that OpenDSS has as one step of what is closed
            c.connection is Connection.DELTA and len(c.terminal.phases) > 2 and c.n_steps > 1
            for c in self._banks
        ]
        self._controlled = [c.control is not None for c in self._banks]
        self._loads = self._all_of("load", len(network.loads))
        ders = [k for k in range(len(network.ders)) if k not in inverters.values()]
        self._generated = np.array(ders, dtype=np.int64)  # columns of the DER powers
        self._inverters = inverters
        self._ders = self._all_of("generator", len(ders))
        self._voltage_pointer = self._ffi.new("double**")
        self._now: Setpoint | None = None

    def _command(self, command: str) -> None:
        try:
            self._dss.Text.Command(command)
        except opendssdirect.DSSException as error:
            raise PowerFlowError(
                f"feeder {self._network.feeder.name!r}: OpenDSS refuses {command!r}: {error}"
            ) from None

    def _node_order(self) -> NDArray[np.int64]:
        """Place of each of the network's nodes among OpenDSS's."""
        found: list[str] = self._dss.Circuit.YNodeOrder() or []
        where = {name.lower(): k for k, name in enumerate(found)}
        names = [name.lower() for name in self._network.node_names]
        for missing, lacks in (
            (set(names) - where.keys(), "OpenDSS lacks nodes that the network has"),
            (where.keys() - set(names), "the network lacks nodes that OpenDSS has"),
        ):
            if missing:
                raise PowerFlowError(
                    f"feeder {self._network.feeder.name!r}: {lacks}: {', '.join(sorted(missing))}; "
                    f"every node should be the end of a line, switch, transformer or reactor, "
                    f"and a capacitor control should watch as many phases as its bank has"
                )
        return np.array([where[name] for name in names], dtype=np.int64)

    def _all_of(self, kind: str, n: int):  # noqa: ANN202 - a pointer of cffi's
        """Every element of a class, as the handle that OpenDSS's batch calls take."""
        pointer, size = self._ffi.new("void***"), self._ffi.new("int32_t[4]")
        if n:
            self._lib.Batch_CreateByClassS(pointer, size, kind.encode())
        return pointer[0]

    def _set_all(self, batch, name: bytes, values: Floats, flags: int) -> None:  # noqa: ANN001
        data = self._ffi.cast("double*", values.ctypes.data)
        self._lib.Batch_SetFloat64ArrayS(batch, len(values), name, data, flags)

    def set_row(self, setpoint: Setpoint, row: int, *, whole: bool) -> None:
        """Let the circuit stand where one row of a set-point has it.

        Args:
            setpoint: What varies.
            row: Its row.
            whole: No node is cut off. On dead nodes OpenDSS's iteration needs the
                loads' own admittances to fall to 0 V.
        """
        wanted = setpoint.rows(slice(row, row + 1))
        now = self._now
        flags = AVOID_FULL_RECALC if whole else 0
        for kind, batch in (("load", self._loads), ("der", self._ders)):
            kw, kvar = (getattr(wanted, f"{kind}_{unit}") for unit in ("kw", "kvar"))
            if kind == "der":
                kw, kvar = kw[:, self._generated], kvar[:, self._generated]
            if kw.size and (
                now is None
                or not whole
                or not np.array_equal(kw, getattr(now, f"{kind}_kw"))
                or not np.array_equal(kvar, getattr(now, f"{kind}_kvar"))
            ):
                # kvar after kW, which else would set it by the power factor
                self._set_all(batch, b"kw", np.ascontiguousarray(kw[0], dtype=np.float64), flags)
                self._set_all(
                    batch, b"kvar", np.ascontiguousarray(kvar[0], dtype=np.float64), flags
                )
        for name, put in (
            ("tap_position", self._set_tap),
            ("capacitor_step", self._set_step),
            ("switch_closed", self._set_switch),
        ):
            values = getattr(wanted, name)[0]
            differs = slice(None) if now is None else values != getattr(now, name)[0]
            for k in np.arange(len(values))[differs]:
                put(int(k), values[k])
        self._now = wanted
        self._check()

    def _set_tap(self, k: int, position: int) -> None:
        transformer, winding = self._tapped[k]
        self._lib.Transformers_Set_idx(transformer)
        self._lib.Transformers_Set_Wdg(winding)
        self._lib.Transformers_Set_Tap(1.0 + position * self._network.tap_step_pu[k])

    def _set_step(self, k: int, step: int) -> None:
        bank, lib = self._banks[k], self._lib
        lib.Capacitors_Set_idx(k + 1)
        states = np.zeros(1 if self._ganged[k] else bank.n_steps, dtype=np.int32)
        states[:step] = 1
        if self._ganged[k]:  # by text: the call for it leaves the admittance as it was
            kvar = bank.kvar * max(int(step), 1) / bank.n_steps
            self._command(f"capacitor.{bank.name}.kvar={kvar!r}")
        lib.Capacitors_Set_States(self._ffi.cast("int32_t*", states.ctypes.data), len(states))
        if self._controlled[k]:  # its control looks at the terminal, not at the steps
            (lib.CktElement_Close if step else lib.CktElement_Open)(1, 0)

    def _set_switch(self, k: int, closed: bool) -> None:
        self._lib.Lines_Set_idx(self._first_switch + k)
        for end in (1, 2):
            (self._lib.CktElement_Close if closed else self._lib.CktElement_Open)(end, 0)

    def allow_controls(self, allowed: bool, hour: float = 0.0) -> None:
        """Let OpenDSS's controls act in the solves to come, or not."""
        self._lib.Solution_Set_ControlMode(CONTROLS_STATIC if allowed else CONTROLS_OFF)
        self._command(f"set hour={int(hour)} sec={3600.0 * (hour - int(hour))!r}")

    def forget(self) -> None:
        """Let every control forget what it did before; devices may move by it."""
        lib = self._lib
        if lib.CtrlQueue_Get_QueueSize():
            lib.CtrlQueue_DoAllQueue()  # what is armed fires, and so is armed no more
        for k in range(1, lib.RegControls_Get_Count() + 1):
            lib.RegControls_Set_idx(k)
            lib.RegControls_Reset()
        for k in range(1, lib.CapControls_Get_Count() + 1):
            lib.CapControls_Set_idx(k)
            lib.CapControls_Reset()
        self._now = None

    def check_controls(self) -> None:
        """Refuse controls that OpenDSS 0.14.5 gets wrong.

        Raises:
            PowerFlowError: naming the capacitor.
        """
        for bank, ganged in zip(self._banks, self._ganged, strict=True):
            c = bank.control
            if c is None:
                continue
            if ganged:
                why = "draws too much where a delta bank has steps"
            elif (
                c.kind is CapacitorControlKind.TIME
                and c.element
                and (c.v_min > 0.0 or not math.isinf(c.v_max))
            ):
                why = "writes past its memory where a clock has a voltage override elsewhere"
            else:
                continue
            raise PowerFlowError(
                f"capacitor {bank.name!r}: OpenDSS {why}; settle it with the batched engine"
            )

        for name in controlled_inverters(self._network):
            feeder = self._network.feeder
            der = feeder.pvs.get(name) or feeder.storages[name]
            if der.connection is Connection.DELTA and len(der.terminal.phases) == 2:
                raise PowerFlowError(
                    f"inverter {name!r}: OpenDSS holds the voltage of one conductor to ground "
                    f"against the rating between two; settle it with the batched engine"
                )

    def start_afresh(self) -> None:
        """Let the next solve begin at the voltages without load."""
        self._lib.YMatrix_Set_SolutionInitialized(False)

    def solve(self) -> bool:
        """Solve; return whether it converged and its controls, if on, came to rest."""
        self._lib.Solution_Solve()
        if self._error[0] == CONTROLS_HUNT:
            self._error[0] = 0
            return False
        self._check()
        return bool(self._lib.Solution_Get_Converged())

    def _check(self) -> None:
        try:
            self._dss.Solution._check_for_error()
        except opendssdirect.DSSException as error:
            raise PowerFlowError(
                f"feeder {self._network.feeder.name!r}: OpenDSS says {error}"
            ) from None

    @property
    def iterations(self) -> int:
        """Iterations of the last solve."""
        return self._lib.Solution_Get_Iterations()

    def voltages_v(self) -> NDArray[np.complex128]:
        """(node,) volts, in the network's order."""
        self._lib.YMatrix_getVpointer(self._voltage_pointer)
        n_bytes = 16 * (len(self._order) + 1)
        volts = np.frombuffer(
            self._ffi.buffer(self._voltage_pointer[0], n_bytes), dtype=np.complex128
        )
        return volts[self._order]

    def positions(self) -> tuple[list[int], list[int]]:
        """Where taps and capacitor steps stand, as controls may have moved them."""
        self._now = None  # what stands where is no longer what was set
        taps, steps = [], []
        for k, (transformer, winding) in enumerate(self._tapped):
            self._lib.Transformers_Set_idx(transformer)
            self._lib.Transformers_Set_Wdg(winding)
            shift = self._lib.Transformers_Get_Tap() - 1.0
            taps.append(round(shift / self._network.tap_step_pu[k]))
        for k, bank in enumerate(self._banks):
            self._lib.Capacitors_Set_idx(k + 1)
            states: list[int] = list(self._dss.Capacitors.States() or [])
            closed = not self._lib.CktElement_IsOpen(1, 0)
            steps.append(sum(states) * closed * (1 if not self._ganged[k] else bank.n_steps))
        return taps, steps

    def injected(self) -> dict[int, tuple[float, float]]:
        """What its inverters inject by DER column: kW, kvar."""
        found = {}
        for name, column in self._inverters.items():
            kind = "pvsystem" if name in self._network.feeder.pvs else "storage"
            self._dss.Circuit.SetActiveElement(f"{kind}.{name}")
            flat = np.asarray(self._dss.CktElement.Powers(), dtype=np.float64)
            found[column] = (-float(flat[0::2].sum()), -float(flat[1::2].sum()))
        return found

    def losses_kw(self) -> float:
        """Total losses of the row solved last."""
        return float(np.asarray(self._dss.Circuit.Losses())[0]) / 1000.0
