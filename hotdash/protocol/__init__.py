"""The formats: how a task travels to a container and its answer back (the design's section 4). Sans-IO."""
