"""The page docs/benchmarks.md, from what `baselines` found."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from grid_fed_rl import ENV_IDS
from grid_fed_rl.analytics.baselines import BASELINES, DayResult, score
from grid_fed_rl.analytics.oracle import PRICES
from grid_fed_rl.analytics.provenance import versions
from grid_fed_rl.analytics.restoration import RESTORERS, RestorationResult, restoration_score
from grid_fed_rl.envs.registration import FLISR_IDS

__all__ = ["page"]

ByBaseline = Mapping[str, Sequence[DayResult]]

UNITS = {
    "voltage": ("voltage", "p.u. h"),
    "thermal": ("loading", "rating h"),
    "unbalance": ("unbalance", "% h"),
    "head": ("substation", "kWh"),
}
PRINTED_VERSIONS = ("python", "grid-fed-rl", "numpy", "scipy", "numba", "gymnasium")

_HEAD = """\
# Benchmarks

What doing nothing, chance, local rules and an oracle with foresight make of every task.
`make benchmarks` writes this page; this one was made by

```console
$ {command}
```

with {versions}.
Days are test days of each id's default utility, evenly spread over the year, as many as the
table of ids says, fewer of IEEE 8500; figures are means over them.

## How to read it

**Return** is the sum of rewards, dollars a day; a day costs money, so that it is negative.
**Violated** is the share of steps in which any limit was left. Each limit's column has how
far, summed over what it counts and multiplied with hours.

**Score** is 0 for no control and 100 for the oracle, on the same days:

```
score = 100 (J - J_no_control) / (J_oracle - J_no_control)
J     = return - sum over channels of price * cost * hours
```

The prices weigh return against violation and state no damage:

{prices}

A score says nothing where the oracle itself violates, and it hides how it was reached: look
at *violated*, too. Below 0 is worse than doing nothing. Above 100 is possible: the oracle
holds limits at any price, and is the best plan that was found, not a proven optimum.
`grid_fed_rl.analytics.baselines` has it as functions.

**The oracle** knows the day's load, sun, cars and prices. It solves the whole day as a
linear programme on the power flow linearised along the best day so far, with losses'
curvature, battery energy, debts of flexible loads and cars' departures in it; carries the
plan out in the environment; and linearises again. Taps and capacitors then go round in a
coordinate descent by dynamic programmes on exact power flows. Every figure below is what
the environment gave. `grid_fed_rl.analytics.oracle` is the code.

"""
_BINDS = """\
## Which ids bind

A task is worth learning where doing nothing leaves limits and foresight holds them.
*No control* and *oracle* count the days on which any limit was left in any step.

"""
_FLISR = """
## FLISR

Outages of the test split, the same for all, each to the repair of what failed; figures are
means, an outage each. SAIDI is in minutes over all customers (IEEE Std 1366). *Violated* is
the share of steps with a voltage, a loading or a loop outside of limits; where waiting has it,
too, the feeder has it when nothing is wrong. The score is of the return.

"""


def page(
    results: Mapping[str, ByBaseline],
    outages: Mapping[str, Mapping[str, RestorationResult]],
    command: str,
) -> str:
    """The whole page.

    Args:
        results: By id and baseline, a result a day.
        outages: By id of restoration and restorer.
        command: What was run.
    """
    found = versions()
    prices = "\n".join(
        f"- {words}: ${PRICES[channel]:g} for one {unit}"
        for channel, (words, unit) in UNITS.items()
    )
    known = ", ".join(f"{name} {found[name]}" for name in PRINTED_VERSIONS)
    parts = [_HEAD.format(command=command, versions=known, prices=prices)]
    parts += [_BINDS, *_lines(_binding(results))]
    others = [env_id for env_id in (*ENV_IDS, *FLISR_IDS) if env_id not in (*results, *outages)]
    if others:
        parts.append(f"\nNot asked for in this run: {', '.join(others)}.\n")
    for task in dict.fromkeys(task for task, _ in ENV_IDS.values()):
        ids = [env_id for env_id in results if ENV_IDS[env_id][0] == task]
        if ids:
            parts.append(f"\n## {task}\n\n")
            parts += [f"- **{one.name}**: {one.words}\n" for one in BASELINES[task]]
            for env_id in ids:
                parts.append(f"\n### {env_id.removeprefix('GridFedRL/')}\n\n")
                parts += _lines(_table(results[env_id]))
    if outages:
        parts.append(_FLISR)
        parts += [f"- **{name}**: {one.words}\n" for name, one in RESTORERS.items()]
    for env_id, found_there in outages.items():
        parts.append(f"\n### {env_id.removeprefix('GridFedRL/')}\n\n")
        parts += _lines(_restoration(found_there))
    return "".join(parts)


def _lines(rows: Iterator[str]) -> Iterator[str]:
    return (f"{row}\n" for row in rows)


def _binding(results: Mapping[str, ByBaseline]) -> Iterator[str]:
    yield "| id | days | no control | oracle | binds |"
    yield "|---|---:|---:|---:|---|"
    for env_id, found in results.items():
        nothing = sum(one.violated > 0.0 for one in found["no control"])
        oracle = sum(one.violated > 0.0 for one in found["oracle"])
        binds = "yes" if nothing and not oracle else "**no**"
        yield f"| `{env_id}` | {len(found['oracle'])} | {nothing} | {oracle} | {binds} |"


def _table(found: ByBaseline) -> Iterator[str]:
    channels = list(found["no control"][0].costs)
    heads = [" ".join(UNITS.get(name, (name, "h"))) for name in channels]
    yield f"| | return $ | {' | '.join(heads)} | violated | score |"
    yield f"|---|{'---:|' * (len(channels) + 3)}"
    for name, days in found.items():
        costs = [np.mean([one.costs[channel] for one in days]) for channel in channels]
        violated = np.mean([one.violated for one in days])
        scored = score(days, found["no control"], found["oracle"])
        collapsed = sum(one.collapsed for one in days)
        notes = f" ({collapsed} of {len(days)} days collapse)" if collapsed else ""
        yield (
            f"| {name}{notes} | {np.mean([one.return_usd for one in days]):,.2f} | "
            f"{' | '.join(f'{cost:,.3f}' for cost in costs)} | {violated:.1%} | "
            f"{'-' if scored is None else f'{scored:,.1f}'} |"
        )


def _restoration(found: Mapping[str, RestorationResult]) -> Iterator[str]:
    yield "| | return $ | not served kWh | SAIDI min | switchings | violated | score |"
    yield f"|---|{'---:|' * 6}"
    for name, one in found.items():
        scored = restoration_score(one, found["nothing"], found["best"])
        yield (
            f"| {name} | {one.return_usd:,.0f} | {one.not_served_kwh:,.0f} | "
            f"{one.saidi_minutes:.1f} | {one.operations:.1f} | {one.violated:.1%} | "
            f"{'-' if scored is None else f'{scored:,.1f}'} |"
        )
