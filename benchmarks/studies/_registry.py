"""All studies, in the order in which they run."""

from studies import (
    defaults,
    few_labels,
    fine_tuning,
    gradients,
    noise,
    pretraining,
    regressor,
    rmsprop,
    streams,
)

_FIRST = (pretraining.STUDY, fine_tuning.STUDY, gradients.STUDY, rmsprop.STUDY, noise.STUDY, streams.STUDY)
STUDIES = {study.name: study for study in (*_FIRST, defaults.STUDY, regressor.STUDY, few_labels.STUDY)}
