"""Does OpenDSS survive a script? A process of its own tries it first.

Some malformed scripts bring OpenDSS down, and the process that called it with it.
"""

import signal
import subprocess
import sys
from pathlib import Path

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.opendss.staging import Staged

__all__ = ["check_survival"]

# An error that OpenDSS reports is for the reader to report; only a death counts.
_CHILD = """
import sys
from dss import DSS, DSSException
DSS.AllowForms = DSS.AllowEditor = DSS.AllowChangeDir = False
try:
    DSS.Text.Command = f'set datapath="{sys.argv[1]}"'
    DSS.Text.Command = f'redirect "{sys.argv[2]}"'
    DSS.Text.Command = "makebuslist"
    DSS.YMatrix.BuildYMatrixD(1, 0)
except DSSException:
    pass
"""


def check_survival(path: Path, staged: Staged) -> None:
    """Compile a staged script in another process.

    Raises:
        FeederError: that process died.
    """
    child = [sys.executable, "-c", _CHILD, str(staged.folder), str(staged.master)]
    done = subprocess.run(child, capture_output=True, check=False)
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        raise FeederError(
            f"script {path}: OpenDSS itself dies of it ({name}); look for values that cannot "
            f"be, such as a number of phases or windings"
        )
