"""The guarantee, in words: complete when there is one, void when there is none."""

import json
import math
from pathlib import Path

import pytest

from grid_fed_rl.federated.ledger import Ledger, LedgerSummary
from grid_fed_rl.federated.noise import CryptographicNoise, ReproducibleNoise
from grid_fed_rl.federated.privacy import GaussianSteps, SiteDayPrivacy, epsilon_of
from grid_fed_rl.federated.statement import no_privacy, site_day_privacy

PRIVACY = SiteDayPrivacy(sigma=3.0, clip=0.5, sampling_rate=0.25, nominal_days=300)


@pytest.fixture
def ledgers(tmp_path: Path) -> list[LedgerSummary]:
    summaries = []
    for site, n_steps in (("a", 10), ("b", 30)):
        with Ledger(tmp_path / f"{site}.jsonl", site, 8.0, 1e-5) as ledger:
            ledger.reserve("r", 1, PRIVACY.steps(n_steps))
            summaries.append(ledger.summary)
    return summaries


def test_it_names_everything_a_guarantee_needs(ledgers: list[LedgerSummary]) -> None:
    statement = site_day_privacy(PRIVACY, ledgers, CryptographicNoise())
    spent = {n: epsilon_of([GaussianSteps(3.0, 0.25, n)], 1e-5) for n in (10, 30)}
    assert statement.holds
    assert statement.epsilon == spent[30]  # the largest, not the sum: sites are disjoint
    assert statement.epsilon_by_site == {"a": spent[10], "b": spent[30]}
    assert statement.ledger_heads == {ledger.site: ledger.head for ledger in ledgers}
    for part in (
        f"({spent[30]:.3g}, 1e-05)-differentially private",
        "one site-day trajectory",
        "add or remove one trajectory of one site",
        "towards the server, every other site",
        "epsilon 8 through",
        "noise multiplier 3, clip 0.5, sampling rate 0.25, 30 steps",
        "public number 75",
        "PLD, dp-accounting 0.6",
        "cryptographic",
        "float64",
        "Not covered: ",
    ):
        assert part in statement.text
    assert "VOID" not in statement.text


def test_repeatable_noise_voids_it_in_words(ledgers: list[LedgerSummary]) -> None:
    statement = site_day_privacy(PRIVACY, ledgers, ReproducibleNoise(0))
    assert not statement.holds
    assert statement.text.startswith("THE GUARANTEE IS VOID")
    assert "which anyone who has the seed can repeat" in statement.text


def test_without_privacy_it_says_so(ledgers: list[LedgerSummary]) -> None:
    statement = no_privacy()
    assert not statement.holds
    assert statement.epsilon == math.inf
    assert statement.text.startswith("No differential privacy.")


def test_it_is_json(ledgers: list[LedgerSummary]) -> None:
    for statement in (no_privacy(), site_day_privacy(PRIVACY, ledgers, CryptographicNoise())):
        data = json.loads(json.dumps(statement.as_dict(), allow_nan=False))
        assert data["mode"] == statement.mode
        assert data["holds"] is statement.holds
        assert data["delta"] == statement.delta
    assert no_privacy().as_dict()["epsilon"] is None


def test_one_repeatable_round_voids_all_later_ones(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.jsonl", "a", 8.0, 1e-5) as ledger:
        ledger.reserve("run", 1, PRIVACY.steps(1), repeatable=True)
    with Ledger(tmp_path / "ledger.jsonl", "a", 8.0, 1e-5) as ledger:
        ledger.reserve("run", 2, PRIVACY.steps(1))
        assert not site_day_privacy(PRIVACY, [ledger.summary], CryptographicNoise()).holds
