"""Cost networks: their costs, and where files are wrong; toulbar2 as a second opinion."""

import itertools

import numpy as np
import pytest

from neurosym.io import FormatError, Text
from neurosym.languages.wcsp import wcsp_model

EXAMPLE = """example 2 3 3 10
3 2
2 0 1 0 2
0 0 5
2 1 10
1 1 3 1
0 0
0 2 0
"""


def text(content):
    return Text("e.wcsp", content.encode())


def test_costs_are_negative_log_weights():
    costs = wcsp_model(text(EXAMPLE))
    assert (costs.bound, costs.constant, costs.exact_in_float32) == (10, 2, True)
    for a, b in itertools.product(range(3), range(2)):
        right = {(0, 0): 5, (2, 1): np.inf}.get((a, b), 0) + (3 if b else 0)
        assert -costs.model.log_weight([a, b]) == right


@pytest.mark.parametrize("kept", range(len(EXAMPLE.splitlines())))
def test_a_file_that_is_cut_short_says_where(kept):
    content = "".join(EXAMPLE.splitlines(keepends=True)[:kept])
    with pytest.raises(FormatError, match=rf"^e.wcsp:{max(kept, 1)}:\d+: the file is cut short"):
        wcsp_model(text(content))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2 0 1 0 2", "2 0 5 0 2", "e.wcsp:3:5: cost function 0 is over variable 5"),
        ("2 0 1 0 2", "2 0 1 -1 2", "e.wcsp:3:7: cost function 0 is a global one"),
        ("0 0 5", "0 7 5", "e.wcsp:4:3: variable 1 has 2 values, so not 7"),
        ("0 0 5", "0 0 x", "e.wcsp:4:5: a cost of cost function 0 is a whole number"),
        ("0 2 0\n", "0 2 0\n1\n", "e.wcsp:9:1: '1' after the end"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(old, new, message):
    with pytest.raises(FormatError, match=message):
        wcsp_model(text(EXAMPLE.replace(old, new, 1)))


def random_network(seed, variables=12, functions=24, bound=1000):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 4, variables)
    lines = [f"random {variables} 3 {functions} {bound}", " ".join(map(str, sizes))]
    for _ in range(functions):
        rows = rng.permutation(variables)[: rng.integers(1, 4)]
        whole = list(itertools.product(*(range(sizes[i]) for i in rows)))
        listed = [whole[n] for n in rng.permutation(len(whole))[: rng.integers(1, len(whole) + 1)]]
        lines.append(" ".join(map(str, [len(rows), *rows, rng.integers(0, 20), len(listed)])))
        for values in listed:
            cost = bound if rng.random() < 0.1 else rng.integers(0, 50)
            lines.append(" ".join(map(str, [*values, cost])))
    return "\n".join(lines) + "\n"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("memory_limit", [2**30, 1])
def test_toulbar2_finds_the_same_optimum(tmp_path, seed, memory_limit):
    toulbar2 = pytest.importorskip("pytoulbar2", reason="pytoulbar2 is not installed")
    import jax

    from neurosym.reasoning.weighted import Model, best
    from neurosym.soft import Effort

    content = random_network(seed)
    path = tmp_path / "random.wcsp"
    path.write_text(content)
    peer = toulbar2.CFN(1000)
    peer.Read(str(path))
    solution = peer.Solve()
    costs = wcsp_model(text(content))
    model = Model(
        costs.model.network,
        jax.device_put(costs.model.weights.astype(np.float32)),
        costs.model.potentials,
    )
    found = best(model, effort=Effort(memory_limit=memory_limit), node_limit=2**22)
    assert found.standing == "EXACT"
    assert solution is not None
    assert round(-costs.model.log_weight(found.value)) == round(solution[1])
