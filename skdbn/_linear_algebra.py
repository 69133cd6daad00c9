"""Array operations that numpy offers only through a temporary array."""

from scipy.linalg.blas import get_blas_funcs


def add_scaled(target, source, factor):
    """Add factor * source to `target` in place, in one pass if both are C-contiguous."""
    if not (target.flags.c_contiguous and source.flags.c_contiguous and target.dtype == source.dtype):
        target += factor * source
        return
    (axpy,) = get_blas_funcs(("axpy",), (target,))
    axpy(source.reshape(-1), target.reshape(-1), a=factor)
