"""What the package raises that scikit-learn has no class for."""

__all__ = ["DivergenceError"]


class DivergenceError(ValueError):
    """Training produced weights that are not finite, or too large to compute with.

    Mostly because the learning rate is too high for the scale of the inputs. The message says in
    which stage and epoch it happened, and what the learning rate was.

    Examples
    --------
    >>> from skdbn import RBMTransformer
    >>> from skdbn.exceptions import DivergenceError
    >>> try:
    ...     RBMTransformer(1, learning_rate=1e300, random_state=0).fit([[0.0], [1.0]])
    ... except DivergenceError as error:
    ...     print(error)
    Training diverged at epoch ... (too large weights). Lower learning_rate (now 1e+300)...
    """
