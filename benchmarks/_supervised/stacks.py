"""RBMs trained once for each seed, from which several rows start."""

from _supervised.measures import timed
from _supervised.settings import model

_trained = {}


def stack(run, name, data, seed):
    """Return (a frozen stack for the parameter `pretrain`, the seconds of its training)."""
    key = name, run.folder, run.smoke, run.validation, seed
    if key not in _trained:
        _trained[key] = timed(lambda: model(name, seed, run.smoke).pretrain_on(data.x_train).pretrain)
    return _trained[key]
