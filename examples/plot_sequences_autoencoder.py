"""
======================================
Codes of sequences of different length
======================================

A recurrent autoencoder reads a sequence into a code of a few numbers and writes it again from
there. The codes are features like any others, for sequences that have no columns in common; what
cannot be written again is unlike what was learned.
"""

# %%
# Data
# ----
# Movements of a pen: ellipses, waves and zigzags of any size, pace and number of steps.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import Autoencoder
from skdeep.plotting import EmbeddingDisplay, ReconstructionDisplay

rng = np.random.RandomState(0)


def movement(kind):
    """Places of the pen, of shape (n_steps, 2)."""
    n = rng.randint(20, 41)
    turn = 2 * np.pi * (rng.uniform() + np.arange(n) / rng.uniform(15, 25))
    along = np.linspace(-1, 1, n)
    shapes = {
        "ellipse": (np.cos(turn), rng.uniform(0.5, 1) * np.sin(turn)),
        "wave": (along, np.sin(turn)),
        "zigzag": (along, 2 / np.pi * np.arcsin(np.sin(2 * turn))),
        "spiral": (along * np.cos(2 * turn), along * np.sin(2 * turn)),
    }
    return rng.uniform(0.5, 1.5) * np.column_stack(shapes[kind]) + 0.03 * rng.normal(size=(n, 2))


kinds = np.repeat(["ellipse", "wave", "zigzag"], 150)
sequences = [movement(kind) for kind in kinds]
X_train, X_test, y_train, y_test = train_test_split(sequences, kinds, random_state=0)

# %%
# Training
# --------
# The sequences are a list of arrays; batches are made of those of like length, and what they are
# padded with counts nowhere.

ae = Autoencoder(
    (64, 8), encoder="lstm", batch_size=50, learning_rate="cosine", learning_rate_init=0.01,
    gradient_clip_norm=1.0, max_iter=60, tol=0, random_state=0, device="cpu",
).fit(X_train)  # fmt: skip
print(f"share of the variance that is lost: {-ae.score(X_test):.2f}")
ReconstructionDisplay.from_estimator(ae, X_test)

# %%
# Codes as features
# -----------------

clf = make_pipeline(StandardScaler(), LogisticRegression())
clf.fit(ae.transform(X_train), y_train)
print(f"accuracy of a linear classifier of codes: {clf.score(ae.transform(X_test), y_test):.2f}")
EmbeddingDisplay.from_estimator(ae, X_test, y_test)

# %%
# A movement of another kind
# --------------------------
# Spirals were not learned, and come back as something else.

spirals = [movement("spiral") for _ in range(100)]
limit = np.quantile(ae.score_samples(X_test), 0.05)
print(f"spirals below 95 % of the others: {np.mean(ae.score_samples(spirals) < limit):.0%}")
plt.show()
