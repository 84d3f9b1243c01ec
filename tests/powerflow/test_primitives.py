"""Primitive admittances: every element against OpenDSS's own matrix."""

import math
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import opendssdirect
import pytest
from numpy.typing import NDArray
from opendssdirect.OpenDSSDirect import OpenDSSDirect

from grid_fed_rl.feeders import (
    Capacitor,
    Connection,
    Feeder,
    Line,
    LineCode,
    Reactor,
    Source,
    Terminal,
    Transformer,
    Winding,
    load,
    names,
)
from grid_fed_rl.feeders.opendss import commands
from grid_fed_rl.powerflow import primitives

Complex = NDArray[np.complex128]
WYE, WYE_N, DELTA = Connection
ABC = (1, 2, 3)
RELATIVE = 1e-12


DSS = cache(opendssdirect.NewContext)  # one for the whole module: `clear` empties it


def opendss_primitive(element: str, *commands: str) -> Complex:
    """OpenDSS's matrix of one element, its own neutral conductors included."""
    dss = DSS()
    circuit = "new circuit.c basekv=4.16 bus1=a"
    for command in ("clear", circuit, *commands, "set controlmode=off", "solve"):
        dss.Text.Command(command)
    dss.Circuit.SetActiveElement(element)
    assert dss.CktElement.Name().lower() == element
    flat = np.asarray(dss.CktElement.YPrim(), dtype=np.float64).view(np.complex128)
    return flat.reshape(math.isqrt(len(flat)), -1)


def assert_equal(ours: Complex, theirs: Complex, rows: list[int] | None = None) -> None:
    """Relative to the largest admittance; `rows` of theirs are ours, in order."""
    if rows is not None:
        theirs = theirs[np.ix_(rows, rows)]
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < RELATIVE * np.abs(theirs).max()
    np.testing.assert_array_equal(ours, ours.T)


def text(matrix: NDArray[np.float64]) -> str:
    return "[" + " | ".join(" ".join(map(repr, row.tolist())) for row in matrix) + "]"


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("frequency_hz", [50.0, 60.0])
def test_lines_of_any_number_of_conductors(n: int, frequency_hz: float) -> None:
    rng = np.random.default_rng(n)
    off = rng.uniform(0.05, 0.3, (3, n, n)) * np.array([0.5, 1.0, -5.0])[:, None, None]
    r, x, c = (off + off.transpose(0, 2, 1)) / 2
    r, x, c = r + np.eye(n), x + 2 * np.eye(n), c + 9 * np.eye(n)
    code = LineCode("code", tuple(map(tuple, (r + 1j * x).tolist())), tuple(map(tuple, c.tolist())))
    ends = Terminal("a", tuple(range(1, n + 1))), Terminal("b", tuple(range(1, n + 1)))
    theirs = opendss_primitive(
        "line.l",
        f"set defaultbasefrequency={frequency_hz}",
        "clear",
        "new circuit.c basekv=4.16 bus1=a",
        f"new linecode.code nphases={n} units=km basefreq={frequency_hz} "
        f"rmatrix={text(r)} xmatrix={text(x)} cmatrix={text(c)}",
        f"new line.l phases={n} bus1={ends[0]} bus2={ends[1]} linecode=code length=700 units=m",
    )
    ours = primitives.line_admittance(Line("l", *ends, "code", 700.0), code, frequency_hz)
    assert_equal(ours, theirs)


def script_of(t: Transformer) -> tuple[list[str], list[int]]:
    """OpenDSS's words for a transformer, and which of its conductors are ours."""
    n, windings = t.n_phases, t.windings
    x = " ".join(map(repr, t.x_percent))
    lead = "lead" if t.low_side_leads else "lag"
    words = [
        f"new transformer.t phases={n} windings={len(windings)} leadlag={lead} "
        f"ppm_antifloat={t.antifloat_ppm!r} %noloadloss={t.no_load_percent!r} "
        f"%imag={t.magnetising_percent!r}"
    ]
    rows: list[int] = []
    for k, w in enumerate(windings):
        connection = "delta" if w.connection is DELTA else "wye"
        words.append(
            f"~ wdg={k + 1} bus={w.terminal} conn={connection} kv={w.kv!r} "
            f"%r={w.r_percent!r} tap={w.tap_pu!r}"
        )
        rows += [k * (n + 1) + i for i in range(len(w.terminal.phases))]
    # OpenDSS gives both windings of two the rating that it reads last of `kva`.
    kvas = " ".join(repr(w.kva) for w in windings)
    words.append(f"edit transformer.t xscarray=[{x}] kvas=[{kvas}]")
    return words, rows


def assert_transformer(t: Transformer) -> None:
    words, rows = script_of(t)
    assert_equal(
        primitives.transformer_admittance(t), opendss_primitive("transformer.t", *words), rows
    )


def winding(
    bus: str, phases: tuple[int, ...], connection: Connection, kv_ll: float, tap_pu: float = 1.0
) -> Winding:
    """A winding of a 300 kVA transformer with the rating that goes with its coils."""
    n = connection.n_legs(len(phases))
    kv = kv_ll / math.sqrt(3) if n == 1 and connection is not DELTA else kv_ll
    return Winding(Terminal(bus, phases), connection, kv, 300.0, 0.7, tap_pu)


THREE = [(WYE, ABC), (DELTA, ABC), (WYE_N, (1, 2, 3, 4)), (WYE_N, (3, 1, 2, 0))]
TWO = [(WYE, (3, 1)), (WYE_N, (1, 2, 4))]
ONE = [(WYE, (2,)), (DELTA, (3, 1)), (DELTA, (0, 2)), (WYE_N, (2, 4)), (WYE_N, (0, 2))]
PAIRS = [*product(THREE, repeat=2), *product(TWO, repeat=2), *product(ONE, repeat=2)]


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=str)
@pytest.mark.parametrize("kv_second", [0.48, 4.16, 12.47])  # stepping down, not at all, up
@pytest.mark.parametrize("ppm", [0.0, 1e5])
@pytest.mark.parametrize("leads", [False, True])
def test_transformers_of_every_connection(
    first: tuple[Connection, tuple[int, ...]],
    second: tuple[Connection, tuple[int, ...]],
    kv_second: float,
    ppm: float,
    leads: bool,
) -> None:
    windings = (
        winding("a", first[1], first[0], 4.16, 1.025),
        winding("b", second[1], second[0], kv_second, 0.95),
    )
    assert_transformer(Transformer("t", windings, (4.5,), ppm, 0.3, 0.8, leads))


def many(n: int, connections: str) -> Transformer:
    """A transformer of n windings, the first at 115 kV, the others of less and less kVA."""
    words = {"y": (WYE, ABC), "d": (DELTA, ABC), "n": (WYE_N, (1, 2, 3, 4))}
    levels = [115.0, 13.8, 12.47, 4.16, 0.48]
    windings = []
    for k, letter in enumerate(connections):
        connection, phases = words[letter]
        one = winding("abcde"[k], phases, connection, levels[k], 1.0 + 0.0125 * k)
        windings.append(replace(one, kva=5000.0 / (1 + k), r_percent=0.3 + 0.1 * k))
    x = tuple(8.0 + 3.1 * k for k in range(n * (n - 1) // 2))
    return Transformer("t", tuple(windings), x, 40.0, 0.12, 0.4)


@pytest.mark.parametrize(
    "connections", ["yyy", "dyd", "ydy", "yyd", "ddy", "nyn", "dnyd", "yynd", "ydynd"]
)
def test_transformers_of_many_windings(connections: str) -> None:
    assert_transformer(many(len(connections), connections))


@pytest.mark.parametrize("at_primary", [(WYE, (2,)), (DELTA, (1, 3))], ids=str)
@pytest.mark.parametrize("spell", ["grounded", "neutral"])
@pytest.mark.parametrize("connection", [DELTA, WYE_N])
def test_centre_tapped_transformers(
    at_primary: tuple[Connection, tuple[int, ...]], spell: str, connection: Connection
) -> None:
    """The service transformer of the 8500-node feeder; its halves stand in series."""
    middle = 0 if spell == "grounded" else 3
    first = replace(winding("a", at_primary[1], at_primary[0], 12.47), kva=25.0, r_percent=0.6)
    halves = [
        Winding(Terminal("b", phases), connection, 0.12, 25.0, 1.2)
        for phases in ((1, middle), (middle, 2))
    ]
    t = Transformer("t", (first, *halves), (2.04, 2.04, 1.36), 1.0, 0.2, 0.5)
    assert_transformer(t)


@pytest.mark.parametrize(
    "transformer",
    [many(2, "yy"), many(2, "dn"), many(3, "dyd"), many(4, "dnyd")],
    ids=["yy", "dn", "dyd", "dnyd"],
)
@pytest.mark.parametrize("tap_pu", [0.9, 0.99375, 1.0, 1.1])
def test_what_a_tap_moves(transformer: Transformer, tap_pu: float) -> None:
    """Exact for every winding: the core moves with winding 2, anti-float never does."""
    for k in range(len(transformer.windings)):
        parts = primitives.tap_parts(transformer, k + 1)
        y = parts.fixed + parts.crossing / tap_pu + parts.second / tap_pu**2
        windings = list(transformer.windings)
        windings[k] = replace(windings[k], tap_pu=tap_pu)
        turned = replace(transformer, windings=tuple(windings))
        whole = primitives.transformer_admittance(turned)
        assert np.abs(y - whole).max() < 1e-14 * np.abs(whole).max()
        np.testing.assert_array_equal(
            whole,
            primitives.transformer_admittance(transformer, [w.tap_pu for w in windings]),
        )
        words, rows = script_of(turned)
        theirs = opendss_primitive("transformer.t", *words)[np.ix_(rows, rows)]
        # The last winding's own share is small beside the first's: judge it alone.
        at = np.diag(theirs) != 0
        np.testing.assert_allclose(np.diag(y)[at], np.diag(theirs)[at], rtol=1e-10)


@pytest.mark.parametrize(
    ("connection", "phases", "kv"),
    [
        (WYE, (3,), 2.4),
        (WYE, (1, 3), 4.16),
        (WYE, ABC, 4.16),
        (DELTA, (2, 3), 4.16),
        (DELTA, ABC, 4.16),
        (WYE_N, (2, 4), 2.4),
        (WYE_N, (1, 3, 4), 4.16),
        (WYE_N, (1, 2, 3, 4), 4.16),
    ],
)
@pytest.mark.parametrize("steps", [1, 4])
def test_capacitors_of_every_connection(
    connection: Connection, phases: tuple[int, ...], kv: float, steps: int
) -> None:
    capacitor = Capacitor("c", Terminal("b", phases), connection, 120.0, kv, n_steps=steps)
    n = connection.n_legs(len(phases))
    where = f"bus1={capacitor.terminal} conn=delta"
    if connection is not DELTA or n == 1:  # leg by leg from bus1 to bus2
        stop = phases[-1] if len(phases) > n else 0
        starts = ".".join(map(str, phases[:n]))
        where = f"bus1=b.{starts} bus2=b" + f".{stop}" * n
    # OpenDSS 0.14.5 adds up the steps of a delta bank without clearing its work
    # matrix: four of them draw 1 + 2 + 3 + 4 quarters. A bank has its rating here.
    theirs = opendss_primitive(
        "capacitor.c",
        f"new capacitor.c phases={n} {where} kv={kv} kvar=120 "
        f"numsteps={steps if connection is not DELTA else 1}",
    )
    assert_equal(primitives.capacitor_admittance(capacitor), lumped(theirs, n, len(phases)))


def lumped(theirs: Complex, n_legs: int, n_conductors: int) -> Complex:
    """Their (2 n_legs) conductors onto ours: all second ends on the last or on ground."""
    onto = np.zeros((n_conductors, len(theirs)))
    for k in range(len(theirs)):
        if k < n_legs:
            onto[k, k] = 1.0
        elif n_conductors > n_legs:
            onto[-1, k] = 1.0
    return onto @ theirs @ onto.T


@pytest.mark.parametrize("n", [1, 2, 3])
def test_reactors_between_two_buses(n: int) -> None:
    ends = Terminal("a", ABC[:n]), Terminal("b", ABC[:n])
    theirs = opendss_primitive(
        "reactor.r", f"new reactor.r phases={n} bus1={ends[0]} bus2={ends[1]} r=0.3 x=1.7"
    )
    assert_equal(primitives.reactor_admittance(Reactor("r", *ends, 0.3 + 1.7j)), theirs)


@pytest.mark.parametrize(
    ("connection", "phases"),
    [(WYE, (2,)), (WYE, (3, 1)), (WYE, ABC), (WYE_N, (4, 0)), (WYE_N, (1, 2, 3, 4)), (DELTA, ABC)],
)
def test_reactors_on_one_bus(connection: Connection, phases: tuple[int, ...]) -> None:
    reactor = Reactor("r", Terminal("b", phases), None, 0.3 + 17.0j, connection)
    n = connection.n_legs(len(phases))
    starts = ".".join(map(str, phases[:n]))
    where = f"bus1=b.{starts} bus2=b" + f".{phases[-1] if len(phases) > n else 0}" * n
    if connection is DELTA:
        where = "bus1=b.1.2.3 conn=delta"
    theirs = opendss_primitive("reactor.r", f"new reactor.r phases={n} {where} r=0.3 x=17")
    assert_equal(primitives.reactor_admittance(reactor), lumped(theirs, n, len(phases)))


def test_the_source() -> None:
    source = Source("s", "a", 12.47, 1.03, 17.0, 0.1 + 0.9j, 0.3 + 1.4j)
    theirs = opendss_primitive(
        "vsource.source", "edit vsource.source z1=[0.1 0.9] z0=[0.3 1.4] basekv=12.47"
    )
    assert_equal(primitives.source_admittance(source), theirs, [0, 1, 2])


def element_primitive(dss: OpenDSSDirect, element: str) -> Complex:
    dss.Circuit.SetActiveElement(element)
    assert dss.CktElement.Name().lower() == element.lower()
    flat = np.asarray(dss.CktElement.YPrim(), dtype=np.float64).view(np.complex128)
    return flat.reshape(math.isqrt(len(flat)), -1)


def assert_every_primitive(feeder: Feeder, dss: OpenDSSDirect) -> None:
    for branch in (*feeder.lines.values(), *feeder.switches.values()):
        code = feeder.line_codes[branch.code]
        ours = primitives.line_admittance(branch, code, feeder.frequency_hz)
        assert_equal(ours, element_primitive(dss, f"line.{branch.name}"))
    for t in feeder.transformers.values():
        _, rows = script_of(t)
        ours = primitives.transformer_admittance(t)
        assert_equal(ours, element_primitive(dss, f"transformer.{t.name}"), rows)
    for capacitor in feeder.capacitors.values():
        n = len(capacitor.terminal.phases)
        n_legs = capacitor.connection.n_legs(n)
        theirs = element_primitive(dss, f"capacitor.{capacitor.name}")
        assert_equal(primitives.capacitor_admittance(capacitor), lumped(theirs, n_legs, n))
    ours = primitives.source_admittance(feeder.source)
    assert_equal(ours, element_primitive(dss, "vsource.source")[:3, :3])


@pytest.mark.parametrize("name", names())
def test_every_element_of_a_shipped_feeder(name: str) -> None:
    """Also those that carry nothing, whose figures no voltage shows."""
    feeder = load(name)
    shut = {s.name: replace(s, closed=True) for s in feeder.switches.values()}
    whole = {c.name: replace(c, steps_closed=c.n_steps) for c in feeder.capacitors.values()}
    still = {r.name: replace(r, tap_position=0) for r in feeder.regulators.values()}
    feeder = replace(feeder, switches=shut, capacitors=whole, regulators=still)
    dss = DSS()
    for command in (*commands(feeder), "set controlmode=off", "solve"):
        dss.Text.Command(command)
    assert_every_primitive(feeder, dss)


@pytest.mark.parametrize("name", ["ieee13", "ieee123"])
def test_every_element_of_a_published_script(name: str, published_scripts: dict[str, Path]) -> None:
    """The figures of our tables are those of EPRI's scripts, taps at neutral."""
    dss = opendssdirect.NewContext()
    dss.Basic.AllowChangeDir(False)
    for command in (
        f'redirect "{published_scripts[name]}"',
        "batchedit transformer..* taps=[1 1]",
        "set controlmode=off",
        "solve",
    ):
        dss.Text.Command(command)
    assert_every_primitive(load(name), dss)


def test_a_kilometre_of_line_by_hand() -> None:
    ends = Terminal("a", (1,)), Terminal("b", (1,))
    code = LineCode("one", ((0.3 + 0.4j,),), ((10.0,),))
    y = primitives.line_admittance(Line("ab", *ends, "one", 2000.0), code, 50.0)
    series = 1.0 / (0.6 + 0.8j)
    half_shunt = 0.5j * 2.0 * np.pi * 50.0 * 20e-9
    by_hand = [[series + half_shunt, -series], [-series, series + half_shunt]]
    np.testing.assert_allclose(y, by_hand, rtol=1e-14)


def test_a_capacitor_draws_its_rating_at_rated_voltage() -> None:
    a = np.exp(-2j * np.pi / 3)
    v = 4160.0 / 3**0.5 * np.array([1.0, a, a**2, 0.0])
    for connection in Connection:
        n = 4 if connection is WYE_N else 3
        capacitor = Capacitor("c", Terminal("b", (1, 2, 3, 4)[:n]), connection, 600.0, 4.16)
        s = (v[:n] * np.conj(primitives.capacitor_admittance(capacitor) @ v[:n])).sum()
        assert s == pytest.approx(-600e3j, rel=1e-12)


@pytest.mark.parametrize("leads", [False, True])
def test_a_transformer_without_load_has_its_ratio_and_its_clock(leads: bool) -> None:
    """A step-down delta-wye bank lags by 30 degrees (IEEE C57.12.00), or leads as in Europe."""
    high = Winding(Terminal("a", ABC), DELTA, 115.0, 5000.0, 0.5)
    low = Winding(Terminal("b", ABC), WYE, 4.16, 5000.0, 0.5)
    a = np.exp(-2j * np.pi / 3)
    for windings, turn_deg in (((high, low), -30.0), ((low, high), 30.0)):
        t = Transformer("t", windings, (8.0,), low_side_leads=leads)
        y = primitives.transformer_admittance(t)
        v_first = windings[0].kv * 1000 / 3**0.5 * np.array([1.0, a, a**2])
        v_second = np.linalg.solve(y[3:, 3:], -y[3:, :3] @ v_first)
        turn = np.radians(-turn_deg if leads else turn_deg)
        expected = windings[1].kv * 1000 / 3**0.5 * np.exp(1j * turn)
        np.testing.assert_allclose(v_second, expected * np.array([1.0, a, a**2]), rtol=1e-5)


def test_short_circuit_shows_the_nameplate() -> None:
    """Winding i fed, j shorted, the third open: the pair's reactance, whatever the order."""
    t = replace(many(3, "yyy"), antifloat_ppm=0.0, no_load_percent=0.0, magnetising_percent=0.0)
    t = replace(t, windings=tuple(replace(w, tap_pu=1.0) for w in t.windings))
    y = primitives.transformer_admittance(t)
    phase_a = [0, 3, 6]
    scale = np.array([w.kv * 1000.0 / 3**0.5 for w in t.windings])
    y_pu = y[np.ix_(phase_a, phase_a)] * np.outer(scale, scale) / (5000e3 / 3)
    for (i, j), x in zip(((0, 1), (0, 2), (1, 2)), t.x_percent, strict=True):
        k = 3 - i - j
        y_ii = y_pu[i, i] - y_pu[i, k] * y_pu[k, i] / y_pu[k, k]
        r = t.windings[i].r_percent + t.windings[j].r_percent
        assert 100.0 / y_ii == pytest.approx(complex(r, x), rel=1e-9)
