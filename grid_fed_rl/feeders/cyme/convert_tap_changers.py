"""Tap changers under load of CYME's transformers."""

from grid_fed_rl.feeders.cyme.draft import Draft
from grid_fed_rl.feeders.cyme.records_catalogue import TransformerType
from grid_fed_rl.feeders.cyme.records_devices import LoadTapChanger
from grid_fed_rl.feeders.records import LineDropControl, Regulator

__all__ = ["add_tap_changer"]


def add_tap_changer(
    draft: Draft, number: str, transformer: str, ltc: LoadTapChanger, kind: TransformerType
) -> None:
    """Put the tap changer of a transformer into the feeder, if its type has one."""
    if not kind.has_ltc or not kind.n_taps:
        return
    buck = ltc.max_buck_percent or kind.min_regulation_percent or 10.0
    boost = ltc.max_boost_percent or kind.max_regulation_percent or 10.0
    place = draft.data.transformer_types[kind.id].place
    tap = ltc.tap if ltc.tap is not None else (ltc.initial_tap or 0.0)
    position = round(tap)
    if abs(tap - position) > 1e-6:
        draft.report.approximate(
            "transformer", number, place, f"its tap is {tap} steps; read as {position}"
        )
    name = draft.names.of("regulator", f"{transformer}_ltc", quiet=True)
    draft.regulators[name] = Regulator(
        name,
        transformer,
        1 if (ltc.tap_location or "").upper().startswith("P") else 2,
        1.0 - abs(buck) / 100.0,
        1.0 + abs(boost) / 100.0,
        kind.n_taps,
        position,
        _ltc_control(draft, number, ltc, kind),
    )
    draft.count("load tap changer")


def _ltc_control(
    draft: Draft, number: str, ltc: LoadTapChanger, kind: TransformerType
) -> LineDropControl | None:
    """The control, where its set-point reads as volts on 120; else none."""
    set_point, pt = ltc.set_point, ltc.pt_ratio
    lower, upper = ltc.lower_band or kind.lower_band, ltc.upper_band or kind.upper_band
    if set_point is None or not pt or not 90.0 < set_point < 150.0 or not (lower and upper):
        draft.report.approximate(
            "transformer",
            number,
            kind.place,
            f"the control of its tap changer (set-point {set_point}, PT {pt}) is left out; its "
            f"tap stands as found",
        )
        return None
    return LineDropControl(
        set_point, lower + upper, pt, ltc.ct_a or 100.0, ltc.r_set or 0.0, ltc.x_set or 0.0
    )
