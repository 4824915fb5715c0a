"""
=======================================
Transfer learning with a frozen network
=======================================

A network that can tell digits apart knows their strokes, and another question about digits needs
few examples then. Here the question is whether a digit encloses something (0, 6, 8, 9): only the
last layer is trained anew, ``pretrained`` brings the weights of the others and ``freeze`` keeps
them.
"""

# %%
# Data
# ----
# Ten classes of digits for the teacher; for the pupils other rows, the other question, and between
# 2 and 40 examples of each answer.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import CNNClassifier

X, y = load_digits(return_X_y=True)
X_teacher, y_teacher = X[:900], y[:900]
X_few, encloses_few = X[900:1300], np.isin(y[900:1300], [0, 6, 8, 9])
X_test, encloses_test = X[1300:], np.isin(y[1300:], [0, 6, 8, 9])

# %%
# The teacher
# -----------

fixed = {"image_shape": (8, 8), "random_state": 0}
teacher = CNNClassifier(max_iter=12, **fixed).fit(X_teacher, y_teacher)
print(f"teacher, ten digits: {teacher.score(X[1300:], y[1300:]):.3f}")

# %%
# Pupils
# ------
# The same network from scratch and with the teacher's trunk; beside them logistic regressions on
# pixels and on what the teacher's last layer sees, which `transform` gives.

sizes, rng = (2, 5, 10, 40), np.random.default_rng(0)
scores = {"from scratch": [], "frozen trunk": [], "logistic": [], "logistic on features": []}
for size in sizes:
    rows = np.concatenate(
        [rng.choice(np.flatnonzero(encloses_few == b), size, False) for b in (False, True)]
    )
    few = X_few[rows], encloses_few[rows]
    models = {
        "from scratch": CNNClassifier(max_iter=40, **fixed),
        "frozen trunk": CNNClassifier(
            max_iter=40, learning_rate_init=0.02, pretrained=teacher, freeze=True, **fixed
        ),
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    }
    for name, model in models.items():
        scores[name].append(model.fit(*few).score(X_test, encloses_test))
    features = LogisticRegression(max_iter=1000).fit(teacher.transform(few[0]), few[1])
    scores["logistic on features"].append(features.score(teacher.transform(X_test), encloses_test))

print("accuracy by examples of each   " + "".join(f"{n:>7}" for n in sizes))
for name, values in scores.items():
    print(f"{name:30}" + "".join(f"{v:7.3f}" for v in values))

# %%
# What the examples are worth
# ---------------------------

fig, ax = plt.subplots(layout="constrained")
for name, values in scores.items():
    ax.plot(sizes, values, marker="o", label=name)
ax.set_xscale("log")
ax.set_xticks(sizes, [str(n) for n in sizes])
ax.minorticks_off()
ax.set_xlabel("examples of each answer")
ax.set_ylabel("accuracy on test rows")
ax.legend()

plt.show()
