"""Columns of lines and cables where they stand."""

from grid_fed_rl.feeders.cyme import records_lines as records
from grid_fed_rl.feeders.cyme.code_tables import ORDER
from grid_fed_rl.feeders.cyme.kinds import (
    AMPS,
    DEVICE,
    Kind,
    column,
    need,
)
from grid_fed_rl.feeders.cyme.quantities import (
    INTEGER,
    METRES,
    NAME,
    NUMBER,
    REFERENCE,
    Code,
)

__all__ = ["CONDUCTORS", "LINE_KINDS"]

_LENGTH = need("length_m", METRES, "Length")
_LINE = need("line", NAME, "LineCableID LineID")
_SOIL = column("earth_ohm_m", NUMBER, "EarthResistivity")

CONDUCTORS = (
    column("conductor_a", REFERENCE, "CondID_A PhaseConductorIDA"),
    column("conductor_b", REFERENCE, "CondID_B PhaseConductorIDB"),
    column("conductor_c", REFERENCE, "CondID_C PhaseConductorIDC"),
    column("neutral_1", REFERENCE, "CondID_N1 CondID_N NeutralConductorID1 NeutralConductorID"),
    column("neutral_2", REFERENCE, "CondID_N2 NeutralConductorID2"),
    column("spacing", REFERENCE, "SpacingID ConductorSpacingID"),
)


LINE_KINDS = (
    Kind(
        attribute="overhead_by_phase",
        record=records.OverheadByPhase,
        sections=("OVERHEAD BYPHASE SETTING",),
        tables=("CYMOVERHEADBYPHASE",),
        elements=("OverheadByPhase",),
        device_types=("3",),
        fields=(
            *DEVICE,
            *CONDUCTORS,
            _LENGTH,
            column("order", Code(ORDER, "a conductor position"), "ConductorPosition"),
            _SOIL,
        ),
        key=("number",),
        mapped=False,
        what="overhead line by phase",
    ),
    Kind(
        attribute="overhead_lines",
        record=records.OverheadLine,
        sections=("OVERHEADLINE SETTING",),
        tables=("CYMOVERHEADLINE",),
        elements=("OverheadLine",),
        device_types=("2",),
        fields=(*DEVICE, _LINE, _LENGTH),
        key=("number",),
        mapped=False,
        what="overhead line",
    ),
    Kind(
        attribute="overhead_unbalanced",
        record=records.OverheadUnbalanced,
        sections=("OVERHEADLINEUNBALANCED SETTING",),
        tables=("CYMOVERHEADLINEUNBALANCED",),
        elements=("OverheadLineUnbalanced",),
        device_types=("23",),
        fields=(*DEVICE, _LINE, _LENGTH),
        key=("number",),
        mapped=False,
        what="unbalanced overhead line",
    ),
    Kind(
        attribute="underground_lines",
        record=records.UndergroundLine,
        sections=("UNDERGROUNDLINE SETTING",),
        tables=("CYMUNDERGROUNDLINE",),
        elements=("Underground", "Cable", "UndergroundCable"),
        device_types=("1",),
        fields=(
            *DEVICE,
            need("cable", NAME, "LineCableID CableID"),
            _LENGTH,
            column("n_parallel", INTEGER, "NumberOfCableInParallel NumberOfCablesInParallel"),
            *AMPS,
            _SOIL,
        ),
        key=("number",),
        mapped=False,
        what="cable",
    ),
    Kind(
        attribute="underground_by_phase",
        record=records.UndergroundByPhase,
        sections=("UNDERGROUND BYPHASE SETTING", "UNDERGROUNDLINE BYPHASE SETTING"),
        elements=("UndergroundByPhase",),
        fields=(
            *DEVICE,
            column("cable_a", REFERENCE, "CableID_A CableIDA PhaseCableIDA"),
            column("cable_b", REFERENCE, "CableID_B CableIDB PhaseCableIDB"),
            column("cable_c", REFERENCE, "CableID_C CableIDC PhaseCableIDC"),
            column("cable_n", REFERENCE, "CableID_N CableIDN NeutralCableID"),
            _LENGTH,
        ),
        key=("number",),
        mapped=False,
        what="cable by phase",
    ),
)
