"""
===========================================
Made-up customers, with a report about them
===========================================

A table of customers may not leave the house; rows that `TabularGAN` made from it might. Whether
they are of use, and whether they give away whom they were made from, is to be measured, not hoped:
`skdeep.metrics` has the usual figures.
"""

# %%
# Customers
# ---------
# Numbers, categories, dates and gaps, with rules between them.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skdeep import TabularGAN
from skdeep.metrics import (
    closest_record_share,
    column_shapes,
    copy_share,
    pair_trends,
    train_on_synthetic_score,
    two_sample_score,
)

rng = np.random.default_rng(0)


def customers(n):
    age = rng.gamma(9, 5, n).clip(18, 90).round().astype(int)
    plan = np.where(rng.random(n) < 1 / (1 + np.exp((age - 45) / 8)), "mobile", "landline")
    months = rng.integers(1, 72, n)
    bill = np.where(plan == "mobile", 25, 40) + 0.1 * months + rng.gamma(2, 4, n)
    risk = 1.5 - 0.08 * months + 0.05 * (bill - 35) + (plan == "mobile")
    return pd.DataFrame(
        {
            "age": age,
            "plan": pd.Categorical(plan),
            "since": pd.Timestamp("2026-01-01") - pd.to_timedelta(months * 30, "D"),
            "bill": bill.round(2),
            "income": np.where(
                rng.random(n) < 0.2, np.nan, (900 + 30 * age) * rng.gamma(5, 0.2, n)
            ),
            "leaves": rng.random(n) < 1 / (1 + np.exp(-risk)),
        }
    )


train, holdout = customers(3000), customers(1500)

# %%
# The generator
# -------------

gan = TabularGAN(random_state=0, max_iter=30).fit(train)
made = gan.sample(len(train))
print(made.head(3).to_string())

# %%
# Rows to order: what is given holds exactly, the other columns follow from it.

young = gan.sample(500, conditions={"age": 22, "leaves": True}, random_state=1)
print(f"\nof those who leave at 22, {(young['plan'] == 'mobile').mean():.0%} have a mobile plan")

# %%
# The report
# ----------
# Beside rows whose columns were drawn independently: their shapes are perfect, and they are
# useless.

independent = train.apply(lambda c: c.sample(frac=1, random_state=rng.integers(999)).to_numpy())
report = {}
for name, rows in (("real", train), ("made", made), ("independent", independent)):
    share, expected = closest_record_share(rows, train, holdout)
    report[name] = {
        "column shapes": column_shapes(train, rows).mean(),
        "pair trends": pair_trends(train, rows).to_numpy().mean(),
        "AUC on real rows when trained on these": train_on_synthetic_score(rows, holdout, "leaves"),
        "AUC of telling from held-out rows": two_sample_score(holdout, rows),
        "share that copies a training row": copy_share(rows, train),
        f"share nearer to training rows (unseen: {expected:.2f})": share,
    }
print(pd.DataFrame(report).round(3).to_string())

# %%
# Shapes and trends, column by column.

figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
axes[0].hist([train["bill"], made["bill"]], bins=25, density=True, label=["real", "made"])
axes[0].set(xlabel="bill", ylabel="density")
axes[0].legend()
trends = pair_trends(train, made)
image = axes[1].imshow(trends, vmin=0.8, vmax=1)
axes[1].set(title="pair trends", yticks=range(len(trends)), yticklabels=trends.index)
axes[1].set_xticks(range(len(trends)), trends.index, rotation=45)
figure.colorbar(image, ax=axes[1])
plt.show()
