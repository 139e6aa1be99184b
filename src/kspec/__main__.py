"""`python -m kspec`."""

import sys

from kspec.cli import main

if __name__ == "__main__":
    sys.exit(main())
