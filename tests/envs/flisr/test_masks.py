"""Masks against brute force: every action tried on a graph of single nodes."""

from collections import defaultdict

import numpy as np
import pytest

from grid_fed_rl.envs.flisr import FLISRConfig, FLISRVectorEnv, Refusal, flisr_case
from grid_fed_rl.feeders import Feeder


class NodeGraph:
    """Nodes of a feeder, joined by lines, transformers phase by phase, and closed switches."""

    def __init__(self, feeder: Feeder) -> None:
        self.switches = list(feeder.switches.values())
        self.source = [(feeder.source.bus, phase) for phase in (1, 2, 3)]
        self.fixed = defaultdict(set)
        for line in feeder.lines.values():
            self._join(self.fixed, line.from_, line.to)
        for one in feeder.transformers.values():
            for other in one.windings[1:]:
                self._join(self.fixed, one.windings[0].terminal, other.terminal)

    @staticmethod
    def _join(edges, a, b):
        for i, j in zip(a.phases, b.phases, strict=True):
            edges[a.bus, i].add((b.bus, j))
            edges[b.bus, j].add((a.bus, i))

    def reached(self, start, closed) -> set:
        edges = defaultdict(set)
        for switch, on in zip(self.switches, closed, strict=True):
            if on:
                self._join(edges, switch.from_, switch.to)
        found, queue = set(start), list(start)
        while queue:
            node = queue.pop()
            for to in self.fixed[node] | edges[node]:
                if to not in found:
                    found.add(to)
                    queue.append(to)
        return found

    def verdict(self, action: int, closed, suspected_buses: set[str]) -> Refusal:
        """What the mask should say."""
        if action == 0:
            return Refusal.NONE
        k, closes = (action - 1) // 2, action % 2 == 0
        if closed[k] == closes:
            return Refusal.ALREADY
        if not closes:
            return Refusal.NONE
        switch = self.switches[k]
        for phase in switch.from_.phases:
            if (switch.to.bus, phase) in self.reached([(switch.from_.bus, phase)], closed):
                return Refusal.LOOP
        after = closed.copy()
        after[k] = True
        if any(bus in suspected_buses for bus, _ in self.reached(self.source, after)):
            return Refusal.FAULT
        return Refusal.NONE


@pytest.mark.parametrize("feeder", ["ieee123", "baran_wu_33"])
def test_masks_agree_with_brute_force_over_random_play(feeder, legal):
    case = flisr_case(feeder, config=FLISRConfig(second_fault=0.9, horizon=40))
    graph, sections = NodeGraph(case.network.feeder), case.sections
    bus_of = [name.rpartition(".")[0] for name in case.network.node_names]
    buses = [
        {bus for bus, at in zip(bus_of, sections.node_section, strict=True) if at == k}
        for k in range(len(sections.names))
    ]
    envs = FLISRVectorEnv(case, 8)
    _, info = envs.reset(seed=11)
    rng, seen = np.random.default_rng(0), set()
    for _ in range(30):
        snapshot = envs.snapshot
        for lane in range(8):
            suspected = set().union(*(buses[k] for k in np.flatnonzero(snapshot.suspected[lane])))
            for action in range(case.n_actions):
                verdict = graph.verdict(action, snapshot.closed[lane], suspected)
                assert snapshot.refusals[lane, action] == verdict, case.action_names[action]
                assert info["action_mask"][lane, action] == (verdict == Refusal.NONE)
                seen.add(verdict)
        *_, info = envs.step(legal(rng, info["action_mask"]))
        assert not info["refused"].any()
        assert (info["costs"]["radiality"] == 0).all()
    assert seen == set(Refusal)


def test_legal_play_never_trips_anything_but_for_a_new_fault(legal):
    case = flisr_case("ieee123", config=FLISRConfig(second_fault=0.0))
    envs = FLISRVectorEnv(case, 64)
    _, info = envs.reset(seed=0)
    assert (info["tripped"] == 1).all()
    rng = np.random.default_rng(1)
    for _ in range(48):
        *_, info = envs.step(legal(rng, info["action_mask"]))
        assert not info["tripped"].any()
