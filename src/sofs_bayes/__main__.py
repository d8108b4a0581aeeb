"""`python -m sofs_bayes`: the same as the command `sofs-bayes`."""

import sys

from sofs_bayes.cli import main

sys.exit(main())
