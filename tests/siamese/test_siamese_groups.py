"""Classes that are told apart inside groups."""

import numpy as np
import pytest
from siamese_data import X, classifier, make, y

from skdeep.scale import DiskRows

BOTH = pytest.mark.parametrize("build", [make, classifier])
HALVES = np.arange(150) % 2
NAMES = np.array(["even", "odd"])[HALVES]


@BOTH
def test_groups_choose_the_batches(build):
    plain, grouped, again = (
        build().fit(X, y, **given) for given in ({}, {"groups": HALVES}, {"groups": NAMES})
    )
    assert not np.array_equal(plain._embed(X), grouped._embed(X))
    np.testing.assert_array_equal(grouped._embed(X), again._embed(X))
    assert grouped.t_ == plain.t_  # all rows in each epoch, as without


def test_groups_with_held_out_rows():
    est = make(early_stopping=True, max_iter=5).fit(X, y, groups=HALVES)
    assert max(est.validation_scores_) > 0.8


@BOTH
@pytest.mark.parametrize(
    "groups, message",
    [
        (y, "3 of 3 groups with rows of 1 class, such as 0: expected at least 2 classes in each"),
        (np.where(np.arange(150) < 9, "a", "b"), "1 of 2 groups with rows of 1 class, such as 'a'"),
        (HALVES[:100], r"inconsistent numbers of samples: \[150, 100\]"),
        (np.eye(150), "1d array"),
        (np.where(HALVES, np.nan, 1.0), "groups contains NaN"),
    ],
)
def test_bad_groups(build, groups, message):
    with pytest.raises(ValueError, match=message):
        build().fit(X, y, groups=groups)


def test_groups_are_for_rows_in_memory(tmp_path):
    np.save(tmp_path / "rows.npy", X)
    with pytest.raises(ValueError, match="groups are for rows in memory"):
        make().fit(DiskRows(tmp_path / "rows.npy"), y, groups=HALVES)
