"""Dead conductors beside live ones: what measures say of them, against OpenDSS and by law.

OpenDSS's own elements with the same contacts open are the truth, as close as
`opendss_elements` says. Of conductors that are live one more floor is named: the solver
earths dead nodes by 1e-9 per unit, and what that draws is in the live voltages.
"""

from collections import defaultdict

import numpy as np
import pytest
from numpy.typing import NDArray

from grid_fed_rl.feeders import (
    Bus,
    Connection,
    Feeder,
    Line,
    LineCode,
    Load,
    LoadModel,
    Source,
    Terminal,
    load,
)
from grid_fed_rl.powerflow import (
    Network,
    PowerFlow,
    Setpoint,
    compile_network,
    measures,
    nominal_setpoint,
    solve,
)
from grid_fed_rl.powerflow.measures.floating import potentials
from grid_fed_rl.powerflow.measures.rows import row_factors
from tests.powerflow.balance import assert_currents_add_up
from tests.powerflow.contacts import by_legs, one_phase_open, open_circuits_off, with_contacts
from tests.powerflow.opendss_elements import (
    RELATIVE,
    Reference,
    assert_branches_agree,
    floors_a,
)
from tests.powerflow.random_feeders import random_feeder
from tests.powerflow.rounding import rounding_pu

TIGHT_PU = 1e-10
EARTHED_PU = 1e-9  # by the solver, at every dead node


def equipped(name: str, rng: np.random.Generator) -> Network:
    """A shipped feeder with contacts before five of its lines."""
    feeder = by_legs(load(name))
    lines = [line.name for line in feeder.lines.values() if len(line.from_.phases) > 1]
    chosen = [lines[k] for k in rng.permutation(len(lines))[:5]]
    return compile_network(with_contacts(feeder, chosen))


def floating_pu(network: Network, flow: PowerFlow) -> NDArray[np.complex128]:
    """Potentials of dead nodes, 0 elsewhere: (batch, node)."""
    v_pu = potentials(network, flow, row_factors(network, flow))
    return np.where(flow.v_pu == 0.0, v_pu, 0.0)


def solved_like(reference: Reference, setpoint: Setpoint, row: int) -> PowerFlow | None:
    """OpenDSS's solution of a row, in our equations; nothing if either has none.

    A load whose law has a step may have two, the more so where a phase is missing.
    Where a load is all that holds a node that a bank's open phase leaves floating, the
    fixed point may not come to rest.
    """
    network = reference.network
    if not reference.solve(open_circuits_off(network, setpoint), row):
        return None
    one = setpoint.rows(slice(row, row + 1))
    flow = solve(network, one, start_pu=reference.v_pu()[None], tolerance_pu=TIGHT_PU)
    return flow if flow.converged[0] else None


FEEDERS = [
    *((name, seed) for name in ("ieee13", "ieee34", "ieee37", "ieee123") for seed in (1, 2)),
    ("ieee4_yy", 3),
    ("ieee4_dy", 3),  # not behind a delta: there anti-float and the solver's earthing compete
]


@pytest.mark.parametrize(("name", "seed"), FEEDERS)
def test_elements_are_opendss_elements(name: str, seed: int) -> None:
    """Currents, powers, losses; on the four-bus feeders before and behind a bank."""
    rng = np.random.default_rng(seed)
    network = equipped(name, rng)
    setpoint = one_phase_open(network, rng, 8)
    reference, n_floating = Reference(network), 0
    for row in range(setpoint.n_rows):
        flow = solved_like(reference, setpoint, row)
        if flow is None:
            continue
        floating = floating_pu(network, flow)[0]
        floor_pu = EARTHED_PU * float(np.abs(floating).sum())
        assert_branches_agree(network, flow, reference, 0, floor_pu)
        source = measures.source_kw(network, flow) + 1j * measures.source_kvar(network, flow)
        assert abs(source[0] - reference.source_kva()) <= RELATIVE * abs(reference.source_kva())
        n_floating += floating.any()
    assert n_floating >= 2


@pytest.mark.parametrize("seed", [k for k in range(24) if k not in (15, 20)])  # one conductor
def test_elements_of_random_feeders_are_opendss_elements(seed: int) -> None:
    """Currents into elements by node, and losses.

    What rounding leaves of voltages passes through an element's own admittance.
    """
    rng = np.random.default_rng((seed, 5))
    feeder = random_feeder(seed)
    lines = [line.name for line in feeder.lines.values() if len(line.from_.phases) > 1]
    chosen = [lines[k] for k in rng.permutation(len(lines))[:2]]
    network = compile_network(with_contacts(feeder, chosen))
    setpoint = open_circuits_off(network, one_phase_open(network, rng, 4))
    reference, n_compared = Reference(network), 0
    for row in range(setpoint.n_rows):
        flow = solved_like(reference, setpoint, row)
        if flow is None:
            continue
        live = flow.v_pu[0] != 0.0
        floating = floating_pu(network, flow)[0]
        earth_pu = EARTHED_PU * float(np.abs(floating).sum())
        floor_v = 4.0 * rounding_pu(network, setpoint, row, flow.v_pu[0]) * network.v_base_v
        losses, into = measures.element_losses(network, flow), into_nodes(network, flow)
        elements = {name: reference.element(name) for name in losses.elements}
        floors = floors_a(elements)
        for k, (name, theirs) in enumerate(elements.items()):
            expected = defaultdict[str, complex](complex)
            for bus, nodes, amps in zip(theirs.buses, theirs.nodes, theirs.current_a, strict=True):
                for node, current in zip(nodes, amps, strict=True):
                    if node:
                        expected[f"{bus}.{node}"] += current
            assert expected.keys() == into[name].keys()
            at = [network.node_index[node] for node in expected]
            within_a = RELATIVE * np.abs(theirs.current_a).max() + floors[name]
            within_a += theirs.admittance_s.max() * floor_v[at].max()
            share = 1.0 if live[at].any() else np.abs(floating).max()
            earth_a = earth_pu * share * 1e6 / network.v_base_v[at].min()
            apart = max(abs(into[name][node] - expected[node]) for node in expected)
            assert apart <= within_a + earth_a, (row, name)
            within_kva = RELATIVE * abs(theirs.losses_kva) + theirs.floor_kva
            within_kva += (floor_v[at].max() * theirs.admittance_s.max() + earth_a) * theirs.v / 1e3
            assert abs(losses.kva[0, k] - theirs.losses_kva) <= within_kva, (row, name)
        n_compared += 1
    assert n_compared >= 2


def into_nodes(network: Network, flow: PowerFlow) -> dict[str, dict[str, complex]]:
    """Amperes into every element from every node, of the first row."""
    flows, table = measures.branch_flows(network, flow), network.branches
    into = defaultdict[str, dict[str, complex]](lambda: defaultdict[str, complex](complex))
    for name, node, current in zip(
        flows.conductors.elements, table.node, flows.current_a[0], strict=True
    ):
        if node < network.n_nodes:
            into[name][network.node_names[node]] += complex(current)
    return into


# Two conductors, the second open at both ends: worked out by hand.

Z_OHM_PER_KM = ((0.3 + 0.7j, 0.06 + 0.3j), (0.06 + 0.3j, 0.32 + 0.72j))
LENGTH_KM = 4.0


def pair(c_nf_per_km: tuple[tuple[float, float], ...], kw: float) -> Network:
    """Buses a and b, a line of two conductors behind contacts, and a load on the first."""
    code = LineCode("pair", Z_OHM_PER_KM, c_nf_per_km)
    ends = Terminal("a", (1, 2)), Terminal("b", (1, 2))
    one = Load("one", Terminal("b", (1,)), Connection.WYE, LoadModel.Z, kw, 0.4 * kw, 2.4)
    feeder = Feeder(
        name="pair",
        source=Source("source", "a", 4.16, 1.0, 0.0, 0.001 + 0.004j, 0.002 + 0.006j),
        buses={name: Bus(name, 4.16) for name in "ab"},
        line_codes={"pair": code},
        lines={"ab": Line("ab", *ends, "pair", 1000.0 * LENGTH_KM)},
        loads={"one": one},
    )
    return compile_network(with_contacts(feeder, ["ab"]))


def opened(network: Network) -> PowerFlow:
    closed = [name != "contact_ab_2" for name in network.switches]
    setpoint = nominal_setpoint(network).with_(switch_closed=[closed])
    return solve(network, setpoint, tolerance_pu=1e-12)


def test_capacitance_divides_the_voltage() -> None:
    """v2 = -c12/c22 v1; the first conductor's charging is that of c11 - c12^2/c22."""
    (c11, c12), (_, c22) = c_nf = ((10.0, -2.0), (-2.0, 8.0))
    network = pair(c_nf, 0.0)
    flow = opened(network)
    live, dead = (network.node_index[name] for name in ("b.1", "b.2"))
    v_live = flow.v_pu[0, live]
    assert flow.v_pu[0, dead] == 0.0
    assert floating_pu(network, flow)[0, dead] == pytest.approx(-c12 / c22 * v_live, rel=1e-4)
    flows = measures.branch_flows(network, flow, ["line.ab"])
    charging_a = 2j * np.pi * 60.0 * (c11 - c12**2 / c22) * 1e-9 * LENGTH_KM
    charging_a *= v_live * network.v_base_v[live]
    assert flows.current_a[0, flows.index("line.ab", phase=1)] == pytest.approx(
        charging_a, rel=1e-3
    )
    for end in (1, 2):
        at = flows.index("line.ab", end=end, phase=2)
        assert abs(flows.current_a[0, at]) < 1e-12


def test_a_current_beside_it_drives_no_current_in_it() -> None:
    """Between its ends is z12 I1; earthed at both ends it would carry -z12/z22 I1."""
    network = pair(((0.0, 0.0), (0.0, 0.0)), 300.0)
    flow = opened(network)
    flows = measures.branch_flows(network, flow, ["line.ab"])
    current_a = flows.current_a[0, flows.index("line.ab", phase=1)]
    assert abs(current_a) > 100.0
    assert abs(flows.current_a[0, flows.index("line.ab", phase=2)]) < 1e-9
    near, far = (network.node_index[name] for name in ("behind_ab.2", "b.2"))
    floating_v = floating_pu(network, flow)[0] * network.v_base_v
    induced_v = LENGTH_KM * Z_OHM_PER_KM[0][1] * current_a
    assert floating_v[near] - floating_v[far] == pytest.approx(induced_v, rel=1e-9)
    r_ohm = LENGTH_KM * Z_OHM_PER_KM[0][0].real
    losses = measures.element_losses(network, flow)
    lost_kw = losses.kva[0, losses.index("line.ab")].real
    assert lost_kw == pytest.approx(r_ohm * abs(current_a) ** 2 / 1000.0, rel=1e-7)


@pytest.fixture(scope="module", params=["ieee13", "ieee34", "ieee123"])
def mixed(request: pytest.FixtureRequest) -> tuple[Network, PowerFlow]:
    """Rows with contacts open and closed, and an island cut off in the last."""
    rng = np.random.default_rng(3)
    network = equipped(request.param, rng)
    setpoint = one_phase_open(network, rng, 12)
    closed = setpoint.switch_closed.copy()
    closed[4:6] = nominal_setpoint(network).switch_closed
    line = network.switches[-1].rsplit("_", 1)[0]
    closed[-1] = [not name.startswith(line) for name in network.switches]
    flow = solve(network, setpoint.with_(switch_closed=closed), tolerance_pu=1e-9)
    assert flow.converged.sum() > 8
    return network, flow.rows(flow.converged)


def test_currents_add_up_at_live_and_dead_nodes(mixed: tuple[Network, PowerFlow]) -> None:
    """Within what the solver's earthing draws; power is balanced, and open loads draw none."""
    network, flow = mixed
    draws_pu = EARTHED_PU * np.abs(floating_pu(network, flow)).sum(axis=1).max()
    draws_a = draws_pu * 1e6 / network.v_base_v.min()
    assert_currents_add_up(network, flow, 1e-4 + draws_a, 1e-6 + draws_pu * 1e3)
    table, flows = network.branches, measures.branch_flows(network, flow)
    into = np.zeros((len(flow.v_pu), network.n_nodes + 1), dtype=np.complex128)
    np.add.at(into.T, table.node, flows.current_a.T)
    dead = flow.v_pu == 0.0
    assert (np.abs(into[:, :-1])[dead] < 1e-7).all()
    open_circuit = open_circuits_off(network, flow.setpoint).load_kw == 0.0
    assert (measures.load_kw(network, flow)[open_circuit] == 0.0).all()


def test_an_island_of_its_own_stays_at_nothing(mixed: tuple[Network, PowerFlow]) -> None:
    network, flow = mixed
    last = flow.rows(slice(-1, None))
    dead = last.v_pu[0] == 0.0
    assert dead.any()
    assert (floating_pu(network, last) == 0.0).all()
    flows = measures.branch_flows(network, last)
    inside = np.append(dead, True)[network.branches.node]
    assert (flows.current_a[0, inside] == 0.0).all()


def test_rows_without_dead_nodes_are_not_touched(mixed: tuple[Network, PowerFlow]) -> None:
    network, flow = mixed
    whole = flow.rows((flow.v_pu != 0.0).all(axis=1))
    assert len(whole.v_pu) >= 2
    assert potentials(network, whole, row_factors(network, whole)) is whole.v_pu


def test_a_row_in_a_batch_is_the_row_alone(mixed: tuple[Network, PowerFlow]) -> None:
    network, flow = mixed
    batch, losses = measures.branch_flows(network, flow), measures.element_losses(network, flow)
    for row in range(len(flow.v_pu)):
        one = flow.rows(slice(row, row + 1))
        alone = measures.branch_flows(network, one)
        np.testing.assert_array_equal(alone.current_a[0], batch.current_a[row])
        np.testing.assert_array_equal(measures.element_losses(network, one).kva[0], losses.kva[row])
