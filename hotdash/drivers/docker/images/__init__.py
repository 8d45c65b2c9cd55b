"""Images on a Docker engine: built from a function's folder or pulled, kept while they have uses, then removed."""

from hotdash.drivers.docker.images.builder import ImageBuilder

__all__ = ["ImageBuilder"]
