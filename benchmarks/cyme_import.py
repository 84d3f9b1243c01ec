"""Time of `read_cyme` on a synthetic text export of many sections.

    python benchmarks/cyme_import.py                  10,000 sections
    python benchmarks/cyme_import.py --profile        what the time goes into
    python benchmarks/cyme_import.py --keep folder    keep the export

A section in twenty is a lateral of one phase behind a fuse that ends in a service
transformer and a load; the others are a three-phase trunk and its branches, by conductor and
spacing, with cables, switches, regulators and capacitors among them. The export is written
anew by the seed; the same seed gives the same files.
"""

import argparse
import cProfile
import json
import pstats
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from grid_fed_rl.feeders import CymeImport, read_cyme

GENERAL = (
    "[GENERAL]\nDATE=January 01, 2026 at 00:00:00\nCYME_VERSION=9.0\nCYME_REVISION=1\n\n[SI]\n"
)

EQUIPMENT = """
[CONDUCTOR]
FORMAT_CONDUCTOR=ID,Diameter,GMR,R25,R50,Amps
ACSR_336,1.8288,0.743712,0.1883,0.19014,530
ACSR_1_0,1.01092,0.135941,0.6959,0.6959,230

[SPACING TABLE FOR LINE]
FORMAT_SPACINGTABLEFORLINE=ID,PosOfCond1_X,PosOfCond1_Y,PosOfCond2_X,PosOfCond2_Y,PosOfCond3_X,PosOfCond3_Y,PosOfNeutralCond_X,PosOfNeutralCond_Y,NBPhasesPerCircuit,NBConductorsPerPhase,NBNeutrals
THREE,0,8.5344,0.762,8.5344,2.1336,8.5344,1.2192,7.3152,3,1,1
ONE,0,8.8392,,,,,0.1524,7.3152,1,1,1

[CABLE]
FORMAT_CABLE=ID,R1,R0,X1,X0,B1,B0,Amps
XLPE_250,0.2672,0.6321,0.1442,0.0912,88.5,88.5,260

[SWITCH]
FORMAT_SWITCH=ID,Amps,KVLL,FailRate,MajorRepairTime,SwitchTime
LOADBREAK,600,25,0.01,4,1

[FUSE]
FORMAT_FUSE=ID,Amps,KVLL,InterruptingRating,FailRate,MajorRepairTime,SwitchTime
T65,65,25,8000,0.02,2,0.5

[REGULATOR]
FORMAT_REGULATOR=ID,Type,KVA,KVLN,MaxBuck,MaxBoost,Taps,Bandwidth,CT,PT
REG,0,250,7.2,10,10,32,2,300,60

[TRANSFORMER]
FORMAT_TRANSFORMER=ID,Type,KVA,KVLLprim,KVLLsec,Z1,Z0,XR,XR0,Conn,NoLoadLosses
POLE_50,1,50,12.47,0.4157,2.5,2.5,1.5,1.5,0,0.1

[SHUNT CAPACITOR]
FORMAT_SHUNTCAPACITOR=ID,KVAR,KV
CAP,100,7.2

[SUBSTATION]
FORMAT_SUBSTATION=ID,MVA,KVLL,KVLLdesired,R1,X1,R0,X0,Conn
SUB,50,12.47,12.6,0.05,0.5,0.06,0.6,Y
"""

LATERAL_EVERY = 20
PHASES = "ABC"


def export(n_sections: int, seed: int) -> dict[str, str]:
    """Texts of the network, equipment and load file of a feeder of so many sections."""
    rng = np.random.default_rng(seed)
    nodes = ["0,0,0"]
    by_phase, cables, switches, fuses = [], [], [], []
    transformers, regulators, capacitors, sections, loads, customers = [], [], [], [], [], []
    trunk, at = [0], 0
    for k in range(1, n_sections + 1):
        name, node = f"S{k}", f"N{k}"
        lateral = k % LATERAL_EVERY == 0 or k % 2 == 0
        phase = PHASES[k % 3] if lateral else "ABC"
        parent = trunk[at] if not lateral else trunk[int(rng.integers(max(at - 50, 0), at + 1))]
        start = "0" if parent == 0 else f"N{parent}"
        x, y = rng.uniform(-5000, 5000, 2)
        nodes.append(f"{node},{x:.1f},{y:.1f}")
        sections.append(f"{name},{start},{node},{phase},,,0")
        length = rng.uniform(5.0, 25.0)
        if lateral:
            fuses.append(f"{name},S,T65,F{k},0,{phase},{start},0")
            if k % LATERAL_EVERY == 0:
                transformers.append(f"{name},M,POLE_50,X{k},0,100,100,0,0,0,0,{start},0")
            else:
                wires = ",".join("ACSR_1_0" if p in phase else "NONE" for p in PHASES)
                position = PHASES.index(phase)
                by_phase.append(f"{name},L{k},{wires},ACSR_1_0,ONE,{length:.2f},0,{position},100")
            kw = rng.uniform(0.2, 1.2)
            loads.append(f"{name},D{k},SPOT,0,1")
            customers.append(
                f"{name},D{k},SPOT,C{k},Mixed,0,2026,1,2,{phase},{kw:.3f},95,{kw:.3f},1"
            )
        else:
            trunk.append(k)
            if rng.random() < 0.9:
                at += 1
            if k % 41 == 0:
                switches.append(f"{name},S,LOADBREAK,W{k},ABC,0,{start},0")
            if k == 2001:
                taps = "4,5,3"
                regulators.append(
                    f"{name},S,REG,R{k},ABC,10,10,2,300,60,T,120,120,120,0,0,0,0,0,0,{taps},0,"
                    f"{start},0"
                )
            if k % 5 == 1:
                cables.append(f"{name},L{k},XLPE_250,{length:.2f},0")
            else:
                by_phase.append(
                    f"{name},L{k},ACSR_336,ACSR_336,ACSR_336,ACSR_1_0,THREE,{length:.2f},0,9,100"
                )
            if k % 1501 == 0:
                capacitors.append(f"{name},K{k},L,Y,ABC,100,0,7.2,0,CAP,0")
    network = _network(
        nodes, sections, by_phase, cables, switches, fuses, transformers, regulators, capacitors
    )
    load = _part("LOADS", "FORMAT_LOADS=SectionID,DeviceNumber,LoadType,Connection,Location", loads)
    load += _part(
        "CUSTOMER CLASS",
        "FORMAT_CUSTOMERCLASS=ID,ConstantImpedanceZP,ConstantImpedanceZQ,ConstantCurrentIP,"
        "ConstantCurrentIQ,ConstantPowerPP,ConstantPowerPQ",
        ["Mixed,40,40,20,20,40,40"],
    )
    load += _part(
        "CUSTOMER LOADS",
        "FORMAT_CUSTOMERLOADS=SectionID,DeviceNumber,LoadType,CustomerNumber,CustomerType,"
        "ConnectionStatus,Year,LoadModelID,ValueType,LoadPhase,Value1,Value2,ConnectedKVA,"
        "NumberOfCustomer",
        customers,
    )
    load += _part("LOAD MODEL INFORMATION", "FORMAT_LOADMODELINFORMATION=ID,Name", ["1,DEFAULT"])
    return {
        "network.txt": GENERAL + network,
        "equipment.txt": GENERAL + EQUIPMENT,
        "load.txt": GENERAL + load,
    }


def _part(name: str, header: str, rows: list[str]) -> str:
    return f"\n[{name}]\n{header}\n" + "".join(f"{row}\n" for row in rows) if rows else ""


def _network(
    nodes: list[str],
    sections: list[str],
    by_phase: list[str],
    cables: list[str],
    switches: list[str],
    fuses: list[str],
    transformers: list[str],
    regulators: list[str],
    capacitors: list[str],
) -> str:
    parts = [
        _part("NODE", "FORMAT_NODE=NodeID,CoordX,CoordY", nodes),
        _part("HEADNODES", "FORMAT_HEADNODES=NodeID,NetworkID", ["0,F1"]),
        _part(
            "SOURCE",
            "FORMAT_SOURCE=SourceID,DeviceNumber,NodeID,NetworkID,OperatingVoltageA,"
            "OperatingVoltageB,OperatingVoltageC",
            ["SUB,SUB1,0,F1,7.3,7.3,7.3"],
        ),
        _part(
            "SECTION",
            "FORMAT_SECTION=SectionID,FromNodeID,ToNodeID,Phase,ZoneID,SubNetworkId,EnvironmentID\n"
            "FORMAT_FEEDER=NetworkID,HeadNodeID\nFEEDER=F1,0",
            sections,
        ),
        _part(
            "OVERHEAD BYPHASE SETTING",
            "FORMAT_OVERHEADBYPHASESETTING=SectionID,DeviceNumber,CondID_A,CondID_B,CondID_C,"
            "CondID_N1,SpacingID,Length,ConnectionStatus,ConductorPosition,EarthResistivity",
            by_phase,
        ),
        _part(
            "UNDERGROUNDLINE SETTING",
            "FORMAT_UNDERGROUNDLINESETTING=SectionID,DeviceNumber,LineCableID,Length,"
            "ConnectionStatus",
            cables,
        ),
        _part(
            "SWITCH SETTING",
            "FORMAT_SWITCHSETTING=SectionID,Location,EqID,DeviceNumber,ClosedPhase,NStatus,"
            "FromNodeID,ConnectionStatus",
            switches,
        ),
        _part(
            "FUSE SETTING",
            "FORMAT_FUSESETTING=SectionID,Location,EqID,DeviceNumber,NStatus,ClosedPhase,"
            "FromNodeID,ConnectionStatus",
            fuses,
        ),
        _part(
            "TRANSFORMER SETTING",
            "FORMAT_TRANSFORMERSETTING=SectionID,Location,EqID,DeviceNumber,Conn,PrimTap,"
            "SecondaryTap,RgPrim,XgPrim,RgSec,XgSec,FromNodeID,ConnectionStatus",
            transformers,
        ),
        _part(
            "REGULATOR SETTING",
            "FORMAT_REGULATORSETTING=SectionID,Location,EqID,DeviceNumber,PhaseON,MaxBuck,"
            "MaxBoost,BandWidth,CT,PT,SettingOption,VsetA,VsetB,VsetC,RsetA,RsetB,RsetC,XsetA,"
            "XsetB,XsetC,TapA,TapB,TapC,Conn,FromNodeID,ConnectionStatus",
            regulators,
        ),
        _part(
            "SHUNT CAPACITOR SETTING",
            "FORMAT_SHUNTCAPACITORSETTING=SectionID,DeviceNumber,Location,Connection,Phase,KVAR,"
            "ThreePhaseKVAR,KV,Control,ShuntCapacitorID,ConnectionStatus",
            capacitors,
        ),
    ]
    return "".join(parts)


def timed(folder: Path) -> tuple[CymeImport, float]:
    """What was read, and the seconds it took."""
    start = time.perf_counter()
    imported = read_cyme(folder)
    return imported, time.perf_counter() - start


def main() -> int:
    """Write an export, read it, say how long that took."""
    parser = argparse.ArgumentParser(description="Time of read_cyme.")
    parser.add_argument("--sections", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=3, help="the fastest counts")
    parser.add_argument("--keep", type=Path, help="folder to keep the export in")
    parser.add_argument("--profile", action="store_true", help="print what the time goes into")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in export(args.sections, args.seed).items():
            (folder / name).write_text(text, encoding="utf-8")
        if args.profile:
            profile = cProfile.Profile()
            profile.runcall(read_cyme, folder)
            pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
            return 0
        imported, first = timed(folder)
        seconds = [first, *(timed(folder)[1] for _ in range(args.repeats - 1))]
    report, feeder = imported.report, imported.feeder
    found = {
        "sections": args.sections,
        "seconds": min(seconds),
        "buses": len(feeder.buses),
        "lines": len(feeder.lines),
        "loads": len(feeder.loads),
        "load_kw": report.totals.feeder_kw,
        "approximated": len(report.approximated),
    }
    if args.json:
        print(json.dumps(found))
        return 0
    print(
        f"{args.sections:,} sections: {min(seconds):.2f} s (fastest of {len(seconds)}; "
        f"{len(feeder.buses):,} buses, {len(feeder.loads):,} loads)"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
