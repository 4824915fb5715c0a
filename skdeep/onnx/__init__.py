"""Models without Python: files in the ONNX format, of estimators and whole pipelines.

`to_onnx` converts a fitted model, `save` writes it to a file. onnxruntime runs such a file, in
Python or not, without torch, scikit-learn or skdeep. This package needs the extra ``skdeep[onnx]``.

The graph is written from the fitted weights, which takes a fraction of a second; skl2onnx writes
the steps that are scikit-learn's, but for those where it knows fewer types or parameters, such as
imputers and encoders. A model may be an estimator of skdeep, alone or in a Pipeline, a
ColumnTransformer, a FeatureUnion, a search, `CalibratedClassifierCV`, `VotingClassifier`,
`StackingClassifier`, `TransformedTargetRegressor`, `TunedThresholdClassifierCV`, their likes, and
what else skl2onnx takes apart. Files are of opset 18 (``ai.onnx.ml`` 3).

Inputs
    An array is the input 'X'. A DataFrame has an input of shape (n_samples, 1) for each column, or
    one for each type; one that would have the name of an output has '_input' behind it. Types are
    those of the rows that `to_onnx` is given: a file for float32 takes float32; whole numbers are
    floats where some are missing, and texts may be missing. ONNX has no missing text: "nan", which
    is what onnxruntime makes of NaN in an array of objects, stands for it in `SimpleImputer` and
    `OneHotEncoder`, while `TabularEncoder` encodes missing and unknown levels alike.

    Series of unequal length are one array, padded with NaN at their ends, and token ids one padded
    with 0; where `fit` saw unequal lengths, a file takes any. A series that ends in missing steps
    is thus a shorter one. Images and series keep the axes that the estimator takes.

    Two methods take no rows, and are alone in a file, for ``X=None``: `inverse_transform` takes
    'codes', and `sample` 'noise', drawn by the user: standard normal numbers
    (`VariationalAutoencoder`), these and the classes 'y' (`ImageGAN`; without classes even numbers
    in [0, 1) as 'cluster_noise', if there are clusters), or even numbers in [0, 1), two for each
    column (`TabularGAN`).

Methods
    `predict`, `predict_proba`, `predict_interval`, `transform`, `decision_function`,
    `score_samples`, `predict_tail_proba`, `reconstruct`, `inverse_transform`, `sample`,
    `class_distance`, `is_known` and `action_values`, where the estimator has them.
    `GANOverSampler`, which acts in fit alone, and `SequenceVectorizer` (regular expressions) have
    no file.

Outputs
    'label' and 'probabilities' of a classifier, 'variable' of a regressor and a transformer,
    'label' and 'scores' of an outlier detector, as by skl2onnx; probabilities are a tensor and no
    list of dicts (``zipmap``). A single number for each row is of shape (n_samples, 1). Other
    methods have outputs of their names, 'reconstruction' of `reconstruct`; a `TabularGAN` has one
    for each column, in which a missing text is "" and a missing number NaN.

Metadata
    'skdeep' (its version), 'class', and as JSON 'feature_names', 'classes' and 'inputs', the
    columns of each input.

Limits
    A file computes in the precision of the network, where onnxruntime has it (float32 for
    convolutions and recurrent layers; scores of outliers in float64), and refuses nothing: infinite
    numbers go in, and NaN may come out. Probabilities agree to 1e-5 in single precision; after
    isotonic calibration, whose steps may be steep, to less. Beside its weights a file has 20 kB or
    less, but for the search of a recurrent `GANOutlierDetector`, which has some 80 kB, and
    `RandomKernels`, also those of a network for series, whose kernels take 160 kB or less for each
    channel. Their file is to be made with X of the type that it will be given: features count how
    often responses exceed thresholds, and after rounding to float32 one may be on the other side.

Examples
--------
>>> from sklearn.datasets import load_iris
>>> from sklearn.pipeline import make_pipeline
>>> from sklearn.preprocessing import StandardScaler
>>> from skdeep import MLPClassifier
>>> from skdeep.onnx import to_onnx
>>> X, y = load_iris(return_X_y=True)
>>> mlp = MLPClassifier(max_iter=300, tol=1e-3, random_state=0, device="cpu")
>>> proto = to_onnx(make_pipeline(StandardScaler(), mlp).fit(X, y), X)
>>> [output.name for output in proto.graph.output]
['label', 'probabilities']
"""

from skdeep.onnx._convert import save, to_onnx

__all__ = ["save", "to_onnx"]
