"""Reading the YAML files that operators import: every fault is told with file, line and reason, all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from yaml.reader import Reader


class DataFileInvalid(Exception):
    """A file cannot be imported. ``faults`` are sentences that begin with file and line."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class Entry(BaseModel):
    """A misspelt key must not pass for a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


FileT = TypeVar("FileT", bound=Entry)
Place = tuple[int | str, ...]
"""The keys and positions on the way to a node of the file."""
Fault = tuple[Place, str]
"""Where, and the reason."""


_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Ten times faster where the library was built with libyaml."""

MAX_BITS = 64
"""Python refuses to write much longer integers in decimal, and no rule allows them."""


def printable(value: str) -> str:
    """For AfterValidator: text on one line, with no space around it. Raises ValueError."""
    if not value.isprintable():
        raise ValueError("must be printable text on one line")
    if value.isspace():
        raise ValueError("must have more than spaces")
    if value != value.strip():
        raise ValueError("must not begin or end with a space")
    return value


def read_data_file(
    path: Path, model: type[FileT], between_entries: Callable[[Any], Iterable[Fault]] = lambda _: ()
) -> FileT:
    """The file's content as ``model``. Raises DataFileInvalid with every fault.

    ``between_entries`` finds what no entry tells by itself. It is given the content as it was read, whatever is wrong
    with it, because a model of the whole file would not look at one entry while another is faulty.
    """
    text = _text_of(path)
    root: yaml.Node | None = None
    try:
        _refuse_aliases(text)
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is not None:
            _refuse_repeated_keys(root)
        content = None if root is None else loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DataFileInvalid([f"{path}:{line}: {error.problem}"]) from None
    except yaml.YAMLError as error:
        raise DataFileInvalid([f"{path}:1: {error}"]) from None
    except ValueError as error:
        # Of what looks like a number or a date and is none; YAML does not say where.
        line = _line_of_unreadable(root) or 1
        raise DataFileInvalid([f"{path}:{line}: {error}; text that looks like a date or number needs quotes"]) from None
    except RecursionError:
        raise DataFileInvalid([f"{path}:1: is nested too deeply"]) from None
    faults = list(between_entries(content))
    try:
        read = model.model_validate(content)
    except ValidationError as invalid:
        faults += [(fault["loc"], fault["msg"].removeprefix("Value error, ")) for fault in invalid.errors()]
    if faults:
        told = sorted((_line_of(root, place), _sentence(place, reason)) for place, reason in faults)
        raise DataFileInvalid([f"{path}:{line}: {sentence}" for line, sentence in told])
    return read


def list_at(content: Any, key: str) -> list[Any]:
    """The list that a mapping has under ``key``; an empty one where the file has something else."""
    found = content.get(key) if isinstance(content, dict) else None
    return found if isinstance(found, list) else []


def places(place: Place, entries: Iterable[Any]) -> Iterator[tuple[Place, Any]]:
    """Each of the entries of the list at ``place`` with a place of its own."""
    return (((*place, position), entry) for position, entry in enumerate(entries))


def given_twice(what: str, key: str, entries: Iterable[tuple[Place, Any]]) -> Iterator[Fault]:
    """A fault for each entry whose ``key`` has a value that an earlier one had. Numbers are as good as their digits."""
    seen: set[str] = set()
    for place, entry in entries:
        value = entry.get(key) if isinstance(entry, dict) else None
        if not isinstance(value, str) and not (isinstance(value, int) and value.bit_length() <= MAX_BITS):
            continue
        if str(value) in seen:
            yield (*place, key), f"{what} given twice: {value}"
        seen.add(str(value))


def _sentence(place: Place, reason: str) -> str:
    where = ".".join(str(part) for part in place)
    return f"{where}: {reason}" if where else reason


def _text_of(path: Path) -> str:
    """What the file says. YAML would tell of a character that it does not take, but not in which line."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataFileInvalid([f"{path}: {error.strerror}"]) from None
    faults = []
    for number, line in enumerate(data.splitlines(), 1):
        try:
            found = Reader.NON_PRINTABLE.search(line.decode())
        except UnicodeDecodeError as error:
            faults.append(f"{path}:{number}: is not UTF-8 text: byte {line[error.start]:#04x}")
        else:
            if found:
                faults.append(
                    f"{path}:{number}: has the character U+{ord(found.group()):04X}, which YAML does not take"
                )
    if faults:
        raise DataFileInvalid(faults)
    return data.decode()


def _refuse_aliases(text: str) -> None:
    """A few lines of aliases of aliases stand for more than any machine can read."""
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            mark: Any = event.start_mark
            reason = f"*{event.anchor} is an alias; write out what it stands for"
            raise yaml.MarkedYAMLError(problem=reason, problem_mark=mark)


def _refuse_repeated_keys(node: yaml.Node) -> None:
    """YAML lets the last of two equal keys win in silence; here that would lose somebody's table."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeated_keys(item)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                raise yaml.MarkedYAMLError(problem=f"{name} is given twice", problem_mark=key.start_mark)
            seen.add(name)
            _refuse_repeated_keys(value)


def _line_of_unreadable(node: yaml.Node | None) -> int | None:
    """The line of the first scalar that cannot be made into a value."""
    match node:
        case yaml.ScalarNode():
            try:
                yaml.constructor.SafeConstructor().construct_object(node)
            except ValueError:
                return node.start_mark.line + 1
            except yaml.YAMLError:
                return None
        case yaml.SequenceNode():
            return next(filter(None, map(_line_of_unreadable, node.value)), None)
        case yaml.MappingNode():
            return next(filter(None, (_line_of_unreadable(one) for pair in node.value for one in pair)), None)
    return None


def _line_of(root: yaml.Node | None, place: Place) -> int:
    """The line of the innermost node on the way to ``place`` that the file has, counted from 1."""
    node, line = root, 1
    for part in place:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == part), None)
            if found is None:
                return line
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line
