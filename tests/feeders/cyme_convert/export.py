"""A small CYME text export for tests, put together from rows by section."""

from collections.abc import Iterable
from pathlib import Path

from grid_fed_rl.feeders import CymeImport, read_cyme

GENERAL = "[GENERAL]\nDATE=January 01, 2026 at 00:00:00\nCYME_VERSION=9.0\n\n[SI]\n"

COLUMNS = {
    "NODE": "NodeID,CoordX,CoordY",
    "HEADNODES": "NodeID,NetworkID",
    "SOURCE": "SourceID,DeviceNumber,NodeID,NetworkID",
    "SOURCE EQUIVALENT": "NodeID,Voltage,OperatingAngle1,OperatingAngle2,OperatingAngle3,"
    "PositiveSequenceResistance,PositiveSequenceReactance,ZeroSequenceResistance,"
    "ZeroSequenceReactance,OperatingVoltage1,OperatingVoltage2,OperatingVoltage3,ImpedanceUnit",
    "LOAD EQUIVALENT": "NodeID,LoadModelName,Format,Value1A,Value1B,Value1C,Value2A,Value2B,"
    "Value2C",
    "OVERHEADLINE SETTING": "SectionID,DeviceNumber,LineCableID,Length,ConnectionStatus",
    "OVERHEADLINEUNBALANCED SETTING": "SectionID,DeviceNumber,LineCableID,Length,ConnectionStatus",
    "OVERHEAD BYPHASE SETTING": "SectionID,DeviceNumber,CondID_A,CondID_B,CondID_C,CondID_N1,"
    "SpacingID,Length,ConnectionStatus,ConductorPosition,EarthResistivity",
    "UNDERGROUNDLINE SETTING": "SectionID,DeviceNumber,LineCableID,Length,"
    "NumberOfCableInParallel,ConnectionStatus",
    "SWITCH SETTING": "SectionID,Location,EqID,DeviceNumber,ClosedPhase,NStatus,ConnectionStatus",
    "FUSE SETTING": "SectionID,Location,EqID,DeviceNumber,ClosedPhase,NStatus,ConnectionStatus",
    "REGULATOR SETTING": "SectionID,Location,EqID,DeviceNumber,PhaseON,MaxBuck,MaxBoost,"
    "BandWidth,CT,PT,SettingOption,AtSectionID,VsetA,VsetB,VsetC,RsetA,RsetB,RsetC,XsetA,XsetB,"
    "XsetC,TapA,TapB,TapC,Conn,FromNodeID,ConnectionStatus",
    "TRANSFORMER SETTING": "SectionID,Location,EqID,DeviceNumber,Conn,PrimTap,SecondaryTap,"
    "RgPrim,XgPrim,RgSec,XgSec,ODPrimPh,PrimaryBaseVoltage,SecondaryBaseVoltage,FromNodeID,"
    "SettingOption,SetPoint,LowerBandWidth,UpperBandWidth,Tap,CT,PT,PhaseShiftType,"
    "PrimaryCornerGroundedPhase,SecondaryCornerGroundedPhase,ConnectionStatus",
    "TRANSFORMER BYPHASE SETTING": "SectionID,Location,PhaseTransformerID1,PhaseTransformerID2,"
    "PhaseTransformerID3,DeviceNumber,Conn,PrimTap,SecondaryTap,FromNodeID,ConnectionStatus",
    "AUTO TRANSFORMER SETTING": "SectionID,Location,EqID,DeviceNumber,Conn,PrimTap,"
    "SecondaryTap,FromNodeID,ConnectionStatus",
    "SHUNT CAPACITOR SETTING": "SectionID,DeviceNumber,Location,Connection,FixedKVARA,"
    "FixedKVARB,FixedKVARC,SwitchedKVARA,SwitchedKVARB,SwitchedKVARC,KV,Control,OnValueA,"
    "OnValueB,OnValueC,OffValueA,OffValueB,OffValueC,InitiallyClosedPhase,ControllingPhase,"
    "ShuntCapacitorID,ConnectionStatus",
    "SHUNT REACTOR SETTING": "SectionID,DeviceNumber,Location,Connection,Phase,KVAR,Losses,KV,"
    "ConnectionStatus",
    "GROUNDINGTRANSFORMER SETTINGS": "SectionID,Location,EqID,DeviceNumber,"
    "ConnectionConfiguration,Rg_ohms,Xg_ohms,Phase,ConnectionStatus",
    "SERIE REACTOR SETTING": "SectionID,Location,EqID,DeviceNumber,ConnectionStatus",
    "PHASE SHIFTER TRANSFORMER SETTING": "SectionID,Location,EqID,DeviceNumber",
    "PHOTOVOLTAIC SETTINGS": "SectionID,Location,DeviceNumber,EquipmentID,NS,NP,"
    "ConnectionStatus,ConnectionConfiguration,Phase",
    "CONVERTER": "DeviceNumber,DeviceType,ConverterRating,ActivePowerRating,ReactivePowerRating",
    "DGGENERATIONMODEL": "DeviceNumber,DeviceType,LoadModelName,ActiveGeneration,PowerFactor",
    "BESS SETTINGS": "SectionID,Location,DeviceNumber,EquipmentID,Phase,ConnectionStatus,"
    "MaximumSOC,MinimumSOC",
    "INDUCTION MOTOR SETTING": "SectionID,Location,DeviceNumber,EquipmentID,Phase,LoadFactor,"
    "LoadPowerFactor,ConnectionStatus",
    "SYNCHRONOUS GENERATOR SETTING": "SectionID,Location,DeviceNumber,EquipmentID,"
    "NumberOfGenerators,ConnectionStatus,ConnectionConfiguration,Phase",
    # equipment
    "CONDUCTOR": "ID,Diameter,GMR,R25,R50,Amps",
    "SPACING TABLE FOR LINE": "ID,GMDPh-Ph,GMDPh-N,AvgPhCondHeight,AvgNeutralHeight,"
    "PosOfCond1_X,PosOfCond1_Y,PosOfCond2_X,PosOfCond2_Y,PosOfCond3_X,PosOfCond3_Y,"
    "PosOfNeutralCond_X,PosOfNeutralCond_Y,NBPhasesPerCircuit,NBConductorsPerPhase,NBNeutrals",
    "LINE": "ID,PhaseCondID,NeutralCondID,SpacingID,R1,R0,X1,X0,B1,B0,Amps,"
    "PositiveSequenceShuntConductance",
    "LINE UNBALANCED": "ID,Ra,Rb,Rc,Xa,Xb,Xc,Ba,Bb,Bc,AmpsA,AmpsB,AmpsC,MutualResistanceAB,"
    "MutualResistanceBC,MutualResistanceCA,MutualReactanceAB,MutualReactanceBC,"
    "MutualReactanceCA,MutualShuntSusceptanceAB,MutualShuntSusceptanceBC,"
    "MutualShuntSusceptanceCA",
    "CABLE": "ID,R1,R0,X1,X0,B1,B0,Amps",
    "SWITCH": "ID,Amps,KVLL,FailRate,MajorRepairTime,StuckProbability,SwitchTime",
    "FUSE": "ID,Amps,KVLL,FailRate,MajorRepairTime,StuckProbability,SwitchTime",
    "REGULATOR": "ID,Type,KVA,KVLN,MaxBuck,MaxBoost,Taps,Bandwidth,CT,PT",
    "TRANSFORMER": "ID,Type,KVA,VoltageUnit,KVLLprim,KVLLsec,Z1,Z0,XR,XR0,Conn,IsLTC,Taps,"
    "MinReg_Range,MaxReg_Range,NoLoadLosses,MagnetizingCurrent",
    "AUTOTRANSFORMER": "ID,Type,KVA,KVLLprim,KVLLsec,Z1,Z0,XR,XR0,ConnectionConfiguration",
    "GROUNDING TRANSFORMER": "ID,Z1,Z0,X1_R1,X0_R0,RatedCapacity,RatedVoltage",
    "SERIE REACTOR": "ID,Amps,Reactance",
    "SHUNT CAPACITOR": "ID,KVAR,KV",
    "PHOTOVOLTAIC": "ID,MPPCurrent,MPPVoltage",
    "BESS": "ID,RatedStorageEnergy,MaxChargingPower,MaxDischargingPower,ChargeEfficiency,"
    "DischargeEfficiency",
    "INDUCTION MOTOR": "ID,RatedPower,RatedVoltageKVLL,Efficiency,FullLoadPF",
    "SYNCHRONOUS GENERATOR": "ID,KVA,KVLL,PF",
    # load
    "CUSTOMER CLASS": "ID,IsExponentialModel,ConstantImpedanceZP,ConstantImpedanceZQ,"
    "ConstantCurrentIP,ConstantCurrentIQ,ConstantPowerPP,ConstantPowerPQ,ExponentialModelP,"
    "ExponentialModelQ,LoadFlowVoltagePercentOfNominal",
    "LOADS": "SectionID,DeviceNumber,LoadType,Connection,Location",
    "CUSTOMER LOADS": "SectionID,DeviceNumber,LoadType,CustomerNumber,CustomerType,"
    "ConnectionStatus,Year,LoadModelID,ValueType,LoadPhase,Value1,Value2,ConnectedKVA,"
    "NumberOfCustomer",
    "LOAD MODEL INFORMATION": "ID,Name",
}

SECTION = "FORMAT_SECTION=SectionID,FromNodeID,ToNodeID,Phase\n"
FORMATS = "FORMAT_SUBSTATION=NetworkID,HeadNodeID\nFORMAT_FEEDER=NetworkID,HeadNodeID\n"

# A line of sequence values and a source, which most tests stand on.
BASE: dict[str, list[str]] = {
    "HEADNODES": ["0,F1"],
    "SOURCE": [",S,0,F1"],
    "SOURCE EQUIVALENT": ["0,12.47,0,-120,120,0.1,0.6,0.2,0.9,7.2,7.2,7.2,0"],
    "LINE": ["OH,,,,0.19,0.48,0.38,1.19,4.2,1.9,530,0"],
    "CUSTOMER CLASS": [
        "PQ,0,0,0,0,0,100,100,,,80",
        "Z,0,100,100,0,0,0,0,,,80",
        "I,0,0,0,100,100,0,0,,,80",
    ],
    "LOAD MODEL INFORMATION": ["1,DEFAULT"],
}
NETWORK_KINDS = ("NODE", "HEADNODES", "SOURCE", "SOURCE EQUIVALENT", "LOAD EQUIVALENT")


def texts(sections: Iterable[str], rows: dict[str, list[str]]) -> dict[str, str]:
    """Network, equipment and load file of some sections and rows.

    A line of `sections` that begins with ``FEEDER=`` or ``SUBSTATION=`` stands as it is.
    """
    sections = list(sections)
    own = [s for s in sections if "=" not in s]
    found = {k: list(v) for k, v in BASE.items()} | {k: list(v) for k, v in rows.items()}
    nodes = dict.fromkeys(n for s in own for n in s.split(",")[1:3])
    found.setdefault("NODE", [f"{n},{k}.0,0.0" for k, n in enumerate(nodes)])
    body = "" if sections and "=" in sections[0] else "FEEDER=F1,0\n"
    network = GENERAL + f"\n[SECTION]\n{SECTION}{FORMATS}{body}" + "\n".join(sections) + "\n"
    equipment, load = GENERAL, GENERAL
    for kind, lines in found.items():
        name = kind.replace(" ", "")
        text = f"\n[{kind}]\nFORMAT_{name}={COLUMNS[kind]}\n" + "".join(f"{x}\n" for x in lines)
        if kind in ("LOADS", "CUSTOMER LOADS", "CUSTOMER CLASS", "LOAD MODEL INFORMATION"):
            load += text
        elif (
            "SETTING" in kind
            or kind in NETWORK_KINDS
            or kind
            in (
                "CONVERTER",
                "DGGENERATIONMODEL",
            )
        ):
            network += text
        else:
            equipment += text
    return {"network.txt": network, "equipment.txt": equipment, "load.txt": load}


def imported(
    folder: Path, sections: Iterable[str], rows: dict[str, list[str]], **options: object
) -> CymeImport:
    """Read an export of some sections and rows."""
    for name, text in texts(sections, rows).items():
        (folder / name).write_text(text, encoding="utf-8")
    return read_cyme(folder, **options)  # type: ignore[arg-type]


def spot(section: str, phases: str, kw: float, kvar: float, kind: str = "PQ") -> dict:
    """A grounded-wye spot load at the far end of a section, the same on each phase."""
    return {
        "LOADS": [f"{section},D{section},SPOT,0,1"],
        "CUSTOMER LOADS": [
            f"{section},D{section},SPOT,C,{kind},0,2026,1,0,{p},{kw},{kvar},0,0" for p in phases
        ],
    }
