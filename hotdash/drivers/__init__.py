"""The drivers: what builds images and starts containers (the design's section 5)."""
