"""Writes the catalogue of a `CymeDataset` as XML."""

from typing import Any

from grid_fed_rl.feeders.cyme.dataset import CymeDataset
from tests.feeders.cyme.xml_parts import NAMES, Writer, element, names_of

CATALOGUE = {
    k: (table.get("element", ""), names_of(table)) for k, table in NAMES["catalogue"].items()
}


def equipment(out: Writer, dataset: CymeDataset) -> None:
    out.open("Equipments")
    out.open("Equipments")
    out.open("EquipmentDBs")
    for attribute, (tag, names) in CATALOGUE.items():
        for record in getattr(dataset, attribute).values():
            name = tag or f"{element(record)}DB"
            out.open(name)
            out.leaves(record, names)
            in_smaller_units(out, dataset, attribute, record)
            out.close(name)
    for spacing in dataset.spacings.values():
        spacing_of(out, spacing)
    out.close("EquipmentDBs")
    out.close("Equipments")
    out.close("Equipments")


def per(value: float | None, factor: float) -> float | None:
    """Return a length in centimetres or millimetres, with no digits that division made."""
    return None if value is None else float(f"{value * factor:.12g}")


def in_smaller_units(out: Writer, dataset: CymeDataset, attribute: str, record: Any) -> None:
    if attribute == "conductors":
        out.leaf("OutsideDiameter", per(record.diameter_m, 100.0))
        out.leaf("GMR", per(record.gmr_m, 100.0))
    if attribute == "transformer_types" and record.line_to_neutral is not None:
        out.leaf("TransfoVoltageUnit", "KVLN" if record.line_to_neutral else "KVLL")
    if attribute == "autotransformer_types" and record.line_to_neutral is not None:
        out.leaf("TransfoVoltageUnit", "KVLN" if record.line_to_neutral else "KVLL")
    if attribute == "transformer_types" and record.single_phase is not None:
        out.leaf("TransfoType", "SinglePhase" if record.single_phase else "ThreePhaseShell")
    if attribute != "cable_types":
        return
    out.leaf("InsulationDiameter", per(record.insulation_diameter_m, 1000.0))
    out.leaf("InsulationThickness", per(record.insulation_thickness_m, 1000.0))
    out.leaf("OverallDiameter", per(record.overall_diameter_m, 1000.0))
    out.leaf("InnerSheathRadius", per(record.sheath_inner_m, 1000.0))
    out.leaf("OuterSheathRadius", per(record.sheath_outer_m, 1000.0))
    out.leaf("DistanceBetweenABPhases", per(record.d_ab_m, 100.0))
    out.leaf("DistanceBetweenBCPhases", per(record.d_bc_m, 100.0))
    out.leaf("DistanceBetweenACPhases", per(record.d_ac_m, 100.0))
    conductor = dataset.cable_conductors.get(record.id)
    if conductor is not None:
        out.open("CableConductor")
        out.leaf("Diameter", per(conductor.diameter_m, 1000.0))
        out.leaf("Size_mm2", conductor.size_mm2)
        out.leaf("MaterialID", conductor.material)
        out.leaf("NumberOfStrands", conductor.n_strands)
        out.close("CableConductor")
    insulation = dataset.cable_insulations.get(record.id)
    if insulation is not None:
        out.open("CableInsulation")
        out.leaf("Thickness", per(insulation.thickness_m, 1000.0))
        out.leaf("InsulationMaterialID", insulation.material)
        out.close("CableInsulation")
    neutral = dataset.cable_neutrals.get(record.id)
    if neutral is not None:
        out.open("CableConcentricNeutral")
        out.leaf("NumberOfWires", neutral.n_wires)
        out.leaf("Thickness", per(neutral.thickness_m, 1000.0))
        out.leaf("StrapWidth", per(neutral.strap_width_m, 1000.0))
        out.leaf("LayLength", per(neutral.lay_m, 1000.0))
        out.leaf("MaterialID", neutral.material)
        out.leaf("ConcentricNeutralsType", neutral.kind)
        out.close("CableConcentricNeutral")


def spacing_of(out: Writer, spacing: Any) -> None:
    out.open("OverheadSpacingOfConductorDB")
    out.leaf("EquipmentID", spacing.id)
    if spacing.gmd_phase_m is not None:
        out.open("AverageGeometricalArrangement")
        out.leaf("GMDPhaseToPhase", spacing.gmd_phase_m)
        out.leaf("GMDPhaseToNeutral", spacing.gmd_neutral_m)
        out.leaf("AveragePhaseConductorHeight", spacing.phase_height_m)
        out.leaf("AverageNeutralConductorHeight", spacing.neutral_height_m)
        out.close("AverageGeometricalArrangement")
    if spacing.n_phases is not None:
        out.open("GeometricalArrangement")
        out.leaf("NbPhasesPerCircuit", spacing.n_phases)
        out.leaf("NbConductorsPerPhase", spacing.n_bundle)
        out.leaf("NbNeutrals", spacing.n_neutrals)
        out.leaf("BundleDistance", spacing.bundle_m)
        places = {f"PositionOfConductor{i}_C1": p for i, p in enumerate(spacing.positions, 1)}
        places |= {
            "PositionOfConductorN1": spacing.neutral_1,
            "PositionOfConductorN2": spacing.neutral_2,
        }
        for name, point in places.items():
            out.open(name)
            out.leaf("X", 0.0 if point is None else point.x_m)
            out.leaf("Y", 0.0 if point is None else point.y_m)
            out.close(name)
        out.close("GeometricalArrangement")
    out.close("OverheadSpacingOfConductorDB")
