"""A feeder as a folder of tables: what the shipped feeders are made of.

``feeder.toml`` holds the name, the source and where the figures are from; one
CSV file an element kind holds a row a record. Lengths and line codes keep the
unit of the published figure in a ``unit`` column (``ft``, ``kft``, ``mi``,
``m``, ``km``) and become metres and kilometres on reading. A kind without
records has no file. Reading what was written gives an equal feeder.
"""

__all__ = ["COLUMNS", "METRES_PER", "OPTIONAL"]

METRES_PER = {"ft": 0.3048, "kft": 304.8, "mi": 1609.344, "m": 1.0, "km": 1000.0}

COLUMNS: dict[str, tuple[str, ...]] = {
    "buses": ("name", "kv_ll", "x", "y"),
    "line_codes": ("name", "unit", "row", "column", "r_ohm", "x_ohm", "c_nf"),
    "lines": ("name", "from", "to", "code", "length", "unit"),
    "switches": ("name", "from", "to", "code", "length", "unit", "kind", "closed"),
    "transformers": (
        *("name", "terminal_1", "terminal_2", "connection_1", "connection_2", "kv_1", "kv_2"),
        *("kva", "r_percent_1", "r_percent_2", "x_percent", "antifloat_ppm"),
        *("tap_1", "tap_2"),
    ),
    "regulators": (
        *("name", "transformer", "tap_min_pu", "tap_max_pu", "n_steps"),
        *("v_reg", "band_v", "pt_ratio", "ct_primary_a", "r_v", "x_v"),
    ),
    "capacitors": (
        *("name", "terminal", "connection", "kvar", "kv", "closed"),
        *("on", "off", "pt_ratio"),
    ),
    "loads": (
        *("name", "terminal", "connection", "model", "kw", "kvar", "kv"),
        *("v_min_pu", "v_max_pu", "v_low_pu"),
    ),
    "pvs": ("name", "terminal", "connection", "kv", "kw_dc", "kva"),
    "storages": (
        *("name", "terminal", "connection", "kv", "kw", "kwh", "kva"),
        *("efficiency_charge", "efficiency_discharge", "soc_min", "soc_max"),
    ),
}
"""Columns of each table, in the order they are written."""

OPTIONAL: dict[str, frozenset[str]] = {
    "buses": frozenset({"x", "y"}),
    "transformers": frozenset({"tap_1", "tap_2"}),
    "regulators": frozenset({"v_reg", "band_v", "pt_ratio", "ct_primary_a", "r_v", "x_v"}),
    "capacitors": frozenset({"on", "off", "pt_ratio"}),
    "loads": frozenset({"v_min_pu", "v_max_pu", "v_low_pu"}),
}
"""Columns that may be absent or blank; a control needs all of its own."""
