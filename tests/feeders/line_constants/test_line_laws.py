"""Laws that line constants obey, and what is refused."""

import math

import numpy as np
import pytest

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.line_constants import (
    ConcentricNeutralCable,
    Conductor,
    Earth,
    EarthModel,
    Placed,
    TapeShieldCable,
    bundle,
    cable_line,
    geometric_mean,
    kron,
    mean_line,
    overhead_line,
    sequence_matrix,
    solid_gmr_m,
    to_phases,
    to_sequence,
)

WIRE = Conductor("wire", 0.19, 0.0074, 0.0183, 530.0)
THIN = Conductor("thin", 0.37, 0.0025, 0.0143, 340.0)
PLACES = [(0.0, 8.5), (0.8, 8.5), (2.1, 8.7)]
EARTHS = [Earth(), Earth(30.0, 50.0, EarthModel.CARSON), Earth(500.0, 60.0, EarthModel.DERI)]


def phases(order=(0, 1, 2)):
    return [Placed(WIRE, *PLACES[k]) for k in order]


@pytest.mark.parametrize("earth", EARTHS)
def test_permuting_phases_permutes_the_matrices(earth: Earth):
    neutral = [Placed(THIN, 1.2, 7.3)]
    plain = overhead_line(phases(), neutral, earth)
    turned = overhead_line(phases((2, 0, 1)), neutral, earth)
    at = np.ix_((2, 0, 1), (2, 0, 1))
    np.testing.assert_allclose(turned.z_ohm_per_km, plain.z_ohm_per_km[at], rtol=1e-13)
    np.testing.assert_allclose(turned.c_nf_per_km, plain.c_nf_per_km[at], rtol=1e-13)


@pytest.mark.parametrize("earth", EARTHS)
def test_where_the_poles_stand_does_not_count(earth: Earth):
    moved = [Placed(WIRE, x + 17.0, y) for x, y in PLACES]
    a, b = overhead_line(phases(), (), earth), overhead_line(moved, (), earth)
    np.testing.assert_allclose(a.z_ohm_per_km, b.z_ohm_per_km, rtol=1e-12)
    np.testing.assert_allclose(a.c_nf_per_km, b.c_nf_per_km, rtol=1e-12)


def test_matrices_are_symmetric_to_the_last_bit():
    line = overhead_line(phases(), [Placed(THIN, 1.2, 7.3)])
    assert np.array_equal(line.z_ohm_per_km, line.z_ohm_per_km.T)
    assert np.array_equal(line.c_nf_per_km, line.c_nf_per_km.T)
    code = line.code("l")
    assert code.z_ohm_per_km[0][2] == line.z_ohm_per_km[0, 2]
    assert code.c_nf_per_km[1][1] == line.c_nf_per_km[1, 1] > 0 > line.c_nf_per_km[0, 1]


def test_a_neutral_that_nothing_flows_in_changes_nothing():
    far = Conductor("far", 1e12, 0.0025, 0.0143)
    with_it = overhead_line(phases(), [Placed(far, 1.2, 7.3)])
    np.testing.assert_allclose(
        with_it.z_ohm_per_km, overhead_line(phases()).z_ohm_per_km, rtol=1e-9
    )


def test_kron_is_the_impedance_seen_with_the_neutral_at_ground():
    z = overhead_line([*phases(), Placed(THIN, 1.2, 7.3)]).z_ohm_per_km
    currents = np.array([100.0, -30.0 + 20.0j, 5.0j])
    neutral = -(z[3, :3] @ currents) / z[3, 3]  # the current that makes its voltage 0
    drop = z[:3, :3] @ currents + z[:3, 3] * neutral
    np.testing.assert_allclose(kron(z, 3) @ currents, drop, rtol=1e-12)


def test_neutrals_without_an_inverse_are_refused():
    with pytest.raises(FeederError, match="2 neutrals cannot be reduced"):
        kron(np.ones((3, 3)), 1)


def test_positive_sequence_of_a_transposed_line_is_that_of_its_gmd():
    """Kersting, section 4.1.8: r + j w mu0/(2 pi) ln(GMD / GMR), whatever the earth."""
    gmd, w = 1.4, 2 * math.pi * 60.0
    line = mean_line(
        [WIRE] * 3, THIN, gmd_phases_m=gmd, gmd_neutral_m=1.7, height_m=8.5, neutral_height_m=7.3
    )
    z1, z0, c1, c0 = line.sequence()
    assert z1 == pytest.approx(complex(0.19, w * 2e-4 * math.log(gmd / 0.0074)), rel=1e-12)
    assert abs(z0) > 2 * abs(z1)
    assert c1 > c0 > 0


def test_mean_distances_of_an_equal_triangle_are_the_triangle():
    triangle = [(0.0, 9.0), (1.0, 9.0), (0.5, 9.0 + math.sqrt(0.75))]
    place = overhead_line([Placed(WIRE, x, y) for x, y in triangle])
    gmd = geometric_mean([1.0, 1.0, 1.0])
    mean = mean_line(
        [WIRE] * 3, None, gmd_phases_m=gmd, gmd_neutral_m=gmd, height_m=9.3, neutral_height_m=9.0
    )
    np.testing.assert_allclose(mean.z_ohm_per_km, place.z_ohm_per_km, rtol=1e-12)


def test_sequence_and_phase_values_undo_each_other():
    z = sequence_matrix(0.2 + 0.4j, 0.5 + 1.3j)
    np.testing.assert_allclose(
        np.diag(to_sequence(z)), [0.5 + 1.3j, 0.2 + 0.4j, 0.2 + 0.4j], rtol=1e-14
    )
    rng = np.random.default_rng(3)
    any_z = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))
    np.testing.assert_allclose(to_phases(to_sequence(any_z)), any_z, atol=1e-14)


@pytest.mark.parametrize(
    ("n", "gmr"),
    [
        (2, math.sqrt(0.0074 * 0.4)),
        (3, (0.0074 * 0.4**2) ** (1 / 3)),
        (4, 1.0905077326652577 * (0.0074 * 0.4**3) ** (1 / 4)),
    ],
)
def test_bundles_have_the_textbook_s_radii(n: int, gmr: float):
    """J. D. Glover, Power System Analysis and Design: 1.091 (GMR d^3)^(1/4) for four."""
    whole = bundle(WIRE, n, 0.4)
    assert whole.gmr_m == pytest.approx(gmr, rel=1e-12)
    assert whole.r_ohm_per_km == pytest.approx(0.19 / n)
    assert whole.amps == 530.0 * n


def test_a_bundle_is_its_wires_in_parallel():
    apart, w = 0.4, 1e9  # far from everything, and no resistance
    still = Conductor("still", 0.0, 0.0074, 0.0183)
    earth = Earth(resistivity_ohm_m=w)
    two = overhead_line([Placed(still, 0.0, 20.0), Placed(still, apart, 20.0)], (), earth)
    one = overhead_line([Placed(bundle(still, 2, apart), apart / 2, 20.0)], (), earth)
    parallel = 1.0 / np.linalg.inv(two.z_ohm_per_km).sum()
    np.testing.assert_allclose(one.z_ohm_per_km[0, 0], parallel, rtol=1e-12)


def test_one_wire_is_no_bundle():
    assert bundle(WIRE, 1, math.nan) is WIRE


def test_radius_of_a_solid_wire():
    assert solid_gmr_m(1.0) == pytest.approx(0.7788, abs=1e-4)


CABLE = ConcentricNeutralCable("cn", WIRE, Conductor("s", 9.0, 6e-4, 1.6e-3), 13, 0.033)
TAPE = TapeShieldCable("ts", WIRE, 0.026, 1e-4)


def test_a_tape_without_thickness_of_its_own_conducts_like_a_tube():
    area = math.pi * ((0.013 + 1e-4) ** 2 - 0.013**2)
    assert TAPE.neutral_ohm_per_km == pytest.approx(1000 * 2.3715e-8 / area, rel=1e-12)


def test_cable_capacitance_is_that_of_coaxial_cylinders():
    line = cable_line([TAPE, TAPE], [0.0, 0.2])
    c = 2 * math.pi * 8.8541878128e-12 * 2.3 / math.log(0.026 / 0.0183) * 1e12
    np.testing.assert_allclose(line.c_nf_per_km, np.diag([c, c]), rtol=1e-12)


def test_carson_s_model_counts_as_the_modified_one_below_ground():
    full = cable_line([CABLE], [0.0], (), Earth(model=EarthModel.CARSON))
    assert np.array_equal(full.z_ohm_per_km, cable_line([CABLE], [0.0]).z_ohm_per_km)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: overhead_line([]), "no phase conductor"),
        (lambda: overhead_line([Placed(WIRE, 0.0, 0.0)]), "'wire' hangs at 0.0 m; expected"),
        (
            lambda: overhead_line([Placed(WIRE, 0.0, 9.0), Placed(THIN, 0.01, 9.0)]),
            r"conductors 1 \('wire'\) and 2 \('thin'\) are 0.01 m apart",
        ),
        (lambda: cable_line([CABLE], []), "1 cable.s. in 0 places"),
        (lambda: cable_line([CABLE, CABLE], [0.1, 0.1]), "lie in one place"),
        (lambda: Conductor("w", -1.0, 0.01, 0.02), "r_ohm_per_km is -1.0; expected 0 or more"),
        (lambda: Conductor("w", 0.1, 0.0, 0.02), "'w': gmr_m is 0.0; expected a number above 0"),
        (lambda: ConcentricNeutralCable("c", WIRE, THIN, 6, 0.01), "expected room for the core"),
        (lambda: TapeShieldCable("t", WIRE, 0.01, 1e-4), "expected more than its core's 0.0183"),
        (lambda: bundle(WIRE, 2, 0.0), "bundle of 2 x 'wire', 0.0 m apart"),
        (lambda: geometric_mean([]), "expected distances above 0"),
        (lambda: overhead_line([Placed(WIRE, 0.0, 9.0)]).sequence(), "of 1 phase"),
        (
            lambda: mean_line([WIRE] * 2, None, gmd_phases_m=0.0, gmd_neutral_m=1.0,
                              height_m=9.0, neutral_height_m=9.0),
            "0.0 m between phases",
        ),
        (
            lambda: mean_line([WIRE], None, gmd_phases_m=1.0, gmd_neutral_m=1.0,
                              height_m=0.0, neutral_height_m=9.0),
            r"1 phase\(s\) at heights \[0.0\] m",
        ),
    ],
)  # fmt: skip
def test_what_cannot_hang_is_refused(make, message: str):
    with pytest.raises(FeederError, match=message):
        make()
