"""``grid-fed-rl solve``: the power flow of one feeder as it stands."""

import argparse
import json
from typing import TYPE_CHECKING

from grid_fed_rl.cli.text import HelpFormatter, columns, picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from grid_fed_rl.powerflow import Network, PowerFlow

__all__ = ["NOT_SOLVED", "add_to"]

NOT_SOLVED = 3  # exit status
_LOWEST = 8  # nodes of the short table
_EPILOG = """\
examples:
  grid-fed-rl solve ieee123                  losses, taps, lowest voltages
  grid-fed-rl solve ieee123 --controls       regulators find their taps
  grid-fed-rl solve ieee13 --json            every voltage, for a program
  grid-fed-rl solve my/Master.dss            an OpenDSS script
  grid-fed-rl solve ieee13 --plot prof.png   voltage along the feeder

The exit status is 3 where no solution was found.
"""


def add_to(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    common: argparse.ArgumentParser,
) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "solve",
        help="solve the power flow of a feeder as it stands",
        description="Solve the power flow of a feeder as it stands.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
        parents=[common],
        allow_abbrev=False,
    )
    parser.add_argument(
        "feeder",
        metavar="FEEDER",
        help="a name that 'grid-fed-rl feeders' lists, a folder of tables or a .dss file",
    )
    parser.add_argument(
        "--controls",
        action="store_true",
        help="let regulators, capacitors and inverters act until none wants to",
    )
    parser.add_argument(
        "--engine",
        choices=("batched", "opendss"),
        default="batched",
        metavar="NAME",
        help="batched (this package; the default) or opendss",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.add_argument("--all-nodes", action="store_true", help="list the voltage of every node")
    parser.add_argument(
        "--plot", type=picture, metavar="FILE.png", help="also draw the voltage along the feeder"
    )
    parser.set_defaults(run=_solve)


def _solve(args: argparse.Namespace) -> int:
    if args.plot is not None:
        import matplotlib  # noqa: F401 - say that it is missing before, not after, solving

    from grid_fed_rl.feeders.library import open_feeder
    from grid_fed_rl.powerflow import compile_network, nominal_setpoint, solve

    network = compile_network(open_feeder(args.feeder))
    flow = solve(network, nominal_setpoint(network), controls=args.controls, engine=args.engine)
    print(_as_json(network, flow) if args.json else _as_text(network, flow, args))
    if args.plot is not None:
        from grid_fed_rl.analytics.profile_plot import draw_profile

        draw_profile(network, flow, args.plot)
        if not args.json:
            print(f"\nDrawn into {args.plot}")
    return 0 if flow.settled[0] else NOT_SOLVED


def _as_json(network: "Network", flow: "PowerFlow") -> str:
    from grid_fed_rl.powerflow import measures

    solved = bool(flow.converged[0])
    volts, degrees = _volts_and_degrees(network, flow)
    result = {
        "converged": bool(flow.settled[0]),
        "iterations": int(flow.iterations[0]),
        **{
            name: float(getattr(measures, name)(network, flow)[0]) if solved else None
            for name in ("source_kw", "source_kvar", "losses_kw", "losses_kvar")
        },
        "taps": dict(zip(network.regulators, flow.setpoint.tap_position[0].tolist(), strict=True)),
        "voltages": {
            node: [v, d] if solved else [None, None]
            for node, v, d in zip(network.node_names, volts, degrees, strict=True)
        },
    }
    return json.dumps(result)


def _volts_and_degrees(network: "Network", flow: "PowerFlow") -> tuple[list[float], list[float]]:
    import numpy as np

    v = flow.v_pu[0] * network.v_base_v
    return np.abs(v).tolist(), np.angle(v, deg=True).tolist()


def _as_text(network: "Network", flow: "PowerFlow", args: argparse.Namespace) -> str:
    feeder = network.feeder
    title = feeder.title or feeder.name
    if not flow.converged[0]:
        return f"{title}: no solution found in {flow.iterations[0]} iterations"
    state = "" if flow.settled[0] else "; ITS CONTROLS DID NOT COME TO REST"
    parts = [
        f"{title}\n{args.engine} engine, {flow.iterations[0]} iterations{state}",
        _powers(network, flow),
        _taps(network, flow),
        _levels(network, flow),
        _nodes(network, flow, args.all_nodes),
    ]
    return "\n\n".join(filter(None, parts))


def _powers(network: "Network", flow: "PowerFlow") -> str:
    from grid_fed_rl.powerflow import measures

    def kva(p: "NDArray[np.float64]", q: "NDArray[np.float64]") -> complex:
        return complex(p.sum(), q.sum())

    source = kva(measures.source_kw(network, flow), measures.source_kvar(network, flow))
    loads = kva(measures.load_kw(network, flow), measures.load_kvar(network, flow))
    ders = kva(measures.der_kw(network, flow), measures.der_kvar(network, flow))
    losses = kva(measures.losses_kw(network, flow), measures.losses_kvar(network, flow))
    rows = [("source", source)]
    if network.ders:
        rows.append(("DER", ders))
    if network.capacitors:
        # What neither the source nor DER bring: currents add up to zero at every node.
        rows.append(("capacitors", loads + losses - source - ders))
    rows += [("loads", loads), ("losses", losses)]
    lines = [f"{'':<12}{'kW':>12}{'kvar':>12}"]
    lines += [f"{word:<12}{_two(power.real):>12}{_two(power.imag):>12}" for word, power in rows]
    return "\n".join(lines)


def _two(value: float) -> str:
    return f"{round(value, 2) + 0.0:,.2f}"  # without a minus before zero


def _taps(network: "Network", flow: "PowerFlow") -> str:
    rows = []
    for k, (name, tap) in enumerate(
        zip(network.regulators, flow.setpoint.tap_position[0].tolist(), strict=True)
    ):
        rows.append((name, tap, f"{1.0 + tap * network.tap_step_pu[k]:.5f}"))
    for name, step, of in zip(
        network.capacitors,
        flow.setpoint.capacitor_step[0].tolist(),
        network.capacitor_steps.tolist(),
        strict=True,
    ):
        rows.append((name, step, f"of {of} steps closed"))
    return columns(("regulator, capacitor", "position", "tap (p.u.)"), rows) if rows else ""


def _levels(network: "Network", flow: "PowerFlow") -> str:
    """A row a voltage level: how low and how high, and where."""
    import numpy as np

    v_pu = np.abs(flow.v_pu[0])
    buses = [name.rpartition(".") for name in network.node_names]
    kv = np.array([network.feeder.buses[bus].kv_ll for bus, _, _ in buses])
    is_phase = np.array([phase in {"1", "2", "3"} for _, _, phase in buses])
    rows = []
    for level in sorted(set(kv.tolist()), reverse=True):
        here = np.flatnonzero((kv == level) & is_phase & (v_pu > 0.0))
        if not len(here):
            continue
        low, high = here[v_pu[here].argmin()], here[v_pu[here].argmax()]
        rows.append(
            (
                f"{level:g} kV",
                len(here),
                f"{v_pu[low]:.4f} at {network.node_names[low]}",
                f"{v_pu[high]:.4f} at {network.node_names[high]}",
                int(((v_pu[here] < 0.95) | (v_pu[here] > 1.05)).sum()),
            )
        )
    text = columns(
        ("level", "nodes", "lowest (p.u.)", "highest (p.u.)", "outside 0.95..1.05"), rows
    )
    n_dead = int((v_pu == 0.0).sum())
    return f"{text}\n{n_dead} nodes have no voltage" if n_dead else text


def _nodes(network: "Network", flow: "PowerFlow", everything: bool) -> str:
    import numpy as np

    volts, degrees = _volts_and_degrees(network, flow)
    v_pu = np.abs(flow.v_pu[0])
    phases = [k for k, name in enumerate(network.node_names) if name[-2:] in {".1", ".2", ".3"}]
    live = [k for k in phases if v_pu[k] > 0.0]
    lowest = sorted(live, key=lambda k: v_pu[k])[:_LOWEST]
    shown = range(len(volts)) if everything else lowest
    rows = [
        (network.node_names[k], f"{v_pu[k]:.5f}", f"{volts[k]:,.2f}", f"{degrees[k]:.3f}")
        for k in shown
    ]
    heading = ("node" if everything else "lowest nodes", "p.u.", "V", "degrees")
    return columns(heading, rows)
