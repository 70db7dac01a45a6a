"""`python -m pantry_tui` is `pantry-tui`."""

import sys

from pantry_tui.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
