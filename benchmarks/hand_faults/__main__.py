"""`python -m benchmarks.hand_faults`, with names and options."""

import sys

from benchmarks.hand_faults.run import main

main(sys.argv[1:])
