"""The edge cases of every public method, as a structure that is tested and that a page is made of."""

from edge_cases.asking import CODES, LIKELIHOODS, UNFITTED
from edge_cases.chunks import CHUNKS
from edge_cases.drawing import DRAWING
from edge_cases.going_on import GOING_ON
from edge_cases.rows import NAMES, ROWS
from edge_cases.subjects import ASKING, ESTIMATORS, TRAINING, paths
from edge_cases.targets import MARKERS, TARGETS
from edge_cases.training import PARAMETERS, VALIDATION
from edge_cases.weights import WEIGHTS

__all__ = ["ESTIMATORS", "GROUPS", "SECTIONS"]

GROUPS = {"trainings": paths(TRAINING), "questions": paths(ASKING)}
SECTIONS = {
    "rows": ROWS,
    "names": NAMES,
    "targets": TARGETS,
    "markers": MARKERS,
    "weights": WEIGHTS,
    "validation": VALIDATION,
    "parameters": PARAMETERS,
    "going on": GOING_ON,
    "chunks": CHUNKS,
    "draws": DRAWING,
    "likelihoods": LIKELIHOODS,
    "codes": CODES,
    "unfitted": UNFITTED,
}
