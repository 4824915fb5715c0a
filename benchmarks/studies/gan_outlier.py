"""GANOutlierDetector on digits: each of the ten classes is what is normal, in turn.

    OMP_NUM_THREADS=1 python benchmarks/studies/gan_outlier.py [--digits 0 8] [--seeds 1]

scikit-learn's 8 x 8 digits. Detectors learn half of the rows of one class; the other half and all
rows of the other nine classes are what they are tested on (area under the ROC curve). Beside
GANOutlierDetector and AutoencoderOutlierDetector(novelty=True), both at their defaults, stands the
mean distance to the five nearest training rows, in pixels.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from skdeep import AutoencoderOutlierDetector, GANOutlierDetector


def neighbours(X, X_test, seed):
    return -NearestNeighbors(n_neighbors=5).fit(X).kneighbors(X_test)[0].mean(1)


def autoencoder(X, X_test, seed):
    detector = AutoencoderOutlierDetector(novelty=True, random_state=seed, device="cpu")
    return detector.fit(X).score_samples(X_test)


def search(X, X_test, seed):
    detector = GANOutlierDetector(random_state=seed, device="cpu")
    return detector.fit(X).score_samples(X_test)


DETECTORS = {"5 neighbours": neighbours, "autoencoder": autoencoder, "GAN": search}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--digits", type=int, nargs="+", default=range(10))
    parser.add_argument("--seeds", type=int, default=1, help="splits and initial weights")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    X, y = load_digits(return_X_y=True)
    areas = {name: [] for name in DETECTORS}
    seconds = dict.fromkeys(DETECTORS, 0.0)
    print("normal " + "".join(f"{name:>14}" for name in DETECTORS))
    for digit in options.digits:
        row = []
        for name, score in DETECTORS.items():
            found = []
            for seed in range(options.seeds):
                normal = np.random.RandomState(seed).permutation(np.flatnonzero(y == digit))
                train = normal[: len(normal) // 2]
                test = np.setdiff1d(np.arange(len(y)), train)
                started = time.process_time()
                scores = score(X[train], X[test], seed)
                seconds[name] += time.process_time() - started
                found.append(roc_auc_score(y[test] == digit, scores))
            areas[name] += found
            row.append(np.mean(found))
        print(f"{digit:6} " + "".join(f"{area:14.4f}" for area in row), flush=True)
    n = len(areas["GAN"])
    print("  mean " + "".join(f"{np.mean(areas[name]):14.4f}" for name in DETECTORS))
    print("s/fit  " + "".join(f"{seconds[name] / n:14.1f}" for name in DETECTORS))


if __name__ == "__main__":
    main()
