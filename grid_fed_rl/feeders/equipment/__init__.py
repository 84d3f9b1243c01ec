"""Equipment: catalogues of what stands in a feeder, saved beside it."""

from grid_fed_rl.feeders.equipment.parquet import read_equipment_parquet, write_equipment_parquet
from grid_fed_rl.feeders.equipment.records import (
    CableType,
    CapacitorSetting,
    CapacitorType,
    ConductorType,
    EquipmentLibrary,
    LineType,
    RegulatorSetting,
    RegulatorType,
    SpacingType,
    SwitchgearType,
    TransformerType,
    Use,
)
from grid_fed_rl.feeders.equipment.tables import read_equipment, write_equipment

__all__ = [
    "CableType",
    "CapacitorSetting",
    "CapacitorType",
    "ConductorType",
    "EquipmentLibrary",
    "LineType",
    "RegulatorSetting",
    "RegulatorType",
    "SpacingType",
    "SwitchgearType",
    "TransformerType",
    "Use",
    "read_equipment",
    "read_equipment_parquet",
    "write_equipment",
    "write_equipment_parquet",
]
