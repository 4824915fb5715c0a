"""Networks of the user's: modules and factories as trunks, and weights from elsewhere."""

import copy
import os
import threading

import torch
from torch import nn

from skdeep.nets.convnet import UserTrunk

_LOCK = threading.Lock()  # of torch's global generator, which a user's factory draws from


def user_trunk(architecture, shape, rng):
    """A trunk from a module of the user's, which is copied, or from a factory of modules.

    Parameters
    ----------
    architecture : torch.nn.Module or callable
        A factory is called with the shape of a row, channels first. What it draws from torch's
        global generator follows `rng`, and that generator is put back.
    shape : tuple
    rng : numpy.random.RandomState

    Returns
    -------
    UserTrunk
    """
    if isinstance(architecture, nn.Module):
        module = copy.deepcopy(architecture)
    else:
        seed = int(rng.randint(2**31 - 1))
        with _LOCK, torch.random.fork_rng(devices=[]):
            torch.random.default_generator.manual_seed(seed)
            module = architecture(shape)
    if not isinstance(module, nn.Module):
        raise TypeError(
            f"architecture={architecture!r}: a factory is called with the shape of a row and must "
            f"return a torch.nn.Module, got {type(module).__name__}."
        )
    try:
        return UserTrunk(module.cpu(), shape)
    except (RuntimeError, ValueError, IndexError) as error:
        raise ValueError(
            f"architecture={_name(architecture)} does not take rows of shape {shape} (channels "
            f"first): {error}"
        ) from error


def _name(architecture):
    if isinstance(architecture, nn.Module) or not hasattr(architecture, "__name__"):
        return type(architecture).__name__
    return architecture.__name__


def load_pretrained(net, pretrained):
    """Put weights from elsewhere into the trunks of `net`; its heads are left as they are.

    Parameters
    ----------
    net : ConvNet
    pretrained : str or path, dict of tensors, torch.nn.Module, or a fitted estimator
        A file has what `torch.save` made of a state dict; nothing in it is executed. Weights of
        another estimator's bring their standardisation of the input along.

    Raises
    ------
    ValueError
        Where the weights are not those of this architecture.
    """
    weights = _state(pretrained)
    if any(name.startswith("trunks.0.") for name in weights):
        if "scale.mean" in weights:
            scale = {k.removeprefix("scale."): v for k, v in weights.items() if k[:6] == "scale."}
            _load(net.scale, scale, pretrained)
            net.scale.is_given = True
        weights = {
            k.removeprefix("trunks.0."): v for k, v in weights.items() if k[:9] == "trunks.0."
        }
    for trunk in net.trunks:
        mine = dict(weights)
        place = trunk
        if isinstance(trunk, UserTrunk) and not any(k.startswith("module.") for k in mine):
            place = trunk.module
            left_out = trunk.head_name and f"{trunk.head_name}."
            mine = {k: v for k, v in mine.items() if not (left_out and k.startswith(left_out))}
        _load(place, mine, pretrained)


def _state(pretrained):
    """Names and tensors."""
    if isinstance(pretrained, dict):
        return pretrained
    if isinstance(pretrained, nn.Module):
        return pretrained.state_dict()
    if hasattr(pretrained, "net_"):
        return pretrained.net_.module_.state_dict()
    if not isinstance(pretrained, (str, os.PathLike)):
        raise ValueError(
            f"pretrained={pretrained!r}: expected a path, a state dict, a torch.nn.Module or a "
            "fitted estimator."
        )
    found = torch.load(pretrained, map_location="cpu", weights_only=True)
    return found.get("state_dict", found)


def _load(module, weights, origin):
    own = module.state_dict()
    missing = sorted(own.keys() - weights.keys())
    unknown = sorted(weights.keys() - own.keys())
    wrong = [k for k in own.keys() & weights.keys() if own[k].shape != weights[k].shape]
    if missing or unknown or wrong:
        parts = {"missing": missing, "unknown": unknown, "of another shape": sorted(wrong)}
        told = "; ".join(f"{kind} {names[:3]}" for kind, names in parts.items() if names)
        source = origin if isinstance(origin, str) else type(origin).__name__
        raise ValueError(f"pretrained={source!r} does not fit the architecture: {told}.")
    module.load_state_dict(weights)


def is_factory(architecture):
    """Whether `architecture` is a module, a class of modules or a function that makes them."""
    return callable(architecture)  # modules are
