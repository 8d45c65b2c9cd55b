"""The docker driver: containers on a Docker engine, images that the engine builds."""
