"""The current of every load model and DER against OpenDSS, at voltages held from outside.

Four one-phase sources hold the nodes of one bus, so that nothing is solved but the
element's own law; the law is judged at the voltages that OpenDSS found.
"""

import cmath
import math
from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import numpy as np
import opendssdirect
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from grid_fed_rl.feeders import (
    Bus,
    Connection,
    Feeder,
    Generator,
    Load,
    LoadModel,
    Pv,
    Source,
    Storage,
    Terminal,
)
from grid_fed_rl.powerflow import answers
from grid_fed_rl.powerflow.injections import legs
from grid_fed_rl.powerflow.lanes import LANES

Complex = NDArray[np.complex128]
Element = Load | Pv | Storage | Generator
WYE, WYE_N, DELTA = Connection
LEG_V = 2400.0
RELATIVE = 1e-10
SWEEP = (*np.arange(0.05, 1.6, 0.05) + 0.0031, 1.6)  # never on a limit

DSS = cache(opendssdirect.NewContext)
SOURCE = Source("s", "a", 4.16, 1.0, 0.0, 0.01j, 0.01j)


def feeder_of(element: Element) -> Feeder:
    kinds = {Load: "loads", Pv: "pvs", Storage: "storages", Generator: "generators"}
    feeder = Feeder("f", SOURCE, {"a": Bus("a", LEG_V * 3**0.5 / 1000.0)})
    return replace(feeder, **{kinds[type(element)]: {element.name: element}})


def our_currents(element: Element, v_v: Iterable[complex]) -> Complex:
    """Amperes that the element injects into nodes 1 to 4 at their voltages."""
    order = np.arange(4, dtype=np.int32)
    found = legs(feeder_of(element), {f"a.{k + 1}": k for k in range(4)}, ground=4)
    v = np.array([list(v_v)], dtype=np.complex128) / LEG_V
    p, q = (element.kw, element.kvar) if isinstance(element, Load) else (0.0, 0.0)
    if not isinstance(element, Load):
        p, q = -element.p_kw, -element.q_kvar
    out = np.empty((1, len(found.start)), dtype=np.complex128)
    powers = np.array([[-p / 1000.0]]), np.array([[-q / 1000.0]])
    answers.leg_currents(found, order, *powers, v, out)
    into = np.zeros(5, dtype=np.complex128)
    np.add.at(into, found.start, out[0])
    np.add.at(into, found.stop, -out[0])
    return into[:4] * 1e6 / LEG_V


def words(element: Element) -> str:
    """The element's name in OpenDSS, and what follows it."""
    n = element.connection.n_legs(len(element.terminal.phases))
    connection = "delta" if element.connection is DELTA else "wye"
    common = (
        f"phases={n} bus1={element.terminal} conn={connection} kv={element.kv!r} "
        f"vminpu={element.v_min_pu!r} vmaxpu={element.v_max_pu!r}"
    )
    if isinstance(element, Load):
        number = list(LoadModel).index(element.model) + 1
        zipv = f"zipv=[{' '.join(map(repr, element.zipv))}]" if element.zipv else ""
        return (
            f"load.x {common} model={number} kw={element.kw!r} kvar={element.kvar!r} {zipv} "
            f"vlowpu={element.v_low_pu!r} cvrwatts={element.cvr[0]!r} cvrvars={element.cvr[1]!r}"
        )
    p, q = element.p_kw, element.q_kvar
    if isinstance(element, Pv):
        panel = f"pmpp={p!r} irradiance=1 %cutin=0 %cutout=0"
        return f"pvsystem.x {common} kva={element.kva!r} {panel} kvar={q!r}"
    if isinstance(element, Storage):
        state = "discharging" if p > 0 else "charging"
        store = f"kwhrated=1000 %stored=50 kwrated={abs(p)!r} kva={element.kva!r} state={state}"
        return f"storage.x {common} {store} kw={p!r} kvar={q!r}"
    return f"generator.x {common} model=1 kw={p!r} kvar={q!r}"


def opendss_currents(element: Element, v_v: Iterable[complex]) -> tuple[Complex, Complex]:
    """Volts of nodes 1 to 4 and amperes that the element injects into them."""
    dss = DSS()
    commands = ["clear"]
    for node, v in enumerate(v_v, start=1):
        new = "new circuit.c" if node == 1 else f"new vsource.s{node}"
        angle = math.degrees(cmath.phase(v))
        commands.append(
            f"{new} phases=1 bus1=a.{node} bus2=a.0 basekv=1 pu={float(abs(v)) / 1000.0!r} "
            f"angle={angle!r} z1=[0 1e-6] z0=[0 1e-6]"
        )
    commands.append(f"new {words(element)}")
    for command in (*commands, "set tolerance=1e-12 maxiterations=200 controlmode=off", "solve"):
        dss.Text.Command(command)
    assert dss.Solution.Converged()
    volts, amperes = np.zeros(5, dtype=complex), np.zeros(5, dtype=complex)
    for name, array in zip(
        dss.Circuit.YNodeOrder() or [], _pairs(dss.Circuit.YNodeVArray()), strict=True
    ):
        volts[int(name.split(".")[1])] = array
    dss.Circuit.SetActiveElement(words(element).split()[0])
    for node, current in zip(
        dss.CktElement.NodeOrder(), _pairs(dss.CktElement.Currents()), strict=True
    ):
        amperes[node] -= current
    return volts[1:], amperes[1:]


def _pairs(flat: object) -> Complex:
    return np.asarray(flat, dtype=np.float64).view(np.complex128)


def held(size: float) -> list[complex]:
    """Unbalanced voltages of three phases, all outside or inside a window, and of a neutral."""
    a = np.exp(-2j * np.pi / 3)
    sizes = np.array([1.0, 1.02, 0.985])
    return [*(LEG_V * size * sizes * np.array([1.0, a * np.exp(0.03j), a**2])), 20.0 * size + 9.0j]


def assert_law(element: Element, sizes: Iterable[float] = SWEEP) -> None:
    for size in sizes:
        volts, theirs = opendss_currents(element, held(float(size)))
        ours = our_currents(element, volts)
        # The drop-out of model 8 is steep: what remains of 1e-12 V counts 1e3 times.
        assert np.abs(ours - theirs).max() <= RELATIVE * np.abs(theirs).max() + 1e-9, (size, volts)


PLACES = [
    (WYE, (2,), 2.4),
    (WYE, (3, 1), 4.16),
    (WYE, (1, 2, 3), 4.16),
    (WYE_N, (2, 4), 2.4),
    (WYE_N, (1, 2), 4.16),
    (WYE_N, (1, 3, 4), 4.16),
    (WYE_N, (1, 2, 3, 4), 4.16),
    (DELTA, (1, 3), 4.16),
    (DELTA, (0, 2), 2.4),
    (DELTA, (3, 1, 2), 4.16),
]
IDS = [f"{connection}-{'.'.join(map(str, phases))}" for connection, phases, _ in PLACES]


def load(model: LoadModel, **changes: object) -> Load:
    one = Load("x", Terminal("a", (2,)), WYE, model, 120.0, 50.0, 2.4, 0.88, 1.07, 0.42)
    if model is LoadModel.ZIP:
        one = replace(one, zipv=(0.5, 0.2, 0.3, 0.1, 0.6, 0.3, 0.0))
    return replace(one, **changes)


@pytest.mark.parametrize(("connection", "phases", "kv"), PLACES, ids=IDS)
@pytest.mark.parametrize("model", LoadModel)
def test_loads(
    model: LoadModel, connection: Connection, phases: tuple[int, ...], kv: float
) -> None:
    """In the window, above it, below it, and below where the line begins."""
    place = {"terminal": Terminal("a", phases), "connection": connection, "kv": kv}
    assert_law(load(model, **place), (0.1, 0.37, 0.55, 0.75, 0.9, 1.0, 1.2))


@pytest.mark.parametrize("model", LoadModel)
def test_a_sweep_of_voltage(model: LoadModel) -> None:
    assert_law(load(model))


@pytest.mark.parametrize("kw", [-80.0, 0.0])
@pytest.mark.parametrize("kvar", [-30.0, 60.0])
@pytest.mark.parametrize("model", LoadModel)
def test_signs(model: LoadModel, kw: float, kvar: float) -> None:
    assert_law(load(model, kw=kw, kvar=kvar), (0.3, 0.7, 1.0, 1.2))


@pytest.mark.parametrize(
    "cvr", [(0.0, 0.0), (1.0, 2.0), (2.0, 1.0), (0.8, 3.0), (0.4, 4.7), (1.5, 0.0), (-0.5, 2.0)]
)
def test_exponents_of_voltage(cvr: tuple[float, float]) -> None:
    assert_law(load(LoadModel.CVR, cvr=cvr))


@pytest.mark.parametrize("cut", [0.0, 0.2, 0.6, 0.95])
@pytest.mark.parametrize("shares", [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.3, 0.4, 0.2)])
def test_shares_and_cut_off(shares: tuple[float, float, float], cut: float) -> None:
    zipv = (*shares, *shares[::-1], cut)
    sizes = (*SWEEP, *(cut + np.arange(-0.006, 0.007, 0.002)))
    assert_law(load(LoadModel.ZIP, zipv=zipv), [size for size in sizes if size > 0.02])


@pytest.mark.parametrize(
    "window",
    [(0.0, 0.0, 1.2), (0.5, 0.5, 1.05), (0.7, 0.6, 1.05), (0.0, 0.9, 1.1), (0.5, 0.95, 1.0)],
)
@pytest.mark.parametrize("model", LoadModel)
def test_windows(model: LoadModel, window: tuple[float, float, float]) -> None:
    """Also without a line below it, or without a lower end."""
    low, least, most = window
    one = load(model, v_low_pu=low, v_min_pu=least, v_max_pu=most)
    assert_law(one, (0.05, 0.45, 0.55, 0.65, 0.8, 0.97, 1.02, 1.12, 1.3))


def ders(**changes: object) -> list[Pv | Storage | Generator]:
    at = Terminal("a", (2,)), WYE, 2.4
    return [
        replace(one, **changes)
        for one in (
            Pv("x", *at, 100.0, 150.0, 0.83, 1.13, 100.0, 40.0),
            Storage("x", *at, 100.0, 1000.0, 150.0, p_kw=100.0, q_kvar=-30.0, v_max_pu=1.15),
            Storage("x", *at, 100.0, 1000.0, 150.0, p_kw=-70.0, q_kvar=10.0, v_min_pu=0.9),
            Generator("x", *at, 200.0, 0.9, 1.1, 90.0, 35.0),
        )
    ]


@pytest.mark.parametrize(("connection", "phases", "kv"), PLACES, ids=IDS)
def test_der(connection: Connection, phases: tuple[int, ...], kv: float) -> None:
    """OpenDSS's delta machine of one leg is a third outside its window: so is ours."""
    for der in ders(terminal=Terminal("a", phases), connection=connection, kv=kv):
        assert_law(der, (0.05, 0.4, 0.7, 0.95, 1.0, 1.05, 1.3, 1.6))


def test_a_sweep_of_voltage_of_der() -> None:
    for der in ders():
        assert_law(der)


ELEMENTS = [
    *(load(model) for model in LoadModel),
    load(LoadModel.CVR, cvr=(0.8, 3.0)),
    load(LoadModel.ZIP, zipv=(0.3, 0.4, 0.3, 0.2, 0.2, 0.6, 0.8)),
    load(LoadModel.I, terminal=Terminal("a", (1, 2, 3)), connection=DELTA, kv=4.16),
    load(LoadModel.CVR, terminal=Terminal("a", (3, 4)), connection=WYE_N),
    *ders(),
    *ders(v_min_pu=0.0),
]


@pytest.mark.parametrize("element", ELEMENTS, ids=str)
def test_the_compiled_loop_and_what_is_asked_afterwards_agree(element: Element) -> None:
    """`inject`, lane by lane, and `leg_currents` and `leg_powers`; a dead lane draws nothing."""
    found = legs(feeder_of(element), {f"a.{k + 1}": k for k in range(4)}, ground=4)
    order = np.arange(4, dtype=np.int32)
    v = np.zeros((LANES, 4), dtype=np.complex128)
    sizes = np.linspace(0.0, 1.6, LANES)
    for lane, size in enumerate(sizes):
        v[lane] = np.array(held(size)) / LEG_V if size else 0.0
    v_lanes = np.vstack([v.T, np.zeros((1, LANES))])
    p, q = np.full((1, LANES), -0.13), np.full((1, LANES), 0.05)
    x_re, x_im = np.zeros((5, LANES)), np.zeros((5, LANES))
    re, im = v_lanes.real.copy(), v_lanes.imag.copy()
    answers.inject(found, p, q, re, im, np.ones((5, LANES)), True, x_re, x_im)
    assert np.isfinite(x_re).all()
    assert np.isfinite(x_im).all()
    assert not x_re[:, 0].any()
    assert not x_im[:, 0].any()
    powers = np.ascontiguousarray(p.T), np.ascontiguousarray(q.T)
    out = np.empty((LANES, len(found.start)), dtype=np.complex128)
    answers.leg_currents(found, order, *powers, v, out)
    into = np.zeros((LANES, 5), dtype=np.complex128)
    for k, (start, stop) in enumerate(zip(found.start, found.stop, strict=True)):
        into[:, start] += out[:, k]
        into[:, stop] -= out[:, k]
    np.testing.assert_allclose((x_re + 1j * x_im).T[:, :4], into[:, :4], rtol=1e-13, atol=1e-15)
    p_out, q_out = np.zeros((LANES, 1)), np.zeros((LANES, 1))
    answers.leg_powers(found, order, *powers, v, p_out, q_out)
    s = (v * into[:, :4].conj()).sum(axis=1)
    np.testing.assert_allclose(p_out[:, 0] + 1j * q_out[:, 0], s, rtol=1e-12, atol=1e-15)


@settings(deadline=None)
@given(
    st.sampled_from(ELEMENTS), st.floats(0.02, 1.6), st.floats(0.0, 2 * np.pi), st.floats(-1.0, 1.0)
)
def test_slopes_are_the_derivatives(
    element: Element, size: float, angle: float, skew: float
) -> None:
    found = legs(feeder_of(element), {f"a.{k + 1}": k for k in range(4)}, ground=4)
    order = np.arange(4, dtype=np.int32)
    phases = np.exp(1j * (angle + np.array([0.0, -2.1, 2.1 + 0.1 * skew, 0.4])))
    v = size * phases * np.array([1.0, 1.0, 1.0, 0.05])
    step = 1e-7
    tables = [np.empty((3, len(found.start), 2)) for _ in range(2)]
    three = np.outer([1.0 - step, 1.0, 1.0 + step], v).astype(np.complex128)
    answers.laws_at(found, order, three, *tables)
    g, slope = tables
    u = np.abs(v[found.start] - np.where(found.to_ground, 0.0, np.append(v, 0.0)[found.stop]))
    limits = np.array([found.low, found.nominal, found.high])
    smooth = (np.abs(u - limits) > 1e-6 * u).all(axis=0)
    by_difference = (g[2] - g[0]) / (2.0 * step * u)[:, None]
    scale = np.abs(g[1]).max(axis=1, keepdims=True) / u[:, None] * 500.0
    assert (np.abs(slope[1] - by_difference) <= 1e-6 * scale)[smooth].all()


def test_a_leg_from_ground_to_ground_is_left_out() -> None:
    nothing = load(LoadModel.PQ, terminal=Terminal("a", (0, 0)), connection=DELTA)
    assert len(legs(feeder_of(nothing), {}, ground=0).start) == 0


def test_common_models_have_one_law_and_stay_in_the_fast_family() -> None:
    expected = {
        LoadModel.PQ: answers.ONE_LAW,
        LoadModel.I: answers.ONE_LAW,
        LoadModel.Z: answers.IMPEDANCE,
        LoadModel.MOTOR: answers.OWN_LAWS,
        LoadModel.CVR: answers.OWN_LAWS,
        LoadModel.FIXED_Q: answers.OWN_LAWS,
        LoadModel.FIXED_X: answers.OWN_LAWS,
        LoadModel.ZIP: answers.OWN_LAWS,
    }
    for model, kind in expected.items():
        found = legs(feeder_of(load(model)), {f"a.{k + 1}": k for k in range(4)}, ground=4)
        assert found.kind.tolist() == [kind], model
