"""`python -m benchmarks`."""

import sys

if __name__ == "__main__":
    # imported here: processes of one's own read this file again, and need only what they do
    from benchmarks.command import main

    sys.exit(main())
