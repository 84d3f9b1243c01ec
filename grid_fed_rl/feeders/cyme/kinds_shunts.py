"""Columns of switchgear, capacitors and reactors on sections."""

from grid_fed_rl.feeders.cyme import records_devices as records
from grid_fed_rl.feeders.cyme.code_tables import CLOSED, PHASES, Dialect
from grid_fed_rl.feeders.cyme.codes import ByPhase, Phases, SwitchgearKind
from grid_fed_rl.feeders.cyme.kinds import DEVICE, Kind, Values, by_phase, column, flag
from grid_fed_rl.feeders.cyme.kinds_devices import CONNECTION_FIELD, EQUIPMENT, FROM_NODE
from grid_fed_rl.feeders.cyme.quantities import NAME, NUMBER, REFERENCE, Code

__all__ = ["SHUNT_KINDS"]


def _capacitor(values: Values, _dialect: Dialect) -> Values:
    """Turn the columns of version 5 (one kvar a phase, and one status) into those by phase."""
    kvar, losses = values.pop("~kvar", None), values.pop("~losses", None)
    phases = values.get("phases")
    if kvar is not None and phases is not None:
        switched = values.get("control") not in (None, "0")
        which = "switched" if switched else "fixed"
        values[f"{which}_kvar"] = _on(phases, kvar)
        values[f"{which}_losses_kw"] = _on(phases, losses or 0.0)
    status = values.pop("~status", None)
    if status is not None:
        # CYME's SwitchedCapacitorStatusEnum: initially on, initially off.
        values["switched_closed"] = str(status).lower() in ("0", "initiallyon")
    return values


def _reactor(values: Values, _dialect: Dialect) -> Values:
    kvar, losses = values.pop("~kvar", None), values.pop("~losses", None)
    phases = values.get("phases")
    if kvar is not None and phases is not None:
        values["kvar"] = _on(phases, kvar)
        values["losses_kw"] = _on(phases, losses or 0.0)
    return values


def _on(phases: Phases, figure: float) -> ByPhase:
    return ByPhase(*(figure if phase in phases else 0.0 for phase in "ABC"))


_NAMES = {
    SwitchgearKind.SWITCH: ("SWITCH", "CYMSWITCH", "Switch", "13"),
    SwitchgearKind.BREAKER: ("BREAKER", "CYMBREAKER", "Breaker", "8"),
    SwitchgearKind.RECLOSER: ("RECLOSER", "CYMRECLOSER", "Recloser", "10"),
    SwitchgearKind.FUSE: ("FUSE", "CYMFUSE", "Fuse", "14"),
    SwitchgearKind.SECTIONALISER: ("SECTIONALIZER", "CYMSECTIONALIZER", "Sectionalizer", "12"),
    SwitchgearKind.NETWORK_PROTECTOR: (
        "NETWORKPROTECTOR",
        "CYMNETWORKPROTECTOR",
        "NetworkProtector",
        "49",
    ),
    SwitchgearKind.LVCB: ("LVCB", "CYMLVCB", "LVCB", "9"),
    SwitchgearKind.MISCELLANEOUS: ("MISCELLANEOUS", "CYMMISCELLANEOUS", "Miscellaneous", "22"),
}
_SWITCHGEAR = tuple(
    Kind(
        attribute="switchgear",
        record=records.Switchgear,
        sections=(f"{section} SETTING",),
        tables=(table,),
        elements=(element,),
        device_types=(number,),
        fields=(
            *DEVICE,
            EQUIPMENT,
            column("closed_phases", Code(PHASES, "phases"), "ClosedPhase"),
            column("normally_closed", Code(CLOSED, "a status"), "NStatus NormalStatus"),
            flag("locked", "Locked"),
            flag("remote_controlled", "RC RemoteControlled"),
            flag("automated", "Automated"),
            FROM_NODE,
        ),
        constants={"kind": kind},
        key=("kind", "number"),
        mapped=False,
        what=kind.value.replace("_", " "),
    )
    for kind, (section, table, element, number) in _NAMES.items()
)

_SHUNTS = (
    Kind(
        attribute="shunt_capacitors",
        record=records.ShuntCapacitor,
        sections=("SHUNT CAPACITOR SETTING",),
        tables=("CYMSHUNTCAPACITOR",),
        elements=("ShuntCapacitor",),
        device_types=("17",),
        fields=(
            *DEVICE,
            column("equipment", REFERENCE, "ShuntCapacitorID EquipmentID DeviceID"),
            CONNECTION_FIELD,
            column("phases", Code(PHASES, "phases"), "Phase"),
            *by_phase("fixed_kvar", NUMBER, "FixedKVAR{} KVAR{}"),
            *by_phase("switched_kvar", NUMBER, "SwitchedKVAR{}"),
            column("~kvar", NUMBER, "KVAR"),
            column("kvar_three_phase", NUMBER, "ThreePhaseKVAR KVARABC"),
            *by_phase("fixed_losses_kw", NUMBER, "FixedLosses{} Losses{}"),
            *by_phase("switched_losses_kw", NUMBER, "SwitchedLosses{}"),
            column("~losses", NUMBER, "Losses"),
            column("losses_three_phase_kw", NUMBER, "ThreePhaseLosses LossesTotal"),
            column("kv", NUMBER, "KV KVLN"),
            column("control", NAME, "Control CapacitorControlType"),
            *by_phase("on_value", NUMBER, "OnValue{}", "ONSetting OnValue"),
            *by_phase("off_value", NUMBER, "OffValue{}", "OFFSetting OffValue"),
            column("controlling_phase", NAME, "ControllingPhase ControlledPhase"),
            column("controlled_node", NAME, "ControlledNodeID"),
            column("closed_phases", Code(PHASES, "phases"), "InitiallyClosedPhase"),
            column("~status", NAME, "SwitchedCapacitorStatus"),
            flag("voltage_override", "VoltageOverride"),
            column("voltage_override_on", NUMBER, "VoltageOverrideOn"),
            column("voltage_override_off", NUMBER, "VoltageOverrideOff"),
            column("voltage_override_deadband", NUMBER, "VoltageOverrideDeadband"),
        ),
        finish=_capacitor,
        key=("number",),
        mapped=False,
        what="shunt capacitor",
    ),
    Kind(
        attribute="shunt_reactors",
        record=records.ShuntReactor,
        sections=("SHUNT REACTOR SETTING",),
        tables=("CYMSHUNTREACTOR",),
        elements=("ShuntReactor",),
        device_types=("18",),
        fields=(
            *DEVICE,
            column("equipment", REFERENCE, "ShuntReactorID EquipmentID DeviceID"),
            CONNECTION_FIELD,
            column("phases", Code(PHASES, "phases"), "Phase"),
            *by_phase("kvar", NUMBER, "KVAR{}"),
            column("~kvar", NUMBER, "KVAR"),
            column("kvar_three_phase", NUMBER, "ThreePhaseKVAR KVARABC"),
            *by_phase("losses_kw", NUMBER, "Losses{}"),
            column("~losses", NUMBER, "Losses"),
            column("losses_three_phase_kw", NUMBER, "ThreePhaseLosses LossesTotal"),
            column("kv", NUMBER, "KV KVLN"),
        ),
        finish=_reactor,
        key=("number",),
        mapped=False,
        what="shunt reactor",
    ),
    *(
        Kind(
            attribute="series_devices",
            record=records.SeriesDevice,
            sections=(f"SERIE {word.upper()} SETTING", f"SERIES {word.upper()} SETTING"),
            tables=(f"CYMSERIES{word.upper()}",),
            elements=(f"Series{word}",),
            device_types=(number,),
            fields=(*DEVICE, EQUIPMENT),
            constants={"capacitor": word == "Capacitor"},
            key=("capacitor", "number"),
            mapped=False,
            what=f"series {word.lower()}",
        )
        for word, number in (("Capacitor", "15"), ("Reactor", "16"))
    ),
)

SHUNT_KINDS = _SWITCHGEAR + _SHUNTS
