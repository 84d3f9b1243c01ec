"""Line constants against those that OpenDSS computes of the same wires."""

import numpy as np
import opendssdirect
import pytest

from grid_fed_rl.feeders.line_constants import (
    ConcentricNeutralCable,
    Conductor,
    Earth,
    EarthModel,
    Placed,
    TapeShieldCable,
    cable_line,
    overhead_line,
)

ACSR = Conductor("acsr", 0.1155, 0.00954, 0.02355)
THIN = Conductor("thin", 0.3679, 0.00248, 0.0143)
PHASES = [Placed(ACSR, 0.762, 8.5344), Placed(ACSR, 0.0, 8.6), Placed(ACSR, 2.1336, 8.5344)]
NEUTRAL = [Placed(THIN, 1.2192, 7.3152)]


def wire_data(c: Conductor) -> str:
    return (
        f"new wiredata.{c.name} runits=km rac={c.r_ohm_per_km!r} gmrunits=m gmrac={c.gmr_m!r} "
        f"radunits=m diam={c.diameter_m!r}"
    )


def constants(data: list[str], geometry: list[str], model: str, earth: Earth, n: int):
    """Ohm and nF a kilometre of a line of OpenDSS's."""
    dss = opendssdirect.NewContext()
    dss.Basic.AllowForms(False)
    dss.Basic.AllowChangeDir(False)
    for command in (
        "clear",
        f"set defaultbasefrequency={earth.frequency_hz!r}",
        "new circuit.c basekv=4.16",
        f"set earthmodel={model}",
        *data,
        f"new linegeometry.g nconds={len(geometry)} nphases={n} reduce=yes",
        *geometry,
        f"new line.l geometry=g length=1 units=km phases={n} bus1=sourcebus bus2=x "
        f"rho={earth.resistivity_ohm_m!r}",
        "solve",
    ):
        dss.Text.Command(command)
    dss.Lines.Name("l")
    r, x, c = (
        np.array(matrix()).reshape(n, n)
        for matrix in (dss.Lines.RMatrix, dss.Lines.XMatrix, dss.Lines.CMatrix)
    )
    return r + 1j * x, c


def hung(wires: list[Placed]) -> list[str]:
    return [
        f"~ cond={k} wire={w.conductor.name} units=m x={w.x_m!r} h={w.y_m!r}"
        for k, w in enumerate(wires, start=1)
    ]


# OpenDSS's own constants of the modified equations have five digits.
MODELS = [("carson", EarthModel.MODIFIED, None, 5e-5), ("fullcarson", EarthModel.CARSON, 4, 1e-6),
          ("fullcarson", EarthModel.CARSON, None, 1e-6)]  # fmt: skip


@pytest.mark.parametrize(("frequency_hz", "rho"), [(60.0, 100.0), (50.0, 20.0), (60.0, 1500.0)])
@pytest.mark.parametrize(("theirs", "model", "n_terms", "share"), MODELS)
def test_overhead_lines(frequency_hz, rho, theirs, model, n_terms, share):
    earth = Earth(rho, frequency_hz, model, n_terms)
    ours = overhead_line(PHASES, NEUTRAL, earth)
    z, c = constants(
        [wire_data(ACSR), wire_data(THIN)], hung([*PHASES, *NEUTRAL]), theirs, earth, 3
    )
    np.testing.assert_allclose(ours.z_ohm_per_km, z, rtol=0, atol=share * np.abs(z).max())
    np.testing.assert_allclose(ours.c_nf_per_km, c, rtol=5e-5)


def test_deri_s_complex_depth():
    """Between wires; OpenDSS gives the wires themselves skin effect in this model."""
    earth = Earth(100.0, 60.0, EarthModel.DERI)
    z, _ = constants([wire_data(ACSR)], hung(PHASES), "deri", earth, 3)
    away = ~np.eye(3, dtype=bool)
    ours = overhead_line(PHASES, (), earth).z_ohm_per_km
    np.testing.assert_allclose(ours[away], z[away], rtol=1e-6)
    np.testing.assert_allclose(np.diag(ours), np.diag(z), rtol=0.01)


def test_concentric_neutral_cables():
    cable = ConcentricNeutralCable(
        "cn", Conductor("c", 0.2548, 0.00521, 0.0144), Conductor("s", 9.24, 6.34e-4, 1.628e-3),
        13, 0.032766,
    )  # fmt: skip
    strand, core = cable.strand, cable.core
    data = (
        f"new cndata.cn k=13 diastrand={strand.diameter_m!r} gmrstrand={strand.gmr_m!r} "
        f"rstrand={strand.r_ohm_per_km!r} runits=km radunits=m gmrunits=m rac={core.r_ohm_per_km!r}"
        f" gmrac={core.gmr_m!r} diam={core.diameter_m!r} epsr=2.3 inslayer=0.0056 diains=0.0269 "
        f"diacable=0.032766"
    )
    at = [0.0, 0.1524, 0.4]
    geometry = [f"~ cond={k} cncable=cn units=m x={x!r} h=1.2" for k, x in enumerate(at, start=1)]
    z, _ = constants([data], geometry, "carson", Earth(), 3)
    ours = cable_line([cable] * 3, at).z_ohm_per_km
    np.testing.assert_allclose(ours, z, rtol=0, atol=5e-5 * np.abs(z).max())


def test_tape_shield_cables():
    tape = TapeShieldCable("ts", Conductor("c", 0.6027, 0.003383, 0.00935), 0.02235, 1.27e-4)
    neutral = Conductor("n", 0.3772, 0.003392, 0.00935)
    over = tape.diameter_under_tape_m + 2 * tape.tape_m
    data = (  # half of each turn laps over the last: a tube as thick as the tape
        f"new tsdata.ts diashield={over!r} tapelayer={tape.tape_m!r} tapelap=50 runits=km "
        f"radunits=m gmrunits=m rac={tape.core.r_ohm_per_km!r} gmrac={tape.core.gmr_m!r} "
        f"diam={tape.core.diameter_m!r} epsr=2.3 inslayer=0.005 diains=0.0208 diacable=0.0269"
    )
    geometry = ["~ cond=1 tscable=ts units=m x=0 h=1.2", "~ cond=2 wire=n units=m x=0.0254 h=1.2"]
    z, _ = constants([data, wire_data(neutral)], geometry, "carson", Earth(), 1)
    ours = cable_line([tape], [0.0], [(neutral, 0.0254)]).z_ohm_per_km
    np.testing.assert_allclose(ours, z, rtol=0, atol=1e-3 * np.abs(z).max())
