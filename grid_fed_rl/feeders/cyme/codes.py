"""CYME's codes as words: phases, connections, places on a section, kinds of device.

Text exports, databases and XML write the same thing in different codes; the readers turn all of
them into these. Sources: the tables of DiTTo's CYME reader (numbers and words of connections,
phases and load values) and the samples of IEEE 13, whose text and database say the same feeder.
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
    """Connection of a load, capacitor, regulator, source or one side of a transformer."""

    YG = "Yg"
    Y = "Y"
    DELTA = "D"
    OPEN_DELTA = "DO"
    CLOSED_DELTA = "DC"
    ZG = "Zg"
    CENTRE_TAP = "CT"
    DG = "Dg"
    OPEN_Y = "YO"


class TransformerConnection(StrEnum):
    """Connection of both sides of a two-winding transformer, primary first."""

    Y_Y = "Y_Y"
    D_Y = "D_Y"
    Y_D = "Y_D"
    YNG_YNG = "YNG_YNG"
    D_D = "D_D"
    DO_DO = "DO_DO"
    YO_DO = "YO_DO"
    D_YNG = "D_YNG"
    YNG_D = "YNG_D"
    Y_YNG = "Y_YNG"
    YNG_Y = "YNG_Y"
    YG_ZG = "YG_ZG"
    D_ZG = "D_ZG"
    YG_CT = "YG_CT"
    D_CT = "D_CT"

    @property
    def primary(self) -> Connection:
        """Connection of the primary side."""
        return _SIDES[self.value.split("_")[0]]

    @property
    def secondary(self) -> Connection:
        """Connection of the secondary side."""
        return _SIDES[self.value.split("_")[1]]


_SIDES = {
    "Y": Connection.Y,
    "YNG": Connection.YG,
    "YG": Connection.YG,
    "D": Connection.DELTA,
    "DO": Connection.OPEN_DELTA,
    "YO": Connection.OPEN_Y,
    "ZG": Connection.ZG,
    "CT": Connection.CENTRE_TAP,
}


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
    LOAD_CENTRE = "load_centre"  # the voltage at a section downstream, or by line-drop


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
    """Device types by CYME's numbers, as the tables that join by number write them."""

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
