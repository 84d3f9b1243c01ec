"""Primitive admittances: every element against OpenDSS's own matrix."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from grid_fed_rl.feeders import (
    Bus,
    Capacitor,
    Connection,
    Feeder,
    Line,
    LineCode,
    Terminal,
    Transformer,
    Winding,
    load,
)
from grid_fed_rl.powerflow import primitives

Complex = NDArray[np.complex128]
Build = Callable[[Feeder | Path], Callable[[str], Complex]]
WYE, DELTA = Connection.WYE, Connection.DELTA
ABC = (1, 2, 3)
RELATIVE = 1e-12


def largest_difference(ours: Complex, theirs: Complex) -> float:
    """Relative to the largest admittance of the element."""
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def conductors(theirs: Complex, first: int, second: int) -> Complex:
    """Without the neutrals that OpenDSS adds to each terminal, which are grounded."""
    terminal = len(theirs) // 2
    keep = [*range(first), *range(terminal, terminal + second)]
    return theirs[np.ix_(keep, keep)]


@pytest.fixture(scope="module", params=["ieee13", "ieee123"])
def feeder(request: pytest.FixtureRequest) -> Feeder:
    return load(request.param)


def assert_every_primitive(
    feeder: Feeder, theirs: Callable[[str], Complex], switch_prefix: str
) -> None:
    for line in feeder.lines.values():
        ours = primitives.line_admittance(line, feeder.line_codes[line.code], feeder.frequency_hz)
        assert largest_difference(ours, theirs(f"line.{line.name}")) < RELATIVE, line
    for switch in feeder.switches.values():
        ours = primitives.switch_admittance(switch)
        name = f"line.{switch_prefix}{switch.name}"
        assert largest_difference(ours, theirs(name)) < RELATIVE, switch
    for transformer in feeder.transformers.values():
        ours = primitives.transformer_admittance(transformer)
        n = len(transformer.windings[0].terminal.phases)
        whole = theirs(f"transformer.{transformer.name}")
        assert largest_difference(ours, conductors(whole, n, n)) < RELATIVE, transformer
    for capacitor in feeder.capacitors.values():
        ours = primitives.capacitor_admittance(capacitor)
        whole = theirs(f"capacitor.{capacitor.name}")
        assert largest_difference(ours, whole[: len(ours), : len(ours)]) < RELATIVE, capacitor
    ours = primitives.source_admittance(feeder.source)
    assert largest_difference(ours, theirs("vsource.source")[:3, :3]) < RELATIVE


def test_every_element(feeder: Feeder, opendss_primitive: Build) -> None:
    assert_every_primitive(feeder, opendss_primitive(feeder), switch_prefix="switch_")


def test_every_element_of_the_published_script(
    feeder: Feeder, opendss_primitive: Build, published_scripts: dict[str, Path]
) -> None:
    """Also those that carry nothing, whose figures no voltage shows."""
    theirs = opendss_primitive(published_scripts[feeder.name])
    assert_every_primitive(feeder, theirs, switch_prefix="")


def with_transformer(feeder: Feeder, first: Winding, second: Winding, ppm: float) -> Feeder:
    """The feeder with a transformer between its buses a and c."""
    transformer = Transformer("t", (first, second), x_percent=4.5, antifloat_ppm=ppm)
    kv = second.kv * (1.0 if len(second.terminal.phases) > 1 else 3**0.5)
    return replace(
        feeder, buses={**feeder.buses, "c": Bus("c", kv)}, transformers={"t": transformer}
    )


# (connection, phases) of both windings with one, two and three coils.
WINDINGS = [
    *product([(WYE, ABC), (DELTA, ABC)], repeat=2),
    *product([(WYE, (2,)), (DELTA, (3, 1))], repeat=2),
    ((WYE, (3, 1)), (WYE, (1, 2))),
]


@pytest.mark.parametrize("windings", WINDINGS)
@pytest.mark.parametrize("kv_second", [0.48, 4.16, 12.47])  # stepping down, not at all, up
@pytest.mark.parametrize("taps", [(1.0, 1.0), (1.025, 0.95)])
@pytest.mark.parametrize("ppm", [0.0, 1e5])
def test_transformers_of_every_connection(
    two_bus: Callable[..., Feeder],
    opendss_primitive: Build,
    windings: tuple[tuple[Connection, tuple[int, ...]], tuple[Connection, tuple[int, ...]]],
    kv_second: float,
    taps: tuple[float, float],
    ppm: float,
) -> None:
    (one, at_a), (two, at_c) = windings
    first = Winding(Terminal("a", at_a), one, 4.16, 300.0, 0.7, taps[0])
    second = Winding(Terminal("c", at_c), two, kv_second, 300.0, 0.5, taps[1])
    if len(at_a) == 1:
        first = replace(first, kv=first.kv / 3**0.5)
    if len(at_c) == 1:
        second = replace(second, kv=second.kv / 3**0.5)
    feeder = with_transformer(two_bus(), first, second, ppm)
    ours = primitives.transformer_admittance(feeder.transformers["t"])
    whole = opendss_primitive(feeder)("transformer.t")
    assert largest_difference(ours, conductors(whole, len(at_a), len(at_c))) < RELATIVE
    np.testing.assert_array_equal(ours, ours.T)


@pytest.mark.parametrize(
    ("connection", "phases", "kv"),
    [
        (WYE, (3,), 2.4),
        (WYE, (1, 3), 4.16),
        (WYE, ABC, 4.16),
        (DELTA, (2, 3), 4.16),
        (DELTA, ABC, 4.16),
    ],
)
def test_capacitors_of_every_connection(
    two_bus: Callable[..., Feeder],
    opendss_primitive: Build,
    connection: Connection,
    phases: tuple[int, ...],
    kv: float,
) -> None:
    capacitor = Capacitor("c", Terminal("b", phases), connection, 120.0, kv)
    ours = primitives.capacitor_admittance(capacitor)
    whole = opendss_primitive(two_bus(capacitors=[capacitor]))("capacitor.c")
    assert largest_difference(ours, whole[: len(phases), : len(phases)]) < RELATIVE


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
    v = 4160.0 / 3**0.5 * np.array([1.0, a, a**2])
    for connection in Connection:
        capacitor = Capacitor("c", Terminal("b", ABC), connection, 600.0, 4.16)
        s = (v * np.conj(primitives.capacitor_admittance(capacitor) @ v)).sum()
        assert s == pytest.approx(-600e3j, rel=1e-12)


def test_a_transformer_without_load_has_its_ratio_and_its_clock() -> None:
    """A step-down delta-wye bank lags by 30 degrees (IEEE C57.12.00)."""
    high = Winding(Terminal("a", ABC), DELTA, 115.0, 5000.0, 0.5)
    low = Winding(Terminal("b", ABC), WYE, 4.16, 5000.0, 0.5)
    a = np.exp(-2j * np.pi / 3)
    for windings, turn_deg in (((high, low), -30.0), ((low, high), 30.0)):
        y = primitives.transformer_admittance(Transformer("t", windings, 8.0))
        v_first = windings[0].kv * 1000 / 3**0.5 * np.array([1.0, a, a**2])
        v_second = np.linalg.solve(y[3:, 3:], -y[3:, :3] @ v_first)
        expected = windings[1].kv * 1000 / 3**0.5 * np.exp(1j * np.radians(turn_deg))
        np.testing.assert_allclose(v_second, expected * np.array([1.0, a, a**2]), rtol=1e-5)
