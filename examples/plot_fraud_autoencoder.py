"""
=============================
Frauds in a table of payments
=============================

Nobody has marked the frauds in a table of payments: `skdeep.AutoencoderOutlierDetector` ranks the
rows by how far they break the rules that all others keep, and says which columns are to blame.
Where a few rows have been looked into, their labels and the costs set the threshold.
"""

# %%
# Data
# ----
# Made payments: the amount follows from the kind of shop and from the customer's usual amount. One
# payment in a hundred is a fraud, with values that are common one by one, but not together.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdeep import AutoencoderOutlierDetector
from skdeep.plotting import AnomalyScoreDisplay

rng = np.random.RandomState(0)
n = 4000
shop = rng.choice(["food", "fuel", "clothes", "jewels"], n, p=[0.5, 0.3, 0.15, 0.05])
level = pd.Series(shop).map({"food": 3.0, "fuel": 4.0, "clothes": 4.5, "jewels": 6.5}).to_numpy()
habit = rng.normal(0, 0.5, n)
hour = np.where(shop == "food", rng.normal(17, 2, n), rng.normal(12, 3, n)).clip(0, 23.9)
payments = pd.DataFrame(
    {
        "shop": shop,
        "usual_amount": np.exp(4.0 + habit),
        "amount": np.exp(level + habit + rng.normal(0, 0.3, n)),
        "hour": hour,
        "age_of_card": np.where(rng.uniform(size=n) < 0.1, np.nan, rng.gamma(3, 2, n)),
    }
)
is_fraud = rng.uniform(size=n) < 0.01
n_frauds = is_fraud.sum()
payments.loc[is_fraud, "amount"] = np.exp(rng.uniform(5.5, 7.5, n_frauds))
payments.loc[is_fraud, "shop"] = rng.choice(["food", "fuel", "clothes"], n_frauds)
payments.loc[is_fraud, "hour"] = rng.uniform(0, 24, n_frauds)

# %%
# Scores without labels
# ---------------------
# The table goes in as it is, text and gaps included; only the amounts, whose ratios matter, become
# logarithms.


def with_log_amounts(table):
    """Amounts as logarithms."""
    return table.assign(amount=np.log(table.amount), usual_amount=np.log(table.usual_amount))


pipe = make_pipeline(
    FunctionTransformer(with_log_amounts), AutoencoderOutlierDetector(random_state=0, device="cpu")
)
scores = pipe.fit(payments).score_samples(payments)
y = np.where(is_fraud, -1, 1)
auc = roc_auc_score(y, scores)
precision = average_precision_score(is_fraud, -scores)
print(f"{n_frauds} frauds in {n} payments: AUC {auc:.3f}, average precision {precision:.3f}")

# %%
# Why these rows?
# ---------------
# `explain` has a column for each column of the table; a row sums to minus its score.

worst = np.argsort(scores)[:8]
reasons = pipe[-1].explain(pipe[:-1].transform(payments.iloc[worst])).round(1)
print(payments.iloc[worst].round(1).assign(fraud=is_fraud[worst]).to_string(index=False))
print(reasons.to_string(index=False))

# %%
# A threshold by cost
# -------------------
# To look into a payment costs 1, to miss a fraud 30. Half of the payments have been looked into;
# the threshold that would have been cheapest there is judged on the other half.

known, new = train_test_split(np.arange(n), stratify=y, random_state=0)


def cost(threshold, rows):
    """Cost per payment of looking into all rows that score below the threshold."""
    alarm = scores[rows] < threshold
    return (alarm.sum() + 30 * (is_fraud[rows] & ~alarm).sum()) / len(rows)


thresholds = np.sort(scores[known])[:400]
best = thresholds[np.argmin([cost(t, known) for t in thresholds])]
print(
    f"cost of a payment: {cost(best, new):.3f} at the best threshold, "
    f"{cost(pipe[-1].offset_, new):.3f} at the default one, {cost(-np.inf, new):.3f} without alarms"
)

fig, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
AnomalyScoreDisplay.from_predictions(scores, best, y_true=y, ax=axes[0])
axes[1].barh(payments.columns, reasons.mean())
axes[1].set(title="eight worst rows", xlabel="mean contribution")
plt.show()
