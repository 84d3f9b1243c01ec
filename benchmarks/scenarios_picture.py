"""Draw ten summer days of a synthetic year: the picture of docs/scenarios.md.

Needs matplotlib (the extra `experiments`). Run from anywhere:

    python benchmarks/scenarios_picture.py --out docs/images/scenarios.png
"""

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np

from grid_fed_rl.scenarios import (
    EvConfig,
    EvStation,
    Tariff,
    Year,
    draw_dynamic_tariff,
    draw_sessions,
    draw_year,
    five_utilities,
    heat_wave,
    net_load_kw,
    size_pv,
    time_of_use_tariff,
    uncontrolled_kw,
)

mpl.use("Agg")
import matplotlib.pyplot as plt

FIRST_DAY, LAST_DAY, HOT_DAYS = 196, 206, np.arange(199, 203)
TEAL, PALE, GREY, ORANGE, RED = "#0b6e6e", "#6fb1ae", "#8a8f94", "#d1711f", "#b3263a"
STATIONS = (
    EvStation("200 homes", "home-l2", 200),
    EvStation("40 plugs at work", "workplace-l2", 40),
    EvStation("20 public", "public-l2", 20),
    EvStation("4 fast chargers", "dcfc", 4),
)


def drawn() -> tuple[Year, Year, np.ndarray, Tariff, Tariff]:
    """A year, the same with a heat wave, power of charging, and two tariffs."""
    rng = np.random.default_rng(1)
    utility = next(utility for utility in five_utilities() if utility.name == "prairie")
    nominal_kw = np.tile([20.0, 40.0, 75.0], 30)
    pv_kw = size_pv(utility, nominal_kw)
    year = draw_year(utility, nominal_kw, 0.3 * nominal_kw, pv_kw, rng)
    sessions = draw_sessions(EvConfig(), STATIONS, year.n_days, rng, year.temperature_c)
    by_time = time_of_use_tariff(year.n_days, 1.0)
    dynamic = draw_dynamic_tariff(net_load_kw(year).sum(axis=1), year.temperature_c, 1.0, rng)
    hot = heat_wave(year, HOT_DAYS, utility)
    return year, hot, uncontrolled_kw(sessions, 1.0), by_time, dynamic


def draw(out: Path) -> None:
    """Write the picture."""
    year, hot, charging_kw, by_time, dynamic = drawn()
    shown = slice(24 * FIRST_DAY, 24 * LAST_DAY)
    day = np.arange(24 * (LAST_DAY - FIRST_DAY)) / 24.0
    figure, (air, power, cars, price) = plt.subplots(
        4, 1, figsize=(8.5, 9), sharex=True, layout="constrained"
    )
    air.plot(day, hot.temperature_c[shown], color=RED, label="heat wave")
    air.plot(day, year.temperature_c[shown], color=TEAL, label="as drawn")
    air.set_ylabel("air, °C")
    for series, colour, label in (
        (hot.load_kw, RED, "load in the heat wave"),
        (year.load_kw, TEAL, "load"),
        (year.pv_kw, ORANGE, "PV"),
    ):
        power.plot(day, series[shown].sum(axis=1) / 1e3, color=colour, label=label)
    power.set_ylabel("MW")
    below = np.zeros(len(day))
    for k, colour in enumerate((TEAL, PALE, GREY, ORANGE)):
        above = below + charging_kw[shown, k]
        cars.fill_between(
            day, below, above, step="post", color=colour, lw=0, label=STATIONS[k].name
        )
        below = above
    cars.set_ylabel("charging, kW")
    for tariff, colour in ((by_time, TEAL), (dynamic, ORANGE)):
        prices = tariff.import_usd_per_kwh[shown]
        price.step(day, prices, where="post", color=colour, label=tariff.name)
    price.set_ylabel("import, $/kWh")
    price.set_ylim(0.0)
    for axes in (air, power, cars, price):
        axes.set_ylim(axes.get_ylim()[0], 1.18 * axes.get_ylim()[1])  # room for the legend
        axes.legend(loc="upper left", ncols=4, frameon=False, fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
        for midnight in range(1, LAST_DAY - FIRST_DAY):
            axes.axvline(midnight, color="#dddddd", lw=0.6, zorder=0)
    weekday = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
    ticks = np.arange(LAST_DAY - FIRST_DAY)
    price.set_xticks(ticks + 0.5, [weekday[(FIRST_DAY + k) % 7] for k in ticks])
    price.tick_params(axis="x", length=0)
    price.set_xlim(0, len(ticks))
    figure.savefig(out, dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Draw the picture of docs/scenarios.md.")
    parser.add_argument("--out", type=Path, default=Path("scenarios.png"), help="where to")
    draw(parser.parse_args().out)
