"""Drawing: how a feeder looks, for reports and for environments alike.

What draws needs matplotlib, the extra `plot`; importing this room alone does not load it.
"""

__all__: list[str] = []
