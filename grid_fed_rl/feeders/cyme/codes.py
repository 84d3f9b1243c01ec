"""CYME's codes as words: phases, connections, places on a section, kinds of device.

Text exports, databases and XML write the same thing in different codes; the readers turn all of
them into these; `code_tables` says how, and where that is known from.
"""

from enum import StrEnum
from typing import NamedTuple

__all__ = [
    "UNSAID",
    "ByPhase",
    "Connection",
    "DeviceType",
    "GeneratorKind",
    "ImpedanceUnit",
    "LoadKind",
    "Location",
    "MotorKind",
    "NetworkKind",
    "Phases",
    "RegulatorMode",
    "SwitchgearKind",
    "TransformerConnection",
    "ValueType",
]


class Phases(StrEnum):
    """Phases of a section or device, in the order A, B, C; iterating gives the letters."""

    NONE = ""
    A = "A"
    B = "B"
    C = "C"
    AB = "AB"
    AC = "AC"
    BC = "BC"
    ABC = "ABC"


class ByPhase(NamedTuple):
    """One figure for each phase, None where the source has none."""

    a: float | None = None
    b: float | None = None
    c: float | None = None


UNSAID = ByPhase()
"""No figure for any phase."""


class Connection(StrEnum):
    """Connection of a load, capacitor, regulator or source, or of one side of a transformer."""

    YG = "Yg"  # grounded wye
    Y = "Y"
    DELTA = "D"
    OPEN_DELTA = "DO"
    CLOSED_DELTA = "DC"
    OPEN_Y = "YO"
    ZG = "Zg"  # grounded zigzag
    DG = "Dg"  # delta with one corner grounded
    DN = "Dn"  # delta with a neutral
    CENTRE_TAP = "CT"
    DELTA_CENTRE_TAP = "DCT"
    OPEN_DELTA_CENTRE_TAP = "DOCT"
    T = "T"
    TG = "Tg"


class TransformerConnection(StrEnum):
    """Connection of both sides of a two-winding transformer, primary first."""

    YG_YG = "Yg_Yg"
    D_YG = "D_Yg"
    YG_D = "Yg_D"
    Y_Y = "Y_Y"
    D_D = "D_D"
    DO_DO = "DO_DO"
    YO_DO = "YO_DO"
    D_Y = "D_Y"
    Y_D = "Y_D"
    YG_Y = "Yg_Y"
    Y_YG = "Y_Yg"
    YG_ZG = "Yg_Zg"
    D_ZG = "D_Zg"
    ZG_YG = "Zg_Yg"
    ZG_D = "Zg_D"
    YG_CT = "Yg_CT"
    D_CT = "D_CT"
    YG_DCT = "Yg_DCT"
    D_DCT = "D_DCT"
    Y_DCT = "Y_DCT"
    DO_DOCT = "DO_DOCT"
    YO_DOCT = "YO_DOCT"
    DO_YO = "DO_YO"
    YG_DN = "Yg_Dn"
    Y_DN = "Y_Dn"
    D_DN = "D_Dn"
    ZG_DN = "Zg_Dn"
    DN_YG = "Dn_Yg"
    DN_Y = "Dn_Y"
    DN_D = "Dn_D"
    DN_DN = "Dn_Dn"
    DN_ZG = "Dn_Zg"
    T_T = "T_T"
    T_TG = "T_Tg"

    @property
    def primary(self) -> Connection:
        """Connection of the primary side."""
        return Connection(self.value.split("_")[0])

    @property
    def secondary(self) -> Connection:
        """Connection of the secondary side."""
        return Connection(self.value.split("_")[1])


class Location(StrEnum):
    """Where on its section a device stands."""

    FROM = "from"
    MIDDLE = "middle"
    TO = "to"


class ValueType(StrEnum):
    """What the two values of a load are; power factors are in percent, lagging positive."""

    KW_KVAR = "kw_kvar"
    KVA_PF = "kva_pf"
    KW_PF = "kw_pf"
    AMP_PF = "amp_pf"


class LoadKind(StrEnum):
    """Whether a load stands in one place or along its section."""

    SPOT = "spot"
    DISTRIBUTED = "distributed"


class NetworkKind(StrEnum):
    """What a network is."""

    FEEDER = "feeder"
    SUBSTATION = "substation"
    GENERAL = "general"


class RegulatorMode(StrEnum):
    """What a regulator holds."""

    FIXED = "fixed"  # its taps, as given
    TERMINAL = "terminal"  # the voltage at its own terminals
    LOAD_CENTRE = "load_centre"  # the voltage at a section downstream
    LINE_DROP = "line_drop"  # the voltage behind R and X settings
    LINE_DROP_Z = "line_drop_z"  # the voltage behind a Z setting
    SCRIPT = "script"


class ImpedanceUnit(StrEnum):
    """What the impedances of a source or machine are in."""

    OHM = "ohm"
    PER_UNIT = "pu"
    PERCENT = "percent"


class SwitchgearKind(StrEnum):
    """What opens a section."""

    SWITCH = "switch"
    BREAKER = "breaker"
    RECLOSER = "recloser"
    FUSE = "fuse"
    SECTIONALISER = "sectionaliser"
    NETWORK_PROTECTOR = "network_protector"
    LVCB = "lvcb"
    MISCELLANEOUS = "miscellaneous"


class GeneratorKind(StrEnum):
    """What drives a generator."""

    SYNCHRONOUS = "synchronous"
    INDUCTION = "induction"
    CONVERTER = "converter"
    WIND = "wind"
    MICRO_TURBINE = "micro_turbine"
    FUEL_CELL = "fuel_cell"


class MotorKind(StrEnum):
    """Kind of a motor."""

    INDUCTION = "induction"
    SYNCHRONOUS = "synchronous"


class DeviceType(StrEnum):
    """Device types by CYME's numbers; those from 49 on are of its Python interface's list."""

    UNDERGROUND = "1"
    OVERHEAD = "2"
    OVERHEAD_BY_PHASE = "3"
    REGULATOR = "4"
    TRANSFORMER = "5"
    BREAKER = "8"
    LVCB = "9"
    RECLOSER = "10"
    SECTIONALISER = "12"
    SWITCH = "13"
    FUSE = "14"
    SERIES_CAPACITOR = "15"
    SERIES_REACTOR = "16"
    SHUNT_CAPACITOR = "17"
    SHUNT_REACTOR = "18"
    SPOT_LOAD = "20"
    DISTRIBUTED_LOAD = "21"
    MISCELLANEOUS = "22"
    OVERHEAD_UNBALANCED = "23"
    INDUCTION_MOTOR = "33"
    SYNCHRONOUS_MOTOR = "34"
    INDUCTION_GENERATOR = "35"
    SYNCHRONOUS_GENERATOR = "36"
    CONVERTER_GENERATOR = "37"
    TRANSFORMER_BY_PHASE = "38"
    THREE_WINDING_TRANSFORMER = "39"
    NETWORK_EQUIVALENT = "40"
    WIND = "41"
    GROUNDING_TRANSFORMER = "42"
    MICRO_TURBINE = "43"
    FUEL_CELL = "44"
    PHOTOVOLTAIC = "45"
    AUTOTRANSFORMER = "47"
    THREE_WINDING_AUTOTRANSFORMER = "48"
    NETWORK_PROTECTOR = "49"
    REGULATOR_BY_PHASE = "67"
    STORAGE = "80"
