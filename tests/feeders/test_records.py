"""Records and feeders: what they compute, compare and refuse."""

import math
import pickle
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders import (
    Bus,
    Connection,
    Pv,
    Regulator,
    Storage,
    Terminal,
    Winding,
    load,
)

WYE, WYE_N, DELTA = Connection.WYE, Connection.WYE_N, Connection.DELTA


@given(
    st.text("abc019_-", min_size=1),
    st.lists(st.integers(0, 12), min_size=1, max_size=5),
)
def test_terminal_reads_what_it_writes(bus: str, phases: list[int]) -> None:
    terminal = Terminal(bus, tuple(phases))
    assert Terminal.parse(str(terminal)) == terminal


def test_terminal_keeps_the_order_of_its_conductors() -> None:
    assert Terminal.parse(" 632.3.2 ") == Terminal("632", (3, 2))


@pytest.mark.parametrize("text", ["", "632", ".1", "632.", "632.a", "632.-1", "632.1.", "632.²"])
def test_terminal_refuses_what_has_no_bus_or_no_node(text: str) -> None:
    with pytest.raises(FeederError, match=r"expected 'bus\.node\[\.node\.\.\.\]'"):
        Terminal.parse(text)


def test_buses_without_coordinates_are_equal() -> None:
    assert Bus("a", 4.16) == Bus("a", 4.16)
    assert hash(Bus("a", 4.16)) == hash(Bus("a", 4.16))
    assert Bus("a", 115) == Bus("a", 115.0, math.nan, math.nan)
    assert Bus("a", 4.16) != Bus("a", 4.16, 0.0, 0.0)
    assert Bus("a", 4.16, 1.0, 2.0) != Bus("a", 4.16, 1.0, 3.0)
    assert Bus("a", 4.16) != "a"


@pytest.mark.parametrize(
    ("connection", "phases", "n_coils"),
    [
        *((WYE, (2,), 1), (WYE, (1, 2, 3), 3)),
        *((WYE_N, (1, 4), 1), (WYE_N, (1, 2, 3, 4), 3)),
        *((DELTA, (1, 2), 1), (DELTA, (0, 2), 1), (DELTA, (1, 2, 3), 3)),
    ],
)
def test_coils_lie_to_ground_to_the_neutral_or_between_conductors(
    connection: Connection, phases: tuple[int, ...], n_coils: int
) -> None:
    assert Winding(Terminal("a", phases), connection, 4.16, 500, 0.5).n_coils == n_coils


def test_a_32_step_regulator_moves_by_five_eighths_of_a_percent() -> None:
    assert Regulator("r", "t").step_pu == pytest.approx(0.00625)


def test_transformers_count_their_coils() -> None:
    transformers = load("ieee13").transformers
    assert (transformers["sub"].n_phases, transformers["reg1"].n_phases) == (3, 1)


def test_mappings_and_records_are_read_only() -> None:
    feeder = load("ieee13")
    with pytest.raises(TypeError, match="does not support item assignment"):
        feeder.loads["671"] = feeder.loads["645"]  # pyright: ignore[reportIndexIssue]
    with pytest.raises(FrozenInstanceError):
        feeder.name = "mine"  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(FrozenInstanceError):
        feeder.loads["671"].kw = 0.0  # pyright: ignore[reportAttributeAccessIssue]


def test_a_feeder_does_not_follow_the_dictionary_it_was_made_from() -> None:
    loads = dict(load("ieee13").loads)
    feeder = replace(load("ieee13"), loads=loads)
    loads.clear()
    assert len(feeder.loads) == 15


@pytest.mark.parametrize("name", ["ieee13", "ieee123"])
def test_pickle_is_identity(name: str) -> None:
    feeder = load(name)
    feeder.phases_of("632")  # what is remembered does not travel
    again = pickle.loads(pickle.dumps(feeder))
    assert again == feeder
    with pytest.raises(TypeError):
        again.loads["new"] = None


def test_phases_of_a_bus_are_those_its_conductors_bring() -> None:
    feeder = load("ieee13")
    phases = {bus: feeder.phases_of(bus) for bus in ("sourcebus", "645", "684", "611", "634")}
    assert phases == {
        "sourcebus": (1, 2, 3),
        "645": (2, 3),
        "684": (1, 3),
        "611": (3,),
        "634": (1, 2, 3),
    }
    assert feeder.phases_of("nowhere") == ()


def pv(name: str) -> Pv:
    return Pv(name, Terminal("675", (1, 2, 3)), WYE, 4.16, 100.0, 110.0)


def battery(name: str) -> Storage:
    return Storage(name, Terminal("671", (1, 2, 3)), WYE, 4.16, 250.0, 1000.0, 275.0)


def test_with_adds_der_and_leaves_the_feeder_as_it_was() -> None:
    feeder = load("ieee13")
    grown = feeder.with_(pvs=[pv("roof")], storages=[battery("tesseract")])
    assert grown.pvs == {"roof": pv("roof")}
    assert grown.with_(pvs=iter([pv("field")])).pvs.keys() == {"roof", "field"}
    assert grown.storages == {"tesseract": battery("tesseract")}
    assert grown.loads == feeder.loads
    assert not feeder.pvs


@pytest.mark.parametrize(
    "more",
    [
        {"pvs": [pv("roof")]},
        {"storages": [battery("roof")]},
        {"pvs": [pv("cell")]},
        {"pvs": [pv("new"), pv("new")]},
        {"pvs": [pv("new")], "storages": [battery("new")]},
    ],
)
def test_with_refuses_a_name_that_is_taken(more: dict[str, Any]) -> None:
    feeder = load("ieee13").with_(pvs=[pv("roof")], storages=[battery("cell")])
    with pytest.raises(FeederError, match=r"feeder 'ieee13': DER '(roof|cell|new)' is already"):
        feeder.with_(**more)
