"""The table of the trials."""


def page(results, kept):
    """Return the counts of each module, and the changes that no test notices, in markdown.

    `results` has the counts by module, `kept` the reasons for changes that may stay unnoticed.
    """
    introduction = (
        "Small changes of the numerical core, one at a time, and whether the tests notice them: made by",
        "`benchmarks/mutants.py`. Where fewer are tried than there are, they were drawn at random.",
        "",
    )
    header = ["module", "changes", "tried", "noticed", "out of time", "not noticed", "share noticed"]
    rows = [[name, *_counts(result)] for name, result in results.items() if result["changes"]]
    total = [sum(row[i] for row in rows) for i in range(1, 6)]
    rows = [[*row, _share(row[1:])] for row in [*rows, ["all", *total]]]
    lines = [*introduction, *_table(header, rows)]
    for name, result in results.items():
        if result["not noticed"]:
            reasons = kept.get(name, {})
            lines += ["", f"Not noticed in `{name}`:", ""]
            lines += [f"- `{key}`: {reasons.get(key, 'NOT EXPLAINED')}" for key in result["not noticed"]]
    return "\n".join(lines) + "\n"


def _counts(result):
    came = [result["noticed"], len(result["out of time"]), len(result["not noticed"])]
    return [result["changes"], sum(came), *came]


def _share(counts):
    """Return the share of the tried changes that were noticed; running out of time is one way of it."""
    _, tried, _, _, unnoticed = counts
    return f"{100 * (1 - unnoticed / tried):.1f} %" if tried else ""


def _table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(map(str, line)) + " |" for line in lines]
