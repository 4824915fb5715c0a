"""
==========================
A grid of generated digits
==========================

`ImageGAN` learns from small images of handwritten digits, and from their labels, to make digits
of each class. How good they are, a classifier tells: one that has only seen made digits is tested
on real ones, and one that has seen real digits is asked what it takes the made ones for.
"""

# %%
# Training
# --------
# A few hundred steps of two small networks. More epochs make better digits.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from skdeep import ImageGAN
from skdeep.metrics import classifier_frechet_distance, precision_recall
from skdeep.plotting import SampleDisplay

digits = load_digits()
X, X_test, y, y_test = train_test_split(
    digits.images, digits.target, random_state=0, stratify=digits.target
)
gan = ImageGAN(channels=(32, 16), latent_size=16, max_iter=40, random_state=0).fit(X, y)
print(f"{gan.n_iter_} epochs, losses of generator and critic in the last one: ", end="")
print(f"{gan.loss_curve_[-1]:.2f} and {gan.critic_loss_curve_[-1]:.2f}")

# %%
# How good they are
# -----------------

made, labels = gan.sample(len(X), y=y)
flat, flat_test = X.reshape(len(X), -1), X_test.reshape(len(X_test), -1)
flat_made = made.reshape(len(made), -1)
teacher = SVC().fit(flat, y)
student = SVC().fit(flat_made, labels)
print(f"trained on real digits: {teacher.score(flat_test, y_test):.3f} right on real ones")
print(f"trained on made digits: {student.score(flat_test, y_test):.3f}")
print(f"made digits that pass for what they are to be: {teacher.score(flat_made, labels):.3f}")
precision, recall = precision_recall(flat, flat_made)
print(f"precision {precision:.3f}, recall {recall:.3f}")

# %%
# The Frechet distance over a classifier's features means something beside another one: here
# that of held-out digits.

judge = LogisticRegression(max_iter=500).fit(flat / 16, y)
for name, rows in (("held-out", flat_test), ("made", flat_made)):
    distance = classifier_frechet_distance(judge, flat / 16, rows / 16)
    print(f"Frechet distance of {name} digits: {distance:.1f}")

# %%
# A row for each class, and the way from one hand to another
# ----------------------------------------------------------
# `interpolate` goes from one code to another within a class: from one way to write a digit to
# another one.

SampleDisplay.from_estimator(gan, 100, random_state=0)
ways = {digit: gan.interpolate(8, y=digit, random_state=1) for digit in (2, 4, 7)}
images, labels = np.concatenate(list(ways.values())), np.repeat(list(ways), 8)
SampleDisplay(images=images, labels=labels, n_columns=8).plot()
plt.show()
