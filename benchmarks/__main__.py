"""`python -m benchmarks`."""

import sys

if __name__ == "__main__":
    # imported here: worker processes import this file again and need only what they run
    from benchmarks.command import main

    sys.exit(main())
