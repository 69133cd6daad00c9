"""
What are unlabelled rows worth?
===============================

1,347 images of digits, of which 5, 10 or 20 of each class have a label. The deep belief network is
pre-trained on all rows (those without a label carry the marker ``unlabeled=-1``) and fine-tuned on the
labelled ones. The same network without pre-training and a logistic regression can use the labelled
rows only. Means over five draws of split and labels.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skdbn import DBNClassifier, RBMTransformer

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
labels_per_class = [5, 10, 20]
seeds = range(5)

# %%
# The hidden layer and the settings of the fine-tuning are those of both networks.

network = DBNClassifier((256,), unlabeled=-1, batch_size=10, max_iter=60)
models = {
    "DBN, all rows": network.set_params(rbm=RBMTransformer(n_iter=15)),
}
