"""The rows of the table that `trust.py` prints: whether likelihoods and gradients are what they should be.

Reading order: `exact` (what is known without sampling), `machines`, then the rows themselves in
`annealing`, `centring` and `precision`.
"""
