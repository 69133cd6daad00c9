"""The rows of the table that `supervised.py` prints: what DBNs and RBMs reach with labels, and as coders.

Reading order: `settings` (all that was tuned), `data`, `measures`, then the rows themselves in `mnist`,
`few_labels`, `coding`, `rectangles` and `regression`.
"""
