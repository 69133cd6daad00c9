"""Exact test log-likelihood of a small RBM on thresholded MNIST.

    python benchmarks/likelihood.py --data mnist.npz
    python benchmarks/likelihood.py --smoke          # 8x8 digits, seconds, no download

784 visible and 16 hidden units, MNIST > 0.5, 50 epochs. Published for PCD-1 with centred SGD: -142.56 nats
(PyDeep, documentation of its small RBM on MNIST, seed 42).
"""

import argparse
import time

import numpy as np
from _data import load_mnist, small_mnist

from skdbn import RBMTransformer


def main():
    """Run every seed and print exact mean log-likelihoods in nats."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help=".npz with x_train, y_train, x_test, y_test")
    parser.add_argument("--n-components", type=int, default=16)
    parser.add_argument("--n-iter", type=int, default=50)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    if options.smoke:
        options.n_iter, options.seeds = 5, [0]
    x_train, _, x_test, _ = small_mnist() if options.smoke else load_mnist(options.data)
    x_train, x_test = (np.asarray(x > 0.5, dtype=np.float32) for x in (x_train, x_test))
    likelihoods = []
    for seed in options.seeds:
        start = time.perf_counter()
        rbm = RBMTransformer(options.n_components, n_iter=options.n_iter, random_state=seed).fit(x_train)
        seconds = time.perf_counter() - start
        log_partition = rbm.log_partition()
        train, test = (rbm.score_samples(x, log_partition).mean() for x in (x_train, x_test))
        likelihoods.append(test)
        print(f"seed {seed}: test {test:.2f}, train {train:.2f} nats, fit {seconds:.1f} s", flush=True)
    print(f"mean test log-likelihood {np.mean(likelihoods):.2f} (sd {np.std(likelihoods):.2f}) nats")
    print(rbm)


if __name__ == "__main__":
    main()
