"""Lines, line codes and switches out of a compiled circuit."""

import math
from dataclasses import dataclass, field

from grid_fed_rl.feeders.opendss.circuit import (
    Circuit,
    Element,
    RefusedError,
    digits,
    distinct,
)
from grid_fed_rl.feeders.opendss.commands import SECTIONALISER
from grid_fed_rl.feeders.records import Line, LineCode, Switch, SwitchKind, Terminal

__all__ = ["read_lines"]

# Metres in OpenDSS's units of length; `none` takes the other side's unit.
METRES = {
    "mi": 1609.344,
    "kft": 304.8,
    "km": 1000.0,
    "m": 1.0,
    "ft": 0.3048,
    "in": 0.0254,
    "cm": 0.01,
    "mm": 0.001,
}
KM = 1000.0

SAME = 1e-9  # a line's matrices are its code's if they differ by no more than this share

DEFAULT_AMPS = 400.0  # OpenDSS's rating of a line of which the script says nothing

Matrix = tuple[tuple[float, ...], ...]
Matrices = tuple[Matrix, Matrix, Matrix]  # r, x in ohm, c in nF, per some unit of length


@dataclass
class Codes:
    """Line codes by name, those of the script and those of lines that have none."""

    by_name: dict[str, LineCode] = field(default_factory=dict)
    of_matrices: dict[Matrices, str] = field(default_factory=dict)

    def name_of(self, matrices: Matrices, wish: str) -> str:
        """Name of the code with these matrices (per km), a new one if need be."""
        key = _about(matrices)
        known = self.of_matrices.get(key)
        if known is not None:
            return known
        name, n = wish, 1
        while name in self.by_name:
            n += 1
            name = f"{wish}_{n}"
        self.of_matrices[key] = name
        self.by_name[name] = _code(name, matrices)
        return name


def read_lines(
    circuit: Circuit,
) -> tuple[dict[str, LineCode], dict[str, Line], dict[str, Switch]]:
    """Read every line; those that something opens become switches."""
    codes = Codes()
    per_unit = {e.name: e for e in circuit.elements("linecode")}
    for element in circuit.elements("linecode"):
        try:
            matrices = _per_km(_matrices(element), METRES.get(element.text("units"), KM))
        except RefusedError:  # a line that has it is refused by its own matrices
            circuit.report.ignored["linecode"] += 1
            continue
        circuit.report.read["linecode"] += 1
        codes.of_matrices.setdefault(_about(matrices), element.name)
        codes.by_name[element.name] = _code(element.name, matrices)
    reader = _Reader(circuit, codes, per_unit, _devices(circuit), circuit.was_set("line"))
    reader.rated = {
        name for name, keys in circuit.was_set("linecode").items() if "normamps" in keys
    }
    sections = list(circuit.read_each("line", reader.read))
    reader.say_units()
    lines = {s.name: s for s in sections if isinstance(s, Line)}
    switches = {s.name: s for s in sections if isinstance(s, Switch)}
    return codes.by_name, lines, switches


def _devices(circuit: Circuit) -> dict[str, tuple[SwitchKind, bool]]:
    """What opens each line, and whether it stands open by its switch control."""
    found: dict[str, tuple[SwitchKind, bool]] = {}
    for element in circuit.elements("swtcontrol"):
        kind, _, name = element.text("switchedobj").partition(".")
        what = SwitchKind.SWITCH
        if element.name.startswith(SECTIONALISER) and not element["enabled"]:
            what = SwitchKind.SECTIONALISER
        if kind == "line":
            found[name] = (what, bool(element["enabled"]) and element.text("state") == "open")
    for device, what in (
        ("relay", SwitchKind.BREAKER),
        ("recloser", SwitchKind.RECLOSER),
        ("fuse", SwitchKind.FUSE),
    ):
        for element in circuit.elements(device):
            kind, _, name = element.text("switchedobj").partition(".")
            if kind == "line":
                found[name] = (what, found.get(name, (what, False))[1])
                circuit.report.read[device] += 1
            else:
                circuit.refuse(element, f"opens {element['switchedobj']}; expected a line")
    circuit.report.read["swtcontrol"] += circuit.count("swtcontrol")
    return found


@dataclass
class _Reader:
    circuit: Circuit
    codes: Codes
    script_codes: dict[str, Element]
    devices: dict[str, tuple[SwitchKind, bool]]
    was_set: dict[str, list[str]]
    rated: set[str] = field(default_factory=set)
    without_unit: int = 0

    def read(self, e: Element) -> Line | Switch:
        (bus_1, nodes_1), (bus_2, nodes_2) = self.circuit.terminals(e)
        code, length_m = self._code_and_length(e)
        nodes_1, nodes_2 = distinct(bus_1, nodes_1), distinct(bus_2, nodes_2)
        common = (e.name, Terminal(bus_1, nodes_1), Terminal(bus_2, nodes_2), code, length_m)
        opened = self.circuit.opened(e)
        if any(map(any, opened)) and not any(map(all, opened)):
            raise RefusedError("some of its conductors are open; expected all or none")
        is_open = any(map(all, opened))
        device = self.devices.get(e.name)
        if not (e["switch"] or device or is_open):
            return Line(*common, amps=self._amps(e))
        if is_open and not all(map(all, opened)):
            self.circuit.stands_apart(e, "open at one end; read as open at both")
        kind, controlled_open = device or (SwitchKind.SWITCH, False)
        return Switch(
            *common, amps=self._amps(e), kind=kind, closed=not (is_open or controlled_open)
        )

    def _code_and_length(self, e: Element) -> tuple[str, float]:
        own, unit, length = _matrices(e), e.text("units"), e.number("length")
        code = self.script_codes.get(e.text("linecode"))
        if code is not None:
            code_unit = code.text("units")
            # OpenDSS converts nothing where one side has no unit.
            ratio = (
                METRES[unit] / METRES[code_unit] if unit in METRES and code_unit in METRES else 1
            )
            if _same(own, _scaled(_matrices(code), ratio)):
                if unit == "none":
                    unit = code_unit
                if code_unit == "none" and unit != "none":  # it means: per that unit
                    per_km = _per_km(_matrices(code), METRES[unit])
                    name = self.codes.name_of(per_km, f"{code.name}_per_{unit}")
                    return name, _metres(length, METRES[unit])
                self.without_unit += unit == "none"
                return code.name, _metres(length, METRES.get(unit, KM))
        self.without_unit += unit == "none"
        metres = METRES.get(unit, KM)
        wish = e.text("geometry") or e.text("spacing") or e.name
        if e["switch"]:  # its impedance is OpenDSS's own, not that of its line code
            wish = f"switch{int(e['phases'])}"
        per_km = _rounded(_per_km(own, metres))
        return self.codes.name_of(per_km, wish), _metres(length, metres)

    def _amps(self, e: Element) -> float:
        """The rating, infinite where the script leaves it to OpenDSS's default."""
        amps, code = e.number("normamps"), e.text("linecode")
        if amps <= 0:  # a wire of which the script says nothing
            return math.inf
        if amps != DEFAULT_AMPS or code in self.rated:
            return amps
        keys = self.was_set[e.name]
        if "normamps" not in keys:
            return math.inf
        # A line code sets the ratings of the line right after its own place.
        inherited = code and keys.index("normamps") - keys.index("linecode") <= 2
        return math.inf if inherited else amps

    def say_units(self) -> None:
        """Report lengths without a unit, once for all."""
        if self.without_unit:
            self.circuit.approximated(
                "line.*",
                f"{self.without_unit} line(s) have no unit of length: one unit is read as one "
                f"kilometre, which changes no impedance",
            )


def _metres(length: float, metres: float) -> float:
    return length if metres == 1.0 else digits(length * metres)


def _matrices(e: Element) -> Matrices:
    try:
        r, x, c = (
            tuple(tuple(float(value) for value in row) for row in e[key])
            for key in ("rmatrix", "xmatrix", "cmatrix")
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RefusedError("OpenDSS gives no impedance matrices of it") from error
    for name, matrix in (("rmatrix", r), ("xmatrix", x), ("cmatrix", c)):
        n = len(matrix)
        if not all(math.isfinite(value) for row in matrix for value in row):
            raise RefusedError(f"{name} has entries that are not numbers")
        scale = max((abs(value) for row in matrix for value in row), default=0.0)
        for i in range(n):
            for j in range(i):
                if abs(matrix[i][j] - matrix[j][i]) > SAME * scale:
                    raise RefusedError(f"{name} is not symmetric")
    return r, x, c


def _scaled(matrices: Matrices, factor: float) -> Matrices:
    r, x, c = (tuple(tuple(v * factor for v in row) for row in matrix) for matrix in matrices)
    return r, x, c


def _rounded(matrices: Matrices) -> Matrices:
    r, x, c = (tuple(tuple(digits(v) for v in row) for row in matrix) for matrix in matrices)
    return r, x, c


def _about(matrices: Matrices) -> Matrices:
    """Twelve digits: lines of one geometry differ in the last ones by their length."""
    r, x, c = (tuple(tuple(float(f"{v:.12g}") for v in row) for row in m) for m in matrices)
    return r, x, c


def _per_km(matrices: Matrices, metres: float) -> Matrices:
    """Matrices per kilometre; OpenDSS keeps capacitance as an admittance."""
    if metres == KM:
        r, x, c = matrices
        return r, x, tuple(tuple(digits(v) for v in row) for row in c)
    return _rounded(_scaled(matrices, KM / metres))


def _same(a: Matrices, b: Matrices) -> bool:
    for first, second in zip(a, b, strict=True):
        if len(first) != len(second):
            return False
        scale = max(abs(v) for row in first for v in row)
        for row_1, row_2 in zip(first, second, strict=True):
            if any(abs(u - v) > SAME * scale for u, v in zip(row_1, row_2, strict=True)):
                return False
    return True


def _code(name: str, matrices: Matrices) -> LineCode:
    r, x, c = matrices
    z = tuple(
        tuple(complex(a, b) for a, b in zip(*rows, strict=True)) for rows in zip(r, x, strict=True)
    )
    # The lower triangle is what counts: OpenDSS's own halves may differ in the last bit.
    return LineCode(name, _mirrored(z), _mirrored(c))


def _mirrored(rows: tuple[tuple, ...]) -> tuple[tuple, ...]:
    n = len(rows)
    return tuple(tuple(rows[max(i, j)][min(i, j)] for j in range(n)) for i in range(n))
