"""Studies of optimizers and defaults: declared grids of fits, their results, and what is drawn from them.

Reading order: `_study` (what a study is), `_registry` (which there are), `_results` (the file of a study),
`_runner` (how cases become results), then a study, such as `pretraining`, and what it shows, such as
`pretraining_report`. To add one: a module with a `Study`, and a line in `_registry`.
"""
