"""PowerGym's steps on OpenDSS itself: what `grid_fed_rl.envs.powergym` is compared with.

Written from that benchmark's documented sequence of calls, one circuit, one step at a
time, and sharing nothing with the package: a profile is written to a script of load
shapes and the circuit compiled anew; a step sets capacitors, taps and generators, lets
OpenDSS move its clock on and solve, and reads voltages, losses and powers back.
"""

import csv
import math
import re
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import opendssdirect
from numpy.typing import NDArray

__all__ = ["MASTERS", "OpenDSSPowerGym", "Step"]

MASTERS = {
    "13Bus": "IEEE13Nodeckt_daily.dss",
    "34Bus": "ieee34Mod1_daily.dss",
    "123Bus": "IEEE123Master_daily.dss",
}
HOURS = 24
# Weights of loss, of discharge and of the last state of charge.
WEIGHTS = {
    "13Bus": (10.0, 6 / 33, 0.0),
    "34Bus": (1.0, 10 / 33, 0.0),
    "123Bus": (10.0, 7 / 33, 0.0),
    "13Bus_soc": (10.0, 1 / 33, 20 / 33),
    "34Bus_soc": (1.0, 4 / 33, 500 / 33),
    "123Bus_soc": (10.0, 5 / 33, 500 / 33),
}


class Step(NamedTuple):
    """What a step gave; of a reset, the observation alone counts."""

    observation: NDArray[np.float64]
    reward: float
    terms: dict[str, float]
    done: bool


class OpenDSSPowerGym:
    """One environment of the benchmark, driven through OpenDSS.

    Args:
        data: The benchmark's folder ``systems``.
        name: Such as ``13Bus_soc``.
        folder: An empty folder for the scripts and the load shapes it writes.
        tolerance: Of OpenDSS's solution; its own default, 1e-4, where not given.
        exact_halves: Take stored energy that is within 1e-6 kWh of a half for a half
            before it is rounded, where the benchmark rounds the last bit's whim.
    """

    def __init__(
        self,
        data: Path,
        name: str,
        folder: Path,
        tolerance: float | None = None,
        exact_halves: bool = False,
    ) -> None:
        system = name.removesuffix("_soc")
        self.weights = WEIGHTS[name]
        self.tolerance = tolerance
        self.exact_halves = exact_halves
        self.halves = 0  # times that stored energy was a half of a kWh within 1e-6
        self.folder = folder
        for file in (data / system).iterdir():
            if file.is_file():
                shutil.copyfile(file, self.folder / file.name)
        self.master = self.folder / MASTERS[system]
        self.loads = self._load_names()
        files = sorted(p for p in (data / system / "loadshape").iterdir() if p.is_file())
        files = [p for p in files if "loadshape" in p.name.lower() and p.suffix.lower() == ".csv"]
        self.hours = [float(x) for p in files for x in p.read_text().split()]
        self.n_profiles = len(self.hours) // (HOURS * len(self.loads))
        self.dss: Any = opendssdirect.NewContext()
        self.dss.Basic.AllowForms(False)
        self.dss.Basic.AllowChangeDir(False)
        self._compile(0)
        with (self.folder / "Battery.csv").open(newline="") as table:
            rows = {row["name"]: row for row in csv.DictReader(table)}
        self.capacitors = list(self.dss.Capacitors.AllNames())
        controlled = set(self._regulated())
        self.regulators = [n for n in self.dss.Transformers.AllNames() if n in controlled]
        self.batteries = [n for n in self.dss.Generators.AllNames() if n in rows]
        self.rows = [{k: float(rows[n][k]) for k in rows[n] if k != "name"} for n in self.batteries]
        self.buses = list(self.dss.Circuit.AllBusNames())

    def _load_names(self) -> list[str]:
        names = []
        for path in (self.master, *sorted(self.folder.glob("*Loads_daily.dss"))):
            text = path.read_text(encoding="latin-1")
            names += re.findall(r"^new load\.(\S+).*daily=", text, re.IGNORECASE | re.MULTILINE)
        return names

    def _regulated(self) -> list[str]:
        names, more = [], self.dss.RegControls.First()
        while more:
            names.append(self.dss.RegControls.Transformer())
            more = self.dss.RegControls.Next()
        return names

    @property
    def choices(self) -> NDArray[np.int64]:
        """(device,) choices of the action."""
        n_others = len(self.regulators) + len(self.batteries)
        return np.array([2] * len(self.capacitors) + [33] * n_others)

    # ---- an episode -------------------------------------------------------------

    def _compile(self, profile: int) -> None:
        lines = []
        for k, load in enumerate(self.loads):
            first = HOURS * (k * self.n_profiles + profile)
            values = " ".join(map(repr, self.hours[first : first + HOURS]))
            lines.append(f"new loadshape.loadshape_{load} npts=24 sinterval=3600 mult=[{values}]")
        (self.folder / "loadshape.dss").write_text("\n".join(lines))
        run = self.dss.Text.Command
        run(f'redirect "{self.master}"')
        run("set maxiterations=50")
        run("set maxcontroliter=100")
        run("vsource.source.enabled=yes")
        run("batchedit load..* enabled=yes")
        run("set controlmode=off")
        if self.tolerance is not None:
            run(f"set tolerance={self.tolerance} maxiterations=1000")

    def reset(self, profile: int) -> NDArray[np.float64]:
        """Load a profile; capacitors closed, taps at 1.1, batteries full and idle."""
        self._compile(profile)
        self.t = 0
        self.closed = [1] * len(self.capacitors)
        self.taps = [1.1] * len(self.regulators)
        self.kwh = [row["initial_kwh"] for row in self.rows]
        at = self.dss.Transformers
        for name in self.regulators:
            at.Name(name)
            for put, value in ((at.Tap, 1.1), (at.MinTap, 0.9), (at.MaxTap, 1.1)):
                put(value)
            at.NumTaps(32)
        self.dss.Solution.SolveNoControl()
        return self._observation(self._voltages(), self._delivered_kw())

    def step(self, action: NDArray[np.int64]) -> Step:
        """Set the devices, solve the next hour, and count."""
        n, m = len(self.capacitors), len(self.capacitors) + len(self.regulators)
        moves = self._switch(action[:n].tolist()) + self._tap(action[n:m].tolist())
        set_kw = self._dispatch(action[m:].tolist())
        self.dss.Solution.Solve()
        if not self.dss.Solution.Converged():
            raise RuntimeError("OpenDSS did not converge")
        self.t += 1
        delivered_kw, volts = self._delivered_kw(), self._voltages()
        soc_error = 0.0
        for k, row in enumerate(self.rows):
            self.kwh[k] = self._rounded(self.kwh[k] - delivered_kw[k], row["max_kwh"])
            soc_error += abs(self.kwh[k] - row["initial_kwh"]) / row["max_kwh"]
        observation = self._observation(volts, delivered_kw)
        loss_w, discharge_w, soc_w = self.weights
        discharge = sum(
            max(0.0, kw) / row["max_kw"] for kw, row in zip(set_kw, self.rows, strict=True)
        )
        share = -(self.dss.Circuit.Losses()[0] / 1000.0) / self.dss.Circuit.TotalPower()[0]
        control = moves / 33 + discharge_w * discharge
        if self.t == HOURS:
            control += soc_w * soc_error
        terms = {
            "power_reward": -loss_w * max(0.0, min(1.0, share)),
            "vol_reward": _outside(volts),
            "ctrl_reward": -control,
        }
        return Step(observation, sum(terms.values()), terms, self.t == HOURS)

    # ---- devices ------------------------------------------------------------------

    def _switch(self, wanted: list[int]) -> float:
        moves = sum(abs(a - b) for a, b in zip(wanted, self.closed, strict=True))
        for name, state in zip(self.capacitors, wanted, strict=True):
            self.dss.Capacitors.Name(name)
            self.dss.Capacitors.States([state])
        self.closed = wanted
        return moves

    def _tap(self, wanted: list[int]) -> float:
        taps = [0.9 + k * 0.2 / 32 for k in wanted]
        moves = sum(abs(a - b) / 0.00625 for a, b in zip(taps, self.taps, strict=True))
        for name, setting, tap in zip(self.regulators, wanted, taps, strict=True):
            self.dss.Transformers.Name(name)
            self.dss.Transformers.NumTaps(setting)  # as the benchmark does; of no effect
            self.dss.Transformers.Tap(tap)
        self.taps = taps
        return moves

    def _dispatch(self, wanted: list[int]) -> list[float]:
        """Generators' powers: of the 33 the one asked for, or the nearest that energy lasts."""
        set_kw = []
        for k, (name, row) in enumerate(zip(self.batteries, self.rows, strict=True)):
            one_kw, state = row["max_kw"] / 16, wanted[k]
            if state > 16:
                while (state - 16) * one_kw > self.kwh[k] + 1e-8 * one_kw:
                    state -= 1
            else:
                while (state - 16) * one_kw < self.kwh[k] - row["max_kwh"] - 1e-8 * one_kw:
                    state += 1
            kw = (state - 16) * one_kw
            self.dss.Generators.Name(name)
            self.dss.Generators.kW(kw)
            self.dss.Generators.kvar(kw / row["pf"])
            set_kw.append(kw)
        return set_kw

    def _rounded(self, kwh: float, max_kwh: float) -> float:
        kwh = max(0.0, min(max_kwh, kwh))
        if abs(kwh - math.floor(kwh) - 0.5) < 1e-6:
            self.halves += 1
            if self.exact_halves:
                kwh = math.floor(kwh) + 0.5
        return float(round(kwh))

    def _delivered_kw(self) -> list[float]:
        powers = []
        for name in self.batteries:
            self.dss.Circuit.SetActiveElement(f"Generator.{name}")
            powers.append(-float(self.dss.CktElement.TotalPowers()[0]))
        return powers

    # ---- what is seen ---------------------------------------------------------------

    def _voltages(self) -> list[list[float]]:
        volts = []
        for bus in self.buses:
            self.dss.Circuit.SetActiveBus(bus)
            volts.append(list(self.dss.Bus.puVmagAngle()[::2]))
        return volts

    def _observation(
        self, volts: list[list[float]], delivered_kw: list[float]
    ) -> NDArray[np.float64]:
        entries = [v for phases in volts for v in phases] + self.closed + self.taps
        for kwh, kw, row in zip(self.kwh, delivered_kw, self.rows, strict=True):
            entries += [kwh / row["max_kwh"], kw / row["max_kw"]]
        return np.array(entries)


def _outside(volts: list[list[float]]) -> float:
    """How far the highest phase of each bus is above 1.05, and the lowest below 0.95."""
    return sum(min(0.0, 1.05 - max(v)) + min(0.0, min(v) - 0.95) for v in volts)
