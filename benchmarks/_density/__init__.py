"""The rows of the table that `density.py` prints: how well RBMs model what is known about data.

Reading order: `settings` (all that was tuned), `data`, `measures`, `annealed`, then the rows themselves in
`mnist`, `small`, `tables` and `inpainting`.
"""
