"""Columns of the equipment catalogue, but for lines, cables and what generates."""

from grid_fed_rl.feeders.cyme import records_catalogue as records
from grid_fed_rl.feeders.cyme.code_tables import (
    CONNECTION,
    LINE_TO_NEUTRAL,
    SINGLE_PHASE,
    TYPE_CONNECTION,
)
from grid_fed_rl.feeders.cyme.codes import SwitchgearKind
from grid_fed_rl.feeders.cyme.kinds import AMPS, FAILURES, KVA, Field, Kind, column, flag, need
from grid_fed_rl.feeders.cyme.kinds_network import (
    NEGATIVE_SEQUENCE,
    SEQUENCE,
    UNIT,
    default_ohm,
)
from grid_fed_rl.feeders.cyme.quantities import INTEGER, NAME, NUMBER, Code

__all__ = ["CATALOGUE_KINDS"]

_ID = need("id", NAME, "ID EquipmentID")
_CONNECTION = column(
    "connection",
    Code(CONNECTION, "a connection"),
    "Connection Conn ConnectionConfiguration SourceConfiguration",
)
_RATED_KVA = column("rated_kva", NUMBER, "KVA NominalRatingKVA")
_VOLTAGES = (
    column("primary_kv", NUMBER, "KVLLprim PrimaryVoltageKVLL PrimaryVoltage"),
    column("secondary_kv", NUMBER, "KVLLsec SecondaryVoltageKVLL SecondaryVoltage"),
)
_IMPEDANCES = (
    column("z1_percent", NUMBER, "Z1 PosSeqImpedancePercent PositiveSequenceImpedancePercent"),
    column("z0_percent", NUMBER, "Z0 ZeroSeqImpedancePercent ZeroSequenceImpedancePercent"),
    column("xr1", NUMBER, "XR XRRatio"),
    column("xr0", NUMBER, "XR0 XR0Ratio"),
)
_CORE = column("no_load_kw", NUMBER, "NoLoadLosses NoLoadLossesKW")
_MAGNETISING = column("magnetising_percent", NUMBER, "MagnetizingCurrent")
_TYPE = column("type_code", NAME, "Type PhaseType TransfoType")


def _winding(group: str) -> tuple[Field, ...]:
    word = group.capitalize()
    return (
        column(f"{group}.kva", NUMBER, f"{word}RatedCapacity"),
        column(f"{group}.kv", NUMBER, f"{word}Voltage"),
        column(
            f"{group}.connection",
            Code(CONNECTION, "a connection"),
            f"{word}Connection" + (" PrimarySecondaryConnection" if word != "Tertiary" else ""),
        ),
        column(f"{group}.rg_ohm", NUMBER, f"{word}Rg"),
        column(f"{group}.xg_ohm", NUMBER, f"{word}Xg"),
    )


def _pair(group: str, first: str, second: str) -> tuple[Field, ...]:
    def names(what: str, ratio: str = "") -> str:
        return f"{first}To{second}{what} {first}{second}{what}{ratio}"

    return (
        column(f"{group}.z1_percent", NUMBER, names("Z1")),
        column(f"{group}.z0_percent", NUMBER, names("Z0")),
        column(f"{group}.xr1", NUMBER, names("XR1", "Ratio")),
        column(f"{group}.xr0", NUMBER, names("XR0", "Ratio")),
    )


_SWITCHGEAR = tuple(
    Kind(
        attribute="switchgear_types",
        record=records.SwitchgearType,
        sections=(section,),
        tables=(f"CYMEQ{section}",),
        elements=(f"{element}DB",),
        fields=(
            _ID,
            *AMPS,
            column("rated_kv", NUMBER, "KVLL RatedVoltage RatedKV"),
            column("interrupting_a", NUMBER, "InterruptingRating"),
            flag("reversible", "Reversible"),
            flag("remote_controlled", "RemoteControlled"),
            flag("automated", "Automated"),
            flag("single_phase_locking", "SinglePhaseLocking"),
            flag("single_phase_tripping", "SinglePhaseTripping"),
            *FAILURES,
        ),
        constants={"kind": kind},
        key=("kind", "id"),
        what=f"{kind.value.replace('_', ' ')} of the catalogue",
    )
    for kind, section, element in (
        (SwitchgearKind.SWITCH, "SWITCH", "Switch"),
        (SwitchgearKind.BREAKER, "BREAKER", "Breaker"),
        (SwitchgearKind.RECLOSER, "RECLOSER", "Recloser"),
        (SwitchgearKind.FUSE, "FUSE", "Fuse"),
        (SwitchgearKind.SECTIONALISER, "SECTIONALIZER", "Sectionalizer"),
        (SwitchgearKind.NETWORK_PROTECTOR, "NETWORKPROTECTOR", "NetworkProtector"),
        (SwitchgearKind.LVCB, "LVCB", "LVCB"),
        (SwitchgearKind.MISCELLANEOUS, "MISCELLANEOUS", "Miscellaneous"),
    )
)

_TRANSFORMERS = (
    Kind(
        attribute="transformer_types",
        record=records.TransformerType,
        sections=("TRANSFORMER",),
        tables=("CYMEQTRANSFORMER",),
        elements=("TransformerDB",),
        fields=(
            _ID,
            _TYPE,
            column(
                "single_phase",
                Code(SINGLE_PHASE, "a transformer type", open_ended=True),
                "Type PhaseType TransfoType",
            ),
            _RATED_KVA,
            *_VOLTAGES,
            column(
                "line_to_neutral",
                Code(LINE_TO_NEUTRAL, "kV, line to line or to neutral"),
                "VoltageUnit TransfoVoltageUnit",
            ),
            *_IMPEDANCES,
            column(
                "z0_primary_secondary_percent", NUMBER, "Z0PrimSec ZeroSeqImpedancePrimSecPercent"
            ),
            column(
                "z0_primary_magnetising_percent",
                NUMBER,
                "Z0PrimMag ZeroSeqImpedancePrimMagPercent",
            ),
            column(
                "z0_secondary_magnetising_percent",
                NUMBER,
                "Z0SecMag ZeroSeqImpedanceSecMagPercent",
            ),
            column("xr0_primary_secondary", NUMBER, "XR0PrimSec XR0PrimSecRatio"),
            column("xr0_primary_magnetising", NUMBER, "XR0PrimMag XR0PrimMagRatio"),
            column("xr0_secondary_magnetising", NUMBER, "XR0SecMag XR0SecMagRatio"),
            column(
                "connection",
                Code(TYPE_CONNECTION, "a transformer connection"),
                "Conn TransformerConnection",
            ),
            column("primary_rg_ohm", NUMBER, "Rg_prim PrimGroundingResistanceOhms"),
            column("primary_xg_ohm", NUMBER, "Xg_prim PrimGroundingReactanceOhms"),
            column("secondary_rg_ohm", NUMBER, "Rg_sec SecGroundingResistanceOhms"),
            column("secondary_xg_ohm", NUMBER, "Xg_sec SecGroundingReactanceOhms"),
            _CORE,
            _MAGNETISING,
            flag("has_ltc", "IsLTC"),
            column("n_taps", INTEGER, "Taps NumberOfTaps"),
            column("lower_band", NUMBER, "LowerBandwidth"),
            column("upper_band", NUMBER, "UpperBandwidth"),
            column("min_regulation_percent", NUMBER, "MinReg_Range MinimumRegulationRange"),
            column("max_regulation_percent", NUMBER, "MaxReg_Range MaximumRegulationRange"),
            column("phase_shift", NAME, "PhaseShiftType PhaseShift"),
            *KVA,
            *FAILURES,
        ),
        what="transformer of the catalogue",
    ),
    Kind(
        attribute="autotransformer_types",
        record=records.AutotransformerType,
        sections=("AUTOTRANSFORMER", "AUTO TRANSFORMER"),
        tables=("CYMEQAUTOTRANSFORMER",),
        elements=("AutoTransformerDB",),
        fields=(
            _ID,
            _TYPE,
            _RATED_KVA,
            *_VOLTAGES,
            column(
                "line_to_neutral",
                Code(LINE_TO_NEUTRAL, "kV, line to line or to neutral"),
                "VoltageUnit TransfoVoltageUnit",
            ),
            *_IMPEDANCES,
            column(
                "connection",
                Code(CONNECTION, "a connection", open_ended=True),
                "ConnectionConfiguration TransformerConnection",
            ),
            column("rg_ohm", NUMBER, "Rg GroundingResistanceOhms"),
            column("xg_ohm", NUMBER, "Xg GroundingReactanceOhms"),
            _CORE,
            *KVA,
            *FAILURES,
        ),
        what="autotransformer of the catalogue",
    ),
    *(
        Kind(
            attribute="three_winding_types",
            record=records.ThreeWindingType,
            sections=(section,),
            tables=(table,),
            elements=(element,),
            fields=(
                _ID,
                *_winding("primary"),
                *_winding("secondary"),
                *_winding("tertiary"),
                *_pair("primary_secondary", "Primary", "Secondary"),
                *_pair("primary_tertiary", "Primary", "Tertiary"),
                *_pair("secondary_tertiary", "Secondary", "Tertiary"),
                _CORE,
                _MAGNETISING,
                *FAILURES,
            ),
            constants={"auto": auto},
            key=("auto", "id"),
            what="three-winding transformer of the catalogue",
        )
        for auto, section, table, element in (
            (
                False,
                "THREE WINDING TRANSFORMER",
                "CYMEQTHREEWINDINGTRANSFORMER",
                "ThreeWindingTransformerDB",
            ),
            (
                True,
                "THREE WINDING AUTO TRANSFORMER",
                "CYMEQTHREEWINDAUTOTRANSFORMER",
                "ThreeWindingAutoTransformerDB",
            ),
        )
    ),
    Kind(
        attribute="grounding_types",
        record=records.GroundingTransformerType,
        sections=("GROUNDING TRANSFORMER",),
        tables=("CYMEQGROUNDINGTRANSFORMER",),
        elements=("GroundingTransformerDB",),
        fields=(
            _ID,
            column("z1_percent", NUMBER, "Z1"),
            column("z0_percent", NUMBER, "Z0"),
            column("xr1", NUMBER, "X1_R1"),
            column("xr0", NUMBER, "X0_R0"),
            column("rated_kva", NUMBER, "RatedCapacity RatedCapacity_kva"),
            column("rated_kv", NUMBER, "RatedVoltage RatedVoltage_kv"),
            _CONNECTION,
            *FAILURES,
        ),
        what="grounding transformer of the catalogue",
    ),
)

_REST = (
    Kind(
        attribute="regulator_types",
        record=records.RegulatorType,
        sections=("REGULATOR",),
        tables=("CYMEQREGULATOR",),
        elements=("RegulatorDB",),
        fields=(
            _ID,
            _TYPE,
            column("rated_kva", NUMBER, "KVA RatedKVA"),
            column("rated_kv", NUMBER, "KVLN RatedKVLN"),
            column("max_buck_percent", NUMBER, "MaxBuck MaximumBuck"),
            column("max_boost_percent", NUMBER, "MaxBoost MaximumBoost"),
            column("n_taps", INTEGER, "Taps NumberOfTaps"),
            column("band_v", NUMBER, "Bandwidth ForwardBandwidth"),
            column("reverse_band_v", NUMBER, "ReverseBandwidth"),
            column("ct_a", NUMBER, "CT CTPrimaryRating"),
            column("pt_ratio", NUMBER, "PT PTRatio"),
            flag("reversible", "Reversible"),
            column("max_a", NUMBER, "MaxRatingCurrent"),
            *KVA,
            *FAILURES,
        ),
        what="regulator of the catalogue",
    ),
    *(
        Kind(
            attribute=f"{word.lower()}_types",
            record=record,
            sections=(f"SHUNT {word.upper()}",),
            tables=(f"CYMEQSHUNT{word.upper()}",),
            elements=(f"Shunt{word}DB",),
            fields=(
                _ID,
                column("rated_kvar", NUMBER, "KVAR RatedKVAR"),
                column("rated_kv", NUMBER, "KV RatedVoltageKVLN RatedVoltageKVLL RatedVoltage"),
                *costs,
            ),
            what=f"shunt {word.lower()} of the catalogue",
        )
        for word, record, costs in (
            (
                "Capacitor",
                records.CapacitorType,
                (
                    column("cost_fixed", NUMBER, "CostForFixedBank"),
                    column("cost_switched", NUMBER, "CostForSwitchedBank"),
                ),
            ),
            ("Reactor", records.ReactorType, ()),
        )
    ),
    *(
        Kind(
            attribute="series_types",
            record=records.SeriesType,
            sections=(f"SERIE {word.upper()}", f"SERIES {word.upper()}"),
            tables=(f"CYMEQSERIES{word.upper()}",),
            elements=(f"Series{word}DB",),
            fields=(_ID, column("reactance_ohm", NUMBER, "Reactance ReactanceOhms"), *AMPS),
            constants={"capacitor": word == "Capacitor"},
            key=("capacitor", "id"),
            what=f"series {word.lower()} of the catalogue",
        )
        for word in ("Capacitor", "Reactor")
    ),
    Kind(
        attribute="substation_types",
        record=records.SubstationType,
        sections=("SUBSTATION",),
        tables=("CYMEQSOURCE",),
        elements=("SubstationDB",),
        fields=(
            _ID,
            column("rated_mva", NUMBER, "MVA NominalCapacityMVA"),
            column("nominal_kv", NUMBER, "KVLL NominalKVLL"),
            column("desired_kv", NUMBER, "KVLLdesired DesiredKVLL"),
            column("angle_deg", NUMBER, "PhaseAngle VoltagePhaseAngle SourcePhaseAngle"),
            *SEQUENCE,
            *NEGATIVE_SEQUENCE,
            UNIT,
            column("base_mva", NUMBER, "BaseMVA"),
            _CONNECTION,
            column("transformer_connection", NAME, "TxfoConnection TransformerConnection"),
            *FAILURES,
        ),
        finish=default_ohm,
        what="substation of the catalogue",
    ),
)

CATALOGUE_KINDS = _SWITCHGEAR + _TRANSFORMERS + _REST
