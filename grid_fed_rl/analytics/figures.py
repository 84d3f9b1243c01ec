"""The figures of a report: voltage profile, voltage over a day, learning, metrics.

Every function takes plain arrays and returns a `Figure` of its own; pyplot and
its global state are not used. Phases and policies have the same colours
everywhere, from the palette of Okabe and Ito ("Color universal design", 2008),
which colour-blind readers can tell apart; policies also differ in dashes.
"""

import math
from collections.abc import Mapping
from itertools import cycle

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from grid_fed_rl.analytics.save import save_png
from grid_fed_rl.analytics.vocabulary import (
    MetricTable,
    check_metrics,
    metric_text,
    policy_text,
)
from grid_fed_rl.drawing.style import (
    LIMITS_PU,
    PHASES,
    QUIET,
    mark_limits,
    new_figure,
    png_bytes,
    styled,
    svg_text,
)
from grid_fed_rl.errors import GridFedRLError

__all__ = [
    "LIMITS_PU",
    "day_figure",
    "learning_figure",
    "metrics_figure",
    "png_bytes",
    "profile_figure",
    "save_png",
    "svg_text",
]

Floats = NDArray[np.float64]
Dashes = str | tuple[int, tuple[float, ...]]

_POLICIES: Mapping[str, tuple[str, Dashes]] = {
    "no_control": ("#8a8a8a", "-"),
    "local_rules": ("#222222", "-"),
    "behaviour": ("#CC79A7", "-"),
    "local_only": ("#E69F00", "-"),
    "pooled": ("#009E73", (0, (6.0, 1.5))),
    "federated": ("#0072B2", "-"),
    "federated_private": ("#56B4E9", (0, (2.5, 1.2))),
}
_SPARE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#222222")


def profile_figure(
    distance_km: Floats,
    phase: NDArray[np.integer],
    v_before_pu: Floats,
    v_after_pu: Floats,
    segments: NDArray[np.integer],
    limits: tuple[float, float] = LIMITS_PU,
    labels: tuple[str, str] = ("Before", "After"),
) -> Figure:
    """Voltage along the feeder, before and after, one colour a phase.

    Args:
        distance_km: (node,) length of line to the substation.
        phase: (node,) 1, 2 or 3.
        v_before_pu: (node,) voltage magnitude; 0 or NaN where there is no voltage.
        v_after_pu: (node,) likewise.
        segments: (segment, 2) pairs of nodes that a branch connects.
        limits: lowest and highest allowed voltage, per unit.
        labels: titles of the two panels.

    Raises:
        GridFedRLError: the arrays do not fit each other.
    """
    n_nodes = len(distance_km)
    for name, array in (("phase", phase), ("v_before_pu", v_before_pu), ("v_after_pu", v_after_pu)):
        if np.shape(array) != (n_nodes,):
            raise GridFedRLError(
                f"profile_figure: {name} has shape {np.shape(array)}; expected ({n_nodes},), one "
                "value a node as in distance_km"
            )
    with styled():
        figure = new_figure(10.0, 4.2)
        axes = figure.subplots(1, 2, sharex=True, sharey=True)
        for ax, v_pu, label in zip(axes, (v_before_pu, v_after_pu), labels, strict=True):
            live = np.isfinite(v_pu) & (v_pu > 0.0)
            for number, (letter, colour) in PHASES.items():
                here = live & (phase == number)
                ends = segments[here[segments].all(axis=1)]
                points = np.stack([distance_km[ends], v_pu[ends]], axis=-1)
                ax.add_collection(LineCollection(list(points), colors=colour, linewidths=1.3))
                ax.plot(
                    distance_km[here],
                    v_pu[here],
                    ".",
                    color=colour,
                    ms=3.5,
                    label=f"Phase {letter}",
                )
            n_outside = int(((v_pu < limits[0]) | (v_pu > limits[1]))[live].sum())
            ax.set_title(f"{label}: {n_outside} of {int(live.sum())} nodes outside", loc="left")
            ax.set_xlabel("Distance from the substation (km)")
            ax.margins(x=0.03, y=0.08)
        for ax in axes:  # once both panels have set the common range
            mark_limits(ax, limits)
        axes[0].set_ylabel("Voltage (p.u.)")
        handles, names = axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=3, markerscale=3)
    return figure


def day_figure(
    hours: Floats,
    bands_pu: Mapping[str, tuple[Floats, Floats]],
    limits: tuple[float, float] = LIMITS_PU,
) -> Figure:
    """Lowest and highest voltage of the feeder over a day, one panel a policy.

    The band of the first policy is repeated in grey behind every other one.

    Args:
        hours: (step,) time of day, h.
        bands_pu: for each policy its lowest and highest voltage, (step,) each.
        limits: lowest and highest allowed voltage, per unit.

    Raises:
        GridFedRLError: there is no policy.
    """
    if not bands_pu:
        raise GridFedRLError("day_figure: no policy; at least one band is needed")
    n_columns = min(len(bands_pu), 4)
    n_rows = math.ceil(len(bands_pu) / n_columns)
    first, *_ = bands_pu
    with styled():
        figure = new_figure(max(4.5, 2.6 * n_columns), 0.7 + 2.4 * n_rows)
        axes = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False)
        for ax in axes.flat[len(bands_pu) :]:
            ax.set_axis_off()
        for ax, (name, (low_pu, high_pu)) in zip(axes.flat, bands_pu.items(), strict=False):
            if name != first:
                ax.fill_between(hours, *bands_pu[first], color=QUIET, alpha=0.25, linewidth=0)
            (colour, _), label = _line(name), policy_text(name).label
            ax.fill_between(hours, low_pu, high_pu, color=colour, alpha=0.3, linewidth=0)
            ax.plot(hours, low_pu, color=colour, linewidth=1.4)
            ax.plot(hours, high_pu, color=colour, linewidth=1.4)
            ax.set_title(label, loc="left")
            ax.set_xlim(0, 24)
            ax.set_xticks(range(0, 25, 6))
            ax.margins(y=0.08)
        for n, ax in enumerate(axes.flat[: len(bands_pu)]):
            mark_limits(ax, limits)
            if n + n_columns >= len(bands_pu):  # nothing below it
                ax.set_xlabel("Time of day (h)")
                ax.tick_params(labelbottom=True)
            if n % n_columns == 0:
                ax.set_ylabel("Lowest and highest\nvoltage (p.u.)")
    return figure


def learning_figure(
    curves: Mapping[str, tuple[Floats, Floats]],
    x_label: str = "Gradient steps",
    y_label: str = "Training loss (no unit)",
) -> Figure:
    """How learning went: one line a policy.

    Args:
        curves: for each policy its steps and values, (point,) each.
        x_label: what steps are, with the unit.
        y_label: what values are, with the unit.

    Raises:
        GridFedRLError: there is no curve.
    """
    if not curves:
        raise GridFedRLError("learning_figure: no curve; at least one is needed")
    with styled():
        figure = new_figure(10.0, 3.6)
        ax = figure.subplots()
        spare = cycle(_SPARE)
        for name, (steps, values) in curves.items():
            colour, dashes = _POLICIES.get(name) or (next(spare), "-")
            label = policy_text(name).label
            ax.plot(steps, values, color=colour, linestyle=dashes, linewidth=1.6, label=label)
        ax.set_xlabel(x_label)
        ax.set_ylabel(y_label)
        ax.margins(x=0.02)
        figure.legend(loc="outside right center", handlelength=3)
    return figure


def metrics_figure(metrics: MetricTable) -> Figure:
    """Mean and interval of every metric, one panel a metric, one row a policy.

    Raises:
        GridFedRLError: the metrics are broken; see `check_metrics`.
    """
    names = check_metrics(metrics)
    policies = list(metrics)
    n_columns = min(len(names), 3)
    n_rows = math.ceil(len(names) / n_columns)
    with styled():
        figure = new_figure(1.6 + 2.8 * n_columns, n_rows * (0.9 + 0.24 * len(policies)))
        axes = figure.subplots(n_rows, n_columns, sharey=True, squeeze=False)
        for ax in axes.flat[len(names) :]:
            ax.set_axis_off()
        if len(names) < axes.size:
            key = "Dot: mean over seeds\nLine: 95 % interval"
            last = axes.flat[-1]
            last.text(0.05, 0.9, key, transform=last.transAxes, va="top", linespacing=1.6)
        for ax, name in zip(axes.flat, names, strict=False):
            text = metric_text(name)
            for row, policy in enumerate(policies):
                mean, low, high = (
                    metrics[policy][name][key] * text.shown_per_unit
                    for key in ("mean", "low", "high")
                )
                colour, _ = _line(policy)
                ax.plot([low, high], [row, row], color=colour, linewidth=2.4, alpha=0.6)
                ax.plot([mean], [row], "o", color=colour, ms=5.5)
            arrow = {"higher": " (more is better)", "lower": " (less is better)", None: ""}
            ax.set_title(text.label + arrow[text.better], loc="left", fontsize=9)
            ax.set_xlabel(text.unit or text.label)
            ax.set_yticks(range(len(policies)), [policy_text(p).label for p in policies])
            ax.set_ylim(len(policies) - 0.5, -0.5)
            ax.xaxis.set_major_locator(MaxNLocator(nbins=5))
            ax.margins(x=0.08)
    return figure


def _line(policy: str) -> tuple[str, Dashes]:
    return _POLICIES.get(policy, (_SPARE[0], "-"))
