"""
==================================
The same digit, or a different one
==================================

Whether two images show the same thing is another question than what they show: it can be asked
of things that no list of classes has. `skdeep.SiameseTransformer` learns it from pairs that are
labelled "same" or "different". Its embedding puts the same things near each other, a threshold on
the distance says which pairs are the same, and a sigmoid of it with which probability.
"""

# %%
# Pairs of digits
# ---------------
# The network never hears which digits it sees, only whether two are the same. Pairs for training,
# for the threshold and for the test are made of different images.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.calibration import CalibrationDisplay
from sklearn.datasets import load_digits
from sklearn.metrics import RocCurveDisplay, roc_auc_score

from skdeep import SiameseTransformer

images, digits = load_digits(return_X_y=True)
images = (images / 16).astype(np.float32)
rng = np.random.default_rng(0)


def draw_pairs(rows, n_pairs):
    """Row numbers of pairs, half of them of the same digit, and 1 for those, -1 for others."""
    left = rng.choice(rows, n_pairs)
    right = rng.choice(rows, n_pairs)
    for i in range(0, n_pairs, 2):
        right[i] = rng.choice(rows[digits[rows] == digits[left[i]]])
    return np.stack([left, right], 1), np.where(digits[left] == digits[right], 1, -1)


rows = rng.permutation(len(digits))
train, y_train = draw_pairs(rows[:1000], 6000)
calibration, y_calibration = draw_pairs(rows[1000:1400], 1000)
test, y_test = draw_pairs(rows[1400:], 2000)

# %%
# Learning from them
# ------------------
# The contrastive loss pulls the same digits together and pushes others a margin apart. Pairs come
# as row numbers here; an array of shape (n_pairs, 2, n_features) does as well.

siamese = SiameseTransformer(n_components=16, max_iter=30, random_state=0)
siamese.fit_pairs(train, y_train, X=images)
siamese.calibrate_threshold(calibration, y_calibration, X=images)

distance = siamese.pair_distance(test, X=images)
pixels = np.linalg.norm(images[test[:, 0]] - images[test[:, 1]], axis=1)
print(f"area under the ROC curve, pixels:    {roc_auc_score(y_test, -pixels):.3f}")
print(f"area under the ROC curve, embedding: {roc_auc_score(y_test, -distance):.3f}")
right = siamese.predict_pairs(test, X=images) == y_test
print(f"pairs called right up to a distance of {siamese.threshold_:.2f}: {right.mean():.3f}")

# %%
# Another threshold
# -----------------
# Where calling different things the same is costly, the threshold is set so that it hardly ever
# happens.

siamese.calibrate_threshold(calibration, y_calibration, X=images, strategy="max_tpr", min_rate=0.99)
called_same = siamese.predict_pairs(test, X=images) == 1
print(
    f"up to a distance of {siamese.threshold_:.2f}: {called_same[y_test == -1].mean():.3f} of "
    f"different and {called_same[y_test == 1].mean():.3f} of same pairs are called the same"
)

# %%
# What the distances look like
# ----------------------------

proba = siamese.predict_pairs_proba(test, X=images)[:, 1]
fig, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
for label, name in ((1, "same"), (-1, "different")):
    axes[0].hist(distance[y_test == label], bins=40, alpha=0.6, label=name)
axes[0].axvline(siamese.threshold_, color="k", linestyle=":", label="threshold")
axes[0].set(xlabel="distance in the embedding", ylabel="pairs")
axes[0].legend()
RocCurveDisplay.from_predictions(y_test, -pixels, name="pixels", ax=axes[1])
RocCurveDisplay.from_predictions(y_test, -distance, name="embedding", ax=axes[1])
CalibrationDisplay.from_predictions(y_test == 1, proba, n_bins=8, ax=axes[2], name="pairs")
plt.show()
