"""Writes `docs/openapi.json`, the document of this program's HTTP: `python -m balto.web.openapi_page`."""

import sys
from pathlib import Path
from typing import Final

from balto.web.http import all_routes
from balto.web.openapi import written

PAGE: Final = Path("docs", "openapi.json")

if __name__ == "__main__":
    PAGE.write_bytes(written(all_routes()))
    sys.stdout.write(f"wrote {PAGE}\n")
