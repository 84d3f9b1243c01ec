"""Learning to run real, unbalanced, three-phase distribution feeders.

Importing the package is cheap on purpose: it loads neither torch nor Flower,
so a person who only wants a power flow never waits for either.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
