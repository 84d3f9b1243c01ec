"""Backup controllers: what devices do by themselves when nobody tells them better.

Regulators and capacitors follow their own controls; inverters that may supply reactive
power follow the volt-var curve that IEEE Std 1547-2018 gives category B by default
(clause 5.3.3, table 8), unless the feeder gives them a curve of their own.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.devices import CATEGORY_B_Q_PU, CATEGORY_B_V_PU
from grid_fed_rl.feeders import InverterControl
from grid_fed_rl.powerflow import Network, PowerFlow, Setpoint, compile_network
from grid_fed_rl.powerflow.controls import LocalControls

__all__ = ["CATEGORY_B", "BackupControls"]

CATEGORY_B = InverterControl(
    volt_var=tuple(zip(CATEGORY_B_V_PU, CATEGORY_B_Q_PU, strict=True)),
)
"""Default volt-var of category B; volt-watt is off by default (clause 5.4.2)."""


class BackupControls:
    """Local controls of a feeder, settled in the step to come.

    Args:
        network: The compiled feeder.
        volt_var: Whether PV inverters supply reactive power: those without a curve of
            their own then follow `CATEGORY_B`.
    """

    def __init__(self, network: Network, volt_var: bool = False) -> None:
        feeder = network.feeder
        if volt_var and any(pv.control is None for pv in feeder.pvs.values()):
            pvs = {
                name: pv if pv.control else replace(pv, control=CATEGORY_B)
                for name, pv in feeder.pvs.items()
            }
            network = compile_network(replace(feeder, pvs=pvs))
        self.controls = LocalControls(network)

    def settle(
        self,
        setpoint: Setpoint,
        hour: NDArray[np.float64] | float,
        start_pu: NDArray[np.complex128] | None = None,
        threads: int | None = None,
    ) -> PowerFlow:
        """The power flow where devices come to rest.

        Args:
            setpoint: Where they stand, with the load and sun of the step.
            hour: (batch,) hour of the day, or one for all.
            start_pu: As in `solve`.
            threads: As in `solve`.

        Returns:
            Its `setpoint` is theirs at rest; that of a row whose controls hunt is where
            they were given up.
        """
        controls = replace(self.controls, hour=hour)
        return controls.settle(setpoint, start_pu=start_pu, threads=threads)
