"""The user's own settings: `config.toml`, and the values that serve where it says nothing or is wrong."""

from hotdash.settings.file import Loaded, default_path, load_settings, nearest
from hotdash.settings.values import Layout, Limits, Settings

__all__ = ["Layout", "Limits", "Loaded", "Settings", "default_path", "load_settings", "nearest"]
