"""Studies of optimizers and defaults: declared grids of fits, their results, and what is drawn from them.

Reading order: `_study` (what a study is), `_registry` (which there are), `_results` (the file of a study),
`_runner` (how cases become results), then a study, such as `pretraining`, and what it shows, such as
`pretraining_report`.

To add a study: write a module with `cases(smoke)`, whose smoke version is done in seconds without files,
`measure(case, folder)`, `seconds(case)` and `report(lines)`, make them a `Study`, and add it to
`_registry`. A case has plain values only, and all that decides what is measured, since results are found by
its content. Optimizers, rates and schedules by name are in `_optimizers`, data sets in `_sets`; `_lines`
chooses rates, `_statistics` has widths and bootstrap intervals.
"""
