"""Columns of loads and of classes of customers."""

from grid_fed_rl.feeders.cyme import records_loads as records
from grid_fed_rl.feeders.cyme.code_tables import (
    CONNECTED,
    CONNECTION,
    LOAD_KIND,
    PHASES,
    VALUE_TYPE,
)
from grid_fed_rl.feeders.cyme.kinds import DEVICE, Kind, column, flag, need
from grid_fed_rl.feeders.cyme.quantities import INTEGER, NAME, NUMBER, Code

__all__ = ["LOAD_KINDS"]

_KIND = need("kind", Code(LOAD_KIND, "SPOT or DISTRIBUTED"), "LoadType DeviceType")

LOAD_KINDS = (
    Kind(
        attribute="loads",
        record=records.Load,
        sections=("LOADS",),
        tables=("CYMLOAD",),
        elements=("SpotLoad", "DistributedLoad"),
        device_types=("20", "21"),
        fields=(
            *DEVICE,
            _KIND,
            column(
                "connection",
                Code(CONNECTION, "a connection"),
                "Connection ConnectionConfiguration",
            ),
            column("phases", Code(PHASES, "phases"), "Phase"),
        ),
        key=("kind", "number"),
        mapped=False,
        what="load",
    ),
    Kind(
        attribute="customer_loads",
        record=records.CustomerLoad,
        sections=("CUSTOMER LOADS",),
        tables=("CYMCUSTOMERLOAD",),
        elements=("CustomerLoadValue",),
        device_types=("20", "21"),
        fields=(
            need("section", NAME, "SectionID"),
            need("number", NAME, "DeviceNumber"),
            _KIND,
            need("phases", Code(PHASES, "phases"), "LoadPhase Phase"),
            need("value_type", Code(VALUE_TYPE, "a load value type"), "ValueType LoadValueType"),
            need("value1", NUMBER, "Value1 LoadValue1"),
            need("value2", NUMBER, "Value2 LoadValue2"),
            column("customer", NAME, "CustomerNumber"),
            column("customer_class", NAME, "CustomerType ConsumerClassID"),
            column("connected", Code(CONNECTED, "a connection status"), "ConnectionStatus Status"),
            column("year", INTEGER, "Year LoadYear"),
            column("load_model", NAME, "LoadModelID LoadModelName"),
            column("connected_kva", NUMBER, "ConnectedKVA"),
            column("kwh", NUMBER, "KWH KWHUsage"),
            column("n_customers", NUMBER, "NumberOfCustomer NumberOfCustomers"),
            column("centre_tap_percent", NUMBER, "CenterTapPercent"),
        ),
        key=("kind", "number", "customer", "year", "load_model", "phases"),
        mapped=False,
        what="customer load",
    ),
    Kind(
        attribute="customer_classes",
        record=records.CustomerClass,
        sections=("CUSTOMER CLASS",),
        tables=("CYMCONSUMERCLASS",),
        elements=("ConsumerClass",),
        fields=(
            need("id", NAME, "ID ConsumerClassID"),
            column("description", NAME, "Description"),
            column("z_percent", NUMBER, "ConstantImpedance"),
            column("i_percent", NUMBER, "ConstantCurrent"),
            column("p_percent", NUMBER, "ConstantPower"),
            column("z_p_percent", NUMBER, "ConstantImpedanceZP ConstantImpedanceZ_P"),
            column("z_q_percent", NUMBER, "ConstantImpedanceZQ ConstantImpedanceZ_Q"),
            column("i_p_percent", NUMBER, "ConstantCurrentIP ConstantCurrentI_P"),
            column("i_q_percent", NUMBER, "ConstantCurrentIQ ConstantCurrentI_Q"),
            column("p_p_percent", NUMBER, "ConstantPowerPP ConstantPowerP_P"),
            column("p_q_percent", NUMBER, "ConstantPowerPQ ConstantPowerP_Q"),
            flag("exponential", "IsExponentialModel"),
            column("exponent_p", NUMBER, "ExponentialModelP ExponentialModel_P"),
            column("exponent_q", NUMBER, "ExponentialModelQ ExponentialModel_Q"),
            column("utilisation_percent", NUMBER, "UtilizationFactor"),
            column("power_factor_percent", NUMBER, "PowerFactor"),
            column("load_factor_percent", NUMBER, "LoadFactor LoadFactor_percent"),
            column(
                "voltage_threshold_percent",
                NUMBER,
                "LoadFlowVoltagePercentOfNominal LoadFlowVoltPercentOfNominal",
            ),
        ),
        what="customer class",
        repeatable=True,
    ),
)
