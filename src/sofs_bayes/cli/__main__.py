"""`python -m sofs_bayes.cli`: the same as the command `sofs-bayes`."""

import sys

from sofs_bayes.cli import main

sys.exit(main())
