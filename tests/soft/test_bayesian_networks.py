"""Marginals of Bayesian networks, classic and random, with pgmpy as a second opinion.

A conditional probability table is a variable of its own whose values are the rows of the table,
weighed by their probabilities, and a `Table` that ties it to its family.
"""

import gzip
import importlib.resources
import itertools
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurosym as ns

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("pgmpy", reason="pgmpy is not installed")
    from pgmpy.factors.discrete import TabularCPD
    from pgmpy.inference import VariableElimination
    from pgmpy.models import DiscreteBayesianNetwork
    from pgmpy.readwrite import BIFReader

pytestmark = pytest.mark.filterwarnings("ignore")


def classic(name):
    """A model from the file that pgmpy ships."""
    folder = importlib.resources.files("pgmpy.utils") / "example_models"
    text = gzip.decompress((folder / f"{name}.bif.gz").read_bytes()).decode()
    return BIFReader(string=text).get_model()


def random_model(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 4, 7)
    model = DiscreteBayesianNetwork()
    for n, size in enumerate(sizes):
        parents = sorted(rng.permutation(n)[: rng.integers(0, 3)].tolist())
        values = rng.uniform(0, 1, (size, int(np.prod(sizes[parents]))))
        values[rng.random(values.shape) < 0.2] = 0
        values[0, values.sum(0) == 0] = 1
        values /= values.sum(0)
        model.add_node(f"x{n}")
        model.add_edges_from((f"x{p}", f"x{n}") for p in parents)
        model.add_cpds(
            TabularCPD(
                f"x{n}",
                int(size),
                values,
                [f"x{p}" for p in parents],
                [int(s) for s in sizes[parents]],
            )
        )
    return model


def as_network(model):
    """The network and its log-weights, without evidence."""
    problem = ns.Problem()
    nodes = {
        name: problem.variable(str(name), domain=model.get_cpds(name).state_names[name])
        for name in model.nodes()
    }
    tables = {}
    for name in nodes:
        cpd = model.get_cpds(name)
        family = [nodes[x] for x in cpd.variables]
        states = [cpd.state_names[x] for x in cpd.variables]
        row = problem.variable(f"row of {name}", domain=range(cpd.values.size))
        every = itertools.product(*states)
        problem.add(ns.Table([*family, row], [(*values, n) for n, values in enumerate(every)]))
        tables[row.index] = cpd.values.ravel()
    network = problem.compile()
    weights = np.where(network.mask, 0.0, -np.inf).astype(np.float32)
    with np.errstate(divide="ignore"):
        for i, table in tables.items():
            weights[i, : table.size] = np.log(table)
    return network, weights, nodes


def agree(model, evidence, *, infer=ns.marginals):
    network, weights, nodes = as_network(model)
    for name, state in evidence.items():
        held = network.value_index(nodes[name], state)
        weights[nodes[name].index, np.arange(network.size) != held] = -np.inf
    found = np.asarray(jax.jit(lambda w: infer(network, w))(jnp.asarray(weights)))
    peer = VariableElimination(model)
    for name, variable in nodes.items():
        if name not in evidence:
            wanted = peer.query([name], evidence=evidence, show_progress=False)
            order = [wanted.state_names[name].index(state) for state in variable.domain]
            np.testing.assert_allclose(
                found[variable.index, : len(order)], wanted.values[order], rtol=1e-3, atol=1e-5
            )


@pytest.mark.parametrize(
    ("name", "evidence"),
    [
        pytest.param("asia", {"asia": "yes", "dysp": "yes"}, marks=pytest.mark.slow),
        ("cancer", {"Xray": "positive"}),
        ("survey", {"T": "train"}),
        pytest.param("alarm", {"HRBP": "HIGH", "PRESS": "NORMAL"}, marks=pytest.mark.slow),
    ],
)
def test_classic_networks(name, evidence):
    agree(classic(name), evidence)


@pytest.mark.slow
def test_insurance_with_evidence_in_a_batch():
    """Domains to 5 and tensors over 7 variables: most of its contractions are read once."""
    path = importlib.resources.files("pgmpy.utils") / "example_models" / "insurance.bif.gz"
    model = ns.languages.read_bif(str(path))
    network, potentials = model.network, model.potentials
    evidence = [{}, {"Age": "Adolescent", "Accident": "Severe"}]
    masks = np.repeat(np.asarray(network.mask)[None], 2, 0)
    for mask, seen in zip(masks, evidence, strict=True):
        for name, state in seen.items():
            row = network.index(name)
            mask[row] = np.arange(network.size) == network.value_index(row, state)

    @jax.jit
    @jax.vmap
    def ours(mask):
        weights = model.weights.astype(np.float32)
        return ns.marginals(network, weights, potentials=potentials, domains=mask)

    found = np.asarray(ours(masks))
    peer = VariableElimination(classic("insurance"))
    for rows, seen in zip(found, evidence, strict=True):
        for name, domain in zip(network.structure.names, network.structure.domains, strict=True):
            if name not in seen:
                wanted = peer.query([name], evidence=seen, show_progress=False)
                order = [wanted.state_names[name].index(state) for state in domain]
                row = rows[network.index(name), : len(domain)]
                np.testing.assert_allclose(row, wanted.values[order], atol=1e-6)


@pytest.mark.parametrize("seed", range(2))
def test_random_networks_with_certain_rows_and_values_alone(seed):
    agree(random_model(seed), {})


@pytest.mark.slow
def test_belief_propagation_is_exact_on_a_polytree():
    def infer(network, weights):
        return ns.belief_propagation(network, weights).marginals

    agree(classic("cancer"), {"Xray": "positive"}, infer=infer)
