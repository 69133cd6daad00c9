"""Where the model term of the gradient comes from: samples of the RBM's own distribution.

A sampler holds hyper-parameters only. Its Markov chains are a value of their own that the training
keeps and passes in, so one sampler object can serve any number of fits.
"""

from __future__ import annotations

from skdbn.samplers._base import Sampler, States
from skdbn.samplers._base import model_states as model_states  # not public
from skdbn.samplers._cd import CD, MeanField
from skdbn.samplers._pcd import PCD, FastPCD
from skdbn.samplers._tempering import ParallelTempering

__all__ = ["CD", "PCD", "FastPCD", "MeanField", "ParallelTempering", "Sampler", "States"]

SAMPLERS: dict[str, type[Sampler]] = {
    "cd": CD,
    "pcd": PCD,
    "fastpcd": FastPCD,
    "paralleltempering": ParallelTempering,
    "meanfield": MeanField,
}


def resolve_sampler(sampler: str | Sampler) -> Sampler:
    """Return the sampler that a parameter `sampler` stands for.

    Parameters
    ----------
    sampler : {"cd", "pcd", "fastpcd", "paralleltempering", "meanfield"} or Sampler
        A name stands for the class with its defaults; an object for itself.

    Returns
    -------
    sampler : Sampler
        The object itself, or a new one.
    """
    return SAMPLERS[sampler]() if isinstance(sampler, str) else sampler
