"""The federation on Flower: real client and server apps, thin over the core.

The same apps run in one process (`run_federated`), under `flwr run` and behind
a SuperLink. Flower reads its settings from the environment when it is imported,
so they are set here, before: no telemetry, no look for updates, no
installation of packages at run time. A value that is set already is left alone.
"""

import os
import warnings

for _name, _value in (
    ("FLWR_TELEMETRY_ENABLED", "0"),
    ("FLWR_DISABLE_UPDATE_CHECK", "1"),
    ("FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION", "1"),
):
    os.environ.setdefault(_name, _value)

with warnings.catch_warnings():  # Flower's command line warns of its own dependency when imported
    warnings.simplefilter("ignore", DeprecationWarning)
    import flwr.app
    import flwr.clientapp
    import flwr.serverapp  # noqa: F401
