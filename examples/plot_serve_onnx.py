"""
==============================
A model served without PyTorch
==============================

What was fitted is to be served, and a server needs neither training nor PyTorch. `skdeep.onnx`
writes a whole pipeline, preprocessing and network, to one file in the ONNX format, which
onnxruntime runs. Here another process reads the file, with onnxruntime and NumPy alone, and answers
the same as the pipeline does.
"""

# %%
# A pipeline on a mixed table
# ---------------------------
# Numbers, texts and gaps; `skdeep.preprocessing.TabularEncoder` makes numbers of all of them.

import json
import subprocess
import sys
import tempfile
import timeit
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline

from skdeep import MLPClassifier, onnx
from skdeep.preprocessing import TabularEncoder

rng = np.random.default_rng(0)
n = 2000
table = pd.DataFrame(
    {
        "income": rng.lognormal(8, 0.5, n),
        "age": rng.integers(18, 80, n),
        "home": rng.choice(["owned", "rented", "with parents"], n),
        "branch": rng.choice([f"branch {i:02d}" for i in range(30)], n),
    }
)
signal = np.log(table["income"] / 3000) * np.where(table["home"] == "owned", 2, -1)
defaults = np.where(rng.logistic(size=n) < signal, "no", "yes")
table.loc[rng.random(n) < 0.1, "income"] = np.nan
train, test = table[:1500], table[1500:].reset_index(drop=True)

mlp = MLPClassifier((64, 64), early_stopping=True, random_state=0, device="cpu")
pipe = make_pipeline(TabularEncoder(), mlp).fit(train, defaults[:1500])
test.loc[0, "branch"] = "abroad"  # which was not there in training

# %%
# What the server runs
# --------------------
# It has the file, and rows as they come in a request: each column is an input of the file.

SERVER = """
import json, sys, timeit
import numpy as np
import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
run = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
types = {"tensor(double)": float, "tensor(int64)": np.int64, "tensor(string)": object}
table = json.load(sys.stdin)

def rows(n=None):
    return {
        x.name: np.array(table[x.name][:n], dtype=types[x.type]).reshape(-1, 1)
        for x in run.get_inputs()
    }

label, proba = run.run(["label", "probabilities"], rows())
one, number = rows(1), 2000
seconds = timeit.timeit(lambda: run.run(["probabilities"], one), number=number) / number
json.dump(
    {
        "label": label.tolist(),
        "probabilities": proba.tolist(),
        "seconds": seconds,
        "classes": json.loads(run.get_modelmeta().custom_metadata_map["classes"]),
        "heavy": sorted({"torch", "sklearn", "pandas", "skdeep"} & set(sys.modules)),
    },
    sys.stdout,
)
"""

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "loans.onnx"
    onnx.save(pipe, train, path)
    size = path.stat().st_size
    request = json.dumps(test.to_dict(orient="list"))
    command = [sys.executable, "-I", "-c", SERVER, str(path)]
    done = subprocess.run(command, input=request, capture_output=True, text=True, check=True)
answer = json.loads(done.stdout)
print(f"{size / 1000:.0f} kB; the server has imported {answer['heavy'] or 'none'} of torch's kind")

# %%
# The same answers, sooner
# ------------------------

proba = pipe.predict_proba(test)
served = np.array(answer["probabilities"])
assert answer["label"] == pipe.predict(test).tolist() and answer["classes"] == ["no", "yes"]
print(f"largest difference of {len(test)} probabilities: {abs(proba - served).max():.1e}")

row, number = test[:1], 100
seconds = timeit.timeit(lambda: pipe.predict_proba(row), number=number) / number
print(f"one row: pipeline {1e3 * seconds:.2f} ms, file {1e3 * answer['seconds']:.3f} ms")

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
left.plot(proba[:, 1], served[:, 1], ".")
left.set(xlabel="pipeline", ylabel="file", title="Probability of a default")
right.barh(["pipeline", "file"], [1e3 * seconds, 1e3 * answer["seconds"]])
right.set(xlabel="milliseconds", xscale="log", title="Time of one row")
figure.tight_layout()
plt.show()
