"""OpenDSS's shared library, loaded so that every thread may use it.

The library (Free Pascal) keeps the address of the process's environment as it was
when it was loaded, and reads it whenever a thread uses it for the first time. The C
library moves the environment as variables are set, so that a program which sets one
before loading it and one after would end in a segmentation fault. Here it is loaded
with an environment that nobody moves.
"""

import ctypes
import sys

__all__ = ["opendssdirect"]

_kept: list[object] = []  # the environment the library looks at, for as long as we live


def _keep_environment() -> None:
    environment = ctypes.c_void_p.in_dll(ctypes.CDLL(None), "environ")
    entries = ctypes.cast(environment, ctypes.POINTER(ctypes.c_void_p))
    n = 0
    while entries[n]:
        n += 1
    copy = (ctypes.c_void_p * (n + 1))(*entries[:n], None)
    _kept.append(copy)
    environment.value = ctypes.addressof(copy)


if sys.platform == "linux" and "dss_python_backend" not in sys.modules:
    _keep_environment()

import opendssdirect  # noqa: E402 - not before
