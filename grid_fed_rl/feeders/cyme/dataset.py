"""What a CYME export holds, whichever format it came in: typed records in SI units."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from grid_fed_rl.feeders.cyme import records_catalogue as _catalogue
from grid_fed_rl.feeders.cyme import records_der as _der
from grid_fed_rl.feeders.cyme import records_devices as _devices
from grid_fed_rl.feeders.cyme import records_lines as _lines
from grid_fed_rl.feeders.cyme import records_loads as _loads
from grid_fed_rl.feeders.cyme import records_network as _network
from grid_fed_rl.feeders.cyme.codes import GeneratorKind, MotorKind, SwitchgearKind

__all__ = ["Coverage", "CymeDataset", "Table", "Use"]


class Use(StrEnum):
    """What was made of a section, table or kind of element."""

    READ = "read"  # records
    IGNORED = "ignored"  # nothing: drawing, protection, harmonics, catalogues of what no row uses
    UNKNOWN = "unknown"  # nothing: nobody has met it


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was made of one section of a file (or one table, or one kind of element).

    Attributes:
        file: The file it stands in.
        section: Its name, as the file writes it.
        rows: How many rows it has.
        read: Columns that went into fields.
        ignored: Columns known to matter to nothing here: labels, colours, drawing.
        unknown: Columns that nobody has met, with the number of rows that say something in them.
        use: Whether records were made of it; if not, its rows are in `others`.
    """

    file: str
    section: str
    rows: int
    read: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    unknown: Mapping[str, int] = field(default_factory=dict)
    use: Use = Use.READ


@dataclass(frozen=True, slots=True)
class Table:
    """A section, table or kind of element that no record is made of, kept as it was."""

    file: str
    section: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CymeDataset:
    """Records of a CYME export by kind: by id where they have one, else in the file's order.

    Every id that a record names is there: nodes of sections, sections of devices, equipment of
    devices. Ids keep the case in which they are defined. The catalogues by kind and id are keyed
    by both.

    Equality is of the records; places, coverage and version do not count.
    """

    nodes: Mapping[str, _network.Node] = field(default_factory=dict)
    sections: Mapping[str, _network.Section] = field(default_factory=dict)
    points: tuple[_network.IntermediatePoint, ...] = ()
    networks: Mapping[str, _network.Network] = field(default_factory=dict)
    headnodes: tuple[_network.Headnode, ...] = ()
    sources: tuple[_network.Source, ...] = ()
    source_equivalents: tuple[_network.SourceEquivalent, ...] = ()
    load_equivalents: tuple[_network.LoadEquivalent, ...] = ()
    load_models: Mapping[str, _network.LoadModel] = field(default_factory=dict)

    overhead_by_phase: tuple[_lines.OverheadByPhase, ...] = ()
    overhead_lines: tuple[_lines.OverheadLine, ...] = ()
    overhead_unbalanced: tuple[_lines.OverheadUnbalanced, ...] = ()
    underground_lines: tuple[_lines.UndergroundLine, ...] = ()
    underground_by_phase: tuple[_lines.UndergroundByPhase, ...] = ()
    transformers: tuple[_devices.Transformer, ...] = ()
    transformers_by_phase: tuple[_devices.TransformerByPhase, ...] = ()
    autotransformers: tuple[_devices.Autotransformer, ...] = ()
    three_winding: tuple[_devices.ThreeWindingTransformer, ...] = ()
    grounding_transformers: tuple[_devices.GroundingTransformer, ...] = ()
    regulators: tuple[_devices.Regulator, ...] = ()
    tap_timings: tuple[_devices.TapTiming, ...] = ()
    switchgear: tuple[_devices.Switchgear, ...] = ()
    shunt_capacitors: tuple[_devices.ShuntCapacitor, ...] = ()
    shunt_reactors: tuple[_devices.ShuntReactor, ...] = ()
    series_devices: tuple[_devices.SeriesDevice, ...] = ()
    photovoltaics: tuple[_der.Photovoltaic, ...] = ()
    storages: tuple[_der.Storage, ...] = ()
    generators: tuple[_der.Generator, ...] = ()
    motors: tuple[_der.Motor, ...] = ()
    converters: tuple[_der.Converter, ...] = ()
    converter_controls: tuple[_der.ConverterControl, ...] = ()
    generation_models: tuple[_der.GenerationModel, ...] = ()

    loads: tuple[_loads.Load, ...] = ()
    customer_loads: tuple[_loads.CustomerLoad, ...] = ()
    customer_classes: Mapping[str, _loads.CustomerClass] = field(default_factory=dict)

    conductors: Mapping[str, _lines.Conductor] = field(default_factory=dict)
    spacings: Mapping[str, _lines.ConductorSpacing] = field(default_factory=dict)
    line_types: Mapping[str, _lines.LineType] = field(default_factory=dict)
    unbalanced_types: Mapping[str, _lines.UnbalancedLineType] = field(default_factory=dict)
    cable_types: Mapping[str, _lines.CableType] = field(default_factory=dict)
    cable_conductors: Mapping[str, _lines.CableConductor] = field(default_factory=dict)
    cable_insulations: Mapping[str, _lines.CableInsulation] = field(default_factory=dict)
    cable_neutrals: Mapping[str, _lines.CableNeutral] = field(default_factory=dict)
    transformer_types: Mapping[str, _catalogue.TransformerType] = field(default_factory=dict)
    autotransformer_types: Mapping[str, _catalogue.AutotransformerType] = field(
        default_factory=dict
    )
    three_winding_types: Mapping[tuple[bool, str], _catalogue.ThreeWindingType] = field(
        default_factory=dict
    )
    grounding_types: Mapping[str, _catalogue.GroundingTransformerType] = field(default_factory=dict)
    regulator_types: Mapping[str, _catalogue.RegulatorType] = field(default_factory=dict)
    switchgear_types: Mapping[tuple[SwitchgearKind, str], _catalogue.SwitchgearType] = field(
        default_factory=dict
    )
    capacitor_types: Mapping[str, _catalogue.CapacitorType] = field(default_factory=dict)
    reactor_types: Mapping[str, _catalogue.ReactorType] = field(default_factory=dict)
    series_types: Mapping[tuple[bool, str], _catalogue.SeriesType] = field(default_factory=dict)
    substation_types: Mapping[str, _catalogue.SubstationType] = field(default_factory=dict)
    photovoltaic_types: Mapping[str, _der.PhotovoltaicType] = field(default_factory=dict)
    storage_types: Mapping[str, _der.StorageType] = field(default_factory=dict)
    generator_types: Mapping[tuple[GeneratorKind, str], _der.GeneratorType] = field(
        default_factory=dict
    )
    motor_types: Mapping[tuple[MotorKind, str], _der.MotorType] = field(default_factory=dict)

    version: str = field(default="", compare=False)
    date: str = field(default="", compare=False)
    units: str = field(default="", compare=False)  # of the file: SI or IMPERIAL
    files: tuple[str, ...] = field(default=(), compare=False)
    coverage: tuple[Coverage, ...] = field(default=(), compare=False)
    others: tuple[Table, ...] = field(default=(), compare=False)
