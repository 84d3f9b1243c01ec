"""Verdicts against results made by hand."""

import numpy as np
import pytest

from grid_fed_rl.demo.verdict import Verdict, in_words, verdicts

NBSP = "\u00a0"


def results(**policies: tuple[list[float], list[float]]):
    """Violation rates and losses by seed, of each policy."""
    return {
        name: {"violation_rate": np.array(rate), "loss_kwh": np.array(loss)}
        for name, (rate, loss) in policies.items()
    }


def verdict(mine: tuple[list[float], list[float]], theirs: tuple[list[float], list[float]]):
    [found] = verdicts(results(federated=mine, no_control=theirs), "federated", ["no_control"])
    return Verdict(found.better, found.text.replace(NBSP, " "), found.difference.replace(NBSP, " "))


def test_better_on_both_is_told_with_as_many_digits_as_are_worth_reading():
    found = verdict(
        ([0.0001, 0.0001, 0.0001], [637.0, 638.0, 639.0]),
        ([0.0491, 0.0492, 0.0493], [713.0, 714.0, 715.0]),
    )
    assert found.better
    assert found.text == (
        "Federated beats no control: voltage violations 0.01 % of node-steps instead of 4.92 %, "
        "energy loss 638 kWh a day instead of 714."
    )


def test_the_interval_is_that_of_the_paired_difference():
    # Differences in loss are -9, -10 and -11: mean -10, standard deviation 1, and
    # Student's t of 2 degrees of freedom is 4.302653, so the interval is 10 ± 2.484.
    # Unpaired, losses that differ by 100 from seed to seed would hide them.
    found = verdict(
        ([0.01, 0.01, 0.01], [91.0, 190.0, 289.0]),
        ([0.03, 0.03, 0.03], [100.0, 200.0, 300.0]),
    )
    assert found.better
    assert found.difference == (
        "against no control, voltage violations 2.00 percentage points lower and "
        "energy loss 8 to 12 kWh a day lower"
    )


def test_one_worse_mean_is_no_victory():
    better_loss = verdict(([0.02, 0.02], [90.0, 90.0]), ([0.01, 0.01], [100.0, 100.0]))
    fewer = verdict(([0.01, 0.01], [100.0, 101.0]), ([0.02, 0.02], [100.0, 100.0]))
    assert not better_loss.better
    assert not fewer.better
    assert better_loss.text == (
        "Federated beats no control on energy loss but not on voltage violations: voltage "
        "violations 2.00 % of node-steps instead of 1.00 %, energy loss 90 kWh a day instead of "
        "100."
    )
    assert fewer.text.startswith(
        "Federated beats no control on voltage violations but not on energy loss: voltage"
    )
    assert "violations 1.00 percentage points higher" in better_loss.difference
    assert "chance" not in fewer.text


def test_worse_on_both_is_told():
    found = verdict(([0.02, 0.02], [110.0, 110.0]), ([0.01, 0.01], [100.0, 100.0]))
    assert not found.better
    assert found.text.startswith("Federated does not beat no control: voltage violations 2.00 %")


def test_a_victory_that_may_be_chance_says_so():
    # Differences -1, 0 and -2: mean -1, half-width 2.484.
    found = verdict(
        ([0.01, 0.01, 0.01], [99.0, 100.0, 98.0]), ([0.02, 0.02, 0.02], [100.0, 100.0, 100.0])
    )
    assert found.better
    assert found.text.endswith("instead of 100. The difference in energy loss may be chance.")
    assert found.difference.endswith("energy loss from 3 lower to 1 kWh a day higher")


def test_equal_results_are_no_victory_and_are_told_once():
    same = ([0.0, 0.0], [100.0, 101.0])
    found = verdict(same, same)
    assert not found.better
    assert found.text == (
        "Federated does not beat no control: voltage violations 0.00 % of node-steps for both, "
        "energy loss 100 kWh a day for both."
    )
    assert found.difference == (
        "against no control, voltage violations the same and energy loss the same"
    )


@pytest.mark.parametrize(
    ("mine", "theirs", "said"),
    [
        (946.7, 947.1, "946.7 kWh a day instead of 947.1"),
        (946.71, 946.72, "946.71 kWh a day instead of 946.72"),
        (1234.0, 2345.0, "1,234 kWh a day instead of 2,345"),
        (100.0, 100.0000001, "100 kWh a day for both"),
    ],
)
def test_digits_are_added_until_numbers_differ(mine: float, theirs: float, said: str):
    found = verdict(([0.01, 0.01], [mine, mine]), ([0.02, 0.02], [theirs, theirs]))
    assert f"energy loss {said}." in found.text


def test_a_small_difference_keeps_a_digit_that_is_not_zero():
    found = verdict(
        ([0.0100000, 0.0100000], [99.8, 99.8]), ([0.0100004, 0.0100006], [100.0, 100.0])
    )
    # In per cent 0.00004 and 0.00006: mean 0.00005, half-width 12.706 * 0.00001.
    assert found.difference == (
        "against no control, voltage violations from 0.0002 lower to 0.0001 percentage points "
        "higher and energy loss 0.2 kWh a day lower"
    )


def test_numbers_keep_their_units_at_the_end_of_a_line():
    [found] = verdicts(
        results(federated=([0.01] * 2, [90.0] * 2), no_control=([0.02] * 2, [100.0] * 2)),
        "federated",
        ["no_control"],
    )
    assert f"1.00{NBSP}% of" in found.text
    assert f"90{NBSP}kWh a day" in found.text


def test_all_differences_stand_in_one_sentence():
    found = verdicts(
        results(
            federated=([0.01, 0.01], [90.0, 90.0]),
            no_control=([0.02, 0.02], [100.0, 100.0]),
            local_only=([0.03, 0.03], [95.0, 95.0]),
        ),
        "federated",
        ["no_control", "local_only"],
    )
    sentence = in_words(found).replace(NBSP, " ")
    assert sentence.count("95 % confidence") == 1
    assert "; against local only, voltage violations 2.00 percentage points" in sentence
    assert sentence.endswith("energy loss 5 kWh a day lower.")
