"""The benchmark's data, and a system as small as its rules allow."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from grid_fed_rl.envs.powergym import PowerGymTask, powergym_task

COLLAPSE = (2, 4)  # profile and hour at which no voltage can be held
N_PROFILES = 4

# Controls stand in another order than their transformers, a load is named in mixed
# case, a battery works beyond its window of voltage, and one generator is no battery.
SCRIPT = """
Clear
New Circuit.small basekv=12.47 bus1=src pu=1.02 mvasc3=150 mvasc1=150
New Linecode.oh nphases=3 units=km rmatrix=[0.45 | 0.15 0.46 | 0.15 0.16 0.46]
~ xmatrix=[1.07 | 0.5 1.05 | 0.42 0.38 1.06] cmatrix=[15 | -4.9 15.9 | -1.9 -3.1 14.3]
New Transformer.RegA phases=1 xhl=0.01 kvas=[3000 3000] buses=[src.1 r.1] kvs=[7.2 7.2]
New Transformer.RegB phases=1 xhl=0.01 kvas=[3000 3000] buses=[src.2 r.2] kvs=[7.2 7.2]
New Transformer.RegC phases=1 xhl=0.01 kvas=[3000 3000] buses=[src.3 r.3] kvs=[7.2 7.2]
New Regcontrol.three transformer=RegC winding=2 vreg=122 band=2 ptratio=60
New Regcontrol.one transformer=RegA winding=2 vreg=122 band=2 ptratio=60
New Regcontrol.two transformer=RegB winding=2 vreg=122 band=2 ptratio=60
New Line.RA bus1=r bus2=a linecode=oh length=3 units=km
New Line.AB bus1=a bus2=b linecode=oh length=4 units=km
New Line.BC bus1=b.2 bus2=c.2 phases=1 r1=0.4 x1=0.9 r0=0.4 x0=0.9 c1=0 c0=0 length=1 units=km
redirect loadshape.dss
New Load.Three Bus1=b Phases=3 Conn=Delta Model=1 kV=12.47 kW=1400 kvar=500 daily=loadshape_Three
New Load.c2 Bus1=c.2 Phases=1 Conn=Wye Model=2 kV=7.2 kW=300 kvar=120 daily=loadshape_c2
New Load.a1 Bus1=a.1 Phases=1 Conn=Wye Model=5 kV=7.2 kW=250 kvar=90 daily=loadshape_a1
New Capacitor.C1 bus1=b phases=3 kvar=600 kv=12.47
New Capacitor.C2 bus1=c.2 phases=1 kvar=100 kv=7.2
New Generator.batt1 bus1=b kV=12.47 kW=0 pf=0.95 conn=Delta Model=1
New Generator.other bus1=a kV=12.47 kW=60 pf=1 conn=Wye Model=1
New Generator.batt2 bus1=a.1 Phases=1 kV=4 kW=0 pf=0.9 conn=Wye Model=1
Set VoltageBases=[12.47]
CalcVoltageBases
Set mode=Daily number=1 hour=0 stepsize=3600 sec=0
"""
BATTERIES = """name,max_kw,pf,max_kwh,initial_kwh
batt1,300,0.95,900,900
batt2,80,0.9,500,250
"""


@pytest.fixture(scope="session")
def write_small() -> Callable[[Path], Path]:
    """Write the small system in the place of 13Bus, and return the folder of systems."""

    def written(systems: Path) -> Path:
        folder = systems / "13Bus"
        (folder / "loadshape").mkdir(parents=True)
        (folder / "IEEE13Nodeckt_daily.dss").write_text(SCRIPT)
        (folder / "Battery.csv").write_text(BATTERIES)
        hours = np.random.default_rng(3).uniform(0.3, 1.1, (3, N_PROFILES, 24))
        profile, hour = COLLAPSE
        hours[:, profile, hour] = 90.0
        lines = [f"{x!r}\n" for x in hours.ravel().tolist()]
        lines += ["0.5\n"] * 50  # too few for another profile
        # The second file comes first by its name, whichever was written first.
        (folder / "loadshape" / "LoadShapeB.csv").write_text("".join(lines[100:]))
        (folder / "loadshape" / "LoadShapeA.CSV").write_text("".join(lines[:100]))
        return systems

    return written


@pytest.fixture(scope="session")
def small(write_small, tmp_path_factory) -> Path:
    """Folder of systems with the small one in the place of 13Bus."""
    return write_small(tmp_path_factory.mktemp("systems"))


@pytest.fixture(scope="session")
def task(small) -> PowerGymTask:
    return powergym_task("13Bus_soc", small)


@pytest.fixture
def settings():
    """Random actions, (step, lane, device)."""

    def draw(n_steps: int, n_lanes: int, task: PowerGymTask, seed: int = 0):
        shape = (n_steps, n_lanes, len(task.choices))
        return np.random.default_rng(seed).integers(task.choices, size=shape)

    return draw
