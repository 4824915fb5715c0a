"""Check that sizes recorded by a fitted model agree with its arrays and networks."""

import numpy as np

from skdeep.persistence._plain import expect, require

# Fitted attributes with a value for each column of X along their last axis, by class.
_BY_COLUMN = {
    "LinearModel": ["coef_"],
    "LinearClassifierMixin": ["coef_"],
    "StandardScaler": ["mean_", "scale_", "var_"],
    "MinMaxScaler": ["min_", "scale_"],
    "MaxAbsScaler": ["scale_"],
    "RobustScaler": ["center_", "scale_"],
    "SimpleImputer": ["statistics_"],
    "_BasePCA": ["components_", "mean_"],
    "TruncatedSVD": ["components_"],
    "QuantileTransformer": ["quantiles_"],
    "GaussianNB": ["theta_", "var_"],
}

# Columns of X and outputs of each network, where its settings say them.
_NETS = {
    "MLPNet": lambda c: (c["layer_units"][0], c["layer_units"][-1]),
    "DenseEmbedding": lambda c: (c["layer_units"][0], c["layer_units"][-1]),
    "AutoencoderNet": lambda c: (c["encoder_units"][0], c["decoder_units"][-1]),
    "VAENet": lambda c: (c["n_features"], c["n_features"]),
    "RBMNet": lambda c: (c["n_visible"], c["n_visible"]),
    "LatentGANNet": lambda c: (c["length"] * c["n_channels"], None),
    "RealMLPNet": lambda c: (None, c["n_outputs"]),
    "TabMNet": lambda c: (None, c["n_outputs"]),
    "ConvNet": lambda c: (None, c["n_outputs"]),
    "RecurrentNet": lambda c: (None, c["n_outputs"]),
    "MaskedNet": lambda c: (None, None),
}


def check_sizes(model, fitted):
    """Raise a ValueError if a recorded size differs from the actual one.

    Parameters
    ----------
    model : estimator
    fitted : dict
        Its attributes.
    """
    n_features = fitted.get("n_features_in_")
    if n_features is not None:
        require(_is_size(n_features), "features")
        names = fitted.get("feature_names_in_")
        is_one_each = type(names) is np.ndarray and names.shape == (n_features,)
        require(names is None or is_one_each, "names of features")
        kinds = {kind.__name__ for kind in type(model).__mro__}
        for kind in kinds & _BY_COLUMN.keys():
            for name in _BY_COLUMN[kind]:
                array = fitted.get(name)
                if isinstance(array, np.ndarray) and array.ndim:
                    require(array.shape[-1] == n_features, f"columns of {name}")
    if "coef_" in fitted and type(fitted.get("classes_")) is np.ndarray:
        _check_coefficients(model, fitted)
    if "net_" in fitted and type(model).__module__.partition(".")[0] == "skdeep":
        _check_net(fitted)


def _is_size(value):
    return isinstance(value, (int, np.integer)) and value >= 0


def _check_coefficients(model, fitted):
    kinds = {kind.__name__ for kind in type(model).__mro__}
    coef, n_classes = fitted["coef_"], len(fitted["classes_"])
    if "LinearClassifierMixin" in kinds and isinstance(coef, np.ndarray) and coef.ndim == 2:
        require(len(coef) == n_classes or (len(coef) == 1 and n_classes == 2), "classes")


def _check_net(fitted):
    net = fitted["net_"]
    config = getattr(getattr(net, "module_", None), "config", None)
    if config is None:  # a network of the user's
        return
    rule = _NETS.get(type(net.module_).__name__, lambda c: (None, None))
    n_inputs, n_outputs = rule(config)
    n_features = fitted.get("n_features_in_")
    if n_inputs is not None and n_features is not None:
        require(n_inputs == n_features, f"{n_inputs} inputs of a network for {n_features} features")
    if n_outputs is not None and "n_outputs_" in fitted:
        require(n_outputs == fitted["n_outputs_"], "outputs of a network")
    _check_classes(fitted)
    _check_encoder(fitted, config)
    if "shape" in config and "input_shape_" in fitted:
        require(_lengths(config["shape"]) == _lengths(fitted["input_shape_"]), "shapes of rows")


def _lengths(shape):
    """Sizes regardless of the order of axes; a single channel may be left out."""
    return sorted(n for n in expect(shape, list, tuple) if n not in (None, 1))


def _check_classes(fitted):
    """Check for one column per class, or one for two classes."""
    classes, n_outputs = fitted.get("classes_"), fitted.get("n_outputs_")
    if "out_activation_" not in fitted or type(classes) is not np.ndarray or classes.ndim != 1:
        return
    n_classes = len(classes)
    require(n_outputs == n_classes or (n_classes <= 2 and n_outputs == 1), "classes")


def _check_encoder(fitted, config):
    encoder, n_features = fitted.get("encoder_"), fitted.get("n_features_in_")
    if encoder is None:
        return
    seen = vars(encoder)
    require(seen.get("n_features_in_", n_features) == n_features, "columns of the encoder")
    sizes = {"n_numeric": "n_numeric_", "n_plain": "n_plain_", "cardinalities": "cardinalities_"}
    for name, attribute in sizes.items():
        if name in config and attribute in seen:
            for value in (config[name], seen[attribute]):
                require(_is_size(value) or type(value) in (list, tuple), "sizes of the encoder")
            is_same = np.array_equal(config[name], seen[attribute])
            require(is_same, f"{attribute[:-1]} of the encoder")
