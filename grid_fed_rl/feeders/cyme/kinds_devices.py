"""Columns of transformers and regulators on sections."""

from grid_fed_rl.feeders.cyme import records_devices as records
from grid_fed_rl.feeders.cyme.code_tables import (
    CONNECTION,
    DEVICE_TYPE,
    PHASES,
    REGULATOR_MODE,
    SETTING_CONNECTION,
    Dialect,
)
from grid_fed_rl.feeders.cyme.kinds import (
    DEVICE,
    Kind,
    Values,
    by_phase,
    column,
    flag,
    need,
)
from grid_fed_rl.feeders.cyme.quantities import NAME, NUMBER, REFERENCE, Code

__all__ = ["CONNECTION_FIELD", "DEVICE_KINDS", "EQUIPMENT", "FROM_NODE"]

EQUIPMENT = need("equipment", NAME, "EqID EquipmentID DeviceID")
FROM_NODE = column("from_node", NAME, "FromNodeID NormalFeedingNodeID FeedingNode")
_PHASES_ON = column("phases", Code(PHASES, "phases"), "Phase EqPhase PhaseON ControlStatus")
CONNECTION_FIELD = column(
    "connection", Code(CONNECTION, "a connection"), "Connection Conn ConnectionConfiguration"
)
_BOTH_SIDES = column(
    "connection", Code(SETTING_CONNECTION, "a transformer connection"), "Conn TransformerConnection"
)
_GROUNDING = (
    column("primary_rg_ohm", NUMBER, "RgPrim PrimaryGroundingResistance PrimaryRg"),
    column("primary_xg_ohm", NUMBER, "XgPrim PrimaryGroundingReactance PrimaryXg"),
    column("secondary_rg_ohm", NUMBER, "RgSec SecondaryGroundingResistance SecondaryRg"),
    column("secondary_xg_ohm", NUMBER, "XgSec SecondaryGroundingReactance SecondaryXg"),
)
_BASES = (
    column("primary_base_kv", NUMBER, "PrimaryBaseVoltage SystemBaseVoltage_Primary"),
    column("secondary_base_kv", NUMBER, "SecondaryBaseVoltage SystemBaseVoltage_Secondary"),
)
_TAPS = (
    column(
        "primary_tap_percent", NUMBER, "PrimTap PrimaryTapSettingPercent PrimaryFixedTapSetting"
    ),
    column(
        "secondary_tap_percent",
        NUMBER,
        "SecondaryTap SecondaryTapSettingPercent SecondaryFixedTapSetting",
    ),
)
_LTC = (
    column("ltc.setting", NAME, "SettingOption LTCSettingsSettingOption"),
    column("ltc.set_point", NUMBER, "SetPoint LTCSettingsSetPoint"),
    column("ltc.control", NAME, "ControlType LTCSettingsControlType"),
    column("ltc.lower_band", NUMBER, "LowerBandWidth LTCSettingsLowerBandwidth"),
    column("ltc.upper_band", NUMBER, "UpperBandWidth LTCSettingsUpperBandwidth"),
    column("ltc.tap_location", NAME, "TapLocation LTCSettingsTapLocation"),
    column("ltc.tap", NUMBER, "Tap TapSetting LTCSettingsTapSetting"),
    column("ltc.initial_tap", NUMBER, "InitialTapPosition LTCSettingsInitialTapPosition"),
    column(
        "ltc.initial_tap_mode", NAME, "InitialTapPositionMode LTCSettingsInitialTapPositionMode"
    ),
    column("ltc.max_buck_percent", NUMBER, "MaxBuck Buck LTCSettingsBuck"),
    column("ltc.max_boost_percent", NUMBER, "MaxBoost Boost LTCSettingsBoost"),
    column("ltc.ct_a", NUMBER, "CT CTPrimaryRating LTCSettingsCTPrimaryRating"),
    column("ltc.pt_ratio", NUMBER, "PT PTRatio LTCSettingsPTRatio"),
    column("ltc.r_set", NUMBER, "Rset RSetting LTCSettingsRSetting"),
    column("ltc.x_set", NUMBER, "Xset XSetting LTCSettingsXSetting"),
    column("ltc.at_section", NAME, "AtSectionID LoadCenterID LTCSettingsLoadCenterID"),
)


def _regulator(values: Values, _dialect: Dialect) -> Values:
    """Gather a unit for each phase, where the file names them by phase."""
    units = tuple(values.pop(f"~unit_{phase}", None) for phase in "abc")
    if any(units):
        values["equipment_by_phase"] = units
        values["equipment"] = next(unit for unit in units if unit)
    return values


_TRANSFORMERS = (
    Kind(
        attribute="transformers",
        record=records.Transformer,
        sections=("TRANSFORMER SETTING",),
        tables=("CYMTRANSFORMER",),
        elements=("Transformer",),
        device_types=("5",),
        fields=(
            *DEVICE,
            EQUIPMENT,
            _BOTH_SIDES,
            *_TAPS,
            *_GROUNDING,
            *_BASES,
            column(
                "open_delta_phase",
                Code(PHASES, "phases", open_ended=True),
                "ODPrimPh OpenYDConfiguration",
            ),
            column("centre_tap_phase", REFERENCE, "CTPhase CenterTapPhase"),
            column("primary_corner_phase", REFERENCE, "PrimaryCornerGroundedPhase"),
            column("secondary_corner_phase", REFERENCE, "SecondaryCornerGroundedPhase"),
            FROM_NODE,
            column("phase_shift", NAME, "PhaseShiftType PhaseShift"),
            column("gamma_phase_shift_deg", NUMBER, "GammaPhaseShift"),
            *_LTC,
        ),
        key=("number",),
        mapped=False,
        what="transformer",
    ),
    Kind(
        attribute="transformers_by_phase",
        record=records.TransformerByPhase,
        sections=("TRANSFORMER BYPHASE SETTING",),
        tables=("CYMTRANSFORMERBYPHASE",),
        elements=("TransformerByPhase",),
        device_types=("38",),
        fields=(
            *DEVICE,
            column("equipment_a", REFERENCE, "PhaseTransformerID1"),
            column("equipment_b", REFERENCE, "PhaseTransformerID2"),
            column("equipment_c", REFERENCE, "PhaseTransformerID3"),
            _BOTH_SIDES,
            *by_phase("primary_tap_percent", NUMBER, "PrimTap{} PrimaryTap{}", "PrimTap"),
            *by_phase("secondary_tap_percent", NUMBER, "SecondaryTap{} SecTap{}", "SecondaryTap"),
            *_GROUNDING,
            *_BASES,
            column("centre_tap_phase", REFERENCE, "CTPhase CenterTapPhase"),
            FROM_NODE,
        ),
        key=("number",),
        mapped=False,
        what="transformer by phase",
    ),
    Kind(
        attribute="autotransformers",
        record=records.Autotransformer,
        sections=("AUTO TRANSFORMER SETTING", "AUTOTRANSFORMER SETTING"),
        tables=("CYMAUTOTRANSFORMER",),
        elements=("AutoTransformer",),
        device_types=("47",),
        fields=(*DEVICE, EQUIPMENT, CONNECTION_FIELD, *_TAPS, *_BASES, FROM_NODE, *_LTC),
        key=("number",),
        mapped=False,
        what="autotransformer",
    ),
    *(
        Kind(
            attribute="three_winding",
            record=records.ThreeWindingTransformer,
            sections=(f"THREE WINDING {auto}TRANSFORMER SETTING",),
            tables=tables,
            elements=(element,),
            device_types=(number,),
            fields=(
                *DEVICE,
                EQUIPMENT,
                *_TAPS,
                column("tertiary_tap_percent", NUMBER, "TertiaryTap TertiaryFixedTapSetting"),
                *_BASES,
                column(
                    "tertiary_base_kv", NUMBER, "TertiaryBaseVoltage SystemBaseVoltage_Tertiary"
                ),
                column("tertiary_node", NAME, "TertiaryNodeID"),
                FROM_NODE,
            ),
            constants={"auto": bool(auto)},
            key=("auto", "number"),
            mapped=False,
            what="three-winding transformer",
        )
        for auto, tables, element, number in (
            ("", ("CYMTHREEWINDINGTRANSFORMER",), "ThreeWindingTransformer", "39"),
            (
                "AUTO ",
                ("CYMTHREEWINDAUTOTRANSFORMER",),
                "ThreeWindingAutoTransformer",
                "48",
            ),
        )
    ),
    Kind(
        attribute="grounding_transformers",
        record=records.GroundingTransformer,
        sections=("GROUNDINGTRANSFORMER SETTING", "GROUNDING TRANSFORMER SETTING"),
        tables=("CYMGROUNDINGTRANSFORMER",),
        elements=("GroundingTransformer",),
        device_types=("42",),
        fields=(
            *DEVICE,
            EQUIPMENT,
            CONNECTION_FIELD,
            column("rg_ohm", NUMBER, "Rg Rg_ohms GroundingResistance"),
            column("xg_ohm", NUMBER, "Xg Xg_ohms GroundingReactance"),
            _PHASES_ON,
        ),
        key=("number",),
        mapped=False,
        what="grounding transformer",
    ),
)

_REGULATOR_FIELDS = (
    *DEVICE,
    _PHASES_ON,
    CONNECTION_FIELD,
    column("mode", Code(REGULATOR_MODE, "a setting", open_ended=True), "SettingOption"),
    column("setting", NAME, "SettingOption"),
    *by_phase("max_buck_percent", NUMBER, "MaxBuck{}", "MaxBuck BuckPercent"),
    *by_phase("max_boost_percent", NUMBER, "MaxBoost{}", "MaxBoost BoostPercent"),
    *by_phase(
        "band_v",
        NUMBER,
        "BandWidth{} ForwardBandwidth{} ForwardSettingsBandwidth{}",
        "BandWidth ForwardBandwidth",
    ),
    *by_phase("ct_a", NUMBER, "CT{} CTPrimaryRating{}", "CT CTPrimaryRating"),
    *by_phase("pt_ratio", NUMBER, "PT{} PTRatio{}", "PT PTRatio"),
    *by_phase("v_set", NUMBER, "Vset{} SetVoltage{} ForwardSettingsSetVoltage{}"),
    *by_phase("r_set", NUMBER, "Rset{} ForwardSettingsRset{}"),
    *by_phase("x_set", NUMBER, "Xset{} ForwardSettingsXset{}"),
    *by_phase("tap", NUMBER, "Tap{} TapPosition{}"),
    column("at_section", NAME, "AtSectionID LoadCenterID"),
    column("leading_unit", NAME, "LeadingUnit LeadingUnits nLeading"),
    FROM_NODE,
    flag("reversible", "Reversible"),
    column("reverse_mode", NAME, "RevMode ReverseSensingMode"),
    column("reverse_threshold", NUMBER, "RevTreshold RevThreshold ReverseThreshold"),
    *by_phase("reverse_v_set", NUMBER, "RevVset{} ReverseSettingsSetVoltage{}"),
    *by_phase("reverse_r_set", NUMBER, "RevRset{} ReverseSettingsRset{}"),
    *by_phase("reverse_x_set", NUMBER, "RevXset{} ReverseSettingsXset{}"),
    column("first_house_low_v", NUMBER, "FirstHouseLow"),
    column("first_house_high_v", NUMBER, "FirstHouseHigh"),
)
_REGULATORS = (
    Kind(
        attribute="regulators",
        record=records.Regulator,
        sections=("REGULATOR SETTING",),
        tables=("CYMREGULATOR",),
        elements=("Regulator",),
        device_types=("4",),
        fields=(EQUIPMENT, *_REGULATOR_FIELDS),
        key=("number",),
        mapped=False,
        what="regulator",
    ),
    Kind(
        attribute="regulators",
        record=records.Regulator,
        sections=("REGULATOR BYPHASE SETTING",),
        tables=("CYMREGULATORBYPHASE",),
        elements=("RegulatorByPhase",),
        device_types=("67",),
        fields=(
            column("~unit_a", REFERENCE, "EqID_A PhaseRegulatorID1"),
            column("~unit_b", REFERENCE, "EqID_B PhaseRegulatorID2"),
            column("~unit_c", REFERENCE, "EqID_C PhaseRegulatorID3"),
            *_REGULATOR_FIELDS,
        ),
        finish=_regulator,
        key=("number",),
        mapped=False,
        what="regulator by phase",
    ),
)

_DEVICE_TYPE = Code(DEVICE_TYPE, "a device type", open_ended=True)
_TIMINGS = (
    Kind(
        attribute="tap_timings",
        record=records.TapTiming,
        sections=("AUTO TAP CHANGING EXTENSION",),
        tables=("CYMAUTOTAPCHANGINGEXTST",),
        elements=("AutoTapChangingExtSt",),
        fields=(
            need("number", NAME, "DeviceNumber"),
            column(
                "device_type", Code(DEVICE_TYPE, "a device type", open_ended=True), "DeviceType"
            ),
            column("first_s", NUMBER, "ActivationDelayFirstTap ActivationDelayFirstTap_s"),
            column("next_s", NUMBER, "ActivationDelaySubTap ActivationDelaySubTaps_s"),
            column("mechanism_s", NUMBER, "MechanismDelay MechanismDelay_s"),
        ),
        key=(),
        mapped=False,
        what="tap changer's timing",
    ),
)

DEVICE_KINDS = _TRANSFORMERS + _REGULATORS + _TIMINGS
