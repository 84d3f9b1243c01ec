"""One OpenDSS an instance: in threads and in other processes it says what it says alone."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.feeders import load
from grid_fed_rl.powerflow import Setpoint, compile_network, nominal_setpoint
from grid_fed_rl.powerflow.opendss import OpenDSS


def test_opendss_in_threads_and_processes_gives_what_it_gives_alone() -> None:
    networks = [compile_network(load(name)) for name in ("ieee13", "ieee123")]
    setpoints = [nominal_setpoint(network, 20) for network in networks]
    loads = [s.load_kw * np.linspace(0.5, 1.4, 20)[:, None] for s in setpoints]
    setpoints = [s.with_(load_kw=kw) for s, kw in zip(setpoints, loads, strict=True)]
    engines = [OpenDSS(network) for network in networks]
    alone = [e.solve(s).v_pu for e, s in zip(engines, setpoints, strict=True)]
    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(lambda e, s: e.solve(s).v_pu, engines, setpoints))
    spawn = get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        apart = list(process.map(_solved_pu, engines, setpoints))
    for k, v_pu in enumerate(alone):
        np.testing.assert_allclose(together[k], v_pu, rtol=0, atol=1e-8)
        np.testing.assert_allclose(apart[k], v_pu, rtol=0, atol=1e-8)


def _solved_pu(engine: OpenDSS, setpoint: Setpoint) -> NDArray[np.complex128]:
    return engine.solve(setpoint).v_pu
