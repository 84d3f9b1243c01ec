"""Columns of the catalogue of transformers."""

from grid_fed_rl.feeders.cyme import records_catalogue as records
from grid_fed_rl.feeders.cyme.code_tables import (
    CONNECTION,
    LINE_TO_NEUTRAL,
    SINGLE_PHASE,
    TYPE_CONNECTION,
)
from grid_fed_rl.feeders.cyme.kinds import FAILURES, KVA, Field, Kind, column, flag
from grid_fed_rl.feeders.cyme.kinds_catalogue import CONNECTION_OF_TYPE, TYPE_ID, TYPE_WORD
from grid_fed_rl.feeders.cyme.quantities import INTEGER, NAME, NUMBER, Code

__all__ = ["TRANSFORMER_TYPE_KINDS"]

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


TRANSFORMER_TYPE_KINDS = (
    Kind(
        attribute="transformer_types",
        record=records.TransformerType,
        sections=("TRANSFORMER",),
        tables=("CYMEQTRANSFORMER",),
        elements=("TransformerDB",),
        fields=(
            TYPE_ID,
            TYPE_WORD,
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
            TYPE_ID,
            TYPE_WORD,
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
                TYPE_ID,
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
            TYPE_ID,
            column("z1_percent", NUMBER, "Z1"),
            column("z0_percent", NUMBER, "Z0"),
            column("xr1", NUMBER, "X1_R1"),
            column("xr0", NUMBER, "X0_R0"),
            column("rated_kva", NUMBER, "RatedCapacity RatedCapacity_kva"),
            column("rated_kv", NUMBER, "RatedVoltage RatedVoltage_kv"),
            CONNECTION_OF_TYPE,
            *FAILURES,
        ),
        what="grounding transformer of the catalogue",
    ),
)
