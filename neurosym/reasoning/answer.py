"""`Answerer`: from log-weights to an answer, as one pure value.

    a + b == total                      a network, compiled; a and b are read from images
    answerer = make_answerer(network, total)
    answerer(log-weights [2, 10])      ─▶ log-probabilities [19] of the total
    answerer(log-weights [128, 2, 10]) ─▶ the same of a batch, [128, 19]
    jax.export.export(jax.jit(answerer))(...)    an artefact, for batches of any size

log-weights of the inputs ─▶ elements of a semiring ─▶ network or circuit ─▶ log-probabilities

Whatever wraps a problem for a framework (`neurosym.nn.Reasoning`) or exports it is a shell around
this.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

import flax.struct
import jax
import numpy as np

from neurosym.circuits.circuit import Circuit
from neurosym.hard.propagate import Status, propagate
from neurosym.problems.network import Network
from neurosym.problems.problem import Problem
from neurosym.problems.variable import Variable
from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.instances import BOOLEAN, LOG, log_normalised
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.soft import inference
from neurosym.soft.elimination import TooWideError

Model = Network | Circuit
"""What an answerer asks."""


class TotalFunction(Protocol):
    """As `neurosym.total`; of a circuit, as its method."""

    def __call__(self, model: Any, weights: Elements, /, *, semiring: Semiring) -> Elements: ...


class QueryFunction(Protocol):
    """As `neurosym.query`: normalised log-probabilities of one variable's values."""

    def __call__(
        self, model: Any, weights: Elements, /, *, target: int, semiring: Semiring
    ) -> jax.Array: ...


class Engine(NamedTuple):
    """How to infer: a pair of functions over one instance."""

    total: TotalFunction
    query: QueryFunction


EXACT = Engine(total=inference.total, query=inference.query)
"""Variable elimination of a network."""

CIRCUIT = Engine(total=Circuit.total, query=Circuit.query)
"""Passes over a circuit."""

_ENGINES = {EXACT: "variable elimination", CIRCUIT: "passes over a circuit"}


@flax.struct.dataclass(eq=False)
class Answerer:
    """Infers one variable, or whether the problem holds, from log-weights of other variables.

    Frozen and pure: a pytree, whose leaves are the arrays of its network or circuit. Pass it to
    jitted functions as an argument, close over it, or jit and export it itself. `make_answerer`
    makes it and checks what it is made of.

    Attributes:
      model: the compiled network or circuit.
      inputs: the rows of the inputs, in the order of the weights.
      target: the row to infer; None for whether the problem holds. Of a circuit with several roots,
        None infers its answers.
      semiring: the algebra to infer in.
      engine: how to infer.
    """

    model: Model
    inputs: tuple[int, ...] = flax.struct.field(pytree_node=False)
    target: int | None = flax.struct.field(pytree_node=False)
    semiring: Semiring = flax.struct.field(pytree_node=False)
    engine: Engine = flax.struct.field(pytree_node=False)

    @property
    def shape(self) -> tuple[int, int]:
        """V and D of the model."""
        if isinstance(self.model, Circuit):
            return self.model.shape
        return self.model.variables, self.model.size

    @property
    def widest(self) -> int:
        """The values of the input that has most."""
        sizes = _sizes(self.model)
        return max((sizes[row] for row in self.inputs), default=1)

    def __call__(self, log_weights: jax.Array) -> jax.Array:
        """Infers.

        Args:
          log_weights: log-probabilities ``float32[..., I, D']`` of the ``I`` inputs, with
            ``D' <= D``; entries beyond a variable's domain are ignored.

        Returns:
          Normalised log-probabilities ``float32[..., D_target]``, or those of a circuit's answers
          ``float32[..., R]``, or the log-probability ``float32[...]`` that the problem holds.

        Raises:
          ValueError: if the weights have another shape.
        """
        shape = log_weights.shape
        fits = len(shape) >= 2 and shape[-2] == len(self.inputs)
        if not (fits and self.widest <= shape[-1] <= self.shape[1]):
            raise ValueError(
                f"weights have shape [..., {len(self.inputs)}, {self.widest}] (inputs, values), "
                f"not {list(shape)}"
            )
        flat = log_weights.reshape(-1, *shape[-2:])
        result = jax.vmap(self._infer)(flat)
        return result.reshape(*shape[:-2], *result.shape[1:])

    def facts(self) -> dict[str, str]:
        """The parts that it is made of, in words."""
        problem = f"{_number(self.shape[0], 'variable')} of up to {self.shape[1]:,} values, "
        infers = "whether it holds"
        if isinstance(self.model, Circuit):
            problem += f"a circuit of {_number(self.model.rows, 'row')}"
            if len(self.model.answers) > 1:
                infers = f"which of {len(self.model.answers):,} answers"
        else:
            problem += _number(len(self.model.structure.relations), "constraint")
        if self.target is not None:
            infers = repr(_name(self.model, self.target))
        return {
            "problem": problem,
            "infers": f"{infers} from {_number(len(self.inputs), 'input')}",
            "semiring": self.semiring.name,
            "engine": _ENGINES.get(self.engine, "of one's own"),
        }

    def _infer(self, log_weights: jax.Array) -> jax.Array:
        """One instance, log-weights ``float32[I, D']``."""
        semiring = self.semiring
        weights = self._weights(log_weights)
        if self.target is not None:
            return self.engine.query(self.model, weights, target=self.target, semiring=semiring)
        assert semiring.to_log is not None
        if isinstance(self.model, Circuit) and len(self.model.answers) > 1:
            roots = semiring.to_log(self.model.totals(weights, semiring=semiring))
            return log_normalised(roots)
        return semiring.to_log(self.engine.total(self.model, weights, semiring=semiring))

    def _weights(self, log_weights: jax.Array) -> Elements:
        """Elements ``[V, D]``: those of the inputs, and one for every other variable."""
        semiring, (variables, size) = self.semiring, self.shape
        assert semiring.from_log is not None
        # What lies beyond the weights that are given has probability zero. Zeros are added after
        # the conversion, which would otherwise make thousands of exponentials of nothing.
        given = semiring.from_log(log_weights)
        short = size - log_weights.shape[1]
        given = elements.pad(semiring, given, [(0, 0, 0), (0, short, 0)])
        blank = semiring.ones((size,), elements.dtype(semiring, given))
        place = {row: n for n, row in enumerate(self.inputs)}
        rows = [
            elements.at(given, (place[row],)) if row in place else blank for row in range(variables)
        ]
        return elements.stack(semiring, rows)


def make_answerer(
    model: Problem | Network | Circuit,
    query: Variable | str | int | None = None,
    *,
    inputs: Any = None,
    semiring: Semiring = LOG,
    engine: Engine | None = None,
) -> Answerer:
    """An `Answerer` of a problem or a circuit.

    >>> import jax.numpy as jnp
    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> a, b = problem.variables("digit", shape=2, domain=range(3))
    >>> total = problem.variable("total", domain=range(5))
    >>> problem.add(a + b == total)
    >>> answerer = make_answerer(problem, total)
    >>> beliefs = jnp.log(jnp.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]))
    >>> jnp.exp(answerer(beliefs)).round(2).tolist()
    [0.0, 0.0, 0.5, 0.5, 0.0]

    Args:
      model: the problem, compiled or not, or a circuit.
      query: the variable to infer; None infers whether the constraints hold, or, of a circuit with
        several roots, which of its answers it is.
      inputs: the observed variables in the order of the weights, as variables, names or rows, or
        arrays of them; by default all but the query. The others weigh one.
      semiring: the algebra to infer in; it must convert from and to log-probabilities.
      engine: how to infer; by default elimination of a network and passes over a circuit.

    Raises:
      ValueError: if the problem has no solution, a variable does not exist or is given twice, or
        the semiring has no reading as log-probabilities.
    """
    if semiring.from_log is None or semiring.to_log is None:
        raise ValueError(
            f"semiring {semiring.name} does not convert from and to log-probabilities, "
            "so beliefs cannot pass through it"
        )
    if isinstance(model, Problem):
        model = model.compile()
    if not isinstance(model, Network | Circuit):
        raise ValueError(
            f"{model!r} is not a Problem, a Network (call compile() on a problem) or a Circuit"
        )
    target = None if query is None else model.index(query)
    if target is not None and isinstance(model, Circuit) and len(model.answers) > 1:
        raise ValueError(
            f"a circuit with {len(model.answers):,} roots infers which of its answers it is; "
            "leave out the query"
        )
    if inputs is None:
        rows = [row for row in range(len(_sizes(model))) if row != target]
    else:
        rows = [model.index(variable) for variable in _flatten(inputs)]
    if len(set(rows)) != len(rows):
        given = [_name(model, row) for row in rows]
        raise ValueError(f"an input is given twice: {', '.join(given)}")
    _require_satisfiable(model)
    if engine is None:
        engine = EXACT if isinstance(model, Network) else CIRCUIT
    return Answerer(model, tuple(rows), target, semiring, engine)


def _require_satisfiable(model: Model) -> None:
    """Raises ValueError if no assignment meets the constraints, as far as can be told exactly.

    Where the problem is too wide for that, propagation alone decides.
    """
    with jax.ensure_compile_time_eval():  # also when a model is built inside of a trace
        if isinstance(model, Circuit):
            ones = BOOLEAN.ones(model.shape)
            if not np.asarray(model.query(ones, semiring=BOOLEAN)).any():
                raise ValueError("the circuit is unsatisfiable: it has no model")
            return
        mask = np.zeros((model.variables, model.size), np.bool_)
        for row, domain in enumerate(model.structure.domains):
            mask[row, : len(domain)] = True
        try:
            possible = bool(inference.total(model, mask, semiring=BOOLEAN))
        except TooWideError:
            possible = int(propagate(model).status) != Status.WIPED_OUT
    if not possible:
        names = model.structure.names
        raise ValueError(
            "the problem is unsatisfiable: no assignment of "
            f"{', '.join(names[:8])}{' …' if len(names) > 8 else ''} "
            f"meets all of its {len(model.structure.relations)} constraints"
        )


def _sizes(model: Model) -> tuple[int, ...]:
    """How many values each variable has."""
    if isinstance(model, Circuit):
        return model.sizes
    return tuple(len(domain) for domain in model.structure.domains)


def _name(model: Model, row: int) -> str:
    names = model.names if isinstance(model, Circuit) else model.structure.names
    return names[row] if names else str(row)


def _flatten(inputs: Any) -> Iterable[Variable | str | int]:
    if isinstance(inputs, Variable | str | numbers.Integral):
        return [inputs]  # type: ignore[list-item]
    if isinstance(inputs, np.ndarray):
        return list(inputs.ravel())
    return [x for entry in inputs for x in _flatten(entry)]


def _number(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
