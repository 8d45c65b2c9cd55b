"""What is on disk: function files, the functions they describe, and what counts as a function's sources."""

from hotdash.functions.discovery import function_file, function_folders, load_function, load_functions
from hotdash.functions.entrypoint import resolve_entrypoint
from hotdash.functions.file import FUNCTION_FILES
from hotdash.functions.ignore import IgnoreRules
from hotdash.functions.sources import SourceEntry, SourceKind, hash_sources, open_folder, read_source, walk_sources
from hotdash.functions.spec import DEFAULT_COLD_CONCURRENCY, Format, FunctionSpec, FunctionTest, FunctionType

__all__ = [
    "DEFAULT_COLD_CONCURRENCY",
    "FUNCTION_FILES",
    "Format",
    "FunctionSpec",
    "FunctionTest",
    "FunctionType",
    "IgnoreRules",
    "SourceEntry",
    "SourceKind",
    "function_file",
    "function_folders",
    "hash_sources",
    "load_function",
    "load_functions",
    "open_folder",
    "read_source",
    "resolve_entrypoint",
    "walk_sources",
]
