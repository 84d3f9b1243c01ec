"""Power flow of every row, by either engine, with or without local controls."""

from threading import local
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.errors import PowerFlowError
from grid_fed_rl.powerflow.batched import solve_batched
from grid_fed_rl.powerflow.flow import PowerFlow, Status
from grid_fed_rl.powerflow.network import Network
from grid_fed_rl.powerflow.setpoint import Setpoint

if TYPE_CHECKING:
    from grid_fed_rl.powerflow.controls import LocalControls
    from grid_fed_rl.powerflow.opendss import OpenDSS

__all__ = ["PowerFlow", "Status", "solve"]


_last = local()


def _reference(network: Network, tolerance_pu: float) -> "OpenDSS":
    """This thread's OpenDSS, kept for the next call: building takes longer than solving."""
    from grid_fed_rl.powerflow.opendss import OpenDSS

    engine: OpenDSS | None = getattr(_last, "engine", None)
    if engine is None or engine.network is not network or engine.tolerance_pu != tolerance_pu:
        engine = _last.engine = OpenDSS(network, tolerance_pu)
    return engine


def solve(
    network: Network,
    setpoint: Setpoint,
    *,
    controls: "LocalControls | bool" = False,
    engine: Literal["batched", "opendss"] = "batched",
    device: str | None = None,
    start_pu: NDArray[np.complex128] | None = None,
    tolerance_pu: float = 1e-8,
    max_iterations: int = 100,
    threads: int | None = None,
) -> PowerFlow:
    """Solve the power flow of every row.

    A row's answer does not depend on the other rows. A row that does not
    converge says so in its status and disturbs no other.

    Args:
        network: The compiled feeder.
        setpoint: What varies, a row a scenario.
        controls: Let regulators, capacitors and inverters that have a control of
            their own act until none wants to; the answer's `setpoint` and `settled`
            tell where they came to rest. True for all of them, or a `LocalControls`.
        engine: ``"batched"``, or ``"opendss"`` for the reference, row by row.
        device: Where the batched engine runs: on the processors where not given, by
            compiled kernels; ``"cuda"``, ``"cuda:1"`` or ``"cpu"`` for the same
            schedule in torch (extra ``train``).
        start_pu: (batch, node) or (1, node) voltages to start from; without
            load where not given. The reference engine has no use for it.
        tolerance_pu: Largest voltage change of the last iteration. Beside a delta side
            that only an anti-float susceptance holds, rounding moves voltages by 1e-9
            from one iteration to the next: less than that may not be reached.
        max_iterations: Iterations a row may take. Where controls act, and for the
            reference engine, the default stands.
        threads: Threads to spread the rows over; all processors by default. The
            reference engine uses one.

    Raises:
        PowerFlowError: an array has the wrong shape, is not finite, or asks for
            a tap position or capacitor step that does not exist; the engine is
            unknown, the controls are another network's, there is no such device or it
            cannot do what is asked, or an option makes no sense.
    """
    _check_options(network, controls, tolerance_pu, max_iterations, threads)
    if device is not None:
        if engine != "batched" or controls is not False:
            raise PowerFlowError(
                f"device is {device!r}; local controls and OpenDSS run on the processors: "
                f"leave device out"
            )
        from grid_fed_rl.powerflow.torch_engine import solve_torch

        return solve_torch(
            network,
            setpoint,
            device=device,
            start_pu=start_pu,
            tolerance_pu=tolerance_pu,
            max_iterations=max_iterations,
        )
    if engine == "opendss":
        return _reference(network, tolerance_pu).solve(setpoint, controls=controls)
    if engine != "batched":
        raise PowerFlowError(f"engine is {engine!r}; expected 'batched' or 'opendss'")
    if controls is False:
        return solve_batched(
            network,
            setpoint,
            start_pu=start_pu,
            tolerance_pu=tolerance_pu,
            max_iterations=max_iterations,
            threads=threads,
        )
    from grid_fed_rl.powerflow.controls import LocalControls

    acting = LocalControls(network) if controls is True else controls
    return acting.settle(setpoint, start_pu=start_pu, tolerance_pu=tolerance_pu, threads=threads)


def _check_options(
    network: Network,
    controls: "LocalControls | bool",
    tolerance_pu: float,
    max_iterations: int,
    threads: int | None,
) -> None:
    if not isinstance(controls, bool):
        of = getattr(controls, "network", None)
        if of is None:
            raise PowerFlowError(
                f"controls is {controls!r}; expected True, False or a LocalControls"
            )
        if of is not network:
            raise PowerFlowError(
                f"controls are of feeder {of.feeder.name!r}, not of the network that is "
                f"solved, of feeder {network.feeder.name!r}"
            )
    if not tolerance_pu > 0.0:
        raise PowerFlowError(f"tolerance_pu is {tolerance_pu}; expected a number above 0")
    if max_iterations < 1:
        raise PowerFlowError(f"max_iterations is {max_iterations}; expected 1 or more")
    if threads is not None and threads < 1:
        raise PowerFlowError(f"threads is {threads}; expected 1 or more")
