"""Learning together without showing a log: updates, privacy, budgets, aggregation.

The modules here need torch, NumPy and dp-accounting. `grid_fed_rl.federated.flower`
puts them on the network, and is the only place that imports Flower.
"""
