"""Which format object serves which `format:` of a function file. Any thread.

The composition of this package: the runtime asks here and knows no format by name.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from hotdash.functions.spec import Format
from hotdash.protocol.default import DefaultFormat
from hotdash.protocol.http import HttpFormat
from hotdash.protocol.http_stream import HttpStreamFormat
from hotdash.protocol.json import JsonFormat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdash.functions.spec import FunctionSpec
    from hotdash.protocol import base

FORMATS: Mapping[Format, base.Format] = MappingProxyType(
    {
        Format.DEFAULT: DefaultFormat(),
        Format.HTTP: HttpFormat(),
        Format.JSON: JsonFormat(),
        Format.HTTP_STREAM: HttpStreamFormat(),
    }
)


def format_of(spec: FunctionSpec) -> base.Format:
    """The format in which the function's tasks travel."""
    return FORMATS[spec.format]
