"""All studies, in the order in which they run."""

STUDIES = {}
