"""What `Autoencoder` does with rows that are vectors: checks, network, pretraining, way back."""

import numpy as np
import torch

from skdeep import losses
from skdeep.base.old_codes import DeepTransformer
from skdeep.data.batches import chunks
from skdeep.inputs.rows import to_host
from skdeep.nets.autoencoder import AutoencoderNet
from skdeep.nets.init import initialize
from skdeep.parameters.sizes import layer_sizes

_BOUNDED = ("cross_entropy", "mixed")


class DenseAutoencoding(DeepTransformer):
    """Methods of `Autoencoder` for ``encoder='dense'``, and what all its encoders share."""

    _ends_quietly = False  # whether the last epoch is where training means to end

    # --- before training -------------------------------------------------------------------

    def _sizes(self):
        """Hidden layers of the encoder (the code last) and of the decoder."""
        maps_are_code = self.encoder == "conv"  # where no dense layer follows
        encoder = layer_sizes(
            self.hidden_layer_sizes, "hidden_layer_sizes", may_be_empty=maps_are_code
        )
        given = self.decoder_layer_sizes
        if given is None:
            return encoder, encoder[-2::-1]
        return encoder, layer_sizes(given, "decoder_layer_sizes", may_be_empty=True)

    def _check_combinations(self):
        encoder, decoder = self._sizes()
        for reason, holds in self._reasons_against(encoder, decoder).items():
            if holds:
                raise ValueError(f"{reason}.")
        self._check_warm_start()

    def _reasons_against(self, encoder, decoder):
        """What makes no sense, and whether the parameters ask for it."""
        mirrored = decoder == encoder[-2::-1]
        n_hidden = len(encoder) + len(decoder)
        return {
            f"tied=True needs a mirrored decoder, got {encoder} and {decoder}": self.tied
            and not mirrored,
            f"pretraining needs a mirrored decoder, got {encoder} and {decoder}": self.pretraining
            and not mirrored,
            "pretraining='rbm' needs activation='logistic' and code_activation='logistic', whose "
            f"units are probabilities; got {self.activation!r} and {self.code_activation!r}": (
                self.pretraining == "rbm"
                and {self.activation, self.code_activation} != {"logistic"}
            ),
            "sparsity='kl' needs code_activation='logistic', whose units are probabilities; got "
            f"{self.code_activation!r}": self.sparsity == "kl"
            and self.code_activation != "logistic",
            f"noise_rate={self.noise_rate} is the share of values that noise={self.noise!r} "
            "spoils: expected at most 1": self.noise in ("masking", "salt_and_pepper")
            and self.noise_rate > 1,
            f"loss={self.loss!r} has its own output: leave output_activation='identity', got "
            f"{self.output_activation!r}": self.loss in _BOUNDED
            and self.output_activation != "identity",
            f"transform_layer={self.transform_layer}: expected 'code' or a number up to "
            f"{n_hidden}, the number of hidden layers": self.transform_layer != "code"
            and self.transform_layer > n_hidden,
        }

    def _check_warm_start(self):
        known = self.__dict__.get("net_")
        if self.warm_start and known is not None:
            fitted, wanted = self._fitted_layers(known.module_), self._wanted_layers()
            if fitted != wanted:
                raise ValueError(
                    "warm_start can only be used with the layers of the previous call to fit. "
                    f"Previously got {fitted}, now {wanted}."
                )

    def _wanted_layers(self):
        """Kind and sizes of the network that the parameters ask for."""
        return [self.encoder, *self._sizes()]

    def _fitted_layers(self, module):
        """The same of a network."""
        config = module.config
        return ["dense", list(config["encoder_units"][1:]), list(config["decoder_units"][1:-1])]

    def _check_training_data(self, X, y, *, reset):
        X, target = super()._check_training_data(X, y, reset=reset)
        self._check_bounds(X)
        return X, target

    def _check_bounds(self, X):
        if self.loss == "cross_entropy" and (X.min() < 0 or X.max() > 1):
            raise ValueError(
                f"loss='cross_entropy' needs values in [0, 1], got {float(X.min()):.3g} to "
                f"{float(X.max()):.3g}: scale X, with MinMaxScaler for example."
            )

    def _encode_target(self, y, resumed, incremental):
        self.out_activation_ = "logistic" if self.loss in _BOUNDED else self.output_activation
        return super()._encode_target(y, resumed, incremental)

    def _new_net(self, device, X, rng):
        self._look_at(X)
        net = super()._new_net(device, X, rng)
        if self.pretraining is not None:
            self._pretrain(net.module_, to_host(X), rng)
        return net

    def _look_at(self, X):
        """Remember what loss and noise must know of the training rows."""
        host = to_host(X)
        self._is_binary = (
            ((host == 0) | (host == 1)).all(0).tolist() if self.loss == "mixed" else []
        )
        self._range = (host.min(0), host.max(0)) if self.noise == "salt_and_pepper" else ((), ())

    def _make_module(self, shape, n_outputs, rng):
        encoder, decoder = self._sizes()
        net = AutoencoderNet(
            [*shape, *encoder],
            [encoder[-1], *decoder, n_outputs],
            self.activation,
            self.code_activation,
            self.output_activation,
            self.tied,
            self.noise,
            self.noise_rate,
            *self._range,
            gives_code=self.sparsity is not None,
            gives_jacobian=self.contraction > 0,
        ).double()
        initialize(net, self.weight_init, rng, factor=2.0 if self.activation == "logistic" else 6.0)
        return net

    def _make_loss(self):
        return losses.Reconstruction(self.loss, self._is_binary, **self._penalties())

    def _penalties(self):
        weight = float(self.sparsity_weight)
        return {
            "l1": weight if self.sparsity == "l1" else 0.0,
            "kl": weight if self.sparsity == "kl" else 0.0,
            "kl_target": float(self.sparsity_target),
            "contraction": float(self.contraction),
        }

    def _draws_noise(self):
        return bool(self.noise and self.noise_rate)

    def _make_run(self, *args):
        run = super()._make_run(*args)
        run.single_epoch = run.single_epoch or self._ends_quietly
        return run

    # --- layer after layer -----------------------------------------------------------------

    @torch.no_grad()
    def _pretrain(self, module, X, rng):
        """Train each layer of the encoder on the output of the one before, with its mirror image
        in the decoder."""
        for i, layer in enumerate(module.encoder):
            make = self._layer_rbm if self.pretraining == "rbm" else self._layer_autoencoder
            weights = make(i, len(layer.bias), rng).fit(X)._layer_weights()
            mirror = module.decoder[len(module.encoder) - 1 - i]
            _copy(layer.weight, weights[0])
            _copy(layer.bias, weights[1])
            if self.tied:
                _copy(mirror, weights[3])
            else:
                _copy(mirror.weight, weights[2])
                _copy(mirror.bias, weights[3])
            x = torch.as_tensor(X, dtype=layer.weight.dtype, device=layer.weight.device)
            pieces = chunks(len(x), max(layer.weight.shape), x.device)
            X = to_host(torch.cat([module.run(x[p], i, i + 1) for p in pieces]))

    def _layer_autoencoder(self, i, width, rng):
        """An autoencoder of one layer, whose input is the output of layer i (0 is X)."""
        encoder, _ = self._sizes()
        is_code = i == len(encoder) - 1
        parameters = self.get_params(deep=False) | {
            "hidden_layer_sizes": (width,),
            "decoder_layer_sizes": None,
            "code_activation": self.code_activation if is_code else self.activation,
            "sparsity": self.sparsity if is_code else None,
            "pretraining": None,
            "transform_layer": "code",
            "max_iter": self.pretraining_iter,
            "n_iter_no_change": np.inf,
            "early_stopping": False,
            "warm_start": False,
            "learning_rate": "constant",
            "skorch_callbacks": None,
            "random_state": rng.randint(2**31),
        }
        if i:  # it restores hidden units instead of X
            is_logistic = self.activation == "logistic"
            parameters |= {
                "loss": "cross_entropy" if is_logistic else "squared_error",
                "output_activation": "identity" if is_logistic else self.activation,
            }
        one_layer = type(self)(**parameters)
        one_layer._ends_quietly = True
        return one_layer

    def _layer_rbm(self, i, width, rng):
        from skdeep.autoencoder.rbm import RBM

        return RBM(
            width,
            visible="bernoulli" if i or self.loss == "cross_entropy" else "auto",
            max_iter=self.pretraining_iter,
            random_state=rng.randint(2**31),
            device=self.device,
            dtype=self.dtype,
            verbose=self.verbose,
        )

    def _layer_weights(self):
        module = self.net_.module_
        encoder, decoder = module.encoder[0], module.decoder[0]
        weight, bias = (
            (encoder.weight.t(), decoder) if self.tied else (decoder.weight, decoder.bias)
        )
        return encoder.weight, encoder.bias, weight, bias

    # --- after training --------------------------------------------------------------------

    def _layer(self):
        """Number of the layer that `transform` returns."""
        self._check_combinations()
        encoder, _ = self._sizes()
        return len(encoder) if self.transform_layer == "code" else int(self.transform_layer)

    def _width(self):
        config = self.net_.module_.config
        return max(*config["encoder_units"], *config["decoder_units"])

    @property
    def _n_features_out(self):
        config = self.net_.module_.config
        return [*config["encoder_units"], *config["decoder_units"][1:]][self._layer()]

    def _encoded(self, X):
        X, layer = self._checked(X), self._layer()
        return self._run(X, lambda module, x: module.run(x, 0, layer), self._width())

    def _decoded(self, codes, lengths):
        layer = self._layer()

        def decode(module, z):
            return self._restored(module.run(z, layer, module.n_layers))

        return self._run(codes, decode, self._width())

    def _reconstructed(self, X):
        X = self._checked(X)
        return self._run(X, lambda module, x: self._restored(module(x)), self._width())

    def _scores(self, X):
        X, loss = self._checked(X), self.net_.criterion_
        return self._run(X, lambda module, x: -loss(module(x), x), self._width())

    def _restored(self, raw):
        if self.loss == "cross_entropy":
            return torch.sigmoid(raw)
        if self.loss == "mixed":
            binary = torch.tensor(self._is_binary, device=raw.device)
            return torch.where(binary, torch.sigmoid(raw), raw)
        return raw


@torch.no_grad()
def _copy(target, value):
    target.copy_(value.detach().to(target.dtype))
