"""The same work in PyTorch on the CPU, and in two packages on top of it.

Each function returns a dict of one peer, empty if its package is not installed; the packages are imported
there, so that nobody else waits for them.
"""

from types import SimpleNamespace

import numpy as np

from speed._peers import is_installed
from speed._timing import once, steps

_RHO, _EPSILON, _RATE, _DECAY, _OFFSET_RATE = 0.9, 1e-8, 0.005, 1e-4, 0.01  # our defaults


def rbm_step(X, n_hidden, batch_size, n_chains, n_steps):
    """Return the centred PCD-1 step with RMSProp, written as PyTorch wants it: in place, no autograd."""
    if not is_installed("torch"):
        return {}
    import torch

    X = torch.from_numpy(X)
    step = _PCDStep(torch, X, n_hidden, n_chains)
    batches = _batches(torch, X, batch_size)
    return {"PyTorch": steps(lambda: step(next(batches)), n_steps)}


class _PCDStep:
    """An RBM in PyTorch and its training step."""

    def __init__(self, torch, X, n_hidden, n_chains):
        self.torch = torch
        n_visible = X.shape[1]
        self.W = torch.randn(n_hidden, n_visible, dtype=X.dtype) * 0.01
        self.b, self.c = torch.zeros(n_visible, dtype=X.dtype), torch.zeros(n_hidden, dtype=X.dtype)
        self.parameters = self.W, self.c, self.b
        self.mean_squares = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.visible_offset, self.hidden_offset = X.mean(0), torch.full_like(self.c, 0.5)
        self.chains = torch.zeros(n_chains, n_hidden, dtype=X.dtype)

    def __call__(self, v):
        with self.torch.no_grad():
            gradient = self._gradient(v)
            W_update, c_update, b_update = map(self._update, gradient, self.mean_squares)
            self.W.mul_(1 - _RATE * _DECAY)
            c_update.sub_(W_update @ self.visible_offset)
            b_update.sub_(self.hidden_offset @ W_update)
            for parameter, update in zip(self.parameters, (W_update, c_update, b_update), strict=True):
                parameter.add_(update)

    def _gradient(self, v):
        h = self._mean_h(v)
        v_model = self._draw(self.torch.addmm(self.b, self.chains, self.W).sigmoid_())
        h_model = self._mean_h(v_model)
        self.chains = self._draw(h_model)
        self.hidden_offset.lerp_(h.mean(0), _OFFSET_RATE)
        c_gradient, b_gradient = h_model.mean(0) - h.mean(0), v_model.mean(0) - v.mean(0)
        data = h.sub_(self.hidden_offset).T @ (v - self.visible_offset)
        model = h_model.sub_(self.hidden_offset).T @ v_model.sub_(self.visible_offset)
        W_gradient = model.div_(len(v_model)).sub_(data, alpha=1 / len(v))
        return W_gradient, c_gradient, b_gradient

    def _mean_h(self, v):
        return self.torch.addmm(self.c, v, self.W.T).sigmoid_()

    def _draw(self, mean):
        return self.torch.rand_like(mean).lt(mean).to(mean.dtype)

    def _update(self, gradient, mean_square):
        mean_square.mul_(_RHO).addcmul_(gradient, gradient, value=1 - _RHO)
        return gradient.div_(mean_square.sqrt().add_(_EPSILON)).mul_(-_RATE)


def rbms_step(X, n_hidden, batch_size, n_chains, n_steps):
    """Return the step of `rbms`: centred PCD-1, normalised gradient, plain SGD."""
    if not is_installed("torch", "rbms"):
        return {}
    import torch
    from rbms.training.pcd import fit_batch_pcd

    X = torch.from_numpy(X)
    machine = _rbms_machine(torch, X, n_hidden)
    machine.init_grad()
    optimizer = torch.optim.SGD(machine.parameters(), lr=0.01, maximize=True)
    batches = _batches(torch, X, batch_size)
    weights = torch.ones(batch_size, dtype=X.dtype)
    chains = machine.init_chains(n_chains)

    def step():
        nonlocal chains
        with torch.no_grad():
            v = next(batches)
            optimizer.zero_grad(set_to_none=False)
            chains, _ = fit_batch_pcd((v, weights[: len(v)]), chains, machine, gibbs_steps=1, beta=1.0)
            optimizer.step()

    return {"rbms": steps(step, n_steps)}


def learnergy_epoch(X, n_hidden, batch_size):
    """Return an epoch of learnergy's RBM: CD-1, autograd, plain SGD."""
    if not is_installed("torch", "learnergy"):
        return {}
    import torch
    from learnergy.models.bernoulli import RBM

    dataset = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.zeros(len(X)))
    rbm = RBM(X.shape[1], n_hidden, learning_rate=0.01)
    return {"learnergy": once(rbm.fit, dataset, batch_size, 1)}


def network_epoch(sizes, X, y, batch_size, dropout):
    """Return an epoch of the same network with RMSprop and autograd."""
    if not is_installed("torch"):
        return {}
    import torch

    network = _network(torch, sizes, X.dtype, dropout)
    optimizer = torch.optim.RMSprop(network.parameters(), lr=0.001, alpha=_RHO)
    loss = torch.nn.CrossEntropyLoss()
    X, y = torch.from_numpy(X), torch.from_numpy(y)

    def epoch():
        for rows in torch.randperm(len(X)).split(batch_size):
            optimizer.zero_grad()
            loss(network(X[rows]), y[rows]).backward()
            optimizer.step()

    return {"PyTorch": once(epoch)}


def network_outputs(sizes, X):
    """Return the class probabilities of all rows."""
    if not is_installed("torch"):
        return {}
    import torch

    network, X = _network(torch, sizes, X.dtype).eval(), torch.from_numpy(X)

    def predict():
        with torch.no_grad():
            network(X).softmax(1)

    return {"PyTorch": once(predict)}


def hidden_means(X, n_hidden):
    """Return the means of the hidden units for all rows."""
    if not is_installed("torch"):
        return {}
    import torch

    X = torch.from_numpy(X)
    step = _PCDStep(torch, X[:100], n_hidden, 1)
    return {"PyTorch": once(step._mean_h, X)}


def gibbs(X, n_hidden, n_steps):
    """Return Gibbs steps on all rows of X, in PyTorch and in `rbms`."""
    if not is_installed("torch"):
        return {}
    import torch

    X = torch.from_numpy(X)
    step = _PCDStep(torch, X, n_hidden, 1)

    def chain():
        v = X
        with torch.no_grad():
            for _ in range(n_steps):
                h = step._draw(step._mean_h(v))
                v = step._draw(torch.addmm(step.b, h, step.W).sigmoid_())

    peers = {"PyTorch": once(chain, shares=n_steps)}
    if is_installed("rbms"):
        machine = _rbms_machine(torch, X, n_hidden)
        chains = machine.init_chains(len(X), start_v=X)
        peers["rbms"] = once(machine.sample_state, chains, n_steps, shares=n_steps)
    return peers


def annealing(X, n_hidden, n_runs, n_temperatures):
    """Return a sweep of `rbms`'s AIS, which goes in one direction."""
    if not is_installed("torch", "rbms"):
        return {}
    import torch
    from rbms.partition_function.ais import compute_partition_function_ais

    machine = _rbms_machine(torch, torch.from_numpy(X), n_hidden)
    sweep = once(compute_partition_function_ais, n_runs, n_temperatures, machine, shares=n_temperatures - 1)
    return {"rbms": sweep}


def _rbms_machine(torch, X, n_hidden):
    from rbms.bernoulli_bernoulli.classes import BBRBM

    return BBRBM.init_parameters(n_hidden, SimpleNamespace(data=X), torch.device("cpu"), X.dtype)


def _batches(torch, X, batch_size):
    """Yield batches in a random order, epoch after epoch, without end."""
    while True:
        for rows in torch.randperm(len(X)).split(batch_size):
            yield X[rows]


def _network(torch, sizes, dtype, dropout=0.0):
    layers = []
    for n, m in zip(sizes[:-2], sizes[1:-1], strict=True):
        layers += [torch.nn.Linear(n, m), torch.nn.Sigmoid()]
        layers += [torch.nn.Dropout(dropout)] if dropout else []
    dtype = getattr(torch, np.dtype(dtype).name)
    return torch.nn.Sequential(*layers, torch.nn.Linear(sizes[-2], sizes[-1])).to(dtype)
