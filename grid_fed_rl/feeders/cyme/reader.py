"""`read_cyme`: what a utility exports from CYME, in one call, as a feeder."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.cyme.report import CymeReport
from grid_fed_rl.feeders.feeder import Feeder

# Readers and converter are loaded when a file is read: their records take a tenth of a second.
if TYPE_CHECKING:
    from grid_fed_rl.feeders.equipment import EquipmentLibrary
    from grid_fed_rl.feeders.line_constants import EarthModel

__all__ = ["CymeImport", "read_cyme"]


@dataclass(frozen=True, slots=True)
class CymeImport:
    """A feeder, what its import had to say, and the equipment it is made of."""

    feeder: Feeder
    report: CymeReport
    equipment: "EquipmentLibrary"


def read_cyme(
    path: str | Path,
    *,
    network: str | None = None,
    year: int | None = None,
    load_model: str | None = None,
    strict: bool = False,
    allow_refused: bool = False,
    earth_model: "EarthModel | str" = "modified",
    distributed: str = "location",
    source_impedance: bool = False,
    frequency_hz: float | None = None,
) -> CymeImport:
    """Read a CYME export into a feeder.

    Taps, capacitors and switches stand as the export has them. Sections on which nothing
    stands in series join their nodes to one bus, which the report lists.

    Args:
        path: A folder of text exports (network, equipment, load), an ``.sxst`` study or an
            ``.mdb`` database.
        network: Which feeder to take, with the substation that feeds it; everything that
            the one source of the export feeds where not given.
        year: Latest load year that counts; of each customer the latest there is where not
            given.
        load_model: Load model by name or number; ``DEFAULT``, or the first, where not given.
        strict: Whether an approximation is an error.
        allow_refused: Whether what cannot be represented is left out instead of an error.
        earth_model: Form of Carson's equations for lines by conductor and spacing:
            ``modified`` (the first terms, as in W. H. Kersting's book and the IEEE test
            feeders), ``carson`` (the whole of them) or ``deri``.
        distributed: Where distributed loads stand: ``location`` (as each says; half way
            where it does not), ``middle``, or ``ends`` (half at each).
        source_impedance: Whether the source is behind its impedance; otherwise it holds its
            operating voltage, as a CYME study does without "include source impedance".
        frequency_hz: Of the feeder; the catalogue's, or 60, where not given.

    Returns:
        The feeder; a report of what was read, assumed, approximated, refused and ignored;
        and the library of equipment.

    Raises:
        CymeError: the export has faults; lists every one with file, line and field.
        FeederError: there is no such path, network, year or load model; several networks and
            none chosen; something cannot be represented; or, if `strict`, is approximated.
    """
    from grid_fed_rl.feeders.cyme.convert import convert, demand
    from grid_fed_rl.feeders.cyme.convert_library import library_of
    from grid_fed_rl.feeders.cyme.convert_loads import DISTRIBUTED
    from grid_fed_rl.feeders.cyme.draft import Options
    from grid_fed_rl.feeders.cyme.read import read_dataset
    from grid_fed_rl.feeders.line_constants import EarthModel

    if distributed not in DISTRIBUTED:
        raise FeederError(
            f"distributed is {distributed!r}; expected one of {', '.join(DISTRIBUTED)}"
        )
    try:
        model = EarthModel(earth_model)
    except ValueError:
        raise FeederError(
            f"earth_model is {earth_model!r}; expected one of {', '.join(EarthModel)}"
        ) from None
    options = Options(network, year, load_model, model, distributed, source_impedance, frequency_hz)
    feeder, report, draft = convert(read_dataset(path), options, str(path))
    library = library_of(draft)
    demand(report, strict=strict, allow_refused=allow_refused)
    return CymeImport(feeder, report, library)
