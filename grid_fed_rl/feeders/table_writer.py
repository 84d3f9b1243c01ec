"""Writing a feeder as a folder of tables; see `table_columns` for the format."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

from grid_fed_rl.feeders.feeder import Feeder
from grid_fed_rl.feeders.table_columns import COLUMNS

__all__ = ["write_tables"]

_Cells = Iterator[tuple[object, ...]]  # in the order of COLUMNS; a NaN or None is blank


def _settings(control: object, *names: str) -> tuple[object, ...]:
    return tuple(getattr(control, name, None) for name in names)


def _line_codes(feeder: Feeder) -> _Cells:
    for code in feeder.line_codes.values():
        for i, (z_ohm, c_nf) in enumerate(zip(code.z_ohm_per_km, code.c_nf_per_km, strict=True)):
            for j in range(i + 1):
                yield code.name, "km", i + 1, j + 1, z_ohm[j].real, z_ohm[j].imag, c_nf[j]


def _transformers(feeder: Feeder) -> _Cells:
    for t in feeder.transformers.values():
        a, b = t.windings
        yield (
            *(t.name, a.terminal, b.terminal, a.connection, b.connection, a.kv, b.kv, a.kva),
            *(a.r_percent, b.r_percent, t.x_percent[0], t.antifloat_ppm, a.tap_pu, b.tap_pu),
        )


def _regulators(feeder: Feeder) -> _Cells:
    names = ("v_reg", "band_v", "pt_ratio", "ct_primary_a", "r_v", "x_v")
    for r in feeder.regulators.values():
        yield (
            *(r.name, r.transformer, r.tap_min_pu, r.tap_max_pu, r.n_steps),
            *_settings(r.control, *names),
        )


def _capacitors(feeder: Feeder) -> _Cells:
    for c in feeder.capacitors.values():
        yield (
            *(c.name, c.terminal, c.connection, c.kvar, c.kv, c.steps_closed),
            *_settings(c.control, "on", "off", "pt_ratio"),
        )


def _shunts(feeder: Feeder, kind: str) -> _Cells:
    for record in getattr(feeder, kind).values():
        yield tuple(getattr(record, column) for column in COLUMNS[kind])


def _tables(feeder: Feeder) -> dict[str, _Cells]:
    lines, switches = feeder.lines.values(), feeder.switches.values()
    return {
        "buses": ((b.name, b.kv_ll, b.x, b.y) for b in feeder.buses.values()),
        "line_codes": _line_codes(feeder),
        "lines": ((s.name, s.from_, s.to, s.code, s.length_m, "m") for s in lines),
        "switches": (
            (s.name, s.from_, s.to, s.code, s.length_m, "m", s.kind, int(s.closed))
            for s in switches
        ),
        "transformers": _transformers(feeder),
        "regulators": _regulators(feeder),
        "capacitors": _capacitors(feeder),
        **{kind: _shunts(feeder, kind) for kind in ("loads", "pvs", "storages")},
    }


def _toml(text: str) -> str:
    """A JSON string is a TOML string too, but for escaped surrogates."""
    return json.dumps(text, ensure_ascii=False)


def _head(feeder: Feeder) -> str:
    source = feeder.source
    text = {key: getattr(feeder, key) for key in ("name", "title", "provenance")}
    ohms = {
        f"{part}{n}_ohm": value
        for n, z in ((1, source.z1_ohm), (0, source.z0_ohm))
        for part, value in (("r", z.real), ("x", z.imag))
    }
    numbers = {key: getattr(source, key) for key in ("kv_ll", "v_pu", "angle_deg")} | ohms
    lines = [
        *(f"{key} = {_toml(value)}" for key, value in text.items()),
        f"frequency_hz = {float(feeder.frequency_hz)!r}",
        "",
        "[source]",
        f"name = {_toml(source.name)}",
        f"bus = {_toml(source.bus)}",
        *(f"{key} = {float(value)!r}" for key, value in numbers.items()),
    ]
    return "\n".join(lines) + "\n"


def write_tables(feeder: Feeder, folder: Path) -> None:
    """Write a feeder as a folder of tables, in metres and kilometres.

    The folder is created; tables already there are replaced, and those of kinds
    that the feeder lacks are removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "feeder.toml").write_text(_head(feeder), encoding="utf-8")
    for kind, cells in _tables(feeder).items():
        path, rows = folder / f"{kind}.csv", list(cells)
        if not rows:
            path.unlink(missing_ok=True)
            continue
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS[kind])
            writer.writerows(["" if cell != cell else cell for cell in row] for row in rows)
