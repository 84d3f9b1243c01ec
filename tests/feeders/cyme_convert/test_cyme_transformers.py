"""Transformers out of a CYME export: ratio, shift and sequence impedances of each connection."""

import cmath
import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders import Connection, Feeder
from grid_fed_rl.powerflow.primitives import (
    delta_direction,
    legs_of,
    reactor_admittance,
    transformer_admittance,
)
from tests.feeders.cyme_convert.export import imported

HIGH, LOW, KVA = 12.47, 4.16, 6000.0
Z1, XR1, Z0, XR0 = 6.0, 8.0, 4.0, 5.0
CODES = {  # of a setting, by CYME's list of version 8
    "Yg_Yg": 0, "D_Yg": 1, "D_D": 2, "Y_Y": 3, "DO_DO": 4, "YO_DO": 5, "Yg_D": 6, "D_Y": 7,
    "Y_D": 8, "Yg_Y": 9, "Y_Yg": 10, "Yg_Zg": 11, "D_Zg": 12, "Zg_Yg": 13, "Zg_D": 14, "Yg_CT": 15,
}  # fmt: skip
A = cmath.exp(2j * math.pi / 3)
POSITIVE = np.array([1.0, A**2, A])
ZERO = np.ones(3)


def setting(connection: str, **more: str) -> str:
    """A row of [TRANSFORMER SETTING]; columns by name."""
    from tests.feeders.cyme_convert.export import COLUMNS

    values = {
        "SectionID": "T", "Location": "M", "EqID": "X", "DeviceNumber": "T",
        "Conn": str(CODES[connection]), "PrimTap": "100", "SecondaryTap": "100",
        "FromNodeID": "0", "ConnectionStatus": "0", "PhaseShiftType": "0",
    } | more  # fmt: skip
    return ",".join(values.get(c, "") for c in COLUMNS["TRANSFORMER SETTING"].split(","))


def equipment(z1: float = Z1, z0: float = Z0, **more: str) -> str:
    from tests.feeders.cyme_convert.export import COLUMNS

    values = {
        "ID": "X", "Type": "2", "KVA": str(KVA), "VoltageUnit": "0", "KVLLprim": str(HIGH),
        "KVLLsec": str(LOW), "Z1": str(z1), "Z0": str(z0), "XR": str(XR1), "XR0": str(XR0),
        "Conn": "0",
    } | more  # fmt: skip
    return ",".join(values.get(c, "") for c in COLUMNS["TRANSFORMER"].split(","))


def bank(folder: Path, connection: str, phases="ABC", more=None, **kind: Any) -> Feeder:
    rows = {
        "TRANSFORMER SETTING": [setting(connection, **(more or {}))],
        "TRANSFORMER": [equipment(**kind)],
    }
    return imported(folder, [f"T,0,1,{phases}"], rows).feeder


def admittance(feeder: Feeder) -> tuple[np.ndarray, list[str]]:
    """Of all transformers and reactors together, without what holds deltas at ground."""
    names: dict[str, int] = {}
    parts = []
    for t in feeder.transformers.values():
        where = [f"{w.terminal.bus}.{p}" for w in t.windings for p in w.terminal.phases]
        parts.append((where, transformer_admittance(t)))
    for r in feeder.reactors.values():
        assert r.to is None
        parts.append(([f"{r.from_.bus}.{p}" for p in r.from_.phases], reactor_admittance(r)))
    for where, _ in parts:
        for node in where:
            if not node.endswith(".0"):
                names.setdefault(node, len(names))
    y = np.zeros((len(names), len(names)), complex)
    for where, part in parts:
        for i, a in enumerate(where):
            for j, b in enumerate(where):
                if a in names and b in names:
                    y[names[a], names[b]] += part[i, j]
    return y, list(names)


def seen_from(feeder: Feeder, bus: str, shorted: str, kv_ll: float) -> tuple[complex, complex]:
    """Positive and zero sequence impedance at a bus with the other one at ground, in percent."""
    y, names = admittance(feeder)
    kept = [k for k, n in enumerate(names) if n not in {f"{shorted}.{p}" for p in (1, 2, 3)}]
    y = y[np.ix_(kept, kept)]
    names = [names[k] for k in kept]
    at = [names.index(f"{bus}.{p}") for p in (1, 2, 3)]
    found = []
    for sequence in (POSITIVE, ZERO):
        current = np.zeros(len(names), complex)
        current[at] = sequence
        v = np.linalg.solve(y, current)[at]
        found.append(complex(v @ sequence.conj() / 3.0))
    base = 1000.0 * kv_ll**2 / KVA
    return found[0] / base * 100.0, found[1] / base * 100.0


def no_load(feeder: Feeder, bus: str) -> np.ndarray:
    """Voltages of a bus with the source's own at the other, per unit of the nominal ones."""
    y, names = admittance(feeder)
    phases = [p for p in (1, 2, 3) if f"{feeder.source.bus}.{p}" in names]
    source = [names.index(f"{feeder.source.bus}.{p}") for p in phases]
    rest = [k for k in range(len(names)) if k not in source]
    v_source = POSITIVE[[p - 1 for p in phases]] * HIGH * 1000.0 / math.sqrt(3)
    v = np.linalg.solve(y[np.ix_(rest, rest)], -y[np.ix_(rest, source)] @ v_source)
    at = [rest.index(names.index(f"{bus}.{p}")) for p in (1, 2, 3)]
    return v[at] / (feeder.buses[bus].kv_ll * 1000.0 / math.sqrt(3))


def expected(z: float, ratio: float) -> complex:
    r = z / math.hypot(1.0, ratio)
    return complex(r, r * ratio)


# Connection, and by how many degrees the low side lags (ANSI: 30 for a wye over a delta).
SHIFTS = [
    ("Yg_Yg", 0), ("D_Yg", 30), ("D_D", 0), ("Y_Y", 0), ("Yg_D", 30), ("D_Y", 30), ("Y_D", 30),
    ("Yg_Y", 0), ("Y_Yg", 0), ("Yg_Zg", 30), ("D_Zg", 0),
]  # fmt: skip


@pytest.mark.parametrize(("connection", "lag_deg"), SHIFTS)
def test_ratio_and_shift(tmp_path: Path, connection: str, lag_deg: float):
    v = no_load(bank(tmp_path, connection), "1")
    turned = POSITIVE * cmath.exp(-1j * math.radians(lag_deg))
    # Phase to phase: what floats has its neutral anywhere.
    ours, right = v - np.roll(v, -1), turned - np.roll(turned, -1)
    np.testing.assert_allclose(ours, right, atol=2e-4)


def test_a_clock_number_of_eleven_leads(tmp_path: Path):
    v = no_load(bank(tmp_path, "D_Yg", more={"PhaseShiftType": "11"}), "1")
    np.testing.assert_allclose(v, POSITIVE * cmath.exp(1j * math.pi / 6), atol=2e-4)


def test_an_unknown_shift_is_said(tmp_path: Path):
    rows = {
        "TRANSFORMER SETTING": [setting("D_Yg", PhaseShiftType="5")],
        "TRANSFORMER": [equipment()],
    }
    (note,) = imported(tmp_path, ["T,0,1,ABC"], rows).report.approximated
    assert "phase shift code '5'" in note.what
    assert "multiple of 30 degrees" in note.amount


@pytest.mark.parametrize("connection", ["Yg_Yg", "D_Yg", "Yg_D", "D_D", "Yg_Zg", "D_Zg"])
def test_positive_sequence_impedance(tmp_path: Path, connection: str):
    z1, _ = seen_from(bank(tmp_path, connection, z0=5.9), "1", "0", LOW)
    assert z1 == pytest.approx(expected(Z1, XR1), rel=2e-5)


@pytest.mark.parametrize("connection", ["Yg_Yg", "D_Yg"])
def test_zero_sequence_impedance_is_its_own(tmp_path: Path, connection: str):
    _, z0 = seen_from(bank(tmp_path, connection), "1", "0", LOW)
    assert z0 == pytest.approx(expected(Z0, XR0), rel=2e-5)


def test_zero_sequence_impedance_of_a_zigzag_hangs_on_nothing_else(tmp_path: Path):
    feeder = bank(tmp_path, "D_Zg", z1=6.0, z0=2.9, XR0="12")
    _, shorted = seen_from(feeder, "1", "0", LOW)
    assert shorted == pytest.approx(expected(2.9, 12.0), rel=2e-4)
    # nor on whether the delta side is shorted
    y, names = admittance(feeder)
    at = [names.index(f"1.{p}") for p in (1, 2, 3)]
    current = np.zeros(len(names), complex)
    current[at] = ZERO
    z0 = complex(np.linalg.solve(y, current)[at] @ ZERO / 3.0) / (1000 * LOW**2 / KVA) * 100
    assert z0 == pytest.approx(shorted, rel=2e-4)


def test_a_zigzag_whose_zero_sequence_resists_more_is_cut_and_said(tmp_path: Path):
    rows = {"TRANSFORMER SETTING": [setting("D_Zg")], "TRANSFORMER": [equipment(z0=5.9)]}
    (note,) = imported(tmp_path, ["T,0,1,ABC"], rows).report.approximated
    assert "cut to that of the positive" in note.what
    assert note.amount == "1.157 to 0.7442 %"


@pytest.mark.parametrize("connection", ["Yg_Y", "Y_Yg", "Y_Y", "Y_D", "D_D", "D_Y"])
def test_zero_sequence_does_not_flow_through_what_is_not_grounded(tmp_path: Path, connection: str):
    _, z0 = seen_from(bank(tmp_path, connection), "1", "0", LOW)
    assert abs(z0) > 1e4  # percent: only what keeps the solver's matrix regular


def test_grounding_impedance_stands_in_the_neutral_three_times_over(tmp_path: Path):
    feeder = bank(tmp_path, "D_Yg", more={"RgSec": "0.5", "XgSec": "1.2"})
    z1, z0 = seen_from(feeder, "1", "0", LOW)
    assert z1 == pytest.approx(expected(Z1, XR1), rel=2e-5)
    three = 3 * (0.5 + 1.2j) / (1000 * LOW**2 / KVA) * 100
    assert z0 == pytest.approx(expected(Z0, XR0) + three, rel=2e-5)


def test_rated_voltages_line_to_neutral(tmp_path: Path):
    kind = {"VoltageUnit": "1", "KVLLprim": f"{HIGH / 3**0.5}", "KVLLsec": f"{LOW / 3**0.5}"}
    feeder = bank(tmp_path, "Yg_Yg", **kind)
    (t,) = feeder.transformers.values()
    assert [w.kv for w in t.windings] == pytest.approx([HIGH, LOW])


def test_taps_are_per_cent_of_the_rated_voltage(tmp_path: Path):
    feeder = bank(tmp_path, "Yg_Yg", more={"PrimTap": "97.5", "SecondaryTap": "102.5"})
    v = no_load(feeder, "1")
    np.testing.assert_allclose(np.abs(v), 1.025 / 0.975, rtol=1e-5)


def test_the_primary_side_is_at_its_feeding_node(tmp_path: Path):
    """The section is drawn from the low side to the high one."""
    rows = {"TRANSFORMER SETTING": [setting("D_Yg")], "TRANSFORMER": [equipment()]}
    feeder = imported(tmp_path, ["T,1,0,ABC"], rows).feeder
    (t,) = feeder.transformers.values()
    assert [w.terminal.bus for w in t.windings] == ["0", "1"]
    assert feeder.buses["1"].kv_ll == LOW


def test_losses_of_the_core(tmp_path: Path):
    feeder = bank(tmp_path, "Yg_Yg", NoLoadLosses="9", MagnetizingCurrent="0.6")
    (t,) = feeder.transformers.values()
    assert (t.no_load_percent, t.magnetising_percent) == (pytest.approx(0.15), 0.6)


def test_an_open_delta_is_two_units_of_half_the_rating(tmp_path: Path):
    feeder = bank(tmp_path, "YO_DO", more={"ODPrimPh": "AB"})
    a, b = feeder.transformers.values()
    assert [w.kva for w in a.windings] == [KVA / 2] * 2
    assert [str(w.terminal) for t in (a, b) for w in t.windings] == ["0.1", "1.1.2", "0.2", "1.2.3"]
    v = no_load(feeder, "1")
    legs = v - np.roll(v, -1)
    # V_AB is in phase with A to ground, V_BC with B: and so V_CA closes the triangle.
    np.testing.assert_allclose(legs / abs(legs[0]), POSITIVE, atol=1e-3)


def test_which_phases_an_open_bank_stands_on_is_assumed_aloud(tmp_path: Path):
    rows = {"TRANSFORMER SETTING": [setting("DO_DO")], "TRANSFORMER": [equipment()]}
    (note,) = imported(tmp_path, ["T,0,1,ABC"], rows).report.approximated
    assert "read as A and B" in note.what


def test_a_centre_tap_is_one_winding_for_both_halves(tmp_path: Path):
    rows = {
        "TRANSFORMER SETTING": [setting("Yg_CT")],
        "TRANSFORMER": [equipment(Type="1", KVA="25", KVLLsec="0.24")],
    }
    found = imported(tmp_path, ["T,0,1,B"], rows)
    (t,) = found.feeder.transformers.values()
    assert [(str(w.terminal), w.kv) for w in t.windings] == [
        ("0.2", pytest.approx(HIGH / 3**0.5)),
        ("1.2", 0.24),
    ]
    assert found.feeder.buses["1"].kv_ll == pytest.approx(0.24 * 3**0.5)
    assert "one winding" in found.report.approximated[0].what


@pytest.mark.parametrize(
    ("phases", "connection", "message"),
    [
        ("A", "D_Yg", "a delta on phase A alone; expected two phases or three"),
        ("A", "Y_Yg", "one coil in an ungrounded wye"),
        ("AB", "D_Yg", "1 coil.s. D and 2 Yg on phases AB; expected equally many"),
        ("AB", "D_Zg", "a zigzag on phases AB; expected three"),
        ("ABC", "Yg_CT", "a centre-tapped side on phases ABC; expected one phase"),
    ],
)
def test_what_no_coils_can_be_is_refused_by_name(tmp_path, phases, connection, message):
    rows = {"TRANSFORMER SETTING": [setting(connection)], "TRANSFORMER": [equipment()]}
    with pytest.raises(FeederError, match=f"transformer 'T'.*{message}"):
        imported(tmp_path, [f"T,0,1,{phases}"], rows)


def test_a_type_without_impedance_is_refused(tmp_path: Path):
    rows = {"TRANSFORMER SETTING": [setting("Yg_Yg")], "TRANSFORMER": [equipment(z1=0)]}
    with pytest.raises(FeederError, match=r"Z1 is 0.0 percent; expected more than 0"):
        imported(tmp_path, ["T,0,1,ABC"], rows)


def test_no_ratio_of_x_over_r_is_reactance_alone_and_said(tmp_path: Path):
    rows = {"TRANSFORMER SETTING": [setting("Yg_Yg")], "TRANSFORMER": [equipment(XR="0", z0=Z1)]}
    found = imported(tmp_path, ["T,0,1,ABC"], rows)
    (t,) = found.feeder.transformers.values()
    assert t.x_percent == (Z1,)
    assert "reactance alone" in found.report.approximated[0].what


def test_a_bank_by_phase_is_its_units(tmp_path: Path):
    """Three units of a third of the rating are the three-phase transformer, D_Yg too."""
    rows = {
        "TRANSFORMER BYPHASE SETTING": ["T,M,X,X,X,T,1,100,100,0,0"],
        "TRANSFORMER": [equipment(Type="1", KVA=f"{KVA / 3}", z0=Z1, XR0=str(XR1))],
    }
    feeder = imported(tmp_path, ["T,0,1,ABC"], rows).feeder
    whole = tmp_path / "whole"
    whole.mkdir()
    same = bank(whole, "D_Yg", z0=Z1, XR0=str(XR1))
    np.testing.assert_allclose(no_load(feeder, "1"), no_load(same, "1"), atol=1e-6)
    ours, theirs = seen_from(feeder, "1", "0", LOW), seen_from(same, "1", "0", LOW)
    assert ours == pytest.approx(theirs, rel=1e-5)


def test_a_single_phase_type_on_three_phases_is_a_bank(tmp_path: Path):
    feeder = bank(tmp_path, "Yg_Yg", Type="1", KVA="50")
    (t,) = feeder.transformers.values()
    assert t.windings[0].kva == 150.0


def test_an_autotransformer_is_its_ratio_and_impedance(tmp_path: Path):
    rows = {
        "AUTO TRANSFORMER SETTING": ["T,M,X,T,0,100,100,0,0"],
        "AUTOTRANSFORMER": [f"X,2,{KVA},{HIGH},{LOW},{Z1},{Z0},{XR1},{XR0},0"],
    }
    feeder = imported(tmp_path, ["T,0,1,ABC"], rows).feeder
    np.testing.assert_allclose(no_load(feeder, "1"), POSITIVE, atol=1e-5)
    z1, z0 = seen_from(feeder, "1", "0", LOW)
    assert (z1, z0) == pytest.approx((expected(Z1, XR1), expected(Z0, XR0)), rel=2e-5)


def test_a_tap_changer_under_load_is_a_regulator(tmp_path: Path):
    rows = {
        "TRANSFORMER SETTING": [
            setting("D_Yg", SettingOption="T", SetPoint="121", LowerBandWidth="1.5",
                    UpperBandWidth="1.0", Tap="3", CT="200", PT="20")
        ],
        "TRANSFORMER": [
            equipment(IsLTC="1", Taps="32", MinReg_Range="10", MaxReg_Range="10")
        ],
    }  # fmt: skip
    feeder = imported(tmp_path, ["T,0,1,ABC"], rows).feeder
    (r,) = feeder.regulators.values()
    assert (r.transformer, r.winding, r.n_steps, r.tap_position) == ("T", 2, 32, 3)
    assert r.control is not None
    assert (r.control.v_reg, r.control.band_v, r.control.pt_ratio) == (121.0, 2.5, 20.0)


def test_a_corner_of_a_delta_at_ground(tmp_path: Path):
    v = no_load(bank(tmp_path, "Yg_D", more={"SecondaryCornerGroundedPhase": "B"}), "1")
    assert abs(v[1]) < 1e-5
    np.testing.assert_allclose(abs(v[[0, 2]]), math.sqrt(3), rtol=1e-3)


def test_grounding_transformer_is_a_path_for_the_zero_sequence_alone(tmp_path: Path):
    rows = {
        "GROUNDINGTRANSFORMER SETTINGS": ["S,L,G,GT,5,0,0,ABC,0"],
        "GROUNDING TRANSFORMER": ["G,6,5,30,20,500,12.47"],
        "OVERHEADLINE SETTING": ["S,L,OH,100,0"],
    }
    feeder = imported(tmp_path, ["S,0,1,ABC"], rows).feeder
    y, names = admittance(feeder)
    at = [names.index(f"1.{p}") for p in (1, 2, 3)]
    rest = [k for k in range(len(names)) if k not in at]
    inner = np.linalg.solve(y[np.ix_(rest, rest)], y[np.ix_(rest, at)])
    seen = y[np.ix_(at, at)] - y[np.ix_(at, rest)] @ inner
    base = 1000 * 12.47**2 / 500
    assert abs(seen @ POSITIVE).max() * base < 1e-4  # per unit of its rating: nothing
    z0 = 100.0 / ((seen @ ZERO)[0] * base)
    assert z0 == pytest.approx(expected(5.0, 20.0), rel=1e-4)


def test_every_wye_winding_has_a_leg_a_phase(tmp_path: Path):
    """What the helper above relies on: coils in order, delta legs turned by the shift."""
    (t,) = bank(tmp_path, "D_Yg").transformers.values()
    assert delta_direction(t) == -1
    assert legs_of(Connection.WYE, 3) == [(0, None), (1, None), (2, None)]


def test_counts_are_by_record(tmp_path: Path):
    rows = {"TRANSFORMER SETTING": [setting("Yg_Zg")], "TRANSFORMER": [equipment(z0=5.9)]}
    found = imported(tmp_path, ["T,0,1,ABC"], rows)
    assert found.report.read["transformer"] == 1
    kinds = defaultdict(int)
    for use in found.equipment.uses:
        kinds[use.element, use.kind] += 1
    assert kinds["transformer", "transformer"] == 1
