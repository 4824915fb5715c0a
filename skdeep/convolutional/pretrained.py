"""Users' networks: modules and factories as trunks, and pretrained weights."""

import copy
import os
import threading

import torch
from torch import nn

from skdeep.nets.convnet import UserTrunk

_LOCK = threading.Lock()  # of torch's global generator, which a user's factory draws from


def user_trunk(architecture, shape, rng):
    """Trunk from a user's module, which is copied, or from a factory of modules.

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
            try:
                module = architecture(shape)
            except Exception as error:  # of the user's code, whatever it is
                raise ValueError(
                    f"architecture={architecture!r} failed with {type(error).__name__} when it was "
                    f"called with the shape of a row, {shape}: {error}"
                ) from error
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
    """Load pretrained weights into the trunks of `net`; heads are not changed.

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
    """State dict: names and tensors."""
    if isinstance(pretrained, dict):
        found = pretrained
    elif isinstance(pretrained, nn.Module):
        found = pretrained.state_dict()
    elif hasattr(pretrained, "net_"):
        found = pretrained.net_.module_.state_dict()
    elif isinstance(pretrained, (str, os.PathLike)):
        found = _read(pretrained)
    else:
        raise ValueError(
            f"pretrained={pretrained!r}: expected a path, a state dict, a torch.nn.Module or a "
            "fitted estimator."
        )
    kinds = sorted({type(v).__name__ for v in found.values() if not isinstance(v, torch.Tensor)})
    if kinds or not all(isinstance(name, str) for name in found):
        raise ValueError(
            f"pretrained={_source(pretrained)!r}: expected tensors by the names of layers, as a "
            f"state dict has them{f', got values of the type {kinds[0]}' if kinds else ''}."
        )
    return found


def _read(path):
    """The state dict in a file."""
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:  # says itself what is wrong with the path
        raise
    except Exception as error:  # bytes of no kind can fail anywhere
        raise ValueError(
            f"pretrained={str(path)!r}: expected a file that torch.save made of a state dict; "
            f"reading it failed with {type(error).__name__}."
        ) from error
    found = found.get("state_dict", found) if isinstance(found, dict) else found
    if not isinstance(found, dict):
        raise ValueError(
            f"pretrained={str(path)!r}: expected a file with a state dict, got one with an object "
            f"of the type {type(found).__name__}."
        )
    return found


def _source(pretrained):
    """Description of `pretrained` for messages."""
    is_path = isinstance(pretrained, (str, os.PathLike))
    return str(pretrained) if is_path else type(pretrained).__name__


def _load(module, weights, origin):
    own = module.state_dict()
    missing = sorted(own.keys() - weights.keys())
    unknown = sorted(weights.keys() - own.keys())
    wrong = [k for k in own.keys() & weights.keys() if own[k].shape != weights[k].shape]
    if missing or unknown or wrong:
        parts = {"missing": missing, "unknown": unknown, "of another shape": sorted(wrong)}
        shown = "; ".join(f"{kind} {names[:3]}" for kind, names in parts.items() if names)
        raise ValueError(f"pretrained={_source(origin)!r} does not fit the architecture: {shown}.")
    module.load_state_dict(weights)


def is_factory(architecture):
    """Whether `architecture` is a module, a class of modules or a function that creates them."""
    return callable(architecture)  # modules are
