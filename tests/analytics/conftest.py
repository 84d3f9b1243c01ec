"""Made-up results of the seven policies, plausible in size."""

import pytest

MEANS = {
    "no_control": (-520.0, 1460.0, 0.182, 31.2, 0.0),
    "local_rules": (-455.0, 1330.0, 0.021, 1.9, 38.0),
    "behaviour": (-462.0, 1345.0, 0.034, 2.7, 61.0),
    "local_only": (-448.0, 1312.0, 0.017, 1.4, 44.0),
    "pooled": (-431.0, 1268.0, 0.006, 0.42, 31.0),
    "federated": (-434.0, 1275.0, 0.0075, 0.55, 33.0),
    "federated_private": (-443.0, 1296.0, 0.0131, 0.98, 36.0),
}
NAMES = ("return", "loss_kwh", "violation_rate", "violation_pu", "operations")


@pytest.fixture
def metrics() -> dict[str, dict[str, dict[str, float]]]:
    return {
        policy: {
            name: {"mean": x, "low": x - 0.05 * abs(x), "high": x + 0.05 * abs(x)}
            for name, x in zip(NAMES, means, strict=True)
        }
        for policy, means in MEANS.items()
    }


@pytest.fixture
def privacy() -> dict[str, object]:
    """A statement with the keys of a private run whose guarantee holds."""
    return {
        "mode": "site_day_dp",
        "holds": True,
        "epsilon": 7.93,
        "delta": 1e-5,
        "budget": 8.0,
        "unit": "one site-day trajectory",
        "clip": None,
        "n_steps": 400,
        "accountant": "PLD, dp-accounting 0.6.0",
        "epsilon_by_site": {"coastal": 7.93, "desert": 7.91},
        "caveats": ("Rounding is <not> covered.",),
        "exclusions": [],
    }
