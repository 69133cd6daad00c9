"""Looking into a fitted model: numbers about its units, weights and chains, and pictures of them."""

from skdbn.inspection._activity_display import HiddenActivityDisplay
from skdbn.inspection._filter_display import FilterDisplay
from skdbn.inspection._learning_curve_display import LearningCurveDisplay
from skdbn.inspection._numbers import HiddenActivity, WeightNorms, hidden_activity, swap_rates, weight_norms
from skdbn.inspection._reconstruction_display import ReconstructionDisplay
from skdbn.inspection._samples_display import SamplesDisplay

__all__ = [
    "FilterDisplay",
    "HiddenActivity",
    "HiddenActivityDisplay",
    "LearningCurveDisplay",
    "ReconstructionDisplay",
    "SamplesDisplay",
    "WeightNorms",
    "hidden_activity",
    "swap_rates",
    "weight_norms",
]
