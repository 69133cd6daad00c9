"""The rows of the tables that `scale_out.py` and `scaling_model.py` print: one fit by several processes,
and several fits at once.

Reading order: `launch` (how processes are started), `ranks` (what they do), then the rows in `steps`,
`alone`, `killed`, `search` and `hosts`; `model` has the costs on paper, `check` puts them beside what was
measured, `cluster` says what they mean for many nodes.
"""
