"""``python -m grid_fed_rl.cli`` is the console command."""

import sys

from grid_fed_rl.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
