"""Layer-wise pretraining of autoencoders."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from skdeep.base.learning import Given, Mode
from skdeep.data.batches import chunks
from skdeep.inputs.rows import to_host
from skdeep.nets.autoencoder import AutoencoderNet
from skdeep.nets.rbm import RBMNet


@torch.no_grad()
def pretrain(
    estimator: Any, module: AutoencoderNet, X: np.ndarray, rng: np.random.RandomState
) -> None:
    """Train each layer of the encoder on the output of the previous one, with its mirrored layer in
    the decoder.

    Parameters
    ----------
    estimator : Autoencoder
        Whose parameters say how.
    module : AutoencoderNet
        Where it is to be trained. Its weights are set.
    X : ndarray of shape (n_samples, n_features)
    rng : numpy.random.RandomState
    """
    make = _layer_rbm if estimator.pretraining == "rbm" else _layer_autoencoder
    n_layers = len(module.encoder)
    layer: Any
    mirror: Any
    for i, layer in enumerate(module.encoder):
        model = make(estimator, i, i == n_layers - 1, len(layer.bias), rng)
        model._fit(Given(X=X), Mode(quiet=True))
        weight, bias, back, back_bias = _weights(model.net_.module_)
        mirror = module.decoder[n_layers - 1 - i]
        _copy(layer.weight, weight)
        _copy(layer.bias, bias)
        if module.tied:
            _copy(mirror, back_bias)
        else:
            _copy(mirror.weight, back)
            _copy(mirror.bias, back_bias)
        x = torch.as_tensor(X, dtype=layer.weight.dtype, device=layer.weight.device)
        pieces = chunks(len(x), max(layer.weight.shape), x.device)
        X = to_host(torch.cat([module.run(x[p], i, i + 1) for p in pieces]))


def _layer_autoencoder(
    estimator: Any, i: int, is_code: bool, width: int, rng: np.random.RandomState
) -> Any:
    """Autoencoder of one layer, whose input is the output of layer i (0 is X)."""
    parameters = estimator.get_params(deep=False) | {
        "hidden_layer_sizes": (width,),
        "decoder_layer_sizes": None,
        "code_activation": estimator.code_activation if is_code else estimator.activation,
        "sparsity": estimator.sparsity if is_code else None,
        "pretraining": None,
        "transform_layer": "code",
        "max_iter": estimator.pretraining_iter,
        "n_iter_no_change": np.inf,
        "early_stopping": False,
        "warm_start": False,
        "learning_rate": "constant",
        "skorch_callbacks": None,
        "random_state": rng.randint(2**31),
    }
    if i:  # it restores hidden units instead of X
        is_logistic = estimator.activation == "logistic"
        parameters |= {
            "loss": "cross_entropy" if is_logistic else "squared_error",
            "output_activation": "identity" if is_logistic else estimator.activation,
        }
    return type(estimator)(**parameters)


def _layer_rbm(
    estimator: Any, i: int, is_code: bool, width: int, rng: np.random.RandomState
) -> Any:
    """RBM whose input is the output of layer i (0 is X)."""
    from skdeep.autoencoder.rbm import RBM

    return RBM(
        width,
        visible="bernoulli" if i or estimator.loss == "cross_entropy" else "auto",
        max_iter=estimator.pretraining_iter,
        random_state=rng.randint(2**31),
        device=estimator.device,
        dtype=estimator.dtype,
        verbose=estimator.verbose,
    )


def _weights(module: Any) -> Any:
    """Weights and biases of the layer of a trained model, and of its decoder."""
    if isinstance(module, RBMNet):
        weight = module.hidden.weight
        return weight, module.hidden.bias, weight.t(), module.visible_bias
    encoder, decoder = module.encoder[0], module.decoder[0]
    back = (encoder.weight.t(), decoder) if module.tied else (decoder.weight, decoder.bias)
    return encoder.weight, encoder.bias, *back


def _copy(target: torch.Tensor, value: torch.Tensor) -> None:
    target.copy_(value.detach().to(target.dtype))
