"""Train a DBNClassifier on MNIST and print error, time of each phase and settings.

python benchmarks/mnist.py --data mnist.npz      # or without: from OpenML
python benchmarks/mnist.py --smoke               # 8x8 digits, seconds, no download
"""

import argparse
import time

import numpy as np
from _data import load_mnist, small_mnist

from skdbn import DBNClassifier, RBMTransformer


class TimedRBM(RBMTransformer):
    """An RBM that remembers how long its training took."""

    def _fit(self, *arguments, **options):
        start = time.perf_counter()
        super()._fit(*arguments, **options)
        self.seconds_ = time.perf_counter() - start
        return self


def run(model, data):
    """Fit and test one model; return (error on the test rows, seconds by phase)."""
    x_train, y_train, x_test, y_test = data
    start = time.perf_counter()
    model.fit(x_train, y_train)
    fitted = time.perf_counter()
    error = 1 - model.score(x_test, y_test)
    predicted = time.perf_counter()
    pretraining = sum(rbm.seconds_ for rbm in model.rbms_)
    return error, {
        "pre-training": pretraining,
        "fine-tuning": fitted - start - pretraining,
        "predict": predicted - fitted,
    }


def parse_arguments():
    """Return the settings of the run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help=".npz with x_train, y_train, x_test, y_test")
    parser.add_argument("--layers", type=int, nargs="+", default=[500, 500])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--no-pretraining", action="store_true")
    parser.add_argument("--max-iter", type=int, help="epochs of fine-tuning, default as shipped")
    parser.add_argument("--n-iter", type=int, help="epochs of pre-training, default as shipped")
    parser.add_argument("--dropout", type=float, help="default as shipped")
    parser.add_argument("--input-dropout", type=float, help="default as shipped")
    parser.add_argument("--validation", action="store_true", help="test on 10,000 training rows")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args()


def make_model(options, seed):
    """Return the classifier with the settings that were given; all others stay as shipped."""
    rbm = TimedRBM()
    model = DBNClassifier(
        tuple(options.layers),
        rbm=rbm,
        pretrain=not options.no_pretraining,
        verbose=options.verbose,
        random_state=seed,
    )
    if options.smoke:
        model.set_params(hidden_layer_sizes=(32, 32), max_iter=10, rbm__n_iter=3)
    if options.dropout is not None:
        model.set_params(dropout=options.dropout)
    if options.input_dropout is not None:
        model.set_params(input_dropout=options.input_dropout)
    if options.max_iter:
        model.set_params(max_iter=options.max_iter)
    if options.n_iter:
        model.set_params(rbm__n_iter=options.n_iter)
    return model


def main():
    """Run every seed and print a line for each, and the mean."""
    options = parse_arguments()
    data = small_mnist() if options.smoke else load_mnist(options.data)
    if options.validation:
        data = data[0][:50000], data[1][:50000], data[0][50000:], data[1][50000:]
    errors = []
    for seed in options.seeds:
        model = make_model(options, seed)
        error, seconds = run(model, data)
        errors.append(error)
        print(f"seed {seed}: error {error:.2%}, " + ", ".join(f"{k} {s:.1f} s" for k, s in seconds.items()))
    print(f"mean error {np.mean(errors):.2%} of {len(errors)} seeds, {len(data[0])} training rows")
    print(model)


if __name__ == "__main__":
    main()
