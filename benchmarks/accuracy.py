"""Print accuracies at default settings beside scikit-learn's MLPClassifier at its own.

    python benchmarks/accuracy.py --data FOLDER      # with spambase.npz and adult.npz
    python benchmarks/accuracy.py                    # the data sets of scikit-learn only
    python benchmarks/accuracy.py --smoke            # one split of the smallest ones

Each data set after the scaler it needs; stratified splits of 75 % and 25 %, or the published test rows.
MLPClassifier runs with max_iter=500 on digits, as the comparison there says, and as shipped elsewhere.
"""

import argparse
import time
import warnings

import numpy as np
from _data import classification_data, data_folder
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline

from skdbn import DBNClassifier


def models_for(name, seed):
    """Return the models of a row of the table, by column."""
    mlp = MLPClassifier(random_state=seed)
    if name == "digits":
        mlp.set_params(max_iter=500)
    return {
        "DBN": DBNClassifier(random_state=seed),
        "DBN pretrain=False": DBNClassifier(pretrain=False, random_state=seed),
        "MLP": mlp,
    }


def scores_of(name, X, y, scaler, own_split, seed):
    """Return accuracy and seconds of each model on one split."""
    if own_split is None:
        X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=seed)
    else:
        X_test, y_test = own_split
    results = {}
    for column, model in models_for(name, seed).items():
        start = time.perf_counter()
        pipeline = make_pipeline(clone(scaler), model).fit(X, y)
        results[column] = pipeline.score(X_test, y_test), time.perf_counter() - start
    return results


def main():
    """Print the table, one line a data set: mean (standard deviation) of the seeds, seconds a fit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder of the .npz files")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--only", nargs="+", help="names of data sets")
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    seeds = [0] if options.smoke else options.seeds
    names = ["wine", "iris"] if options.smoke else options.only
    warnings.simplefilter("ignore", ConvergenceWarning)
    columns = list(models_for("", 0))
    print("| data | " + " | ".join(columns) + " | DBN - MLP |")
    print("|---" * (len(columns) + 2) + "|")
    for name, *data in classification_data(data_folder(options.data)):
        if names and name not in names:
            continue
        results = [scores_of(name, *data, seed) for seed in seeds]
        cells, means = [], {}
        for column in columns:
            accuracy, seconds = np.array([result[column] for result in results]).T
            means[column] = accuracy.mean()
            cells.append(f"{accuracy.mean():.4f} ({accuracy.std():.4f}), {np.median(seconds):.1f} s")
        print(f"| {name} | " + " | ".join(cells) + f" | {means['DBN'] - means['MLP']:+.4f} |", flush=True)


if __name__ == "__main__":
    main()
