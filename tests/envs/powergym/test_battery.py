"""The benchmark's battery, in numbers worked out by hand from its rules."""

import numpy as np
import pytest

from grid_fed_rl.envs.powergym.battery import energy_after, feasible_setting, power_kw

KW, KWH = np.array([200.0]), np.array([1000.0])


def setting(wanted: int, energy_kwh: float) -> int:
    found = feasible_setting(np.array([[wanted]]), np.array([[energy_kwh]]), KW, KWH)
    return int(found[0, 0])


@pytest.mark.parametrize(("wanted", "kw"), [(0, -200.0), (15, -12.5), (16, 0.0), (17, 12.5)])
def test_33_powers_between_the_ratings(wanted, kw):
    assert power_kw(np.array([wanted]), KW)[0] == kw
    assert power_kw(np.array([32]), KW)[0] == 200.0


@pytest.mark.parametrize(
    ("wanted", "energy_kwh", "carried_out"),
    [
        (32, 1000.0, 32),
        (32, 200.0, 32),  # 200 kW for an hour, and 200 kWh are there
        (32, 199.0, 31),  # 187.5 kW
        (32, 30.0, 18),  # 25 kW
        (17, 12.0, 16),  # not even 12.5 kW
        (32, 0.0, 16),
        (0, 1000.0, 16),  # full
        (0, 800.0, 0),
        (0, 801.0, 1),  # room for 199 kWh: 187.5 kW
        (14, 990.0, 16),  # room for 10 kWh
        (16, 0.0, 16),
        (16, 1000.0, 16),
        (24, 0.0, 16),
        (8, 0.0, 8),
    ],
)
def test_power_is_the_nearest_that_energy_or_room_lasts(wanted, energy_kwh, carried_out):
    assert setting(wanted, energy_kwh) == carried_out


def test_power_never_empties_or_overfills_and_never_turns():
    wanted = np.arange(33)[:, None]
    for energy in range(0, 1001, 7):
        found = feasible_setting(wanted, np.full((33, 1), float(energy)), KW, KWH)
        kw = power_kw(found, KW)
        assert (kw <= energy + 1e-6).all()
        assert (kw >= energy - 1000.0 - 1e-6).all()
        assert (np.sign(found - 16) * np.sign(wanted - 16) >= 0).all()
        assert (np.abs(found - 16) <= np.abs(wanted - 16)).all()


@pytest.mark.parametrize(
    ("delivered_kw", "after_kwh"),
    [
        (12.5, 988.0),  # 987.5: to the even one
        (37.5, 962.0),  # 962.5: to the even one
        (12.5 + 1e-9, 988.0),  # rounding of a power flow is none of the battery's
        (12.5 + 1e-4, 987.0),
        (12.4, 988.0),
        (-5.0, 1000.0),  # full
        (2000.0, 0.0),  # empty
        (0.0, 1000.0),
    ],
)
def test_energy_is_kept_in_whole_kwh(delivered_kw, after_kwh):
    found = energy_after(np.array([[1000.0]]), np.array([[delivered_kw]]), KWH)
    assert found[0, 0] == after_kwh
