"""Restorers judged on the same outages: waiting, rule and best in their order."""

import pytest

from grid_fed_rl.analytics.restoration import RESTORERS, judge_restorer, restoration_score

ID = "GridFedRL/BaranWu33-FLISR-v0"


@pytest.fixture(scope="module")
def found():
    return {name: judge_restorer(ID, name, 6) for name in RESTORERS}


def test_the_best_is_worth_a_hundred_waiting_nothing_and_the_rule_between(found):
    score = {
        name: restoration_score(one, found["nothing"], found["best"]) or 0.0
        for name, one in found.items()
    }
    assert (score["nothing"], score["best"]) == (0.0, 100.0)
    assert 50.0 < score["rule"] <= 100.0
    assert score["random"] < 0.0  # a legal action undoes what another did


def test_what_waits_moves_no_switch_and_pays_for_energy_alone(found):
    waiting = found["nothing"]
    assert waiting.operations == 0.0
    assert waiting.return_usd == pytest.approx(-10.0 * waiting.not_served_kwh)
    rule = found["rule"]
    assert rule.return_usd == pytest.approx(-10.0 * rule.not_served_kwh - 5.0 * rule.operations)


def test_outages_are_the_same_again():
    assert judge_restorer(ID, "random", 3) == judge_restorer(ID, "random", 3)


def test_no_score_where_nothing_can_be_won(found):
    assert restoration_score(found["rule"], found["best"], found["best"]) is None
