"""`python -m pantry_tui.runner`."""

import sys

from pantry_tui.runner.main import main

sys.exit(main())
