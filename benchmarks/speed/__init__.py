"""How fast skdbn is: the cases that `report.py` prints and that asv follows from commit to commit.

Reading order: `_case` (what one is), `_clock` and `_timing` (how it is timed), `_floors` and `_peers` (what
stands beside ours), `_lines` (the table), then the cases in `training`, `network`, `using`, `memory`,
`scaling`, `importing` and `likelihood`; `suite` shows them to asv.

Modules import each other as `speed.x`: asv makes this folder the package `speed`, and for `report.py` it
is one already.
"""
