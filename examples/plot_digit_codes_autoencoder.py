"""
==============================
Digits in the plane, two codes
==============================

Sixty-four pixels in two numbers: an autoencoder, whose map is curved, beside principal components,
whose map is straight. What the two numbers keep is measured by the error of the way back, and by
how often the nearest neighbour in the plane is the same digit.
"""

# %%
# Two maps to the plane
# ---------------------

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from skdeep import Autoencoder
from skdeep.plotting import EmbeddingDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16.0, y, stratify=y, random_state=0)
autoencoder = Autoencoder(
    (128, 64, 2), learning_rate="cosine", learning_rate_init=0.005, max_iter=120, tol=0,
    random_state=0, device="cpu",
)  # fmt: skip

# %%
# Test rows in both
# -----------------

fig, axes = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
for ax, model in zip(axes, (PCA(2), autoencoder)):
    codes = model.fit(X_train).transform(X_test)
    error = np.square(model.inverse_transform(codes) - X_test).mean()
    neighbours = KNeighborsClassifier(5).fit(model.transform(X_train), y_train)
    same = neighbours.score(codes, y_test)
    name = type(model).__name__
    print(f"{name:12s} squared error {error:.4f}, neighbours of the same digit {same:.0%}")
    EmbeddingDisplay.from_estimator(model, X_test, y_test, name=name, ax=ax)
plt.show()
