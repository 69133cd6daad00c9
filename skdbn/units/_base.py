"""What a type of units has to define."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator, clone

from skdbn._html import DocumentedMixin
from skdbn._typing import Booleans, Floats, Rng


class Unit(DocumentedMixin, BaseEstimator, metaclass=ABCMeta):
    """Base class of the types of units.

    To implement one: inherit, define the six abstract methods below, and add a line to `UNITS` (in
    ``_registry.py``); the conformance tests then cover it. Beyond these:

    - A type whose data do not arrive in the family's own coordinates overrides the methods that lead
      there and back: `adapt`, `encode`, `decode`, `to_data_units`, `from_data_units`, `log_volume`.
    - One whose units depend on each other in groups, as the levels of a category do, overrides
      `backpropagate` and `expand_missing`, and its `log_partition` has one column a group.
    - One with finitely many states sets `bounded` and defines `n_states` and `states`.
    - One that learns scales defines `log_scales`, `set_log_scales` and `log_scale_gradient`.
    """

    #: Whether the states lie in a finite range. An RBM of two layers of which neither is bounded has no
    #: normalisable joint distribution once its weights are large.
    bounded = False

    def adapt(self, mean: Floats, standard_deviation: Floats) -> Unit:
        """Return a copy that carries what this type takes from the columns of the training data.

        Parameters
        ----------
        mean : ndarray of shape (n_units,)
            Mean of each column, in the user's units.
        standard_deviation : ndarray of shape (n_units,)
            Standard deviation of each column, in the user's units.

        Returns
        -------
        unit : Unit
            The copy; the object itself stays as it is.
        """
        return clone(self)

    def encode(self, x: Floats, out: Floats, rng: Rng | None = None) -> Floats:
        """Write rows in the user's units to `out` in the family's coordinates.

        Parameters
        ----------
        x : ndarray of shape (n_rows, n_units)
            Rows in the user's units.
        out : ndarray of shape (n_rows, n_units)
            Where to write the result; may be `x` itself where no `rng` is given.
        rng : numpy.random.Generator or None, default=None
            If given, this is a presentation during training, which may be random.

        Returns
        -------
        out : ndarray of shape (n_rows, n_units)
            The array `out`.
        """
        np.copyto(out, x)
        return out

    def decode(self, x: Floats) -> Floats:
        """Return states or means in the user's units.

        Parameters
        ----------
        x : ndarray of shape (n_rows, n_units)
            States or means in the family's coordinates; may be overwritten.

        Returns
        -------
        x : ndarray of shape (n_rows, n_units)
            The same in the user's units.
        """
        return x

    def to_data_units(self, weights: Floats, bias: Floats) -> tuple[Floats, Floats]:
        """Return the affine map of the user's rows equal to that of the encoded ones.

        Parameters
        ----------
        weights : ndarray of shape (n_units, n_outputs)
            Factors of the encoded rows.
        bias : ndarray of shape (n_outputs,)
            What is added to them.

        Returns
        -------
        weights : ndarray of shape (n_units, n_outputs)
            Factors of the rows in the user's units.
        bias : ndarray of shape (n_outputs,)
            What is added to them.
        """
        return weights, bias

    def from_data_units(self, weights: Floats, bias: Floats) -> tuple[Floats, Floats]:
        """Return the affine map of encoded rows equal to that of the user's: undo `to_data_units`.

        Parameters
        ----------
        weights : ndarray of shape (n_units, n_outputs)
            Factors of the rows in the user's units.
        bias : ndarray of shape (n_outputs,)
            What is added to them.

        Returns
        -------
        weights : ndarray of shape (n_units, n_outputs)
            Factors of the encoded rows.
        bias : ndarray of shape (n_outputs,)
            What is added to them.
        """
        return weights, bias

    def log_volume(self) -> float:
        """Return the log of the volume, in the user's units, of a unit volume of the family.

        Returns
        -------
        log_volume : float
            Summed over the units; 0 where both coordinates are the same.
        """
        return 0.0

    def largest_log_density(self, n_units: int) -> float:
        """Return the log-density of units at the state and field that make it largest.

        Parameters
        ----------
        n_units : int
            Units of the layer.

        Returns
        -------
        log_density : float
            0 for units whose state can be certain.
        """
        return 0.0

    @abstractmethod
    def base_energy(self, x: Floats) -> Floats:
        """Return the energy of each row at field 0.

        Parameters
        ----------
        x : ndarray of shape (n_rows, n_units)
            States in the family's coordinates.

        Returns
        -------
        base_energy : ndarray of shape (n_rows,)
            The sum over the units.
        """

    @abstractmethod
    def log_partition(self, field: Floats) -> Floats:
        """Return log of the integral of exp(field * x - base_energy(x)) over x, for each unit.

        Parameters
        ----------
        field : ndarray of shape (..., n_units)
            Field of each unit.

        Returns
        -------
        log_partition : ndarray of shape (..., n_units)
            One value for each unit (for each group of units that depend on each other), not summed.
        """

    def total_log_partition(self, field: Floats) -> Floats:
        """Return the sum of `log_partition` over the units.

        Parameters
        ----------
        field : ndarray of shape (..., n_units)
            Field of each unit.

        Returns
        -------
        total : ndarray of shape (...,)
            The log-partition of the whole layer.
        """
        return self.log_partition(field).sum(axis=-1)

    @abstractmethod
    def mean(self, field: Floats, out: Floats | None = None) -> Floats:
        """Return the mean of each unit, which is the derivative of `log_partition`.

        Parameters
        ----------
        field : ndarray of shape (..., n_units)
            Field of each unit.
        out : ndarray of shape (..., n_units) or None, default=None
            Where to write the result; may be `field` itself.

        Returns
        -------
        mean : ndarray of shape (..., n_units)
            The array `out`, or a new one.
        """

    @abstractmethod
    def variance(self, mean: Floats, out: Floats | None = None) -> Floats:
        """Return the variance of each unit, which is the derivative of the mean by the field.

        Parameters
        ----------
        mean : ndarray of shape (..., n_units)
            Mean of each unit.
        out : ndarray of shape (..., n_units) or None, default=None
            Where to write the result; must not be `mean`.

        Returns
        -------
        variance : ndarray of shape (..., n_units)
            The array `out`, or a new one.
        """

    @abstractmethod
    def sample_from_mean(self, mean: Floats, rng: Rng, out: Floats | None = None) -> Floats:
        """Draw each unit given its mean.

        Parameters
        ----------
        mean : ndarray of shape (..., n_units)
            Mean of each unit.
        rng : numpy.random.Generator
            Source of all draws.
        out : ndarray of shape (..., n_units) or None, default=None
            Where to write the result; must not be `mean`.

        Returns
        -------
        x : ndarray of shape (..., n_units)
            States in the family's coordinates: the array `out`, or a new one.
        """

    @abstractmethod
    def bias_from_mean(self, mean: Floats) -> Floats:
        """Return the biases of unconnected units of given means.

        Parameters
        ----------
        mean : ndarray of shape (n_units,)
            Mean of each unit, in the user's units.

        Returns
        -------
        bias : ndarray of shape (n_units,)
            Field of each unit without any input.
        """

    def sample(self, field: Floats, rng: Rng, out: Floats | None = None) -> Floats:
        """Draw each unit given its field.

        Parameters
        ----------
        field : ndarray of shape (..., n_units)
            Field of each unit.
        rng : numpy.random.Generator
            Source of all draws.
        out : ndarray of shape (..., n_units) or None, default=None
            Where to write the result; must not be `field`.

        Returns
        -------
        x : ndarray of shape (..., n_units)
            States in the family's coordinates: the array `out`, or a new one.
        """
        return self.sample_from_mean(self.mean(field), rng, out=out)

    def mean_and_sample(self, field: Floats, rng: Rng, out: Floats | None = None) -> Floats:
        """Turn the fields into means, in place, and draw each unit.

        Parameters
        ----------
        field : ndarray of shape (..., n_units)
            Field of each unit; holds the means afterwards.
        rng : numpy.random.Generator
            Source of all draws.
        out : ndarray of shape (..., n_units) or None, default=None
            Where to write the states; must not be `field`.

        Returns
        -------
        x : ndarray of shape (..., n_units)
            States in the family's coordinates: the array `out`, or a new one.
        """
        return self.sample_from_mean(self.mean(field, out=field), rng, out=out)

    def backpropagate(self, error: Floats, mean: Floats, work: Floats) -> Floats:
        """Turn the derivative of a loss by the means into that by the fields, in place.

        Parameters
        ----------
        error : ndarray of shape (n_rows, n_units)
            Derivative by the means; afterwards that by the fields.
        mean : ndarray of shape (n_rows, n_units)
            Mean of each unit.
        work : ndarray of shape (n_rows, n_units)
            Overwritten.

        Returns
        -------
        error : ndarray of shape (n_rows, n_units)
            The array `error`.
        """
        error *= self.variance(mean, out=work)
        return error

    def drawn_exactly(self) -> Unit:
        """Return this type with draws that follow its energy exactly.

        Returns
        -------
        unit : Unit
            The object itself, unless its `sample` is an approximation.
        """
        return self

    def expand_missing(self, missing: Booleans) -> Booleans:
        """Return which entries have to be drawn where some entries of a row are missing.

        Parameters
        ----------
        missing : ndarray of bool of shape (n_rows, n_units)
            Entries that are not known.

        Returns
        -------
        missing : ndarray of bool of shape (n_rows, n_units)
            The same, or more where units cannot be drawn one without the other.
        """
        return missing

    def n_states(self, n_units: int) -> int | None:
        """Return how many states a layer has.

        Parameters
        ----------
        n_units : int
            Units of the layer.

        Returns
        -------
        n_states : int or None
            None where there are infinitely many.
        """
        return None

    def states(self, start: int, stop: int, n_units: int) -> Floats:
        """Return the states of a layer from number `start` to `stop`, in an order of their own.

        Parameters
        ----------
        start : int
            Number of the first state.
        stop : int
            One more than the number of the last, at most `n_states`.
        n_units : int
            Units of the layer.

        Returns
        -------
        states : ndarray of shape (stop - start, n_units)
            States in float64.
        """
        raise NotImplementedError(f"{type(self).__name__} units have infinitely many states")

    def log_scales(self) -> Floats:
        """Return the logarithms of the scales that training changes.

        Returns
        -------
        log_scales : ndarray of shape (n_learned,)
            Empty where no scale is learned.
        """
        return np.empty(0)

    def set_log_scales(self, log_scales: Floats) -> None:
        """Take new values of what `log_scales` returns; values out of bounds are moved into them.

        Parameters
        ----------
        log_scales : ndarray of shape (n_learned,)
            The new values; corrected in place.
        """

    def log_scale_gradient(self, x: Floats, field: Floats, weights: Floats) -> Floats:
        """Return the derivative of the mean negative log-likelihood by the logarithms of the scales.

        Parameters
        ----------
        x : ndarray of shape (n_rows, n_units)
            Rows of the data in the family's coordinates.
        field : ndarray of shape (n_rows, n_units)
            Field of each unit given the means of the other layer given `x`.
        weights : ndarray of shape (n_rows,)
            Weights of the rows; they sum to 1.

        Returns
        -------
        gradient : ndarray of shape (n_learned,)
            Empty where no scale is learned.
        """
        return np.empty(0, dtype=x.dtype)
