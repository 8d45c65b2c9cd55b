"""Reads YAML 1.2 into a `Node` tree with lines, on ruamel.yaml's composer. Runs in any thread.

Only the composer is used: it gives each scalar as written and its line, and tells keys apart that occur twice (all
of them, where the constructor stops at the first). What a plain scalar means is decided here by the core schema
(https://yaml.org/spec/1.2.2/#103-core-schema), so that `no` is a string whatever a `%YAML` line says.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from hotdash.errors import Fault
from hotdash.functions.document import MAX_DEPTH, MAX_VALUES, Node, Unparsable, key_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ruamel.yaml.nodes import Node as YamlNode

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL_FLOAT = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))")
_CORE = "tag:yaml.org,2002:"
_SCALAR_TAGS = frozenset(
    _CORE + name for name in ("str", "int", "float", "bool", "null", "timestamp", "merge", "value")
)
_MAX_DIGITS = 64  # no figure here needs more, and Python refuses to convert very long ones


def parse_yaml(text: str, *, file: str) -> tuple[Node, list[Fault]]:
    """Parses one YAML document; one that says nothing, or holds comments alone, is a mapping without keys.

    Args:
        text: The file's text.
        file: How faults name it.

    Returns:
        Its tree, and the faults that did not keep it from being read (keys twice, unknown tags).

    Raises:
        Unparsable: It is no YAML document.
    """
    root = _compose(text, file=file)
    if root is None or (isinstance(root, ScalarNode) and root.style is None and not root.value):
        return Node(value={}, text="", line=1), []
    tree = _Tree(file=file)
    return tree.node(root, path=(), line=root.start_mark.line + 1), tree.faults


def _compose(text: str, *, file: str) -> YamlNode | None:
    """The library's own tree; its errors become faults here."""
    try:
        root: YamlNode | None = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        from hotdash.functions.yaml_faults import yaml_fault  # noqa: PLC0415  only where there is one

        raise Unparsable(yaml_fault(error, text, file=file)) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        found = f"the character U+{int(error.character):04X}"
        raise Unparsable(_fault(file, line, found, "printable text")) from error
    except RecursionError as error:
        raise Unparsable(
            _fault(file, None, "lists or mappings too deep in each other", f"{MAX_DEPTH} levels")
        ) from error
    except (YAMLError, ValueError) as error:
        raise Unparsable(_fault(file, None, f"text that is not YAML ({error})", "YAML")) from error
    return root


def _fault(file: str, line: int | None, found: str, allowed: str, *, key: str = "") -> Fault:
    return Fault(file=file, line=line, key=key, found=found, allowed=allowed)


class _Tree:
    """Turns the library's nodes into ours; counts them, since an alias costs nothing to write."""

    def __init__(self, *, file: str) -> None:
        self.file = file
        self.faults: list[Fault] = []
        self._count = 0

    def node(self, source: YamlNode, *, path: tuple[str | int, ...], line: int) -> Node:
        self._count += 1
        if self._count > MAX_VALUES:
            raise Unparsable(
                _fault(self.file, line, f"more than {MAX_VALUES} values", "fewer (aliases count each time)")
            )
        if len(path) > MAX_DEPTH:
            found = "lists or mappings too deep in each other"
            raise Unparsable(_fault(self.file, line, found, f"{MAX_DEPTH} levels"))
        if isinstance(source, MappingNode):
            return Node(value=self._mapping(source, path=path), text="", line=line)
        if isinstance(source, SequenceNode):
            items = [
                self.node(item, path=(*path, index), line=item.start_mark.line + 1)
                for index, item in enumerate(source.value)
            ]
            return Node(value=items, text="", line=line)
        assert isinstance(source, ScalarNode)  # noqa: S101  there are three kinds
        return self._scalar(source, path=path, line=line)

    def _scalar(self, source: ScalarNode, *, path: tuple[str | int, ...], line: int) -> Node:
        tag, text = str(source.tag), str(source.value)
        if tag not in _SCALAR_TAGS:
            shown = tag.replace(_CORE, "!!")
            self.faults.append(_fault(self.file, line, f"the tag {shown}", "a value without a tag", key=key_of(path)))
            return Node(value=text, text=text, line=line)
        quoted = source.style is not None
        return Node(value=text if quoted or tag == _CORE + "str" else _resolve(text), text=text, line=line)

    def _mapping(self, source: MappingNode, *, path: tuple[str | int, ...]) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        merged: list[YamlNode] = []
        for key_node, value_node in source.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode):
                self.faults.append(
                    _fault(self.file, line, "a key that is not a single word", "one word", key=key_of(path))
                )
            elif str(key_node.tag) == _CORE + "merge":
                merged.append(value_node)
            elif (key := str(key_node.value)) in entries:
                found = f"it a second time (first in line {entries[key].line})"
                self.faults.append(_fault(self.file, line, found, "each key once", key=key_of((*path, key))))
            else:
                entries[key] = self.node(value_node, path=(*path, key), line=line)
        for value_node in merged:
            self._merge(entries, value_node, path=path)
        return entries

    def _merge(self, entries: dict[str, Node], source: YamlNode, *, path: tuple[str | int, ...]) -> None:
        """`<<: *base`: the keys of `base` that the mapping does not have itself."""
        for mapping in _mappings(source):
            if mapping is None:
                line = source.start_mark.line + 1
                self.faults.append(
                    _fault(self.file, line, "no mapping", "a mapping to merge", key=key_of((*path, "<<")))
                )
                continue
            node = self.node(mapping, path=(*path, "<<"), line=mapping.start_mark.line + 1)
            if isinstance(node.value, dict):
                for key, value in node.value.items():
                    entries.setdefault(key, value)


def _mappings(source: YamlNode) -> Iterator[MappingNode | None]:
    for item in source.value if isinstance(source, SequenceNode) else [source]:
        yield item if isinstance(item, MappingNode) else None


def _resolve(text: str) -> bool | int | float | str | None:
    """What a plain scalar means by the core schema."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    return _number(text) if len(text) <= _MAX_DIGITS else text


def _number(text: str) -> int | float | str:
    if _INT.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text) or _HEX.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _SPECIAL_FLOAT.fullmatch(text):
        return float(text.replace(".", ""))
    return text
