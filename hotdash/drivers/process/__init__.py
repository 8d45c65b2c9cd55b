"""The process driver: containers are process groups on this machine, images are read-only copies of a folder."""

from hotdash.drivers.process.driver import ProcessDriver

__all__ = ["ProcessDriver"]
