"""Writes `docs/asyncapi.json`, the document of the socket: `python -m balto.web.asyncapi_page`."""

import sys
from pathlib import Path
from typing import Final

from balto.web.asyncapi import written

PAGE: Final = Path("docs", "asyncapi.json")

if __name__ == "__main__":
    PAGE.write_bytes(written())
    sys.stdout.write(f"wrote {PAGE}\n")
