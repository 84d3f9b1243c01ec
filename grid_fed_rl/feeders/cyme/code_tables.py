"""What each format writes for the words of `codes`.

Where a table is from:

- Phases, load values, connections by number and by word, transformer connections of the catalogue
  and of settings (two lists of numbers): the mapping tables of DiTTo's CYME reader and writer.
- Words of XML: the enumerations of CYME's own Python interface (``TransformerConnectionEnum``,
  ``ConnectionConfigurationEnum``, ``RegulatorSettingOptionEnum`` ...), which the files use.
- What text and database write for one thing: the samples of IEEE 13, which hold one feeder in
  both. There "Y_Y" is 0 and "YNG_YNG" is 3, and the published transformer is grounded on both
  sides: NG in text exports is "not grounded".
"""

from collections.abc import Mapping
from enum import Enum
from typing import Literal

from grid_fed_rl.feeders.cyme.codes import (
    Connection,
    DeviceType,
    ImpedanceUnit,
    LoadKind,
    Location,
    Phases,
    RegulatorMode,
    TransformerConnection,
    ValueType,
)

__all__ = [
    "BYPASSED",
    "CLOSED",
    "CONNECTED",
    "CONNECTION",
    "DEVICE_TYPE",
    "FLAG",
    "IMPEDANCE_UNIT",
    "LINE_TO_NEUTRAL",
    "LOAD_KIND",
    "LOCATION",
    "ORDER",
    "PHASES",
    "REGULATOR_MODE",
    "SETTING_CONNECTION",
    "SINGLE_PHASE",
    "TYPE_CONNECTION",
    "VALUE_TYPE",
    "Dialect",
    "Words",
]

Dialect = Literal["text", "database", "xml"]
Words = Mapping[Dialect, Mapping[str, object]]
"""What each format's words mean; words are in lower case, without spaces."""


def _everywhere(words: Mapping[str, object]) -> Words:
    return {"text": words, "database": words, "xml": words}


def _by_number(members: tuple[Enum, ...]) -> dict[str, object]:
    return {str(i): member for i, member in enumerate(members)}


def _by_word(members: type[Enum]) -> dict[str, object]:
    return {str(member.value).lower(): member for member in members}


_PHASES = {"": Phases.NONE, "none": Phases.NONE, "0": Phases.NONE} | {
    word: phases
    for number, phases in enumerate(
        (Phases.A, Phases.B, Phases.C, Phases.AB, Phases.AC, Phases.BC, Phases.ABC), start=1
    )
    for word in (str(number), phases.lower())
}
_PHASES |= {word: Phases("".join(sorted(word)).upper()) for word in ("ba", "ca", "cb")}
PHASES = _everywhere(_PHASES)

_CONNECTION_NUMBERS = _by_number(
    (
        Connection.YG,
        Connection.Y,
        Connection.DELTA,
        Connection.OPEN_DELTA,
        Connection.CLOSED_DELTA,
        Connection.ZG,
        Connection.CENTRE_TAP,
        Connection.DG,
    )
)
_CONNECTION_WORDS = _by_word(Connection) | {
    "delta": Connection.DELTA,
    "opendelta": Connection.OPEN_DELTA,
    "closeddelta": Connection.CLOSED_DELTA,
    "ct": Connection.CENTRE_TAP,
}
CONNECTION: Words = {
    "text": _CONNECTION_WORDS
    | _CONNECTION_NUMBERS
    | {"y": Connection.YG, "yng": Connection.Y, "yo": Connection.OPEN_Y},
    "database": _CONNECTION_NUMBERS,
    "xml": _CONNECTION_WORDS | {"undefinedconnection": None},
}

_T = TransformerConnection
_LATER = (
    _T.D_Y,
    _T.Y_D,
    _T.YG_Y,
    _T.Y_YG,
    _T.YG_ZG,
    _T.D_ZG,
    _T.ZG_YG,
    _T.ZG_D,
    _T.YG_CT,
    _T.D_CT,
    _T.YG_DCT,
    _T.D_DCT,
    _T.Y_DCT,
    _T.DO_DOCT,
    _T.YO_DOCT,
    _T.DO_YO,
    _T.YG_DN,
    _T.Y_DN,
    _T.D_DN,
    _T.ZG_DN,
    _T.DN_YG,
    _T.DN_Y,
    _T.DN_D,
    _T.DN_DN,
    _T.DN_ZG,
)
_TYPE_NUMBERS = _by_number(
    (_T.YG_YG, _T.D_YG, _T.YG_D, _T.Y_Y, _T.D_D, _T.DO_DO, _T.YO_DO, *_LATER)
)
_SETTING_NUMBERS = _by_number(
    (_T.YG_YG, _T.D_YG, _T.D_D, _T.Y_Y, _T.DO_DO, _T.YO_DO, _T.YG_D, *_LATER)
) | {"99": None}
_NOT_GROUNDED = {"y": "Yg", "yng": "Y", "yg": "Yg", "d": "D", "do": "DO", "yo": "YO", "zg": "Zg"}
_OLD_WORDS = {
    f"{primary}_{secondary}": _T(f"{_NOT_GROUNDED[primary]}_{_NOT_GROUNDED[secondary]}")
    for primary in _NOT_GROUNDED
    for secondary in _NOT_GROUNDED
    if f"{_NOT_GROUNDED[primary]}_{_NOT_GROUNDED[secondary]}" in set(_T)
}
_NEW_WORDS = _by_word(_T) | {"equipconnection": None}
_TEXT_WORDS = _NEW_WORDS | _OLD_WORDS
TYPE_CONNECTION: Words = {
    "text": _TEXT_WORDS | _TYPE_NUMBERS,
    "database": _TYPE_NUMBERS,
    "xml": _NEW_WORDS,
}
SETTING_CONNECTION: Words = {
    "text": _TEXT_WORDS | _SETTING_NUMBERS,
    "database": _SETTING_NUMBERS,
    "xml": _NEW_WORDS,
}

LOCATION: Words = {
    "text": {
        "s": Location.FROM,
        "0": Location.FROM,
        "l": Location.TO,
        "1": Location.TO,
        "m": Location.MIDDLE,
        "2": Location.MIDDLE,
    },
    "database": {"0": Location.MIDDLE, "1": Location.FROM, "2": Location.TO},
    "xml": _by_word(Location),
}

CONNECTED: Words = {
    "text": {"0": True, "1": False, "2": True},
    "database": {"0": True, "1": False, "2": True},
    "xml": {"connected": True, "disconnected": False, "bypassed": True},
}
BYPASSED: Words = {
    "text": {"0": False, "1": False, "2": True},
    "database": {"0": False, "1": False, "2": True},
    "xml": {"connected": False, "disconnected": False, "bypassed": True},
}
CLOSED: Words = {
    "text": {"0": True, "1": False, "closed": True, "open": False},
    "database": {"1": True, "0": False},
    "xml": {"closed": True, "open": False},
}
"""Normal status. Text exports write 0 for a closed switch, databases 1."""

FLAG = _everywhere({"0": False, "1": True, "-1": True, "false": False, "true": True})

VALUE_TYPE = _everywhere(
    _by_number((ValueType.KW_KVAR, ValueType.KVA_PF, ValueType.KW_PF, ValueType.AMP_PF))
    | _by_word(ValueType)
    | {f"loadvalue{member.value}": member for member in ValueType}
)

LOAD_KIND = _everywhere(
    _by_word(LoadKind)
    | {
        "20": LoadKind.SPOT,
        "21": LoadKind.DISTRIBUTED,
        "spotload": LoadKind.SPOT,
        "distributedload": LoadKind.DISTRIBUTED,
    }
)

_ORDERS = ("A", "B", "C", "AB", "AC", "BA", "BC", "CA", "CB")
_ORDERS += ("ABC", "ACB", "BAC", "BCA", "CAB", "CBA")
ORDER = _everywhere(
    {str(i): order for i, order in enumerate(_ORDERS)}
    | {order.lower(): order for order in _ORDERS}
    | {f"position{order.lower()}": order for order in _ORDERS}
)
"""Which phase hangs at places 1, 2, 3 of a spacing: by number, IEEE 13's 601 (B A C) is 11."""

REGULATOR_MODE: Words = {
    "text": {
        "f": RegulatorMode.FIXED,
        "t": RegulatorMode.TERMINAL,
        "l": RegulatorMode.LOAD_CENTRE,
        "r": RegulatorMode.LINE_DROP,
        "x": RegulatorMode.LINE_DROP,
        "z": RegulatorMode.LINE_DROP_Z,
    },
    "database": {"2": RegulatorMode.FIXED},
    "xml": {
        "fixedtap": RegulatorMode.FIXED,
        "terminal": RegulatorMode.TERMINAL,
        "loadcenter": RegulatorMode.LOAD_CENTRE,
        "rxsettings": RegulatorMode.LINE_DROP,
        "zsettings": RegulatorMode.LINE_DROP_Z,
        "pythonscript": RegulatorMode.SCRIPT,
    },
}
"""Not the whole list: other words leave `mode` empty, and `setting` says what was written."""

IMPEDANCE_UNIT: Words = {
    "text": {"0": ImpedanceUnit.OHM, "1": ImpedanceUnit.PER_UNIT, "2": ImpedanceUnit.PERCENT},
    "database": {"0": ImpedanceUnit.OHM, "1": ImpedanceUnit.PER_UNIT, "2": ImpedanceUnit.PERCENT},
    "xml": {
        "ohms": ImpedanceUnit.OHM,
        "ohm": ImpedanceUnit.OHM,
        "pu": ImpedanceUnit.PER_UNIT,
        "percent": ImpedanceUnit.PERCENT,
    },
}

SINGLE_PHASE: Words = {
    "text": {"1": True, "2": False, "3": False},
    "database": {"1": True, "2": False, "3": False},
    "xml": {
        "singlephase": True,
        "threephase": False,
        "threephaseshell": False,
        "threephasecore": False,
    },
}

LINE_TO_NEUTRAL: Words = {
    "text": {"0": False, "1": True, "kvll": False, "kvln": True},
    "database": {"0": False, "1": True},
    "xml": {"kvll": False, "kvln": True, "kv": False},
}
"""Whether a transformer's voltages are line to neutral; other units are refused."""

DEVICE_TYPE = _everywhere(
    {member.value: member for member in DeviceType}
    | {member.name.replace("_", "").lower(): member for member in DeviceType}
    | {
        "sectionalizer": DeviceType.SECTIONALISER,
        "electronicconvertergenerator": DeviceType.CONVERTER_GENERATOR,
        "wecs": DeviceType.WIND,
        "sofc": DeviceType.FUEL_CELL,
        "bess": DeviceType.STORAGE,
        "threewindingautotransformer": DeviceType.THREE_WINDING_AUTOTRANSFORMER,
    }
)
"""Device types by number (text, databases) and by element (XML)."""
