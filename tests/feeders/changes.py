"""Ways to change a shipped feeder, for the better or the worse."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from grid_fed_rl.feeders import (
    CapacitorControl,
    CapacitorControlKind,
    Connection,
    Feeder,
    Pv,
    Reactor,
    Storage,
    Terminal,
)

Change = Callable[[Feeder], Feeder]
AT_675 = (Terminal("675", (1, 2, 3)), Connection.WYE, 4.16)


def changed(kind: str, name: str, /, **values: Any) -> Change:
    """Give fields of one record other values."""

    def broken(feeder: Feeder) -> Feeder:
        records = getattr(feeder, kind)
        return replace(feeder, **{kind: {**records, name: replace(records[name], **values)}})

    return broken


def winding(transformer: str, n: int, **values: Any) -> Change:
    """Give fields of one winding other values."""

    def broken(feeder: Feeder) -> Feeder:
        windings = list(feeder.transformers[transformer].windings)
        windings[n - 1] = replace(windings[n - 1], **values)
        return changed("transformers", transformer, windings=tuple(windings))(feeder)

    return broken


def source(**values: Any) -> Change:
    return lambda feeder: replace(feeder, source=replace(feeder.source, **values))


def renamed(kind: str, old: str, new: str) -> Change:
    """Give a record another name, and its key with it."""

    def broken(feeder: Feeder) -> Feeder:
        records: Mapping[str, Any] = getattr(feeder, kind)
        rest = {k: v for k, v in records.items() if k != old}
        return replace(feeder, **{kind: {**rest, new: replace(records[old], name=new)}})

    return broken


def der(pv: Mapping[str, Any] | None = None, storage: Mapping[str, Any] | None = None) -> Change:
    """Put a PV system or a battery on the feeder, with some ratings."""

    def broken(feeder: Feeder) -> Feeder:
        cell = Storage("cell", *AT_675, 250.0, 1000.0, 275.0)
        return feeder.with_(
            pvs=[replace(Pv("roof", *AT_675, 100.0, 110.0), **pv)] if pv else (),
            storages=[replace(cell, **storage)] if storage else (),
        )

    return broken


def bank(**values: Any) -> Change:
    """Give a capacitor a voltage control, with some settings."""
    control = CapacitorControl(CapacitorControlKind.VOLTAGE, 118.0, 124.0)
    return changed("capacitors", "cap1", control=replace(control, **values))


def line_drop(**values: Any) -> Change:
    """Give the control of a regulator some other settings."""

    def broken(feeder: Feeder) -> Feeder:
        control = feeder.regulators["reg1"].control
        assert control is not None
        return changed("regulators", "reg1", control=replace(control, **values))(feeder)

    return broken


def reactor(**values: Any) -> Change:
    """Put a reactor between 671 and 680, with some other values."""
    ends = (Terminal("671", (1, 2, 3)), Terminal("680", (1, 2, 3)))
    choke = replace(Reactor("choke", *ends, 0.01 + 0.1j), **values)
    return lambda feeder: replace(feeder, reactors={"choke": choke})


def code(**values: Any) -> Change:
    return changed("line_codes", "mtx603", **values)
