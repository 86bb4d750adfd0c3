"""``python -m ari_recorder`` is ``ari-recorder``."""

from __future__ import annotations

import sys

from ari_recorder.cli import main

if __name__ == "__main__":
    sys.exit(main())
