"""Audio: synthetic syllables by `RandomKernels` with a ridge, by the network, and by both.

    OMP_NUM_THREADS=1 python benchmarks/studies/audio.py [--train 200] [--test 400] [--seed 0]

A syllable is a glide from one vowel to another, 2,000 samples at 5 kHz: pulses of a voice, whose
pitch falls, through two resonators (Klatt, 1980) with the formants of five vowels (Peterson and
Barney, 1952, means of men). Voices differ in pitch, length of the vocal tract and speed; syllables
begin at any time, in noise that is 3 to 20 dB weaker. The ten classes are five pairs of vowels in
both orders, so that the spectrum as a whole says nothing of the order. CPU time is that of the
process.
"""

import argparse
import time

import numpy as np
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import CNNClassifier
from skdeep.preprocessing import RandomKernels

RATE, LENGTH = 5000, 2000
VOWELS = {"i": (270, 2290), "e": (530, 1840), "a": (730, 1090), "o": (570, 840), "u": (300, 870)}
SYLLABLES = ("ia", "ai", "ua", "au", "iu", "ui", "eo", "oe", "eu", "ue")
BANDWIDTHS = (60, 90)


def resonated(x, formants, bandwidth):
    """Signals through a resonator whose frequency changes, (n_samples, length)."""
    radius = np.exp(-np.pi * bandwidth / RATE)
    back = 2 * radius * np.cos(2 * np.pi * formants / RATE)
    gain = 1 - back + radius**2
    out = np.zeros((len(x), LENGTH + 2))
    for t in range(LENGTH):
        out[:, t + 2] = gain[:, t] * x[:, t] + back[:, t] * out[:, t + 1] - radius**2 * out[:, t]
    return out[:, 2:]


def syllables(n_samples, seed):
    """Signals of shape (n_samples, 2000, 1), and their syllables."""
    rng = np.random.default_rng(seed)
    y = np.array(SYLLABLES)[np.arange(n_samples) % len(SYLLABLES)]
    column = (n_samples, 1)
    seconds = rng.uniform(0.2, 0.36, column)
    begin = rng.uniform(0, LENGTH / RATE - seconds)
    place = (np.arange(LENGTH) / RATE - begin) / seconds  # 0 to 1 within the syllable
    pitch = rng.uniform(90, 230, column) * (1.1 - 0.25 * place.clip(0, 1))
    phase = np.cumsum(pitch / RATE, 1)
    pulses = np.diff(np.floor(phase), axis=1, prepend=0.0)
    loudness = np.sin(np.pi * place.clip(0, 1)) ** 0.5
    tract = rng.uniform(0.85, 1.05, column)
    middle, width = rng.uniform(0.4, 0.6, column), rng.uniform(0.05, 0.15, column)
    glide = 1 / (1 + np.exp(-(place - middle) / width))
    x = pulses * loudness + 0.02 * rng.normal(size=pulses.shape) * loudness
    for formant, bandwidth in enumerate(BANDWIDTHS):
        first, last = (np.array([[VOWELS[s[i]][formant]] for s in y]) for i in (0, 1))
        x = resonated(x, tract * (first + (last - first) * glide), bandwidth)
    x /= x.std(1, keepdims=True)
    noise = 10 ** (-rng.uniform(3, 20, column) / 20)
    return (x + noise * rng.normal(size=x.shape)).astype(np.float32)[:, :, None], y


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=int, default=200)
    parser.add_argument("--test", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    X, y = syllables(options.train, options.seed)
    X_test, y_test = syllables(options.test, options.seed + 1)
    settings = {"random_state": options.seed, "device": "cpu"}
    ridge = RidgeClassifierCV(np.logspace(-3, 3, 10))
    models = {
        "RandomKernels and ridge": make_pipeline(
            RandomKernels(**settings), StandardScaler(), ridge
        ),
        "network": CNNClassifier(kernels=None, **settings),
        "both": CNNClassifier(**settings),
    }
    for name, model in models.items():
        started = time.process_time()
        model.fit(X, y)
        seconds = time.process_time() - started
        score = model.score(X_test, y_test)
        print(f"{name:24s} accuracy {score:.3f}, fit {seconds:6.1f} s", flush=True)


if __name__ == "__main__":
    main()
