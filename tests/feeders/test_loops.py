"""Loops: where a tree is required, each is named by its branches."""

from collections.abc import Callable
from dataclasses import replace

from grid_fed_rl.feeders import (
    Bus,
    Connection,
    Feeder,
    LineCode,
    Reactor,
    Terminal,
    Transformer,
    Winding,
    load,
    validate,
)

Change = Callable[[Feeder], Feeder]


def line(name: str, start: str, end: str) -> Change:
    """Add a line as long as that between 671 and 680."""

    def add(feeder: Feeder) -> Feeder:
        like = feeder.lines["671680"]
        ends = {"from_": Terminal.parse(start), "to": Terminal.parse(end)}
        return replace(feeder, lines={**feeder.lines, name: replace(like, name=name, **ends)})

    return add


def test_loops_name_their_branches() -> None:
    ring = line("tie", "680.1.2.3", "675.1.2.3")(load("ieee13"))
    assert validate(ring) == []
    (issue,) = validate(ring, radial=True)
    assert issue.field == "loop"
    assert issue.element == "feeder"
    branches = set(str(issue.value).split(", "))
    assert branches == {"line 'tie'", "line '671680'", "line '692675'", "switch '671692'"}
    switch = replace(ring.switches["671692"], closed=False)
    opened = replace(ring, switches={"671692": switch})
    assert validate(opened, radial=True) == []


def test_a_reactor_closes_a_loop_as_a_line_does() -> None:
    ends = (Terminal("671", (1, 2, 3)), Terminal("680", (1, 2, 3)))
    feeder = replace(load("ieee13"), reactors={"choke": Reactor("choke", *ends, 0.1j)})
    (issue,) = validate(feeder, radial=True)
    assert issue.value == "line '671680', reactor 'choke'"


def test_every_loop_is_named_once() -> None:
    feeder = line("second", "671.1.2.3", "680.1.2.3")(load("ieee13"))
    feeder = line("third", "671.3.2.1", "680.3.2.1")(feeder)
    found = [issue.value for issue in validate(feeder, radial=True)]
    assert found == ["line '671680', line 'second'", "line '671680', line 'third'"]


def test_lines_that_share_no_conductor_are_no_loop() -> None:
    feeder = load("ieee13")
    code = LineCode("one", ((0.1 + 0.3j,),), ((0.0,),))
    like = replace(feeder.lines["671680"], code="one")
    thirds = {
        f"third{n}": replace(
            like, name=f"third{n}", from_=Terminal("671", (n,)), to=Terminal("680", (n,))
        )
        for n in (1, 2, 3)
    }
    lines = {name: one for name, one in feeder.lines.items() if name != "671680"} | thirds
    apart = replace(feeder, lines=lines, line_codes={**feeder.line_codes, "one": code})
    assert validate(apart, radial=True) == []


def test_an_open_delta_bank_and_its_jumper_are_no_loop() -> None:
    feeder = load("ieee13")
    coils = {
        f"open{n}": Transformer(
            f"open{n}",
            (
                Winding(Terminal("680", nodes), Connection.DELTA, 4.16, 500.0, 0.5),
                Winding(Terminal("beyond", nodes), Connection.DELTA, 4.16, 500.0, 0.5),
            ),
            (2.0,),
        )
        for n, nodes in enumerate(((1, 2), (3, 2)), start=1)
    }
    jumper = replace(
        feeder.lines["684652"],
        name="jumper",
        from_=Terminal("680", (2,)),
        to=Terminal("beyond", (2,)),
    )
    bank_of_two = replace(
        feeder,
        buses={**feeder.buses, "beyond": Bus("beyond", 4.16)},
        transformers={**feeder.transformers, **coils},
        lines={**feeder.lines, "jumper": jumper},
    )
    assert validate(bank_of_two, radial=True) == []
