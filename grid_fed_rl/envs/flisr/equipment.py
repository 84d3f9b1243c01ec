"""Switches that the restoration task puts on a feeder, and which of them protect it.

Published feeders have few switches, and where their ties lead is left to the reader.
What is added here is written down, entry by entry, as data.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from grid_fed_rl.errors import TaskError
from grid_fed_rl.feeders import Feeder, Line, LineCode, Switch, SwitchKind, Terminal, load

__all__ = ["EQUIPMENT", "SwitchGear", "equipped", "feeder_named"]

THREE = (1, 2, 3)
SWITCH_CODE = "flisr_switch"
SWITCH_OHM_PER_KM = 1e-3  # over 1 m: one micro-ohm, as the closed switches of IEEE 123
SWITCH_M = 1.0


@dataclass(frozen=True)
class SwitchGear:
    """What stands on a feeder beside what it was published with.

    Attributes:
        sectionalisers: Name of a new switch -> line at whose upstream end it stands.
        neighbours: Bus of a neighbouring feeder's end -> code and length in metres of the
            three-phase line from the substation to it. Nothing else hangs on it.
        ties: Name of a normally open switch -> its two terminals, line code and length in
            metres. A switch of that name on the feeder is replaced.
        protective: Switch -> what trips by itself: a breaker or a recloser.
        amps: Switch -> rating.
    """

    sectionalisers: Mapping[str, str] = field(default_factory=dict)
    neighbours: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    ties: Mapping[str, tuple[str, str, str, float]] = field(default_factory=dict)
    protective: Mapping[str, SwitchKind] = field(default_factory=dict)
    amps: Mapping[str, float] = field(default_factory=dict)


EQUIPMENT: Mapping[str, SwitchGear] = {
    # The eleven switches of the published data sheet, at their published places and in
    # their normal state. Ours: the breaker and the recloser among them, the three lines
    # to the neighbours that 251, 350 and 451 belong to (1 km of configuration 1 each,
    # from the same substation), and ratings: 600 A for switches, 300 A for what a
    # neighbour can spare, 1200 A for the breaker.
    "ieee123": SwitchGear(
        neighbours={"251": ("1", 1000.0), "350": ("1", 1000.0), "451": ("1", 1000.0)},
        ties={
            "sw7": ("151.1.2.3", "300.1.2.3", "switch3", 1.0),
            "sw8": ("54.1", "94.1", "switch1", 1.0),
            "sw9": ("251.1.2.3", "250.1.2.3", "switch3", 1.0),
            "sw10": ("451.1.2.3", "450.1.2.3", "switch3", 1.0),
            "sw11": ("350.1.2.3", "300.1.2.3", "switch3", 1.0),
        },
        protective={
            "sw1": SwitchKind.BREAKER,
            "sw4": SwitchKind.RECLOSER,
            "sw9": SwitchKind.RECLOSER,
            "sw10": SwitchKind.RECLOSER,
            "sw11": SwitchKind.RECLOSER,
        },
        amps={
            "sw1": 1200.0,
            **dict.fromkeys(("sw2", "sw3", "sw4", "sw5", "sw6", "sw7", "sw8"), 600.0),
            **dict.fromkeys(("sw9", "sw10", "sw11"), 300.0),
        },
    ),
    # The 38 closed switches as published. Of the five open ones that the feeder leaves
    # out, two have both ends in one section and three join unlike phases, so that none
    # restores anything. Five ties of ours instead: straight lines between three-phase
    # buses whose sections are far apart along the feeder (lengths by the published
    # coordinates, in feet), in the conductor of the main line (397.5 kcmil ACSR, 590 A).
    # The breaker and the three reclosers are ours, too.
    "ieee8500": SwitchGear(
        ties={
            name: (f"{one}.1.2.3", f"{other}.1.2.3", "3ph_h-397_acsr397_acsr397_acsr2/0_acsr", m)
            for name, one, other, m in (
                ("tie1", "m1069310", "m1089118", 1426.0),
                ("tie2", "m1089196", "m1089185", 984.0),
                ("tie3", "m1069457", "l2990826", 1375.0),
                ("tie4", "m1009770", "m1026701", 1142.0),
                ("tie5", "m1142874", "e183493", 1452.0),
            )
        },
        protective={
            "a8735_48332_sw": SwitchKind.BREAKER,
            "a8869_48332_sw": SwitchKind.RECLOSER,
            "a8611_48332_sw": SwitchKind.RECLOSER,
            "ln4641075_sw": SwitchKind.RECLOSER,
        },
        amps=dict.fromkeys(("tie1", "tie2", "tie3", "tie4", "tie5"), 590.0),
    ),
    # The five ties as published. The paper lets every branch open; here seven do, beside
    # the breaker at the head: enough to cut the feeder into sections of some 500 kW.
    "baran_wu_33": SwitchGear(
        sectionalisers={
            "breaker": "b1",
            "s6": "b6",
            "s9": "b9",
            "s12": "b12",
            "s18": "b18",
            "s22": "b22",
            "s25": "b25",
            "s28": "b28",
        },
        protective={"breaker": SwitchKind.BREAKER, "s25": SwitchKind.RECLOSER},
    ),
}


def feeder_named(name: str) -> Feeder:
    """A shipped feeder with the switches of this task.

    Raises:
        TaskError: the task has no switches for this feeder.
    """
    if name not in EQUIPMENT:
        raise TaskError(
            f"no switches are laid out for feeder {name!r}; laid out: {', '.join(EQUIPMENT)}. "
            f"For another feeder use `equipped` with switches of your own"
        )
    return equipped(load(name), EQUIPMENT[name])


def equipped(feeder: Feeder, gear: SwitchGear) -> Feeder:
    """The feeder with this switchgear on it.

    Raises:
        TaskError: the switchgear names a line, bus, code or switch that is not there.
    """
    with_lines = _with_neighbours(feeder, gear)
    switches = _with_sectionalisers(with_lines, gear)
    switches = _with_ties(switches, gear)
    made = dict(switches.switches)
    for name, kind in gear.protective.items():
        made[name] = replace(made[_known(name, made, "switch")], kind=kind)
    for name, amps in gear.amps.items():
        made[name] = replace(made[_known(name, made, "switch")], amps=amps)
    used = {
        terminal.bus
        for branch in (*switches.lines.values(), *made.values())
        for terminal in (branch.from_, branch.to)
    }
    used |= {w.terminal.bus for one in switches.transformers.values() for w in one.windings}
    used |= {end.bus for one in switches.reactors.values() for end in (one.from_, one.to) if end}
    used.add(switches.source.bus)  # ties left their open points behind
    buses = {name: bus for name, bus in switches.buses.items() if name in used}
    return replace(switches, switches=made, buses=buses)


def _known(name: str, among: Mapping[str, object], what: str) -> str:
    if name not in among:
        raise TaskError(f"switchgear: no {what} {name!r} on the feeder")
    return name


def _with_neighbours(feeder: Feeder, gear: SwitchGear) -> Feeder:
    buses, lines = dict(feeder.buses), dict(feeder.lines)
    head = buses[feeder.source.bus]
    for bus, (code, length_m) in gear.neighbours.items():
        _known(code, feeder.line_codes, "line code")
        buses[bus] = replace(head, name=bus)
        near, far = Terminal(head.name, THREE), Terminal(bus, THREE)
        lines[f"neighbour_{bus}"] = Line(f"neighbour_{bus}", near, far, code, length_m)
    return replace(feeder, buses=buses, lines=lines)


def _with_sectionalisers(feeder: Feeder, gear: SwitchGear) -> Feeder:
    buses, lines, switches = dict(feeder.buses), dict(feeder.lines), dict(feeder.switches)
    codes = dict(feeder.line_codes)
    for name, line_name in gear.sectionalisers.items():
        line = lines[_known(line_name, lines, "line")]
        n = len(line.from_.phases)
        code = f"{SWITCH_CODE}{n}"
        codes[code] = _switch_code(code, n)
        beyond = Terminal(name, line.from_.phases)  # sections are called by such a bus
        buses[beyond.bus] = replace(buses[line.from_.bus], name=beyond.bus)
        switches[name] = Switch(name, line.from_, beyond, code, SWITCH_M)
        lines[line_name] = replace(line, from_=beyond)
    return replace(feeder, buses=buses, lines=lines, switches=switches, line_codes=codes)


def _with_ties(feeder: Feeder, gear: SwitchGear) -> Feeder:
    switches = dict(feeder.switches)
    for name, (one, other, code, length_m) in gear.ties.items():
        ends = Terminal.parse(one), Terminal.parse(other)
        for end in ends:
            _known(end.bus, feeder.buses, "bus")
        _known(code, feeder.line_codes, "line code")
        switches[name] = Switch(name, *ends, code, length_m, closed=False)
    return replace(feeder, switches=switches)


def _switch_code(name: str, n: int) -> LineCode:
    z = tuple(tuple(complex(SWITCH_OHM_PER_KM * (i == j)) for j in range(n)) for i in range(n))
    return LineCode(name, z, tuple((0.0,) * n for _ in range(n)))
