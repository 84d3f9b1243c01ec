"""Sections of the IEEE 123 feeder as one reads them off its drawing, and laws of any."""

from dataclasses import replace

import numpy as np
import pytest

from grid_fed_rl import compile_network, load, nominal_setpoint
from grid_fed_rl.envs.flisr import EQUIPMENT, SwitchGear, equipped, flisr_case
from grid_fed_rl.envs.flisr.dynamics import setpoint_of, solved
from grid_fed_rl.envs.flisr.sections import sections_of
from grid_fed_rl.errors import TaskError
from grid_fed_rl.feeders import SwitchKind, Terminal, validate

FEEDERS = ["ieee123", "baran_wu_33"]


def test_sections_of_ieee_123_and_what_joins_them():
    case = flisr_case("ieee123")
    sections = case.sections
    kw = dict(zip(sections.names, case.section_kw.tolist(), strict=True))
    # Loads of the data sheet, added up by hand between the switches of the drawing.
    assert kw == {
        "150": 0.0,
        "149": 760.0,
        "152": 550.0,
        "135": 755.0,
        "160": 1105.0,
        "61s": 0.0,
        "197": 320.0,
    }
    joins = {
        name: (sections.names[a], sections.names[b])
        for name, (a, b) in zip(sections.switches, sections.ends, strict=True)
    }
    assert joins == {
        "sw1": ("150", "149"),
        "sw2": ("149", "152"),
        "sw3": ("149", "135"),
        "sw4": ("152", "160"),
        "sw5": ("160", "197"),
        "sw6": ("152", "61s"),
        "sw7": ("135", "197"),
        "sw8": ("152", "160"),
        "sw9": ("150", "149"),
        "sw10": ("150", "160"),
        "sw11": ("150", "197"),
    }
    open_ones = {n for n, on in zip(sections.switches, sections.normal, strict=True) if not on}
    assert open_ones == {"sw7", "sw8", "sw9", "sw10", "sw11"}


@pytest.mark.parametrize("feeder", FEEDERS)
def test_equipped_feeders_are_valid_and_keep_their_load(feeder):
    plain, with_switches = load(feeder), equipped(load(feeder), EQUIPMENT[feeder])
    assert not validate(with_switches)
    assert with_switches.loads == plain.loads


def test_switches_of_no_length_change_nothing():
    plain = compile_network(load("baran_wu_33"))
    case = flisr_case("baran_wu_33")
    one = case.nominal
    flow = solved(case, one, np.zeros(1), None, None)
    base = solved(replace(case, network=plain), nominal_setpoint(plain), np.zeros(1), None, None)
    at = [case.network.node_index[name] for name in plain.node_names]
    np.testing.assert_allclose(flow.v_pu[:, at], base.v_pu, rtol=0, atol=1e-7)


@pytest.mark.parametrize("feeder", FEEDERS)
def test_what_is_live_by_sections_is_what_the_power_flow_has_a_voltage_for(feeder):
    case = flisr_case(feeder)
    sections, rng = case.sections, np.random.default_rng(3)
    closed = rng.random((400, len(sections.switches))) < 0.6
    live = sections.standing(closed).live
    served = sections.serves(live)
    kw = np.tile(0.1 * case.load_kw, (400, 1))
    flow = solved(case, setpoint_of(case, closed, served, kw, 0.3 * kw), np.zeros(400), None, 1)
    v = np.abs(flow.v_pu)[flow.converged]
    assert flow.converged.mean() > 0.95
    whole = sections.energises(live)[flow.converged]
    any_phase = np.asarray(live[:, sections.node_vertex].any(axis=2))[flow.converged]
    assert v[whole].min() > 0.5
    assert v[~any_phase].max() < 0.15  # what live phases beside it induce in a dead one
    assert whole.any()
    assert (~any_phase).any()


def test_loops_are_those_of_the_phase_that_has_most():
    sections = flisr_case("ieee123").sections
    at = {name: k for k, name in enumerate(sections.switches)}
    for also, n_loops in ((), 0), (("sw8",), 1), (("sw7",), 1), (("sw7", "sw8"), 2):
        closed = sections.normal.copy()
        closed[[at[name] for name in also]] = True
        label = sections.standing(closed[None]).label
        assert sections.loops(closed[None], label)[0] == n_loops, also


def test_a_one_phase_tie_brings_one_phase_back():
    sections = flisr_case("ieee123").sections
    at = {name: k for k, name in enumerate(sections.switches)}
    closed = sections.normal.copy()
    closed[at["sw4"]], closed[at["sw8"]] = False, True
    live = sections.standing(closed[None]).live.reshape(-1, 3)
    assert live[sections.names.index("160")].tolist() == [True, False, False]
    assert live[sections.names.index("152")].tolist() == [True, True, True]


class TestRefuses:
    def test_feeder_without_a_switch(self):
        with pytest.raises(TaskError, match="'ieee37' has no switch"):
            sections_of(compile_network(load("ieee37")))

    def test_feeder_without_switchgear_of_this_task(self):
        with pytest.raises(TaskError, match="feeder 'ieee37'; laid out: ieee123, ieee8500"):
            flisr_case("ieee37")

    def test_section_that_no_breaker_guards(self):
        gear = replace(EQUIPMENT["ieee123"], protective={"sw1": SwitchKind.BREAKER})
        feeder = equipped(load("ieee123"), gear)
        with pytest.raises(TaskError, match="no breaker or recloser stands on some way"):
            sections_of(compile_network(feeder))

    def test_feeder_with_a_loop(self):
        feeder = equipped(load("ieee123"), EQUIPMENT["ieee123"])
        switches = {**feeder.switches, "sw7": replace(feeder.switches["sw7"], closed=True)}
        with pytest.raises(TaskError, match="not radial"):
            sections_of(compile_network(replace(feeder, switches=switches)))

    def test_section_that_is_dead_when_nothing_is_wrong(self):
        feeder = equipped(load("ieee123"), EQUIPMENT["ieee123"])
        switches = {**feeder.switches, "sw3": replace(feeder.switches["sw3"], closed=False)}
        with pytest.raises(TaskError, match="is dead while every switch stands"):
            sections_of(compile_network(replace(feeder, switches=switches)))

    def test_switch_between_unlike_phases(self):
        feeder = equipped(load("ieee123"), EQUIPMENT["ieee123"])
        crossed = replace(feeder.switches["sw8"], to=Terminal("76", (2,)))
        switches = {**feeder.switches, "sw8": crossed}
        with pytest.raises(TaskError, match=r"'sw8' joins 54\.1 and 76\.2"):
            sections_of(compile_network(replace(feeder, switches=switches)))

    @pytest.mark.parametrize(
        ("gear", "words"),
        [
            (SwitchGear(sectionalisers={"s": "l999"}), "no line 'l999'"),
            (SwitchGear(ties={"t": ("nowhere.1", "94.1", "switch1", 1.0)}), "no bus 'nowhere'"),
            (SwitchGear(ties={"t": ("54.1", "94.1", "gold", 1.0)}), "no line code 'gold'"),
            (SwitchGear(protective={"sw99": SwitchKind.BREAKER}), "no switch 'sw99'"),
            (SwitchGear(amps={"sw99": 1.0}), "no switch 'sw99'"),
        ],
    )
    def test_switchgear_on_what_is_not_there(self, gear, words):
        with pytest.raises(TaskError, match=words):
            equipped(load("ieee123"), gear)
