"""Columns of the catalogue, but for lines, transformers and what generates."""

from grid_fed_rl.feeders.cyme import records_catalogue as records
from grid_fed_rl.feeders.cyme.code_tables import CONNECTION
from grid_fed_rl.feeders.cyme.codes import SwitchgearKind
from grid_fed_rl.feeders.cyme.kinds import AMPS, FAILURES, KVA, Kind, column, flag, need
from grid_fed_rl.feeders.cyme.kinds_network import (
    NEGATIVE_SEQUENCE,
    SEQUENCE,
    UNIT,
    default_ohm,
)
from grid_fed_rl.feeders.cyme.quantities import INTEGER, NAME, NUMBER, Code

__all__ = ["CATALOGUE_KINDS", "CONNECTION_OF_TYPE", "TYPE_ID", "TYPE_WORD"]

TYPE_ID = need("id", NAME, "ID EquipmentID")
CONNECTION_OF_TYPE = column(
    "connection",
    Code(CONNECTION, "a connection"),
    "Connection Conn ConnectionConfiguration SourceConfiguration",
)
TYPE_WORD = column("type_code", NAME, "Type PhaseType TransfoType")

_SWITCHGEAR = tuple(
    Kind(
        attribute="switchgear_types",
        record=records.SwitchgearType,
        sections=(section,),
        tables=(f"CYMEQ{section}",),
        elements=(f"{element}DB",),
        fields=(
            TYPE_ID,
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

_REST = (
    Kind(
        attribute="regulator_types",
        record=records.RegulatorType,
        sections=("REGULATOR",),
        tables=("CYMEQREGULATOR",),
        elements=("RegulatorDB",),
        fields=(
            TYPE_ID,
            TYPE_WORD,
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
                TYPE_ID,
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
            fields=(TYPE_ID, column("reactance_ohm", NUMBER, "Reactance ReactanceOhms"), *AMPS),
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
            TYPE_ID,
            column("rated_mva", NUMBER, "MVA NominalCapacityMVA"),
            column("nominal_kv", NUMBER, "KVLL NominalKVLL"),
            column("desired_kv", NUMBER, "KVLLdesired DesiredKVLL"),
            column("angle_deg", NUMBER, "PhaseAngle VoltagePhaseAngle SourcePhaseAngle"),
            *SEQUENCE,
            *NEGATIVE_SEQUENCE,
            UNIT,
            column("base_mva", NUMBER, "BaseMVA"),
            CONNECTION_OF_TYPE,
            column("transformer_connection", NAME, "TxfoConnection TransformerConnection"),
            *FAILURES,
        ),
        finish=default_ohm,
        what="substation of the catalogue",
    ),
)

CATALOGUE_KINDS = _SWITCHGEAR + _REST
