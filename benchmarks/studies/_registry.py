"""All studies, in the order in which they run."""

from studies import noise, pretraining, rmsprop, streams

STUDIES = {study.name: study for study in (pretraining.STUDY, rmsprop.STUDY, noise.STUDY, streams.STUDY)}
