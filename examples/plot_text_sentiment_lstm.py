"""
=====================================
Sentiment of texts: a pipeline of two
=====================================

`SequenceVectorizer` turns texts into rows of token ids, `LSTMClassifier` reads them in both
directions. The texts are made: some are about a film, and whether they praise it depends on the
order of the words ("not good" is no praise), which a bag of words does not know. The saliency tells
which words spoke for the decision.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skdeep import LSTMClassifier, SequenceVectorizer
from skdeep.plotting import SaliencyDisplay

GOOD = ["good", "fine", "lovely", "moving", "clever"]
BAD = ["bad", "dull", "clumsy", "tedious", "silly"]
ABOUT = ["the plot", "the film", "its music", "every scene", "the acting"]
FILLERS = ["i saw it on a rainy evening", "my friends came too", "it runs for two hours"]


def make_texts(n_texts, rng):
    """Texts of several claims, and whether most claims praise."""
    texts, praised = [], []
    for _ in range(n_texts):
        claims, balance = [], 0
        for _ in range(rng.choice([1, 3, 5])):
            praises, denied = rng.randint(2, size=2)
            word = rng.choice(GOOD if praises else BAD)
            claims.append(f"{rng.choice(ABOUT)} is {'not ' * denied}{word}")
            balance += 1 if praises != denied else -1
        claims.insert(rng.randint(len(claims) + 1), rng.choice(FILLERS))
        texts.append(". ".join(claims))
        praised.append(balance > 0)
    return texts, np.where(praised, "praise", "blame")


texts, y = make_texts(3000, np.random.RandomState(0))
train_texts, test_texts, y_train, y_test = train_test_split(texts, y, random_state=0)
print(f"{train_texts[0]!r}: {y_train[0]}")

bag = make_pipeline(CountVectorizer(), LogisticRegression(max_iter=1000))
print(f"bag of words: accuracy {bag.fit(train_texts, y_train).score(test_texts, y_test):.2f}")

vectorizer = SequenceVectorizer(max_length=50)
lstm = LSTMClassifier((16,), vocabulary_size="auto", max_iter=8, random_state=0, device="cpu")
clf = make_pipeline(vectorizer, lstm).fit(train_texts, y_train)
print(f"LSTM: accuracy {clf.score(test_texts, y_test):.2f}")

text = "the plot is not bad. the acting is dull. its music is not clever"
ids = vectorizer.transform([text])
words = vectorizer.inverse_transform(ids)[0]
saliency = lstm.saliency(ids)[0, : len(words)]
print(f"{text!r}: {clf.predict([text])[0]}")

figure, axes = plt.subplots(2, 1, figsize=(8, 5), layout="constrained")
axes[0].plot(lstm.loss_curve_, marker="o")
axes[0].set(title="Training", xlabel="epoch", ylabel="log loss")
title = f"What spoke for {clf.predict([text])[0]}, in red"
SaliencyDisplay(saliency, list(words), title=title).plot(ax=axes[1])
plt.show()
