"""Sections and columns that are known, and matter to no record.

Drawing, protection, harmonics, stability and cost; what meters measured; and catalogues of what no
record is made of. (A device that uses one of those stands in a section of its own, which is not
here.)
"""

from grid_fed_rl.feeders.cyme.kinds import section_name, simplify

__all__ = ["is_ignored_column", "is_ignored_section"]

_SECTIONS = """
NODE CONNECTOR, NODECONNECTOR, DEVICETAG, SOURCETAG, LOADTAG, NODETAG, NETWORKTAG, STRUCTURETAG,
TCCTAG, DEVICE STAGE, DIVERSITY FACTOR, NODEUDD, SECTIONUDD, DEVICEUDD, NETWORKUDD,
STRUCTUREUDD, BUSDISPLAY, DOUBLECIRCUITSPACING, LVCB INTERRUPTING RATINGS, ARC FURNACE, CTYPE
FILTER, DOUBLE TUNED FILTER, HIGH PASS FILTER, SINGLE TUNED FILTER, IDEAL CONVERTER, NON IDEAL
CONVERTER, FREQUENCY SOURCE, INDUCTION MACHINE EQ CIRCUIT, SYNCHRONOUS MACHINE EQ CIRCUIT,
SYNCHRONOUS MACHINE EXT STAB, SYNCHRONOUS MACHINE EXT HARMO, WIND MODEL, WIND MODEL POINTS,
INSOLATION MODEL, INSOLATIONMODELPOINT BLOCK, SVC, GENERATOR COST CURVE MODEL, GENERATOR COST
CURVE MODEL POINTS, BUSWAY, PHASE SHIFTER TRANSFORMER, GENERATION CURVE MODEL, LOAD CURVE MODEL,
MOTOR CURVE MODEL, VARIABLE FREQUENCY DRIVE, CHARGER, DCDCCONVERTER, BATTERY, DCMOTOR, DCUPS,
SHIELDED DCCABLE, DCFUSE, DCLVCB, DCSWITCH, CYMSCHEMATABLE, CYMSCHEMAVERSION, CYMSYMBOL,
CYMBACKGROUNDMAP, CYMEQSYMBOL, CYMEQARCFURNACE, CYMEQBUSWAY, CYMEQCTYPEFILTER,
CYMEQDOUBLECIRCUITSPACING, CYMEQDOUBLETUNEDFILTER, CYMEQFREQUENCYARC, CYMEQFREQUENCYSOURCE,
CYMEQGENCOSTCURVEMODELPOINT, CYMEQGENERATIONCURVEMODEL, CYMEQGENERATORCOSTCURVEMODEL,
CYMEQHIGHPASSFILTER, CYMEQIDEALCONVERTER, CYMEQINDUCTIONMACHINEEQCIRCUIT, CYMEQINSOLATIONMODEL,
CYMEQINSOLATIONMODELPOINTS, CYMEQLOADCURVEMODEL, CYMEQMOTORCURVEMODEL, CYMEQNONIDEALCONVERTER,
CYMEQPHASESHIFTERTRANSFORMER, CYMEQSINGLEFREQUENCYSOURCE, CYMEQSINGLETUNEDFILTER, CYMEQSVC,
CYMEQSYNCHMACHINEEQCIRCUIT, CYMEQSYNCHRONOUSMACHINEEXTHA, CYMEQSYNCHRONOUSMACHINEEXTST,
CYMEQVARIABLEFREQUENCYDRIVE, CYMEQWINDMODEL, CYMEQWINDMODELPOINT, CYMDEVICETAG, CYMSOURCETAG,
CYMNODETAG, CYMNETWORKTAG, CYMSTRUCTURETAG, CYMTCCTAG
"""
_COLUMNS = """
Comments Favorite Flags DeviceStage InitFromEquipFlags ComponentMask StructureID CoordSet Group1
Group2 Group3 Group4 Group5 Group6 North South East West AreaFilter Version EnvironmentID
SubNetworkId LossLoadFactorK ConnectedEquipType ExposedCircuitType BusGap WorkingDistance
UseUserDefinedFaultCurrent UserDefinedFaultCurrent OpeningTimeMode UserDefinedOpeningTime
EnclosureWidth EnclosureHeight EnclosureDepth CoefficientA CoefficientK UserDefinedTimeConstant
TimeConstant OverrideLFVoltageLimit HighVoltageLimit LowVoltageLimit LoadSheddingActive
MaximumLoadShed ShedLoadCost Width ConnectorIndex PhPickup GrdPickup Alternate SensorMode
Strategic EnableReclosing EnableFuseSaving MinRatedCurrentForFuseSaving Speed InterruptingTime
InterruptingRating MasterID NormalPriority EmergencyPriority LockDuringLoadAllocation
MeteredLoads NonMeteredLoads FrequencySensitivityP FrequencySensitivityQ FrequenceSensitivityP
FrequenceSensitivityQ EnableHarmonic AdjustmentSettings PowerCurveModel PowerCurveModelId UseLTD
DCCustomerType LossesPerCustomer ConstructionType CodeWord InsideDiameter InternalDiameter
FirstResistanceDC SecondResistanceDC AWGSize SizeUnit OutsideArea NumberOfStrands TemperatureAC1
TemperatureAC2 TemperatureDC1 TemperatureDC2 Temperature ContinuousTemperatureRating
SCCurrentTemperatureRating Manufacturer Model Standard ImpedancesNote TowerType DistanceA
DistanceB DistanceC DistanceD DistanceE DistanceF ConductorStatusN1 ConductorStatusN2
FootingResistanceN1 FootingResistanceN2 TowerSpanN1 TowerSpanN2 EnableBonusRating TCCRating
LVCBType RecloserType ControlType DryType InsulationType ANSIMotorGroup NetworkID LastChange
AutoGen TravelingTime BackgroundHarmonicVoltage UserDefinedHarmonicEnveloppe
HasAverageGeoArrangement HasGeometricalArrangement GroundTripRating PhaseTripRating
AlternateGroundTripRating AlternatePhaseTripRating UseAlternate RatedSpeed NumberOfPoles
SynchronousSpeed BreakPointIndex BreakPointLocation IsBreakPoint EquipmentType
NEMA ComputeMode XdSaturated AutoComputeFromEqCircuit FixedQLimits Converter FirstHouseHigh
FirstHouseLow Reversible Type LTCIndex TapChangingAlgo ControlOnTapSide WantIntegration
UseInverseTimeDelayChar RatedWindspeed_MS CutinWindspeed_MS CutoutWindspeed_MS NbOfRotorBlades
ROTORRADIUS RatedSpeed_RPM MinSpeed_RPM MaxSpeed_RPM WindTurbineInertia_KGM2
SpringConstant_NMSRAD DampingConstant_NMSRAD GearboxRatio GeneratorType
GeneratorEfficiency_Percent GeneratorRatedSpeed_RPM SCCurrentTempCoeff OCVoltageTempCoeff
OperatingTemperature RefAmbientTemperature STCTemperature STCInsolation N0 GovernorKp GovernorKi
TurbineTimeConstant Inertia InertiaUnitType SynchronousReactance MVA_1 MVA_2 MVA_3 MVA_4
DeviceType NEMACode LossesKW PhaseType FirstNominalCapacityMVA SecondNominalCapacityMVA
ThirdNominalCapacityMVA FourthNominalCapacityMVA PrimaryEquivalentType SubPrimaryLLVoltage
SecondaryFaultReactance FaultContributionBasedOnRatedPower FaultContributionUnit ForceT0
InsolationModelID FrequencySourceID SourceHarmonicModelType PulseNumber FiringAngle OverlapAngle
PythonDeviceScriptID WindModelID ConstantWindSpeed WindingType LayerPosition
CableConcentricNeutralLocation CableInsulationLocation CableConductorLocation CableSize
ArmorOuterDiameter
"""
_STARTS = (
    "tag",
    "symbol",
    "color",
    "harmonic",
    "flowconstraint",
    "maximumflow",
    "demandtype",
    "value1",  # of meters on devices: what was measured, not what stands there
    "value2",
    "bonusrating",
    "regulationrange",
    "branchid",
    "branchstatus",
    "primprotdev",
    "secprotdev",
    "transformerid",
    "transformernum",
    "subxs",
    "subeqval",
    "ansi",
    "iec",
    "tcc",
    "faultindicator",
    "restoration",
    "bypassonrestoration",
    "diversityfactor",
    "cost",
    "phalt",
    "grdalt",
    "ltc1",
    "ltc2",
    "firstrating",
    "secondrating",
    "thirdrating",
    "fourthrating",
    "conductor1c2",  # of the second circuit
    "conductor2c2",
    "conductor3c2",
    "ampsa",  # ratings other than the nominal one
    "ampsb",
    "ampsc",
    "primarycapacitylimit",
    "secondarycapacitylimit",
    "tertiarycapacitylimit",
    "subtransient",
    "transient",
)

_IGNORED_SECTIONS = frozenset(map(section_name, _SECTIONS.split(",")))
_IGNORED_COLUMNS = frozenset(map(simplify, _COLUMNS.split()))


def is_ignored_section(section: str) -> bool:
    """Whether a section is known to matter to no record."""
    return section_name(section) in _IGNORED_SECTIONS


def is_ignored_column(name: str) -> bool:
    """Whether a column, by its simplified name, is known to matter to no field."""
    return name in _IGNORED_COLUMNS or name.startswith(_STARTS)
