"""What stands on one bus: loads, capacitors, DER; frozen records in SI units."""

import math
from dataclasses import dataclass
from enum import StrEnum

from grid_fed_rl.feeders.records import Connection, Terminal

__all__ = [
    "Capacitor",
    "CapacitorControl",
    "CapacitorControlKind",
    "Generator",
    "InverterControl",
    "Load",
    "LoadModel",
    "Pv",
    "Storage",
]

Curve = tuple[tuple[float, float], ...]


class LoadModel(StrEnum):
    """How a load answers to voltage, by OpenDSS's model number."""

    PQ = "pq"  # 1: constant power
    Z = "z"  # 2: constant impedance
    MOTOR = "motor"  # 3: constant active power, reactive power of an impedance
    CVR = "cvr"  # 4: powers of the voltage, `Load.cvr`
    I = "i"  # noqa: E741 - 5: constant current; the IEEE test feeders' own letter
    FIXED_Q = "fixed_q"  # 6: constant active power, reactive power that does not scale
    FIXED_X = "fixed_x"  # 7: constant active power, reactance that does not scale
    ZIP = "zip"  # 8: impedance, current and power in shares, `Load.zipv`


@dataclass(frozen=True, slots=True)
class Load:
    """A load: nominal kW and kvar, and how it answers to voltage.

    Outside ``[v_min_pu, v_max_pu]`` of its rated kV a load is a constant
    impedance; between `v_low_pu` and `v_min_pu` its current is interpolated
    linearly, as in OpenDSS.

    Attributes:
        name: Its name.
        terminal: Where it stands.
        connection: Between which conductors.
        model: How it answers to voltage.
        kw: Nominal consumption, all phases.
        kvar: Nominal consumption, all phases.
        kv: Rated voltage: of a leg if there is one, line-to-line if it has 2 or 3.
        v_min_pu: Lower end of the window.
        v_max_pu: Upper end of the window.
        v_low_pu: Below this an impedance.
        cvr: Exponents of voltage for kW and kvar of model `CVR`.
        zipv: Seven numbers of model `ZIP`: shares of impedance, current and power
            in kW, the same in kvar, and the voltage (pu) below which nothing is drawn.
        profile: Name of its profile over time, if the feeder brings one.
    """

    name: str
    terminal: Terminal
    connection: Connection
    model: LoadModel
    kw: float
    kvar: float
    kv: float
    v_min_pu: float = 0.95
    v_max_pu: float = 1.05
    v_low_pu: float = 0.5
    cvr: tuple[float, float] = (1.0, 2.0)
    zipv: tuple[float, ...] = ()
    profile: str = ""


class CapacitorControlKind(StrEnum):
    """What a capacitor control looks at."""

    VOLTAGE = "voltage"  # V at its potential transformer's secondary; on below, off above
    KVAR = "kvar"  # kvar through the monitored terminal; on above, off below
    CURRENT = "current"  # A at its current transformer's secondary; on above, off below
    TIME = "time"  # hour of the day; on from, off from
    PF = "pf"  # power factor at the monitored terminal; above 1 means leading


@dataclass(frozen=True, slots=True)
class CapacitorControl:
    """A capacitor's own control.

    Attributes:
        kind: What it looks at.
        on: Setting at which it closes a step, in the unit of `kind`.
        off: Setting at which it opens one.
        pt_ratio: Ratio of the potential transformer.
        ct_ratio: Ratio of the current transformer.
        element: Line, switch, reactor or transformer it watches; its own terminal
            where empty.
        end: Terminal of that element, from 1.
        phase: Conductor of that terminal it watches, from 1.
        delay_s: Time before it closes.
        delay_off_s: Time before it opens.
        dead_time_s: Time after opening in which it does not close.
        v_min: Voltage below which it closes whatever `kind` says; 0 for none. Volts
            at the potential transformer's secondary.
        v_max: Voltage above which it opens whatever `kind` says; infinite for none.
    """

    kind: CapacitorControlKind
    on: float
    off: float
    pt_ratio: float = 60.0
    ct_ratio: float = 60.0
    element: str = ""
    end: int = 1
    phase: int = 1
    delay_s: float = 15.0
    delay_off_s: float = 15.0
    dead_time_s: float = 300.0
    v_min: float = 0.0
    v_max: float = math.inf


@dataclass(frozen=True, slots=True)
class Capacitor:
    """A shunt capacitor bank of equal steps; kvar of all steps, kV as on its nameplate."""

    name: str
    terminal: Terminal
    connection: Connection
    kvar: float
    kv: float
    n_steps: int = 1
    steps_closed: int = 1
    control: CapacitorControl | None = None


@dataclass(frozen=True, slots=True)
class InverterControl:
    """Volt-var and volt-watt curves of an inverter (IEEE 1547-2018, 5.3.3 and 5.4.2).

    A curve is points of rising voltage (pu of rated) and share of rated apparent
    power (volt-var, injection positive) or of rated active power (volt-watt); it is
    level outside its points. An empty curve is a function that is off.
    """

    volt_var: Curve = ()
    volt_watt: Curve = ()


@dataclass(frozen=True, slots=True)
class Pv:
    """A photovoltaic system: panel rating (kW, DC) behind an inverter (kVA).

    Outside ``[v_min_pu, v_max_pu]`` of its rated kV an inverter is modelled as a
    constant impedance. `p_kw` and `q_kvar` are its injection as found.
    """

    name: str
    terminal: Terminal
    connection: Connection
    kv: float
    kw_dc: float
    kva: float
    v_min_pu: float = 0.8
    v_max_pu: float = 1.2
    p_kw: float = 0.0
    q_kvar: float = 0.0
    control: InverterControl | None = None


@dataclass(frozen=True, slots=True)
class Storage:
    """A battery behind an inverter; `p_kw` and `q_kvar` are its injection as found."""

    name: str
    terminal: Terminal
    connection: Connection
    kv: float
    kw: float
    kwh: float
    kva: float
    efficiency_charge: float = 0.95
    efficiency_discharge: float = 0.95
    soc_min: float = 0.1
    soc_max: float = 1.0
    v_min_pu: float = 0.8
    v_max_pu: float = 1.2
    p_kw: float = 0.0
    q_kvar: float = 0.0
    control: InverterControl | None = None


@dataclass(frozen=True, slots=True)
class Generator:
    """A generator that injects constant power; `p_kw` and `q_kvar` as found."""

    name: str
    terminal: Terminal
    connection: Connection
    kv: float
    kva: float
    v_min_pu: float = 0.9
    v_max_pu: float = 1.1
    p_kw: float = 0.0
    q_kvar: float = 0.0
