"""`Circuit`: a problem or a formula compiled once, to be read in any semiring.

A circuit is a sum of products that share their parts (Darwiche 2003,
https://doi.org/10.1145/765568.765570). Reading it costs its size, whatever the semiring, for total
and derivatives alike: two passes over its rows.
"""

from __future__ import annotations

import functools
import numbers
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits.domains import Domains
from neurosym.circuits.evaluation import operations
from neurosym.circuits.evaluation.layout import read_back
from neurosym.circuits.evaluation.passes import Tables
from neurosym.circuits.evaluation.roots import Answers
from neurosym.circuits.evaluation.weights import checked_weights
from neurosym.problems.variable import Variable
from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.instances import LOG, log_normalised
from neurosym.semirings.algebra.k_best import (
    K_BEST,
    BestSolutions,
    best_solutions,
    candidates,
    key_words,
)
from neurosym.semirings.algebra.semiring import Semiring


@flax.struct.dataclass
class Circuit:
    """A decomposable and smooth circuit; made by `compile_circuit` and `neurosym.circuits`.

    A frozen pytree of flat arrays and static facts: pass it to jitted functions as an argument or
    close over it.

    The weights of a network's circuit are elements ``[V, D]`` as everywhere; entries beyond a
    variable's domain are ignored. Those of a formula's circuit are elements ``[V, 2]``: column 0
    has the weight of the literal that says true, column 1 the weight of the literal that says
    false. Where the semiring declares a complement, ``[V]`` is enough: the weights of the positive
    literals.

    It may have several roots, whose models share their parts; each root is smooth by itself, and
    need not speak of all variables.

    Attributes:
      tables: which rows are combined in which step.
      answers: what each root stands for; `Answers`. A circuit of a problem or a formula has one.
      shape: of the weights, [V, D] or [V, 2].
      sizes: how many values each of the V variables has.
      literals: the weights are those of literals.
      deterministic: no model is counted twice. Semirings that are not idempotent need it.
      layers: rows and terms of each layer, by the longest way from a leaf.
      names: of the V variables, where they have names.
    """

    tables: Tables
    answers: Answers = flax.struct.field(pytree_node=False)
    shape: tuple[int, int] = flax.struct.field(pytree_node=False)
    sizes: tuple[int, ...] = flax.struct.field(pytree_node=False)
    literals: bool = flax.struct.field(pytree_node=False)
    deterministic: bool = flax.struct.field(pytree_node=False)
    layers: tuple[tuple[int, int], ...] = flax.struct.field(pytree_node=False)
    names: tuple[str, ...] = flax.struct.field(pytree_node=False, default=())

    @property
    def root(self) -> int:
        """The row that is the only root, as `row_terms` counts them; outside of jit.

        Raises:
          ValueError: if there are several.
        """
        self._one_root()
        rows = len(self.row_terms())
        return self.tables.first + rows - 1 if rows else int(self.tables.roots.left[0])

    @property
    def rows(self) -> int:
        """Rows that are computed, leaves not among them."""
        return sum(rows for rows, _ in self.layers)

    @property
    def terms(self) -> int:
        """Products of two that the rows sum."""
        return sum(terms for _, terms in self.layers)

    @property
    def leaves(self) -> tuple[tuple[int, int], ...]:
        """Row and column of the weight of each leaf."""
        columns = self.shape[1]
        # As NumPy, because iterating an array of JAX inside a trace would trace it.
        inputs = np.asarray(self.tables.inputs)
        return tuple((int(n) // columns, int(n) % columns) for n in inputs)

    def row_terms(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """The pairs of rows whose products each row sums, rows after what they use, roots last.

        Row 0 is the zero, 1 the one, then come the `leaves`, then the rows of this list. It is
        empty if the only root is a constant or a leaf; several roots are its last rows. For
        pictures and tests, outside of jit.
        """
        return read_back(self.tables)

    def graph(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """`row_terms`, as it was called before there was a `Graph`."""
        return self.row_terms()

    def index(self, variable: Variable | str | int) -> int:
        """The row of a variable in the weights, as `Network.index`.

        Raises:
          ValueError: if the circuit has no such variable; names are those of a network's circuit.
        """
        if isinstance(variable, numbers.Integral) and not isinstance(variable, bool):
            if 0 <= variable < len(self.sizes):
                return int(variable)
            raise ValueError(f"variable {variable} does not exist; there are {len(self.sizes)}")
        if not isinstance(variable, str | Variable):
            raise ValueError(
                f"a variable is given as itself, its name or its row, not {variable!r}"
            )
        name = variable if isinstance(variable, str) else variable.name
        if name not in self.names:
            why = "" if self.names else ", which has rows only: those of its weights"
            raise ValueError(f"the circuit has no variable {name!r}{why}")
        row = self.names.index(name)
        declared = (row, self.sizes[row])
        if not isinstance(variable, str) and (variable.index, len(variable.domain)) != declared:
            raise ValueError(f"variable {name!r} belongs to another problem")
        return row

    def total(
        self,
        weights: Any,
        *,
        root: int | jax.Array | None = None,
        semiring: Semiring = LOG,
        domains: Domains | jax.Array | None = None,
    ) -> Elements:
        """⊕ over models of ⊗ of the weights; as `neurosym.total`.

        Args:
          weights: elements, see the class.
          root: which one, int[], where the circuit has several (``circuit.answers.index(...)``).
            Under `jax.vmap` each instance may ask for another root; the cost is the terms of the
            longest root, not those of all roots.
          semiring: the algebra to read the circuit in.
          domains: the values, or the literals, that are possible, ``Domains`` or ``bool[V, D]``;
            all others weigh the semiring's zero.

        Returns:
          One element, the semiring's zero where there is no model.

        Raises:
          ValueError: if weights or domains have another shape or dtype, a concrete weight is NaN,
            if the semiring is not idempotent and the circuit is not known to be deterministic, or
            if it has several roots and none is given, or none of this number.
        """
        flat = self._check(weights, semiring, domains)
        return _total(semiring, self.tables, self._root(root), flat)

    def totals(
        self,
        weights: Any,
        *,
        semiring: Semiring = LOG,
        domains: Domains | jax.Array | None = None,
    ) -> Elements:
        """The totals of all roots, in one pass.

        Args and errors as for `total`.

        Returns:
          Elements ``[R]``, in the order of `answers`.
        """
        flat = self._check(weights, semiring, domains)
        return _totals(semiring, self.tables, flat)

    def support(
        self,
        weights: Any,
        *,
        root: int | jax.Array | None = None,
        semiring: Semiring = LOG,
        domains: Domains | jax.Array | None = None,
    ) -> Elements:
        """The formal derivative of the total with respect to each weight, by ⊕ and ⊗ alone.

        As `neurosym.support`. Args and errors as for `total`; weights ``[V]`` are not taken, since
        the two literals of a variable have a support each. Domains restrict the other variables,
        so a value outside of them has a support too. Of several roots one is asked for, but all are
        passed through.

        Returns:
          Elements like the weights; the semiring's zero where no model has the value, and for
          variables that the root does not speak of.
        """
        flat = self._check(weights, semiring, domains, complemented=False)
        found = _support(semiring, self.tables, self._root(root), flat)
        return elements.reshape(semiring, found, self.shape)

    def marginals(
        self,
        weights: Any,
        *,
        root: int | jax.Array | None = None,
        domains: Domains | jax.Array | None = None,
    ) -> jax.Array:
        """The probability of each value or literal, given that the circuit holds.

        The gradient of the log total; as `neurosym.marginals`. Differentiable.

        Args:
          weights: log-probabilities, see the class; they need not be normalised.
          root, domains: as for `total`.

        Returns:
          Probabilities ``[V, D]`` or ``[V, 2]``: each row sums to 1; those of variables that the
          root does not speak of are 0, and all are 0 where the root has no model of a weight above
          zero.

        Raises:
          ValueError: as for `total`.
        """
        flat = self._check(weights, LOG, domains)
        through = _flow(LOG, self.tables, self._root(root), flat).reshape(self.shape)
        whole = jnp.sum(through, 1, keepdims=True)
        return jnp.where(whole > 0, through / jnp.where(whole > 0, whole, 1), 0)

    def query(
        self,
        weights: Any,
        *,
        target: Variable | str | int | None = None,
        root: int | jax.Array | None = None,
        semiring: Semiring = LOG,
        domains: Domains | jax.Array | None = None,
    ) -> Elements:
        """The distribution of one variable given that the circuit holds; as `neurosym.query`.

        Without a target: `totals`.

        Args:
          weights: elements, see the class.
          target: the variable, its name or its row in the weights.
          root, domains: as for `total`.
          semiring: the algebra to infer in; it must convert to log-probabilities.

        Returns:
          Normalised log-probabilities ``float32[D_target]`` in the order of the target's domain
          (for a literal: true, false); all -inf where the circuit cannot hold, or does not speak of
          the variable.

        Raises:
          ValueError: as for `total`, if there is no such variable, or if the semiring has no
            reading as log-probabilities.
        """
        if target is None:
            if root is not None:
                raise ValueError("without a target query reads all roots; total reads one")
            return self.totals(weights, semiring=semiring, domains=domains)
        if isinstance(semiring, Semiring) and semiring.to_log is None:
            raise ValueError(
                f"semiring {semiring.name} does not turn into log-probabilities; "
                "use total or support for its own reading"
            )
        row = self.index(target)
        flat = self._check(weights, semiring, domains)
        found = _support(semiring, self.tables, self._root(root), flat)
        start = row * self.shape[1]
        own = (slice(start, start + self.sizes[row]),)
        through = semiring.mul(elements.at(flat, own), elements.at(found, own))
        assert semiring.to_log is not None
        return log_normalised(semiring.to_log(through))

    def k_best(
        self,
        weights: Any,
        *,
        k: int,
        root: int | jax.Array | None = None,
        domains: Domains | jax.Array | None = None,
    ) -> BestSolutions:
        """The k models of largest weight; as `neurosym.k_best`.

        The total in K_BEST. The log-weights are differentiable.

        Args:
          weights: log-weights, see the class.
          k: how many models, at least 1.
          root, domains: as for `total`.

        Returns:
          `neurosym.soft.BestSolutions`: value indices (for a literal: 0 is true, 1 is false). Those
          of variables that the root does not speak of are 0.

        Raises:
          ValueError: if k is below 1, or as for `total`.
        """
        flat = self._check(weights, LOG, domains)
        exists = np.arange(self.shape[1]) < np.asarray(self.sizes, np.int64).reshape(-1, 1)
        within = jnp.where(exists, flat.reshape(self.shape), -jnp.inf)
        semiring = K_BEST(k, key_words(self.sizes))
        found = self.total(candidates(semiring, within, self.sizes), root=root, semiring=semiring)
        return best_solutions(found, self.sizes)

    def _one_root(self) -> None:
        if len(self.answers) != 1:
            raise ValueError(
                f"the circuit has {len(self.answers):,} roots: say which, as "
                "root=circuit.answers.index(...), or read all with query"
            )

    def _root(self, root: int | jax.Array | None) -> jax.Array:
        """The number of a root, int32[]."""
        if root is None:
            self._one_root()
            root = 0
        kind = getattr(root, "dtype", type(root))
        if jnp.ndim(root) or not jnp.issubdtype(kind, jnp.integer):
            raise ValueError("root must be one integer; for a batch use jax.vmap")
        if not isinstance(root, jax.core.Tracer) and not 0 <= int(root) < len(self.answers):
            raise ValueError(f"there is no root {root}; the circuit has {len(self.answers):,}")
        return jnp.asarray(root, jnp.int32)

    def _check(
        self,
        weights: Any,
        semiring: Semiring,
        domains: Domains | jax.Array | None,
        *,
        complemented: bool = True,
    ) -> Elements:
        """The weights as elements ``[I]``."""
        flat = checked_weights(
            weights,
            semiring,
            domains,
            sizes=self.sizes,
            width=self.shape[1],
            literals=self.literals,
            complemented=complemented,
        )
        # A provenance is an approximation by what it says; it is read on any circuit as it stands.
        counts_once = self.deterministic or semiring.idempotent or bool(semiring.broken_laws)
        if not counts_once:
            raise ValueError(
                f"semiring {semiring.name} is not idempotent, and the circuit is not known to be "
                "deterministic: a model that satisfies two branches would count twice"
            )
        return flat


@functools.partial(jax.jit, static_argnums=0)
def _total(semiring: Semiring, tables: Tables, root: jax.Array, weights: Elements) -> Elements:
    return operations.total(semiring, tables, root, weights)


@functools.partial(jax.jit, static_argnums=0)
def _totals(semiring: Semiring, tables: Tables, weights: Elements) -> Elements:
    return operations.totals(semiring, tables, weights)


@functools.partial(jax.jit, static_argnums=0)
def _flow(semiring: Semiring, tables: Tables, root: jax.Array, weights: jax.Array) -> jax.Array:
    return operations.flow(semiring, tables, root, weights)


@functools.partial(jax.jit, static_argnums=0)
def _support(semiring: Semiring, tables: Tables, root: jax.Array, weights: Elements) -> Elements:
    return operations.support(semiring, tables, root, weights)
