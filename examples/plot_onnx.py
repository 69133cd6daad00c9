"""
Does an exported network predict the same?
==========================================

``to_onnx`` writes a fitted network as an ONNX model: one file that runtimes on servers, telephones and in
browsers compute without Python or this package. The labels should be equal, the probabilities within
rounding. And is it faster? It needs onnx and onnxruntime (``pip install onnx onnxruntime``).
"""

import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdbn import DBNClassifier
from skdbn.onnx import to_onnx

try:
    import onnxruntime
except ImportError:
    print("Nothing to show without a runtime: pip install onnx onnxruntime")
    raise SystemExit from None

# %%
# Labels may be strings. The exported network takes the same columns as ``predict``: a scaler in front of it
# has to be applied on the other side as well, here the division by 16.

X, y = load_digits(return_X_y=True)
X, y = (X / 16).astype(np.float32), np.array([f"digit {label}" for label in y])
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
dbn = DBNClassifier((128, 128), random_state=0).fit(X_train, y_train)

path = Path(tempfile.mkdtemp()) / "digits.onnx"
path.write_bytes(to_onnx(dbn).SerializeToString())
session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB, {sum(w.size for w in dbn.coefs_)} weights")

# %%
# The other side: what is left is a file, an array and the names of the outputs.

labels, probabilities = session.run(["label", "probabilities"], {"X": X_test})
same = np.mean(labels == dbn.predict(X_test))
difference = np.abs(probabilities - dbn.predict_proba(X_test))
print(f"test accuracy {np.mean(labels == y_test):.3f}, here {dbn.score(X_test, y_test):.3f}")
print(f"equal labels {same:.0%}, largest difference of a probability {difference.max():.1e}")

# %%
# The shortest of many calls, by the number of rows at once; each side with the threads that it takes by
# itself. For few rows ``predict_proba`` spends its time on checks, not on the network. Times are of the
# machine that ran this.


def shortest(predict, n_calls=50):
    seconds = []
    for _ in range(n_calls):
        start = time.perf_counter()
        predict()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


n_rows = [1, 10, 100, 1000, 10_000]
times = {"predict_proba": [], "onnxruntime": []}
for n in n_rows:
    rows = np.resize(X_test, (n, X.shape[1]))
    times["predict_proba"].append(shortest(lambda rows=rows: dbn.predict_proba(rows)))
    times["onnxruntime"].append(shortest(lambda rows=rows: session.run(["probabilities"], {"X": rows})))
for name, values in times.items():
    print(
        f"{name:<14}", ", ".join(f"{n} rows {1e3 * s:.3g} ms" for n, s in zip(n_rows, values, strict=True))
    )

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
left.plot(dbn.predict_proba(X_test).ravel(), probabilities.ravel(), ".", color="#1f5a99", ms=4, alpha=0.4)
left.set(xlabel="probability by predict_proba", ylabel="probability by onnxruntime", aspect="equal")
left.set_title(f"largest difference {difference.max():.0e}", fontsize="medium")
for (name, values), color in zip(times.items(), ("#1f5a99", "#c8641b"), strict=True):
    right.loglog(n_rows, 1e6 * np.array(values) / n_rows, "o-", color=color, label=name)
right.set(xlabel="rows at once", ylabel="microseconds a row")
right.legend(frameon=False)
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
plt.show()
