"""Loads of a CYME dataset, year by year and model by model, and the classes of their customers."""

from dataclasses import dataclass

from grid_fed_rl.feeders.cyme.codes import Connection, LoadKind, Phases, ValueType
from grid_fed_rl.feeders.cyme.places import Record
from grid_fed_rl.feeders.cyme.records_lines import Device

__all__ = ["CustomerClass", "CustomerLoad", "Load"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load(Device):
    """A spot or distributed load; what it draws is in `CustomerLoad` rows of its number."""

    kind: LoadKind
    connection: Connection | None = None
    phases: Phases | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerLoad(Record):
    """What one customer draws on some phases in one year of one load model.

    `value1` and `value2` are kW and kvar, kVA and percent of power factor, kW and percent, or
    ampere and percent, as `value_type` says. `load_model` is the model's number or name as the
    table writes it. A row on phases AB of a delta load is the load between A and B.
    """

    section: str
    number: str
    kind: LoadKind
    phases: Phases
    value_type: ValueType
    value1: float
    value2: float
    customer: str | None = None
    customer_class: str | None = None
    connected: bool = True
    year: int | None = None
    load_model: str | None = None
    connected_kva: float | None = None
    kwh: float | None = None
    n_customers: float | None = None
    centre_tap_percent: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerClass(Record):
    """How a class of customers follows voltage.

    Shares of constant impedance, current and power are in percent, for P and Q apart; they count
    unless `exponential`, and then P follows V to the power of `exponent_p`, Q to `exponent_q`.
    The three shares without `p` or `q` are of exports that have no others.
    """

    id: str
    description: str | None = None
    z_percent: float | None = None
    i_percent: float | None = None
    p_percent: float | None = None
    z_p_percent: float | None = None
    z_q_percent: float | None = None
    i_p_percent: float | None = None
    i_q_percent: float | None = None
    p_p_percent: float | None = None
    p_q_percent: float | None = None
    exponential: bool | None = None
    exponent_p: float | None = None
    exponent_q: float | None = None
    utilisation_percent: float | None = None
    power_factor_percent: float | None = None
    load_factor_percent: float | None = None
    voltage_threshold_percent: float | None = None  # below it, loads turn to constant impedance
