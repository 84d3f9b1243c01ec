"""The feeder as a step of restoration left it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.flisr.faults import Faults
from grid_fed_rl.envs.snapshot import LaneRecord
from grid_fed_rl.powerflow import PowerFlow

__all__ = ["FLISRSnapshot"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FLISRSnapshot(LaneRecord):
    """The feeder after a step, one row a lane, and all that the next step needs.

    Attributes:
        hour: (lane,) row of the year in which the first fault struck.
        step: (lane,) steps that are done; 0 right after a reset.
        ends: (lane,) whether this was the last step of the horizon.
        faults: The episode's faults, those to come too.
        active: (lane, fault) whether it was there in the step.
        located: (lane, fault) whether its section is known now.
        suspected: (lane, section) where a fault is, or one not located yet may be.
        closed: (lane, switch) as it stood through the step.
        tripped: (lane, switch) whether protection opened it in the step.
        action: (lane,) as carried out; 0 where it was refused.
        refused: (lane,) `Refusal` of the action that was asked for.
        crew_operations: (lane,) switches that the crew put back after the last repair.
        live: (lane, vertex) what the source feeds.
        loops: (lane,) closed loops.
        served: (lane, load) whether it has all its phases.
        demand_kw: (lane, load) what customers would draw, served or not, without what
            they draw on top after an outage.
        pickup: (lane, load) share of the excess that is built up, 0 to 1.
        refusals: (lane, action) `Refusal` of every next action; 0 where it is legal.
        loading: (lane, branch) share of its rating, of `FLISRCase.rated`.
        flow: Power flow of the step; 0 V in a lane that did not converge.
        v_pu: (lane, node) voltage magnitude.
    """

    hour: Index
    step: Index
    ends: Flags
    faults: Faults
    active: Flags
    located: Flags
    suspected: Flags
    closed: Flags
    tripped: Flags
    action: Index
    refused: NDArray[np.int8]
    crew_operations: Index
    live: Flags
    loops: Index
    served: Flags
    demand_kw: Floats
    pickup: Floats
    refusals: NDArray[np.int8]
    loading: Floats
    flow: PowerFlow
    v_pu: Floats

    @property
    def acted(self) -> Flags:
        """(lane,) whether a step was taken; False right after a reset."""
        return self.step > 0

    @property
    def terminated(self) -> Flags:
        """(lane,) whether the power flow of the step did not converge."""
        return self.acted & ~self.flow.converged

    @property
    def legal(self) -> Flags:
        """(lane, action) the mask of the next action."""
        return self.refusals == 0

    @property
    def outage(self) -> bytes:
        """What a plan was made for: hour and faults of these lanes, those that are there now."""
        faults = (self.faults.section, self.faults.repaired)
        return b"".join(array.tobytes() for array in (self.hour, self.active, *faults))
