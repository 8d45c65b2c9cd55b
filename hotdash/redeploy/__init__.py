"""Save, and it is live: watches the folder of functions and deploys what changed (the design's section 7)."""
