"""What a CYME export holds, whichever format it came in: typed records in SI units."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from grid_fed_rl.feeders.cyme import records_catalogue as catalogue
from grid_fed_rl.feeders.cyme import records_der as der
from grid_fed_rl.feeders.cyme import records_devices as devices
from grid_fed_rl.feeders.cyme import records_lines as lines
from grid_fed_rl.feeders.cyme import records_loads as loads
from grid_fed_rl.feeders.cyme import records_network as network
from grid_fed_rl.feeders.cyme.codes import GeneratorKind, MotorKind, SwitchgearKind

__all__ = ["Coverage", "CymeDataset", "Table"]


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
        known: False for a section that no record is made of; its rows are in `others`.
    """

    file: str
    section: str
    rows: int
    read: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    unknown: Mapping[str, int] = field(default_factory=dict)
    known: bool = True


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

    nodes: Mapping[str, network.Node] = field(default_factory=dict)
    sections: Mapping[str, network.Section] = field(default_factory=dict)
    points: tuple[network.IntermediatePoint, ...] = ()
    networks: Mapping[str, network.Network] = field(default_factory=dict)
    headnodes: tuple[network.Headnode, ...] = ()
    sources: tuple[network.Source, ...] = ()
    source_equivalents: tuple[network.SourceEquivalent, ...] = ()
    load_equivalents: tuple[network.LoadEquivalent, ...] = ()
    load_models: Mapping[str, network.LoadModel] = field(default_factory=dict)

    overhead_by_phase: tuple[lines.OverheadByPhase, ...] = ()
    overhead_lines: tuple[lines.OverheadLine, ...] = ()
    overhead_unbalanced: tuple[lines.OverheadUnbalanced, ...] = ()
    underground_lines: tuple[lines.UndergroundLine, ...] = ()
    underground_by_phase: tuple[lines.UndergroundByPhase, ...] = ()
    transformers: tuple[devices.Transformer, ...] = ()
    transformers_by_phase: tuple[devices.TransformerByPhase, ...] = ()
    autotransformers: tuple[devices.Autotransformer, ...] = ()
    three_winding: tuple[devices.ThreeWindingTransformer, ...] = ()
    grounding_transformers: tuple[devices.GroundingTransformer, ...] = ()
    regulators: tuple[devices.Regulator, ...] = ()
    switchgear: tuple[devices.Switchgear, ...] = ()
    shunt_capacitors: tuple[devices.ShuntCapacitor, ...] = ()
    shunt_reactors: tuple[devices.ShuntReactor, ...] = ()
    series_devices: tuple[devices.SeriesDevice, ...] = ()
    photovoltaics: tuple[der.Photovoltaic, ...] = ()
    storages: tuple[der.Storage, ...] = ()
    generators: tuple[der.Generator, ...] = ()
    motors: tuple[der.Motor, ...] = ()
    converters: tuple[der.Converter, ...] = ()
    converter_controls: tuple[der.ConverterControl, ...] = ()
    generation_models: tuple[der.GenerationModel, ...] = ()

    loads: tuple[loads.Load, ...] = ()
    customer_loads: tuple[loads.CustomerLoad, ...] = ()
    customer_classes: Mapping[str, loads.CustomerClass] = field(default_factory=dict)

    conductors: Mapping[str, lines.Conductor] = field(default_factory=dict)
    spacings: Mapping[str, lines.ConductorSpacing] = field(default_factory=dict)
    line_types: Mapping[str, lines.LineType] = field(default_factory=dict)
    unbalanced_types: Mapping[str, lines.UnbalancedLineType] = field(default_factory=dict)
    cable_types: Mapping[str, lines.CableType] = field(default_factory=dict)
    cable_conductors: Mapping[str, lines.CableConductor] = field(default_factory=dict)
    cable_insulations: Mapping[str, lines.CableInsulation] = field(default_factory=dict)
    cable_neutrals: Mapping[str, lines.CableNeutral] = field(default_factory=dict)
    transformer_types: Mapping[str, catalogue.TransformerType] = field(default_factory=dict)
    autotransformer_types: Mapping[str, catalogue.AutotransformerType] = field(default_factory=dict)
    three_winding_types: Mapping[str, catalogue.ThreeWindingType] = field(default_factory=dict)
    grounding_types: Mapping[str, catalogue.GroundingTransformerType] = field(default_factory=dict)
    regulator_types: Mapping[str, catalogue.RegulatorType] = field(default_factory=dict)
    switchgear_types: Mapping[tuple[SwitchgearKind, str], catalogue.SwitchgearType] = field(
        default_factory=dict
    )
    capacitor_types: Mapping[str, catalogue.CapacitorType] = field(default_factory=dict)
    reactor_types: Mapping[str, catalogue.ReactorType] = field(default_factory=dict)
    series_types: Mapping[tuple[bool, str], catalogue.SeriesType] = field(default_factory=dict)
    substation_types: Mapping[str, catalogue.SubstationType] = field(default_factory=dict)
    photovoltaic_types: Mapping[str, der.PhotovoltaicType] = field(default_factory=dict)
    storage_types: Mapping[str, der.StorageType] = field(default_factory=dict)
    generator_types: Mapping[tuple[GeneratorKind, str], der.GeneratorType] = field(
        default_factory=dict
    )
    motor_types: Mapping[tuple[MotorKind, str], der.MotorType] = field(default_factory=dict)

    version: str = field(default="", compare=False)
    date: str = field(default="", compare=False)
    units: str = field(default="", compare=False)  # of the file: SI or IMPERIAL
    files: tuple[str, ...] = field(default=(), compare=False)
    coverage: tuple[Coverage, ...] = field(default=(), compare=False)
    others: tuple[Table, ...] = field(default=(), compare=False)
