"""Networks as explainers and probes see them: through hooks, layer by layer."""

import collections
import pickle
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from skdeep.nets import blocks
from skdeep.nets.array_autoencoder import ConvAutoencoderNet
from skdeep.nets.autoencoder import AutoencoderNet
from skdeep.nets.blocks import Dropout, MLPNet, set_generator
from skdeep.nets.convnet import ConvNet
from skdeep.nets.realmlp import RealMLPNet
from skdeep.nets.recurrent import RecurrentNet
from skdeep.nets.siamese import ConvEmbedding, DenseEmbedding
from skdeep.nets.tabm import TabMNet
from skdeep.nets.vae import VAENet


class Scores(nn.Module):
    """One score per output and row, whatever the network gives."""

    def __init__(self, net, read=lambda out: out):
        super().__init__()
        self.net, self.read = net, read

    def forward(self, x):
        return self.read(self.net(x))


class Branch(nn.Module):
    """The convolutional branch of a recurrent network, with rows first."""

    def __init__(self):
        super().__init__()
        self.branch = RecurrentNet(2, 3, convolutional=((4, 5), (4, 3))).branch

    def forward(self, x):
        return self.branch(x.transpose(0, 1))


def lenet(shape, **options):
    options = {"n_filters": (4, 4), "kernel_size": 3, "hidden_layer_sizes": (8,)} | options
    return ConvNet(shape, "lenet", options, 3)


def make_tabm():
    net = TabMNet(2, 3, 4, 1, [], [8, 8], 3, 0.2, n_bins=6)
    edges = [np.sort(np.random.RandomState(j).normal(size=7)) for j in range(4)]
    net.numbers.initialize(np.random.RandomState(0), edges)
    return Scores(net, lambda out: out.mean(1))


NETS = {  # name -> network, shape of a row
    "mlp": lambda: (MLPNet((5, 8, 8, 3)), (5,)),
    "mlp, dropout": lambda: (MLPNet((5, 8, 8, 3), dropout=0.2, normalization="batch"), (5,)),
    "lenet": lambda: (lenet((2, 12, 12)), (2, 12, 12)),
    "lenet, means": lambda: (lenet((2, 12, 12), pooling="mean"), (2, 12, 12)),
    "lenet of series": lambda: (lenet((2, 20)), (2, 20)),
    "resnet": lambda: (ConvNet((1, 16, 16), "resnet", {"n_filters": (4, 8)}, 3), (1, 16, 16)),
    "resnets": lambda: (
        Scores(ConvNet((3, 8, 8), "resnet", {"n_filters": (4, 8)}, 3, 2), lambda out: out.mean(1)),
        (3, 8, 8),
    ),
    "resnet of series": lambda: (ConvNet((2, 20), "resnet", {"n_filters": (4, 4)}, 3), (2, 20)),
    "inception": lambda: (ConvNet((2, 20), "inception", {"n_filters": 4}, 3), (2, 20)),
    "branch of the lstm": lambda: (Branch(), (20, 2)),
    "tabm": lambda: (make_tabm(), (5,)),
    "realmlp": lambda: (
        Scores(RealMLPNet(2, 4, 1, [], [8, 8], 3, "relu", 0.2, n_embedding=0), lambda o: o.mean(1)),
        (5,),
    ),
    "siamese, dense": lambda: (DenseEmbedding((5, 8, 3)), (5,)),
    "siamese, images": lambda: (ConvEmbedding((1, 14, 14), 3, (4, 4, 4, 4)), (1, 14, 14)),
    "siamese, series": lambda: (ConvEmbedding((2, 20), 3), (2, 20)),
    "autoencoder": lambda: (AutoencoderNet((5, 8, 3), (3, 8, 5)), (5,)),
    "autoencoder, tied": lambda: (AutoencoderNet((5, 8, 3), (3, 8, 5), tied=True), (5,)),
    "autoencoder, images": lambda: (
        Scores(ConvAutoencoderNet((1, 9, 6), (4, 8), (12, 4), (12,)), lambda o: o[0].flatten(1)),
        (1, 9, 6),
    ),
    "vae": lambda: (Scores(VAENet(5, (8, 8), 2), lambda out: out[0]), (5,)),
}


def make(name):
    """A network with drawn weights in double precision, six rows and other six."""
    net, shape = NETS[name]()
    g = torch.Generator().manual_seed(0)
    net = net.double().eval()
    with torch.no_grad():
        for p in net.parameters():
            p.normal_(0, 0.5, generator=g)
        for key, buffer in net.named_buffers():
            if key.endswith("running_mean"):
                buffer.normal_(generator=g)
            elif key.endswith("running_var"):
                buffer.uniform_(0.5, 2.0, generator=g)
    x, other = torch.randn(2, 6, *shape, generator=g, dtype=torch.float64)
    return net, x, other


def watch(net, counts=None):
    """Hooks on all layers; what each was given and gave, as it was then and as it is now."""
    seen = []

    def hook(layer, given, out):
        if counts is not None:
            counts[layer] += 1
        for t in (*given, out):
            if isinstance(t, torch.Tensor):
                seen.append((type(layer).__name__, t, t.detach().clone()))

    handles = [layer.register_forward_hook(hook) for layer in net.modules() if layer is not net]
    return seen, handles


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", NETS)
def test_hooks_see_what_layers_gave(name, training):
    net, x, _ = make(name)
    generator = torch.Generator()
    set_generator(net, generator)
    net.train(training)
    plain = net(x.clone()) if not training else None
    seen, handles = watch(net)
    out = net(x.clone().requires_grad_())
    out.sum().backward()
    assert len(seen) > 2
    assert not [kind for kind, now, then in seen if not torch.equal(now.detach(), then)]
    if training:  # and the same draws give the same numbers without hooks
        for handle in handles:
            handle.remove()
        again, _, _ = make(name)
        set_generator(again, generator.manual_seed(0))
        hooked = make(name)[0].train()
        set_generator(hooked, torch.Generator().manual_seed(0))
        watch(hooked)
        torch.testing.assert_close(again.train()(x.clone()), hooked(x.clone()))
    else:
        torch.testing.assert_close(plain, out, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", NETS)
def test_each_relu_is_torchs_and_meets_one_place(name):
    net, x, _ = make(name)
    counts = collections.Counter()
    watch(net, counts)
    net(x)
    relus = {layer: n for layer, n in counts.items() if isinstance(layer, nn.ReLU)}
    assert relus and set(relus.values()) == {1}
    assert {type(layer) for layer in relus} == {nn.ReLU}
    assert not any(layer.inplace for layer in relus)


@pytest.mark.parametrize("name", NETS)
def test_inputs_have_the_gradient_of_finite_differences(name):
    net, x, _ = make(name)
    x.requires_grad_()
    (grad,) = torch.autograd.grad(net(x)[:, 1].sum(), x)
    step = 1e-6 * torch.randn(x.shape, generator=torch.Generator().manual_seed(1)).double()
    with torch.no_grad():
        difference = (net(x + step) - net(x - step))[:, 1].sum() / 2
    torch.testing.assert_close((grad * step).sum(), difference, rtol=1e-4, atol=1e-10)


def test_relu_is_written_over_its_input_in_training_alone():
    relu, source = nn.ReLU(), nn.Identity()
    x = torch.tensor([-1.0, 2.0])
    assert blocks.activate(relu, x, source) is x
    for watched in (relu, source):
        x = torch.tensor([-1.0, 2.0])
        handle = watched.register_forward_hook(lambda *_: None)
        assert blocks.activate(relu, x, source).tolist() == [0.0, 2.0]
        assert x.tolist() == [-1.0, 2.0]
        handle.remove()
    blocks.activate(relu.eval(), x, source)
    assert x.tolist() == [-1.0, 2.0]
    dropout = Dropout(0.0)
    assert dropout.after_relu(relu, x, source) is x
    dropout.eval()
    x = torch.tensor([-1.0, 2.0])
    assert dropout.after_relu(relu, x, source).tolist() == [0.0, 2.0]
    assert x.tolist() == [-1.0, 2.0]


def test_relu_of_earlier_pickles_becomes_torchs():
    old = blocks.ReLU()
    del old.inplace  # it had none
    (new,) = pickle.loads(pickle.dumps([old]))
    assert type(new) is nn.ReLU
    assert new(torch.tensor([-1.0, 2.0])).tolist() == [0.0, 2.0]


@pytest.mark.parametrize(
    "net",
    [
        VAENet(4, (5, 3), 2, "prelu"),
        ConvAutoencoderNet((1, 8, 8), (2, 4), (5, 3), (5,), "prelu"),
        ConvAutoencoderNet((1, 8, 8), (2, 4), (), (), "prelu"),
    ],
)
def test_slope_of_states_with_one_activation_for_all_places(net):
    state = {k: v for k, v in net.state_dict().items() if not k.startswith("activations.")}
    state["activation.weight"] = torch.tensor([0.125])
    net.load_state_dict(state, assign=True)
    assert {layer.weight.item() for layer in net.activations} == {0.125}
    assert sum(p.numel() == 1 and p.item() == 0.125 for p in net.parameters()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", NETS)
def test_deep_lift_sums_up(name):
    attr = pytest.importorskip("captum.attr")
    net, x, baseline = make(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the hooks that it sets
        values, delta = attr.DeepLift(net).attribute(
            x, baseline, target=1, return_convergence_delta=True
        )
        plain = attr.InputXGradient(net).attribute(x.clone(), target=1)
    assert delta.abs().max() < 1e-5
    assert (values - plain).abs().max() > 1e-2 * plain.abs().max() > 0  # its rules were applied


@pytest.mark.slow
@pytest.mark.parametrize("name", NETS)
def test_guided_backprop_lets_no_negative_gradient_through(name):
    attr = pytest.importorskip("captum.attr")
    net, x, _ = make(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        guided = attr.GuidedBackprop(net).attribute(x.clone(), target=1)
        gradient = attr.Saliency(net).attribute(x.clone(), target=1, abs=False)

    def let_no_negative_through(layer, given, out):
        out.register_hook(lambda slope: slope.clamp(min=0))

    leaf = x.clone().requires_grad_()
    for layer in net.modules():
        if isinstance(layer, nn.ReLU):
            layer.register_forward_hook(let_no_negative_through)
    net(leaf)[:, 1].sum().backward()
    torch.testing.assert_close(guided, leaf.grad)
    assert (guided - gradient).abs().max() > 1e-2 * gradient.abs().max() > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", NETS)
def test_deep_explainer_sums_up(name):
    shap = pytest.importorskip("shap")
    net, x, background = make(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it names layers of skdeep that it does not know
        values = shap.DeepExplainer(net, background).shap_values(x, check_additivity=False)
    with torch.no_grad():
        expected = net(x) - net(background).mean(0)
    total = values.reshape(len(x), -1, values.shape[-1]).sum(1)
    np.testing.assert_allclose(total, expected.numpy(), atol=1e-6)
