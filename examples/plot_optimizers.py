"""
Which optimizer trains an RBM best?
===================================

Binarised 8 x 8 digits, an RBM with 12 hidden units: small enough that the log-likelihood of held-out
rows is computed exactly, by summing over all hidden states. For each optimizer the learning rate, which
falls linearly to 0, is chosen on validation rows; what is shown are test rows, as mean and spread of
five seeds. One small data set: read it as a comparison of *these* runs, not as a law.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdbn import RBMTransformer
from skdbn.optimizers import SGD, AdaGrad, Adam, RMSProp
from skdbn.schedules import Linear

X = (load_digits().data > 8).astype(np.float32)
X_train, X_rest = train_test_split(X, train_size=1100, random_state=0)
X_val, X_test = train_test_split(X_rest, train_size=0.5, random_state=0)
n_epochs, seeds = 24, range(5)

# %%
# Rates on a logarithmic grid around the best one of each optimizer. The winner must not lie at the end
# of its grid; if it does, the table below says so.

candidates = {
    "SGD": (SGD(), (0.3, 1.0, 3.0, 10.0)),
    "SGD, momentum 0.9": (SGD(momentum=0.9), (0.03, 0.1, 0.3)),
    "AdaGrad": (AdaGrad(), (0.1, 0.3, 1.0, 3.0)),
    "Adam": (Adam(), (0.01, 0.03, 0.1, 0.3)),
    "RMSProp": (RMSProp(), (0.03, 0.1, 0.3, 1.0)),
}


def machine(optimizer, rate, seed):
    return RBMTransformer(
        12,
        optimizer=optimizer,
        learning_rate=Linear(rate, 0),
        batch_size=50,
        n_iter=n_epochs,
        random_state=seed,
    )


def log_likelihood(rbm, X):
    return rbm.score_samples(X, rbm.log_partition()).mean()


def curve(optimizer, rate, seed):
    """Train epoch by epoch; return the test log-likelihood of every second epoch."""
    rbm, values = machine(optimizer, rate, seed), []
    for epoch in range(1, n_epochs + 1):
        rbm.partial_fit(X_train)
        if epoch % 2 == 0:
            values.append(log_likelihood(rbm, X_test))
    return values


def best_rate(optimizer, rates):
    """Choose by the mean log-likelihood of the validation rows over two other seeds."""
    scores = [
        np.mean([log_likelihood(machine(optimizer, rate, seed).fit(X_train), X_val) for seed in (5, 6)])
        for rate in rates
    ]
    return rates[int(np.argmax(scores))]


# %%
# The baseline is the model of independent pixels with the right means.

mean = np.clip(X_train.mean(axis=0), 1e-3, 1 - 1e-3)
independent = (X_test * np.log(mean) + (1 - X_test) * np.log(1 - mean)).sum(axis=1).mean()
print(f"{'independent pixels':<20} {independent:.2f} nats per test image")

figure, axes = plt.subplots(figsize=(8, 4.8), layout="constrained")
epochs = range(2, n_epochs + 1, 2)
for name, (optimizer, rates) in candidates.items():
    rate = best_rate(optimizer, rates)
    curves = np.array([curve(optimizer, rate, seed) for seed in seeds])
    middle, spread = curves.mean(axis=0), curves.std(axis=0)
    at_end = " (end of its grid)" if rate in (rates[0], rates[-1]) else ""
    print(f"{name:<20} {middle[-1]:.2f} +- {spread[-1]:.2f} with rate {rate:g}{at_end}")
    (line,) = axes.plot(epochs, middle, label=f"{name}, rate {rate:g}")
    axes.fill_between(epochs, middle - spread, middle + spread, color=line.get_color(), alpha=0.1, lw=0)
axes.set(xlabel="epoch", ylabel="exact test log-likelihood (nats per image)", ylim=(-23, None))
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False, loc="lower right")
plt.show()
