"""Distance, regulation zone and parent of nodes."""

from dataclasses import replace

import pytest

from grid_fed_rl.feeders import Connection, Feeder, Terminal, load
from grid_fed_rl.feeders.topology import HEAD_ZONE, places

FT_KM = 0.3048e-3


def test_distances_add_up_the_lines_to_the_source() -> None:
    at = places(load("ieee13"))
    assert at["sourcebus", 2].distance_km == 0.0
    assert at["632", 1].distance_km == pytest.approx(2000 * FT_KM)
    assert at["671", 1].distance_km == pytest.approx(4000 * FT_KM)
    switch_km = load("ieee13").switches["671692"].length_m / 1000
    assert at["675", 3].distance_km == pytest.approx(4500 * FT_KM + switch_km)
    assert at["652", 1].distance_km == pytest.approx((4000 + 300 + 800) * FT_KM)


def test_every_node_is_reached_from_its_parent() -> None:
    feeder = load("ieee123")
    at = places(feeder)
    assert len(at) == 278
    assert [node for node, place in at.items() if place.parent is None] == [
        ("150", 1),
        ("150", 2),
        ("150", 3),
    ]
    for place in at.values():
        if place.parent is not None:
            assert at[place.parent].distance_km <= place.distance_km


def test_zones_begin_behind_regulators() -> None:
    at = places(load("ieee123"))
    zones = {
        node: at[node].zone for node in [("150", 1), ("1", 1), ("14", 1), ("67", 2), ("26", 3)]
    }
    assert zones == {
        ("150", 1): HEAD_ZONE,
        ("1", 1): "creg1a",
        ("14", 1): "creg2a",
        ("67", 2): "creg4b",
        ("26", 3): "creg3c",
    }


@pytest.mark.parametrize("delta_first", [True, False])
def test_a_delta_coil_joins_both_its_conductors(delta_first: bool) -> None:
    feeder = one_phase_transformer(delta_first=delta_first)
    at = places(feeder)
    assert ("634", 2) in at
    assert {at["634", phase].parent for phase in feeder.phases_of("634")} <= {
        ("633", 1),
        ("633", 2),
    }


def one_phase_transformer(*, delta_first: bool) -> Feeder:
    """IEEE 13 whose transformer to 634 has one coil, on two phases of one side."""
    feeder = load("ieee13")
    first, second = feeder.transformers["xfm1"].windings
    wide = {"connection": Connection.DELTA, "terminal": Terminal("633", (1, 2))}
    narrow = {"terminal": Terminal("634", (2,)), "kv": 0.277}
    if not delta_first:
        wide["terminal"], narrow["terminal"] = Terminal("634", (1, 2)), Terminal("633", (2,))
        wide, narrow = narrow | {"kv": 2.4}, wide
    windings = (replace(first, **wide), replace(second, **narrow))
    transformer = replace(feeder.transformers["xfm1"], windings=windings)
    return replace(feeder, transformers={**feeder.transformers, "xfm1": transformer})


def test_open_switches_lead_nowhere() -> None:
    feeder = load("ieee13")
    switches = {"671692": replace(feeder.switches["671692"], closed=False)}
    at = places(replace(feeder, switches=switches))
    assert ("671", 1) in at
    assert ("692", 1) not in at
    assert ("675", 1) not in at
