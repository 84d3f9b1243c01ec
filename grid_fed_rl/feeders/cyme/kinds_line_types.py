"""Columns of the catalogue of lines and cables."""

from grid_fed_rl.feeders.cyme import records_lines as records
from grid_fed_rl.feeders.cyme.code_tables import Dialect
from grid_fed_rl.feeders.cyme.kinds import (
    AMPS,
    FAILURES_PER_KM,
    Field,
    Kind,
    Values,
    by_phase,
    column,
    flag,
    need,
)
from grid_fed_rl.feeders.cyme.kinds_lines import CONDUCTORS
from grid_fed_rl.feeders.cyme.quantities import (
    CENTIMETRES,
    INTEGER,
    METRES,
    MILLIMETRES,
    NAME,
    NUMBER,
    PER_KM,
    REFERENCE,
)

__all__ = ["LINE_TYPE_KINDS"]

_SEQUENCE = (
    column("r1_ohm_per_km", PER_KM, "R1 PositiveSequenceResistance"),
    column("r0_ohm_per_km", PER_KM, "R0 ZeroSequenceResistance"),
    column("x1_ohm_per_km", PER_KM, "X1 PositiveSequenceReactance"),
    column("x0_ohm_per_km", PER_KM, "X0 ZeroSequenceReactance"),
    column("b1_us_per_km", PER_KM, "B1 PosSeqShuntSusceptance PositiveSequenceShuntSusceptance"),
    column("b0_us_per_km", PER_KM, "B0 ZeroSequenceShuntSusceptance"),
    column("g1_us_per_km", PER_KM, "PositiveSequenceShuntConductance PosSeqShuntConductance"),
    column("g0_us_per_km", PER_KM, "ZeroSequenceShuntConductance"),
    flag("locked", "LockImpedance"),
    flag("user_impedances", "UserDefinedImpedances"),
    column("frequency_hz", NUMBER, "Frequency"),
)


def _mutual(name: str, stem: str) -> tuple[Field, ...]:
    return tuple(
        column(f"{name}.{phase}", PER_KM, f"{stem}{pair}")
        for phase, pair in zip("abc", ("AB", "BC", "CA"), strict=True)
    )


_PLACES = ("1", "2", "3", "n1", "n2")
_PLACE_COLUMNS = {
    "1": "PosOfCond1_{} ConductorA_{word} PositionOfConductor1_C1_{}",
    "2": "PosOfCond2_{} ConductorB_{word} PositionOfConductor2_C1_{}",
    "3": "PosOfCond3_{} ConductorC_{word} PositionOfConductor3_C1_{}",
    "n1": "PosOfNeutralCond_{} NeutralConductor_{word} PositionOfConductorN1_{}",
    "n2": "PosOfNeutralCond_N2_{} Conductor_N2_{} PositionOfConductorN2_{}",
}
_PLACE_FIELDS = tuple(
    column(f"~{axis}{place}", METRES, _PLACE_COLUMNS[place].format(axis, axis, axis, word=word))
    for place in _PLACES
    for axis, word in (("X", "Horizontal"), ("Y", "Vertical"))
)


def _spacing(values: Values, dialect: Dialect) -> Values:
    """Turn pairs of coordinates into places.

    Databases and XML write zeros for a place that is not used; the numbers of phases and
    neutrals say how many are.
    """
    found: dict[str, records.Point | None] = {}
    for place in _PLACES:
        x, y = values.pop(f"~X{place}", None), values.pop(f"~Y{place}", None)
        found[place] = None if x is None or y is None else records.Point(x_m=x, y_m=y)
    if dialect != "text":
        used = list("123"[: values.get("n_phases") or 0])
        used += ["n1", "n2"][: values.get("n_neutrals") or 0]
        found = {place: point if place in used else None for place, point in found.items()}
    values["positions"] = (found["1"], found["2"], found["3"])
    values["neutral_1"], values["neutral_2"] = found["n1"], found["n2"]
    return values


_CABLE_FIELDS = (
    need("id", NAME, "ID EquipmentID"),
    *_SEQUENCE,
    *AMPS,
    column("withstand_a", NUMBER, "WithstandRating"),
    column("rated_kv", NUMBER, "RatedLevel LevelKV"),
    column("n_phases", INTEGER, "NumberOfPhases"),
    column("phase_conductor", REFERENCE, "PhaseCondID PhaseConductorID"),
    column("neutral_conductor", REFERENCE, "NeutralCondID NeutralConductorID"),
    column("n_wires", INTEGER, "NeutralWires NumberOfNeutralWire NumberOfNeutralWires"),
    column("insulation_diameter_m", MILLIMETRES, "InsulationDiameter"),
    column("insulation_thickness_m", MILLIMETRES, "InsulationThickness"),
    column("dielectric_constant", NUMBER, "InsulationDielectricConst InsulationDielectricConstant"),
    column("d_ab_m", CENTIMETRES, "Dab DistanceBetweenABPhases"),
    column("d_bc_m", CENTIMETRES, "Dbc DistanceBetweenBCPhases"),
    column("d_ac_m", CENTIMETRES, "Dac DistanceBetweenACPhases"),
    column("sheath_inner_m", MILLIMETRES, "InnerSheathRadius"),
    column("sheath_outer_m", MILLIMETRES, "OuterSheathRadius"),
    column("sheath_ohm_per_km", PER_KM, "SheathResistance"),
    column("overall_diameter_m", MILLIMETRES, "OverallDiameter"),
    *FAILURES_PER_KM,
)

LINE_TYPE_KINDS = (
    Kind(
        attribute="conductors",
        record=records.Conductor,
        sections=("CONDUCTOR",),
        tables=("CYMEQCONDUCTOR",),
        elements=("ConductorDB",),
        fields=(
            need("id", NAME, "ID EquipmentID"),
            column("diameter_m", CENTIMETRES, "Diameter OutsideDiameter"),
            column("gmr_m", CENTIMETRES, "GMR"),
            column("r25_ohm_per_km", PER_KM, "R25 FirstResistance FirstResistanceAC ResistanceAC1"),
            column(
                "r50_ohm_per_km", PER_KM, "R50 SecondResistance SecondResistanceAC ResistanceAC2"
            ),
            *AMPS,
            column("withstand_a", NUMBER, "WithstandRating"),
            column("material", NAME, "MaterialID Material"),
            column("size_mm2", NUMBER, "Size_mm2"),
            column("frequency_hz", NUMBER, "Frequency"),
            *FAILURES_PER_KM,
        ),
        what="conductor",
    ),
    Kind(
        attribute="spacings",
        record=records.ConductorSpacing,
        sections=("SPACING TABLE FOR LINE",),
        tables=("CYMEQOVERHEADSPACINGOFCOND",),
        elements=("OverheadSpacingOfConductorDB",),
        fields=(
            need("id", NAME, "ID EquipmentID"),
            column("gmd_phase_m", METRES, "GMDPh-Ph GMDPhaseToPhase"),
            column("gmd_neutral_m", METRES, "GMDPh-N GMDPhaseToNeutral"),
            column("phase_height_m", METRES, "AvgPhCondHeight AveragePhaseConductorHeight"),
            column("neutral_height_m", METRES, "AvgNeutralHeight AverageNeutralConductorHeight"),
            *_PLACE_FIELDS,
            column("n_phases", INTEGER, "NBPhasesPerCircuit"),
            column("n_bundle", INTEGER, "NBConductorsPerPhase"),
            column("n_neutrals", INTEGER, "NBNeutrals"),
            column("bundle_m", METRES, "BundleDistance"),
        ),
        finish=_spacing,
        what="spacing",
    ),
    Kind(
        attribute="line_types",
        record=records.LineType,
        sections=("LINE",),
        tables=("CYMEQOVERHEADLINE",),
        elements=("OverheadLineDB",),
        fields=(
            need("id", NAME, "ID EquipmentID"),
            column("phase_conductor", REFERENCE, "PhaseCondID PhaseConductorID"),
            column("neutral_conductor", REFERENCE, "NeutralCondID NeutralConductorID"),
            column("spacing", REFERENCE, "SpacingID ConductorSpacingID"),
            *_SEQUENCE,
            *AMPS,
            *FAILURES_PER_KM,
        ),
        what="line of the catalogue",
    ),
    Kind(
        attribute="unbalanced_types",
        record=records.UnbalancedLineType,
        sections=("LINE UNBALANCED",),
        tables=("CYMEQOVERHEADLINEUNBALANCED",),
        elements=("OverheadLineUnbalancedDB",),
        fields=(
            need("id", NAME, "ID EquipmentID"),
            *CONDUCTORS,
            *by_phase("r_ohm_per_km", PER_KM, "R{} SelfResistance{}"),
            *by_phase("x_ohm_per_km", PER_KM, "X{} SelfReactance{}"),
            *by_phase("b_us_per_km", PER_KM, "B{} ShuntSusceptance{}"),
            *by_phase("g_us_per_km", PER_KM, "ShuntConductance{}"),
            *_mutual("r_mutual_ohm_per_km", "MutualResistance"),
            *_mutual("x_mutual_ohm_per_km", "MutualReactance"),
            *_mutual("b_mutual_us_per_km", "MutualShuntSusceptance"),
            *_mutual("g_mutual_us_per_km", "MutualShuntConductance"),
            *by_phase("amps", NUMBER, "Amps{} NominalRating{}"),
            flag("locked", "LockImpedance"),
            flag("user_impedances", "UserDefinedImpedances"),
            column("frequency_hz", NUMBER, "Frequency"),
        ),
        what="unbalanced line of the catalogue",
    ),
    Kind(
        attribute="cable_types",
        record=records.CableType,
        sections=(
            "CABLE",
            "CONCENTRIC NEUTRAL CABLE",
            "TAPE SHIELDED CABLE",
            "SHIELDED CABLE",
            "UNSHIELDED CABLE",
        ),
        tables=("CYMEQCABLE",),
        elements=("CableDB",),
        fields=_CABLE_FIELDS,
        what="cable of the catalogue",
    ),
    Kind(
        attribute="cable_conductors",
        record=records.CableConductor,
        sections=("CABLE CONDUCTOR",),
        tables=("CYMEQCABLECONDUCTOR",),
        elements=("CableConductor",),
        fields=(
            need("cable", NAME, "ID EquipmentID"),
            column("diameter_m", MILLIMETRES, "Diameter"),
            column("size_mm2", NUMBER, "Size_mm2"),
            column("material", NAME, "MaterialID"),
            column("n_strands", INTEGER, "NumberOfStrands"),
        ),
        key=("cable",),
        what="cable conductor",
    ),
    Kind(
        attribute="cable_insulations",
        record=records.CableInsulation,
        sections=("CABLE INSULATION",),
        tables=("CYMEQCABLEINSULATION",),
        elements=("CableInsulation",),
        fields=(
            need("cable", NAME, "ID EquipmentID"),
            column("thickness_m", MILLIMETRES, "Thickness"),
            column("material", NAME, "InsulationMaterialID MaterialID"),
        ),
        key=("cable",),
        what="cable insulation",
    ),
    Kind(
        attribute="cable_neutrals",
        record=records.CableNeutral,
        sections=("CABLE CONCENTRIC NEUTRAL",),
        tables=("CYMEQCABLECONCENTRICNEUTRAL",),
        elements=("CableConcentricNeutral",),
        fields=(
            need("cable", NAME, "ID EquipmentID"),
            column("n_wires", INTEGER, "NumberOfWires"),
            column("thickness_m", MILLIMETRES, "Thickness"),
            column("strap_width_m", MILLIMETRES, "StrapWidth"),
            column("lay_m", MILLIMETRES, "LayLength"),
            column("material", NAME, "MaterialID"),
            column("kind", INTEGER, "ConcentricNeutralsType"),
        ),
        key=("cable",),
        what="concentric neutral",
    ),
)
