"""
=========================
Noise taken out of digits
=========================

A denoising autoencoder learns to undo what is done to its input: here a third of the pixels of
handwritten digits are set to 0. It sees what remains of images that it has never met, and
restores them better than principal components do. With ``encoder='conv'`` it knows that pixels
have neighbours.
"""

# %%
# Data
# ----

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skdeep import Autoencoder
from skdeep.plotting import ReconstructionDisplay

X_train, X_test = train_test_split(load_digits().data / 16.0, random_state=0)
rng = np.random.RandomState(1)
noisy = X_test * (rng.uniform(size=X_test.shape) >= 0.33)

# %%
# Training
# --------
# `noise` spoils each batch anew; the target is the clean image. For a denoising autoencoder the
# code may be wider than the input: that of the convolutional one are all maps of its last
# convolution, so that no pixel loses its place.

options = {"loss": "cross_entropy", "learning_rate": "cosine", "learning_rate_init": 0.003}
options |= {"max_iter": 100, "tol": 0, "random_state": 0, "device": "cpu"}
plain = Autoencoder((256, 128), **options).fit(X_train)
denoising = Autoencoder((256, 128), noise="masking", noise_rate=0.33, **options).fit(X_train)
conv = Autoencoder(
    (), encoder="conv", n_filters=(32, 64), image_shape=(8, 8), code_activation="relu",
    noise="masking", noise_rate=0.33, **options,
).fit(X_train)  # fmt: skip
pca = PCA(20).fit(X_train)
restored = {
    "nothing": noisy,
    "principal components": pca.inverse_transform(pca.transform(noisy)),
    "plain autoencoder": plain.reconstruct(noisy),
    "denoising autoencoder": denoising.reconstruct(noisy),
    "with convolutions": conv.reconstruct(noisy),
}
for name, rows in restored.items():
    print(f"{name:22s} mean squared error {np.square(rows - X_test).mean():.4f}")

ReconstructionDisplay.from_estimator(conv, noisy, targets=X_test)
plt.show()
