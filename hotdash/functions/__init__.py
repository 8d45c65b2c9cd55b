"""What is on disk: function files, the functions they describe, and what counts as a function's sources."""
