"""Analytics: how well a policy runs a feeder, with intervals, and how that is shown.

Import from the modules: `figures` and `report` need the `experiments` extra,
the others only the base install.
"""
