"""Which kind of record a section, table or element is."""

from functools import cache

from grid_fed_rl.feeders.cyme.code_tables import Dialect
from grid_fed_rl.feeders.cyme.kinds import Kind, section_name
from grid_fed_rl.feeders.cyme.kinds_catalogue import CATALOGUE_KINDS
from grid_fed_rl.feeders.cyme.kinds_der import DER_KINDS
from grid_fed_rl.feeders.cyme.kinds_devices import DEVICE_KINDS
from grid_fed_rl.feeders.cyme.kinds_line_types import LINE_TYPE_KINDS
from grid_fed_rl.feeders.cyme.kinds_lines import LINE_KINDS
from grid_fed_rl.feeders.cyme.kinds_loads import LOAD_KINDS
from grid_fed_rl.feeders.cyme.kinds_network import NETWORK_KINDS
from grid_fed_rl.feeders.cyme.kinds_shunts import SHUNT_KINDS
from grid_fed_rl.feeders.cyme.kinds_transformer_types import TRANSFORMER_TYPE_KINDS

__all__ = ["KINDS", "kind_of"]

KINDS: tuple[Kind, ...] = (
    *NETWORK_KINDS,
    *LINE_KINDS,
    *LINE_TYPE_KINDS,
    *DEVICE_KINDS,
    *SHUNT_KINDS,
    *LOAD_KINDS,
    *DER_KINDS,
    *CATALOGUE_KINDS,
    *TRANSFORMER_TYPE_KINDS,
)


@cache
def _registry(dialect: Dialect) -> dict[str, Kind]:
    names = {
        "text": lambda kind: kind.sections,
        "database": lambda kind: kind.tables,
        "xml": lambda kind: kind.elements,
    }[dialect]
    return {section_name(name): kind for kind in KINDS for name in names(kind)}


def kind_of(section: str, dialect: Dialect) -> Kind | None:
    """Return the kind of record that a section is made of, if any."""
    return _registry(dialect).get(section_name(section))
