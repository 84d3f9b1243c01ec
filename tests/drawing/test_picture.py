"""A feeder while it runs: colours, rings and marks follow what is given."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from grid_fed_rl.drawing.live import DeviceStates
from grid_fed_rl.drawing.marks import voltage_scale
from grid_fed_rl.drawing.picture import FeederPicture
from grid_fed_rl.drawing.readings import Reading, Section, signed
from grid_fed_rl.feeders import load, names
from grid_fed_rl.powerflow import Network, compile_network

LIMITS = (0.95, 1.05)


@pytest.fixture(scope="module")
def network13() -> Network:
    return compile_network(load("ieee13"))


@pytest.fixture
def picture13(network13: Network) -> FeederPicture:
    return FeederPicture(network13, LIMITS, "IEEE 13", [])


def states_of(network: Network, v_pu: float = 1.0) -> DeviceStates:
    """Every node at one voltage, devices at rest."""
    feeder = network.feeder
    return DeviceStates(
        v_pu=np.full(network.n_nodes, v_pu),
        tap_position=np.zeros(len(network.regulators), dtype=int),
        capacitor_closed=np.zeros(len(network.capacitors), dtype=bool),
        switch_closed=np.ones(len(network.switches), dtype=bool),
        pv_kw=np.zeros(len(feeder.pvs)),
        soc=np.full(len(feeder.storages), np.nan),
    )


def with_bus(network: Network, states: DeviceStates, bus: str, *v_pu: float) -> DeviceStates:
    """The same states, the phases of a bus in order at these voltages."""
    changed = states.v_pu.copy()
    changed[[k for k, node in enumerate(network.node_names) if node.split(".")[0] == bus]] = v_pu
    return replace(states, v_pu=changed)


def pixel(picture: FeederPicture, frame: np.ndarray, bus: str) -> np.ndarray:
    """Where a bus stands in a frame."""
    x, y = picture.ax.transData.transform(picture.feeder.shape.at(bus))
    return frame[round(frame.shape[0] - 1 - y), round(x)]


@pytest.mark.parametrize("v_pu", [0.92, 0.96, 1.0, 1.03, 1.08])
def test_a_bus_has_the_colour_of_its_farthest_phase(network13, picture13, v_pu):
    states = with_bus(network13, states_of(network13), "671", 1.0, v_pu, 1.0)
    frame = picture13.frame(states, "", [])
    colours, norm = picture13.scale
    expected = np.array(colours(norm(v_pu))[:3]) * 255.0
    np.testing.assert_allclose(pixel(picture13, frame, "671"), expected, atol=2.0)
    grey = [0xA8] * 3
    np.testing.assert_allclose(pixel(picture13, frame, "633"), grey, atol=2.0)


def test_limits_are_blue_and_orange_wherever_they_are():
    for limits, span_pu in (((0.95, 1.05), 0.05), ((0.95, 1.05), 0.1), ((0.97, 1.06), 0.12)):
        colours, norm = voltage_scale(limits, span_pu)
        ends = np.array([colours(norm(limit)) for limit in limits])
        expected = [to_rgba("#0072B2"), to_rgba("#D55E00")]
        np.testing.assert_allclose(ends, expected, atol=0.02)
        np.testing.assert_allclose(colours(norm(1.0)), to_rgba("#a8a8a8"), atol=0.02)


def test_rings_stand_at_buses_with_a_phase_outside(network13):
    # The phase that is outside is not the one farthest from nominal.
    picture = FeederPicture(network13, (0.97, 1.05), "IEEE 13", [])
    states = with_bus(network13, states_of(network13), "671", 1.0, 0.965, 1.045)
    states = with_bus(network13, states, "634", 1.0, 0.97, 1.05)
    picture.frame(states, "", [])
    rings = [tuple(xy) for xy in np.asarray(picture.feeder.rings.get_offsets())]
    assert rings == [picture.feeder.shape.at("671")]
    picture.frame(states_of(network13), "", [])
    assert np.size(picture.feeder.rings.get_offsets()) == 0


def test_dead_buses_are_pale_and_have_no_ring(network13, picture13):
    states = with_bus(network13, states_of(network13), "680", 0.0, 0.0, 0.0)
    frame = picture13.frame(states, "", [])
    np.testing.assert_allclose(pixel(picture13, frame, "680"), [0xE0] * 3, atol=1.0)
    assert np.size(picture13.feeder.rings.get_offsets()) == 0


def test_taps_capacitors_and_switches_are_marked_as_they_stand(network13, picture13):
    states = replace(
        states_of(network13),
        tap_position=np.array([5, -3, 0]),
        capacitor_closed=np.array([True, False]),
        switch_closed=np.array([False]),
    )
    picture13.frame(states, "", [])
    feeder = picture13.feeder
    assert feeder.capacitor_dots is not None
    assert feeder.switch_dots is not None
    assert [words.get_text() for words, _ in feeder.tap_words] == ["+5 −3 0"]
    np.testing.assert_allclose(
        feeder.capacitor_dots.get_facecolors(), [to_rgba("#009E73"), to_rgba("white")]
    )
    np.testing.assert_allclose(feeder.switch_dots.get_facecolors(), [to_rgba("white")])
    (row,) = [k for k, e in enumerate(feeder.shape.edges) if e.element.startswith("switch.")]
    assert feeder.branches.get_colors()[row][3] == 0.0  # what is open is dashed instead


def test_a_battery_is_as_full_as_its_charge():
    from grid_fed_rl.envs.vvo import vvo_case

    network = vvo_case("ieee123").network
    picture = FeederPicture(network, LIMITS, "IEEE 123", [])
    picture.frame(replace(states_of(network), soc=np.array([0.0, 0.25, 0.5, 1.0])), "", [])
    fills = picture.feeder.battery_fills
    assert fills is not None
    heights = [np.ptp(np.asarray(path.vertices)[:, 1]) for path in fills.get_paths()]
    np.testing.assert_allclose(np.array(heights) / heights[-1], [0.0, 0.25, 0.5, 1.0])


@pytest.mark.parametrize(
    ("name", "some"), [("ieee13", "671"), ("ieee34", "890"), ("ieee37", "741")]
)
def test_no_name_stands_over_another_or_over_a_mark(name, some):
    picture = FeederPicture(compile_network(load(name)), LIMITS, name, [])
    taken = picture.feeder.taken()  # before taps are written, as long as they can be
    marks = {id(words) for words, _ in picture.feeder.tap_words}
    written = [text for text in picture.ax.texts if id(text) not in marks]
    assert some in {text.get_text() for text in written}
    boxes = [text.get_window_extent() for text in written]
    for k, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in [*boxes[:k], *taken])


@pytest.mark.parametrize("name", names())
def test_every_shipped_feeder_is_drawn_inside_the_frame(name):
    network = compile_network(load(name))
    picture = FeederPicture(network, LIMITS, network.feeder.title, [])
    frame = picture.frame(states_of(network, 1.05), "", [])
    xy = picture.ax.transData.transform(
        np.stack([picture.feeder.shape.layout.x, picture.feeder.shape.layout.y], axis=-1)
    )
    box = picture.ax.get_window_extent()
    assert (xy > box.min).all()
    assert (xy < box.max).all()
    orange = np.abs(frame.astype(int) - [0xD5, 0x5E, 0x00]).max(axis=2) <= 4
    assert orange.sum() > 500
    legend = picture.figure.legends[0].get_window_extent()
    assert legend.y1 < box.y0 + 0.01 * frame.shape[0]
    assert legend.x1 < frame.shape[1]


def test_a_column_too_long_says_what_it_leaves_out(network13):
    many = tuple(f"ev{k}" for k in range(100))
    sections = [
        Section("Violations", ("voltage",), [Reading("0 now")]),
        Section("Chargers", many, [Reading(f"{k} kW", k / 99.0) for k in range(100)]),
    ]
    picture = FeederPicture(network13, LIMITS, "", sections)
    frame = picture.frame(states_of(network13), "", sections)
    ax = picture.figure.axes[1]
    words = [text.get_text() for text in ax.texts]
    shown = sum(word.startswith("ev") for word in words)
    assert 20 < shown < 100
    assert f"and {100 - shown} more" in words
    assert "voltage" in words
    assert min(text.get_window_extent().y0 for text in ax.texts) > 0.0
    assert frame.shape == (640, 1120, 3)


@pytest.mark.parametrize(("tap", "words"), [(5, "+5"), (-16, "−16"), (0, "0")])
def test_a_tap_is_read_with_its_sign(tap, words):
    assert signed(tap) == words
