"""All studies, in the order in which they run."""

from studies import pretraining

STUDIES = {study.name: study for study in (pretraining.STUDY,)}
