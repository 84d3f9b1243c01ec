"""Networks, engines and a small feeder that the power-flow tests share."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from grid_fed_rl.feeders import (
    Bus,
    Capacitor,
    Feeder,
    Generator,
    Line,
    LineCode,
    Load,
    Pv,
    Reactor,
    Source,
    Storage,
    Terminal,
    load,
)
from grid_fed_rl.powerflow import Network, Setpoint, compile_network, nominal_setpoint
from grid_fed_rl.powerflow.opendss import OpenDSS

ABC = (1, 2, 3)

TwoBus = Callable[..., Feeder]
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
    """Two shipped feeders in turn, compiled: small, and with everything that varies."""
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
            capacitor_step=rng.integers(
                0, network.capacitor_steps + 1, (n_rows, len(network.capacitors))
            ),
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
        generators: Sequence[Generator] = (),
        reactors: Sequence[Reactor] = (),
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
            generators={one.name: one for one in generators},
            reactors={one.name: one for one in reactors},
        )

    return make
