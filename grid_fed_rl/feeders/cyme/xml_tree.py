"""Elements of an XML file with their lines, and no entities of its own making."""

from dataclasses import dataclass, field
from xml.parsers import expat

from grid_fed_rl.feeders.cyme.places import CymeFault, Place, raise_all

__all__ = ["Element", "parse_xml"]

_DEPTH = 60  # CYME's own files are 20 deep


@dataclass(slots=True)
class Element:
    """An element: its name without a prefix, its text without spaces around, its children."""

    tag: str
    line: int
    attributes: dict[str, str]
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def all(self, *path: str) -> list["Element"]:
        """Return the elements at a path of names below this one."""
        found: list[Element] = [self]
        for name in path:
            found = [c for element in found for c in element.children if c.tag == name]
        return found

    def say(self, *path: str) -> str:
        """Return the text of the first element at a path, or nothing."""
        return next((element.text for element in self.all(*path)), "")


class _Stop(Exception):  # noqa: N818
    """Ends the parse: what follows would not be looked at."""


class _Builder:
    def __init__(self, name: str) -> None:
        self.name = name
        self.root: Element | None = None
        self.stack: list[Element] = []
        self.words: list[list[str]] = []
        self.fault: CymeFault | None = None
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.data
        self.parser.EntityDeclHandler = self.entity

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        line = self.parser.CurrentLineNumber
        element = Element(tag.rpartition(":")[2], line, attributes)
        if len(self.stack) >= _DEPTH:
            self.stop("element", tag, f"elements at most {_DEPTH} deep")
        if self.stack:
            self.stack[-1].children.append(element)
        else:
            self.root = element
        self.stack.append(element)
        self.words.append([])

    def end(self, _tag: str) -> None:
        self.stack.pop().text = "".join(self.words.pop()).strip()

    def data(self, text: str) -> None:
        self.words[-1].append(text)

    def entity(self, name: str, *_: object) -> None:
        # An entity may name a file, or itself many times over; CYME writes none.
        self.stop("entity", name, "no entity declarations")

    def stop(self, what: str, value: str, expected: str) -> None:
        place = Place(self.name, "", self.parser.CurrentLineNumber)
        self.fault = CymeFault(place, what, value, expected)
        raise _Stop


def parse_xml(name: str, data: bytes) -> Element:
    """Parse a file's contents and return the root element.

    Raises:
        CymeError: it is no XML to its end. Half a study is not given: the faults that come of
            what it lacks would mislead.
    """
    builder = _Builder(name)
    try:
        builder.parser.Parse(data, True)
    except _Stop:
        pass
    except expat.ExpatError as error:
        cut = builder.stack or builder.root is None
        expected = "well-formed XML" + ("; the file may be cut off here" if cut else "")
        message = expat.ErrorString(error.code)
        builder.fault = CymeFault(Place(name, "", error.lineno), "content", message, expected)
    except (LookupError, ValueError) as error:
        expected = "an encoding that XML and Python know"
        builder.fault = CymeFault(Place(name, "", 1), "encoding", str(error), expected)
    if builder.fault:
        raise_all([builder.fault])
    assert builder.root is not None
    return builder.root
