"""Analytics: how well a policy runs a feeder, with intervals, and how that is shown.

Import from the modules: what draws needs the `plot` extra and
`report` the `experiments` extra, the others only the base install.
"""
