"""The source of the feeder: a voltage behind sequence impedances."""

import cmath
import math

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.cyme.codes import UNSAID, ByPhase, ImpedanceUnit
from grid_fed_rl.feeders.cyme.convert_scope import Scope
from grid_fed_rl.feeders.cyme.draft import Draft, check_nominal
from grid_fed_rl.feeders.cyme.records_catalogue import SubstationType
from grid_fed_rl.feeders.cyme.records_network import LoadModel, SourceEquivalent
from grid_fed_rl.feeders.records import Source

__all__ = ["source_of"]

_STIFF_OHM = 1e-6
_BALANCED = ByPhase(0.0, -120.0, 120.0)
_SAME = 1e-6


def _ohm(r: float | None, x: float | None, unit: ImpedanceUnit, kv: float, mva: float) -> complex:
    z = complex(r or 0.0, x or 0.0)
    if unit is ImpedanceUnit.OHM:
        return z
    return z * (kv**2 / mva) / (100.0 if unit is ImpedanceUnit.PERCENT else 1.0)


def source_of(draft: Draft, scope: Scope, model: LoadModel | None) -> Source:
    """The source at the scope's node.

    The equivalent of the node counts, then its source, then that source's type. A source of
    this package is balanced; what phases differ by is in the report.

    Raises:
        FeederError: no nominal voltage is said, or one that no source has.
    """
    data, node = draft.data, scope.source
    names = (None, "", model.id, model.name) if model is not None else (None, "")
    found = [e for e in data.source_equivalents if e.node == node]
    equivalent = next((e for e in found if e.load_model in names), found[0] if found else None)
    source = next((s for s in data.sources if s.node == node), None)
    kind = data.substation_types.get(source.equipment or "") if source else None
    kv = _first(equivalent.kv if equivalent else None, kind.nominal_kv if kind else None)
    if kv is None:
        raise FeederError(
            f"source at node {node!r}: no nominal voltage; expected one in [SOURCE EQUIVALENT] or "
            f"[SUBSTATION]"
        )
    check_nominal(f"source at node {node!r}", kv)
    z1, z0 = _impedances(equivalent or kind, kv)
    if not draft.options.source_impedance and (z1 or z0):
        draft.report.assume(
            f"the source holds its operating voltage, as in a study without source impedance "
            f"(the file has Z1 {z1:.6g} and Z0 {z0:.6g} ohm)"
        )
        z1 = z0 = complex(0.0, _STIFF_OHM)
    if not z1 or not z0:
        draft.report.assume(f"a source without impedance has {_STIFF_OHM:g} ohm")
        z1, z0 = z1 or complex(0.0, _STIFF_OHM), z0 or z1 or complex(0.0, _STIFF_OHM)
    operating = _operating(equivalent, source.operating_kv if source else UNSAID)
    desired = (source.desired_kv if source else None) or (kind.desired_kv if kind else None) or kv
    angles = equivalent.angle_deg if equivalent else UNSAID
    first = kind.angle_deg or 0.0 if kind else 0.0
    if None in angles:
        angles = ByPhase(*(first + a for a in _BALANCED if a is not None))
    v_pu, angle_deg = _balanced(draft, node, kv, operating, desired, angles)
    draft.count("source")
    name = draft.names.of("source", (source.number if source else None) or "source")
    return Source(name, draft.bus(node), kv, v_pu, angle_deg, z1, z0)


def _first(*values: float | None) -> float | None:
    return next((v for v in values if v), None)


def _impedances(
    said: SourceEquivalent | SubstationType | None, kv: float
) -> tuple[complex, complex]:
    if said is None:
        return 0j, 0j
    mva = said.base_mva or 100.0
    return (
        _ohm(said.r1, said.x1, said.unit, kv, mva),
        _ohm(said.r0, said.x0, said.unit, kv, mva),
    )


def _operating(equivalent: SourceEquivalent | None, other: ByPhase) -> ByPhase:
    """Line-to-neutral voltages; the equivalent's count before the source's."""
    own = equivalent.operating_kv if equivalent else UNSAID
    return own if all(own) else other


def _balanced(
    draft: Draft, node: str, kv: float, operating: ByPhase, desired: float, angles: ByPhase
) -> tuple[float, float]:
    """Per unit and angle of the positive sequence of the three phases."""
    volts = [v if v else desired / math.sqrt(3) for v in operating]
    degrees = [a or 0.0 for a in angles]
    phasors = [cmath.rect(v, math.radians(a)) for v, a in zip(volts, degrees, strict=True)]
    turn = cmath.exp(2j * math.pi / 3.0)
    positive = (phasors[0] + turn * phasors[1] + turn**2 * phasors[2]) / 3.0
    off = max(abs(v * turn**k - positive) for k, v in enumerate(phasors)) / abs(positive)
    if off > _SAME:
        draft.report.approximate(
            "source",
            node,
            draft.data.nodes[node].place,
            "its phases are not balanced; the positive sequence is taken",
            f"a phase differs by up to {100 * off:.3g} %",
        )
        return abs(positive) * math.sqrt(3) / kv, math.degrees(cmath.phase(positive))
    return volts[0] * math.sqrt(3) / kv, degrees[0]
