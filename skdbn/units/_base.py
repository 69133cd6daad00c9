"""What a type of units has to define."""

from abc import ABCMeta, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator, clone


class Unit(BaseEstimator, metaclass=ABCMeta):
    """Base class of the types of units.

    To implement one: inherit, define the six abstract methods below, and add a line to `UNITS`;
    the conformance tests then cover it. A type whose data do not arrive in the family's own
    coordinates also overrides the methods that lead there and back: `adapt`, `encode`, `decode`,
    `to_data_units`, `from_data_units` and `log_volume`.
    """

    def adapt(self, mean, standard_deviation):
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

    def encode(self, x, out, rng=None):
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

    def decode(self, x):
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

    def to_data_units(self, weights, bias):
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

    def from_data_units(self, weights, bias):
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

    def log_volume(self):
        """Return the log of the volume, in the user's units, of a unit volume of the family.

        Returns
        -------
        log_volume : float
            Summed over the units; 0 where both coordinates are the same.
        """
        return 0.0

    @abstractmethod
    def base_energy(self, x):
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
    def log_partition(self, field):
        """Return log of the integral of exp(field * x - base_energy(x)) over x, for each unit.

        Parameters
        ----------
        field : ndarray of shape (..., n_units)
            Field of each unit.

        Returns
        -------
        log_partition : ndarray of shape (..., n_units)
            One value for each unit, not summed.
        """

    @abstractmethod
    def mean(self, field, out=None):
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
    def variance(self, mean, out=None):
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
    def sample_from_mean(self, mean, rng, out=None):
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
    def bias_from_mean(self, mean):
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

    def sample(self, field, rng):
        """Draw each unit given its field.

        Parameters
        ----------
        field : ndarray of shape (..., n_units)
            Field of each unit.
        rng : numpy.random.Generator
            Source of all draws.

        Returns
        -------
        x : ndarray of shape (..., n_units)
            States in the family's coordinates.
        """
        return self.sample_from_mean(self.mean(field), rng)
