"""Networks, engines and a small feeder that the power-flow tests share."""

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import opendssdirect
import pytest
from numpy.typing import NDArray

from grid_fed_rl.feeders import (
    Bus,
    Capacitor,
    Feeder,
    Line,
    LineCode,
    Load,
    Pv,
    Source,
    Storage,
    Terminal,
    load,
)
from grid_fed_rl.powerflow import Network, Setpoint, compile_network, nominal_setpoint
from grid_fed_rl.powerflow.opendss import OpenDSS, script

ABC = (1, 2, 3)

TwoBus = Callable[..., Feeder]
Primitive = Callable[[str], NDArray[np.complex128]]
RandomSetpoint = Callable[[Network, int], Setpoint]


@pytest.fixture(scope="session")
def published_scripts() -> dict[str, Path]:
    """The OpenDSS script that EPRI publishes of each shipped feeder, by its name.

    ``GRID_FED_RL_FEEDERS`` names it; otherwise ``shared/feeders`` beside the checkout.
    """
    beside = Path(__file__).resolve().parents[3] / "shared" / "feeders"
    folder = Path(os.environ.get("GRID_FED_RL_FEEDERS", beside))
    scripts = {
        "ieee13": folder / "ieee13" / "IEEE13Nodeckt.dss",
        "ieee123": folder / "ieee123" / "IEEE123Master.dss",
    }
    if not all(path.exists() for path in scripts.values()):
        pytest.skip(f"no OpenDSS scripts of the IEEE test feeders in {folder}")
    return scripts


@pytest.fixture(scope="session", params=["ieee13", "ieee123"])
def network(request: pytest.FixtureRequest) -> Network:
    """Each shipped feeder in turn, compiled."""
    return compile_network(load(request.param))


@pytest.fixture(scope="session")
def network_13() -> Network:
    return compile_network(load("ieee13"))


@pytest.fixture(scope="session")
def engine(network: Network) -> OpenDSS:
    """OpenDSS on the same feeder as `network`."""
    return OpenDSS(network)


@pytest.fixture(scope="session")
def random_setpoint() -> RandomSetpoint:
    """Make rows that differ in everything: taps, capacitors, loads of 0 to 150 %."""

    def make(network: Network, n_rows: int) -> Setpoint:
        rng = np.random.default_rng(2024)
        nominal = nominal_setpoint(network)
        shape = (n_rows, len(network.loads))
        taps = rng.integers(
            network.tap_lowest, network.tap_highest + 1, (n_rows, len(network.regulators))
        )
        return nominal.with_(
            tap_position=taps,
            capacitor_step=rng.integers(0, 2, (n_rows, len(network.capacitors))),
            load_kw=nominal.load_kw * rng.uniform(0.0, 1.5, shape),
            load_kvar=nominal.load_kvar * rng.uniform(0.0, 1.5, shape),
        )

    return make


@pytest.fixture(scope="session")
def two_bus() -> TwoBus:
    """Make a source at bus a, one unsymmetrical line, and what is given at bus b."""
    r_ohm = ((0.29, 0.10, 0.09), (0.10, 0.28, 0.08), (0.09, 0.08, 0.30))
    x_ohm = ((0.67, 0.31, 0.26), (0.31, 0.65, 0.24), (0.26, 0.24, 0.66))
    z_ohm = np.array(r_ohm) + 1j * np.array(x_ohm)
    c_nf = ((9.0, -2.0, -1.0), (-2.0, 9.5, -1.5), (-1.0, -1.5, 8.5))
    code = LineCode("open", tuple(map(tuple, z_ohm.tolist())), c_nf)

    def make(
        *,
        loads: Sequence[Load] = (),
        capacitors: Sequence[Capacitor] = (),
        pvs: Sequence[Pv] = (),
        storages: Sequence[Storage] = (),
        v_pu: float = 1.0,
        length_m: float = 500.0,
    ) -> Feeder:
        return Feeder(
            name="two_bus",
            source=Source("source", "a", 4.16, v_pu, 0.0, 0.001 + 0.004j, 0.002 + 0.006j),
            buses={"a": Bus("a", 4.16), "b": Bus("b", 4.16)},
            line_codes={"open": code},
            lines={"ab": Line("ab", Terminal("a", ABC), Terminal("b", ABC), "open", length_m)},
            loads={one.name: one for one in loads},
            capacitors={one.name: one for one in capacitors},
            pvs={one.name: one for one in pvs},
            storages={one.name: one for one in storages},
        )

    return make


@pytest.fixture(scope="session")
def opendss_primitive() -> Callable[[Feeder | Path], Primitive]:
    """Build a feeder, or a script, in OpenDSS and read the primitives of its elements."""

    def build(circuit: Feeder | Path) -> Primitive:
        dss = opendssdirect.NewContext()
        dss.Basic.AllowChangeDir(False)
        if isinstance(circuit, Path):  # it may have moved its taps
            commands = [f'redirect "{circuit}"', "batchedit transformer..* taps=[1 1]"]
        else:
            commands = script(circuit)
        for command in [*commands, "set controlmode=off", "solve"]:
            dss.Text.Command(command)

        def primitive(element: str) -> NDArray[np.complex128]:
            dss.Circuit.SetActiveElement(element)
            assert dss.CktElement.Name().lower() == element
            flat = np.asarray(dss.CktElement.YPrim(), dtype=np.float64).view(np.complex128)
            return flat.reshape(math.isqrt(len(flat)), -1)

        return primitive

    return build
