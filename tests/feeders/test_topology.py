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
    assert at["680", 1].distance_km == pytest.approx((2000 + 667 + 1333 + 1000) * FT_KM)
    assert at["675", 3].distance_km == pytest.approx(4500 * FT_KM)
    assert at["652", 1].distance_km == pytest.approx((4000 + 300 + 800) * FT_KM)


def test_distances_of_ieee123_add_up_the_published_lengths() -> None:
    at = places(load("ieee123"))
    to_13 = (400, 300, 200, 300)  # 149-1-7-8-13
    to_60 = (400, 200, 125, 350, 750)  # 152-52-53-54-57-60
    to_83 = (350, 275, 200, 400, 100, 475, 175, 250, 250)  # 160r-67-72-76-77-78-80-81-82-83
    assert at["83", 1].distance_km == pytest.approx(sum(to_13 + to_60 + to_83) * FT_KM)
    to_10 = (400, 300, 200, 225, 425, 250)  # 149-1-7-8-9, 9r-14-10
    assert at["10", 1].distance_km == pytest.approx(sum(to_10) * FT_KM)


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
    expected = {
        ("150", 1): HEAD_ZONE,
        ("1", 1): "creg1a",
        ("14", 1): "creg2a",
        ("10", 1): "creg2a",
        ("9", 1): "creg1a",
        ("25", 1): "creg1a",
        ("26", 1): "creg3a",
        ("26", 3): "creg3c",
        ("61s", 2): "creg1a",
        ("610", 2): "creg1a",
        ("67", 2): "creg4b",
        ("83", 1): "creg4a",
        ("83", 2): "creg4b",
        ("83", 3): "creg4c",
        ("450", 1): "creg4a",
        ("300_open", 1): "creg1a",
    }
    assert {node: at[node].zone for node in expected} == expected


def test_zones_of_ieee13_are_its_phases_behind_the_substation() -> None:
    at = places(load("ieee13"))
    zones = {place.zone for (bus, _), place in at.items() if bus not in {"sourcebus", "650"}}
    assert zones == {"reg1", "reg2", "reg3"}
    assert all(
        place.zone == f"reg{phase}"
        for (bus, phase), place in at.items()
        if bus not in {"sourcebus", "650"}
    )


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
