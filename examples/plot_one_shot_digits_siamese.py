"""
======================
Digits after one image
======================

A network that was trained on some classes can tell others apart that it has never seen: its
embedding is compared, not its outputs. Here digits lie anywhere in a larger image, where
comparing pixels does not get far. An embedding is learned from six of the ten digits, and the other
four are then recognised from one image of each.
"""

# %%
# Digits out of place
# -------------------
# Each image of 8 x 8 pixels is put somewhere in a frame of 12 x 12.

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid

from skdeep import SiameseClassifier, SiameseTransformer

rng = np.random.default_rng(0)
small, digits = load_digits(return_X_y=True)
small = (small / 16).astype(np.float32).reshape(-1, 8, 8)
images = np.zeros((len(small), 12, 12), dtype=np.float32)
for image, digit in zip(images, small):
    top, left = rng.integers(0, 5, 2)
    image[top : top + 8, left : left + 8] = digit

new = np.isin(digits, [3, 4, 8, 9])
known, y_known = images[~new], digits[~new]

# %%
# More classes than there are
# ---------------------------
# What sets new classes apart is learned from many classes. Each digit turned and mirrored is one of
# its own, which makes forty-eight of six.

turned = [np.rot90(known, k, (1, 2)) for k in range(4)]
views = np.concatenate([view[:, :, ::step] for view in turned for step in (1, -1)])
classes = np.concatenate([8 * y_known + i for i in range(8)])

started = time.perf_counter()
siamese = SiameseTransformer(image_shape=(12, 12), augment="affine", max_iter=6, random_state=0)
siamese.fit(views, classes)
print(f"trained for {time.perf_counter() - started:.0f} s on {len(np.unique(classes))} classes")

# %%
# One image of each
# -------------------
# Many times: one image of each of the four new digits is shown, and another one of each has to
# be recognised.


def one_shot_accuracy(rows, n_shots=1, n_episodes=400):
    """Accuracy of the nearest mean of `n_shots` rows of each new digit."""
    rng = np.random.default_rng(1)
    right = 0
    for _ in range(n_episodes):
        drawn = [rng.choice(np.flatnonzero(digits == c), n_shots + 1, False) for c in (3, 4, 8, 9)]
        means = np.stack([rows[d[:-1]].mean(0) for d in drawn])
        queries = rows[[d[-1] for d in drawn]]
        distance = np.linalg.norm(queries[:, None] - means, axis=2)
        right += (distance.argmin(1) == np.arange(4)).sum()
    return right / (4 * n_episodes)


embedding, pixels = siamese.transform(images), images.reshape(len(images), -1)
shots = [1, 2, 5, 10]
curves = {
    name: [one_shot_accuracy(rows, n) for n in shots]
    for name, rows in (("pixels", pixels), ("embedding", embedding))
}
for name, curve in curves.items():
    print(f"{name}: {curve[0]:.2f} right after one image, {curve[-1]:.2f} after ten")

# %%
# A classifier that learns new classes without training
# -----------------------------------------------------
# `SiameseClassifier` keeps the mean of each class and takes new ones by `partial_fit`. Rows far
# from all it knows can be rejected. Trained on six classes only, it has hardly learned what sets
# others apart, and is no better than pixels at naming them; the means of ten images in the
# embedding of forty-eight classes are.

clf = SiameseClassifier(image_shape=(12, 12), max_iter=10, rejection_rate=0.05, random_state=0).fit(
    known, y_known
)
rejected = ~clf.is_known(images[new])
print(f"of images of digits not seen so far {rejected.mean():.2f} are rejected")
few = np.concatenate([np.flatnonzero(digits == c)[:10] for c in (3, 4, 8, 9)])
clf.partial_fit(images[few], digits[few])
rest = np.setdiff1d(np.flatnonzero(new), few)
names = clf.predict(images[rest])
print(f"after ten images of each, classes {clf.classes_}")
shown = np.r_[np.flatnonzero(~new), few]
nearest = KNeighborsClassifier(1).fit(pixels[shown], digits[shown])
centroids = NearestCentroid().fit(embedding[shown], digits[shown])
print("new digits named right among ten classes:")
print(f"  nearest image by pixels:       {nearest.score(pixels[rest], digits[rest]):.2f}")
print(f"  embedding learned from six:    {np.mean(names == digits[rest]):.2f}")
print(f"  from forty-eight classes:      {centroids.score(embedding[rest], digits[rest]):.2f}")

# %%
# Accuracy and embedding
# ----------------------

fig, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for name, curve in curves.items():
    axes[0].plot(shots, curve, "o-", label=name)
axes[0].set(xlabel="images of each new digit", ylabel="accuracy among the four")
axes[0].legend()
plane = embedding[new] - embedding[new].mean(0)
plane = plane @ np.linalg.svd(plane, full_matrices=False)[2][:2].T
for c in (3, 4, 8, 9):
    axes[1].plot(*plane[digits[new] == c].T, ".", label=str(c))
axes[1].set(title="new digits in the embedding", xticks=[], yticks=[])
axes[1].legend()
plt.show()
