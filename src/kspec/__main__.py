"""`python -m kspec`."""

import sys

if not sys.flags.safe_path:
    # `-m` puts the current directory first: nothing that lies in the workspace may be imported.
    del sys.path[0]

from kspec.cli import main

if __name__ == "__main__":
    sys.exit(main())
