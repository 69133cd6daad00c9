"""What one can ask of a fine-tuned network: features of any layer, class probabilities, labels."""

from numbers import Integral

from sklearn.base import ClassifierMixin

from skdbn._fitted import FittedMixin
from skdbn._network import Network, features, log_probabilities, probabilities
from skdbn.units import Bernoulli


class FittedDBNMixin(FittedMixin):
    """Methods of every fitted DBN. None of them changes the estimator."""

    def _network(self):
        # The first weights act on X itself, see `Unit.to_data_units`: no encoding.
        return Network(Bernoulli(), self._units, (*self.coefs_, *self.intercepts_))

    def transform(self, X, layer=-1):
        """Compute the activities of a hidden layer of the fine-tuned network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        layer : int, default=-1
            Position in `hidden_layer_sizes`; negative from the top.

        Returns
        -------
        H : ndarray of shape (n_samples, hidden_layer_sizes[layer])
            Means of the hidden units, in the dtype of X.
        """
        X = self._check_rows(X)
        n_hidden = len(self.coefs_) - 1
        if not isinstance(layer, Integral) or not -n_hidden <= layer < n_hidden:
            raise ValueError(
                f"layer={layer!r}, but the network has {n_hidden} hidden layers: "
                f"give an integer from {-n_hidden} to {n_hidden - 1}."
            )
        return features(self._network(), X, layer).astype(X.dtype, copy=False)


class FittedDBNClassifierMixin(FittedDBNMixin, ClassifierMixin):
    """Methods of a fitted DBN classifier."""

    def predict_proba(self, X):
        """Compute the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`; rows sum to 1.
        """
        X = self._check_rows(X)
        return probabilities(self._network(), X)

    def predict_log_proba(self, X):
        """Compute the logarithm of the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            Finite also where the probability rounds to 0.
        """
        X = self._check_rows(X)
        return log_probabilities(self._network(), X)

    def predict(self, X):
        """Predict the most probable class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Elements of `classes_`.
        """
        X = self._check_rows(X)
        return self.classes_[probabilities(self._network(), X).argmax(axis=1)]
