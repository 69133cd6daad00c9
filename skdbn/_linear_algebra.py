"""Array operations that numpy offers only through a temporary array."""

from scipy.linalg.blas import get_blas_funcs


def add_scaled(target, source, factor):
    """Add factor * source to `target` in one pass and in place; both C-contiguous, of one dtype."""
    (axpy,) = get_blas_funcs(("axpy",), (target,))
    axpy(source.reshape(-1), target.reshape(-1), a=factor)
