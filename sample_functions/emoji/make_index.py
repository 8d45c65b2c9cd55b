"""The build step: writes index.json, the names of all emoji, so that no container has to gather them at its start."""

import json
import unicodedata
from pathlib import Path

RANGES = [(0x1F300, 0x1F650), (0x1F680, 0x1F700), (0x1F900, 0x1FA00)]  # pictures, faces, transport, more of each

index = {}
for first, end in RANGES:
    for code in range(first, end):
        name = unicodedata.name(chr(code), "")
        if name:
            index[chr(code)] = name.lower()

Path("index.json").write_text(json.dumps(index), encoding="utf-8")
print(f"index.json: {len(index)} emoji")
