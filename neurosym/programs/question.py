"""`ProgramQuery`: a question to a program, grounded and compiled, to be answered again and again.

weights of choices (stated, learned, from networks) ─▶ graph with many roots ─▶ one number an answer
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from neurosym.circuits.evaluation.plain import log_totals
from neurosym.programs import kept
from neurosym.programs.clauses import show_atom
from neurosym.programs.compilation import Compiled, compile_program
from neurosym.programs.ground import GroundProgram
from neurosym.programs.syntax import ProgramError
from neurosym.programs.terms import Term, to_python

if TYPE_CHECKING:
    import jax

    from neurosym.circuits.circuit import Circuit
    from neurosym.circuits.graph import Graph
    from neurosym.semirings.algebra.semiring import Semiring


class ProgramQuery:
    """A compiled question; made by `Program.compile`.

    Attributes:
      ground: the rules that matter.
      compiled: its graph.
    """

    def __init__(
        self,
        ground: GroundProgram,
        compiled: Compiled | None = None,
        *,
        keep: tuple[str, float] | None = None,
    ) -> None:
        """``keep`` is the name that it has on disk, and the seconds that grounding took."""
        self.ground = ground
        self._compiled = compiled
        self._keep = keep

    @property
    def compiled(self) -> Compiled:
        if self._compiled is None:
            self.use(compile_program(self.ground))
            assert self._compiled is not None
        return self._compiled

    def use(self, compiled: Compiled) -> None:
        """Takes a graph, and keeps it on disk where making it took long."""
        self._compiled = compiled
        if self._keep is not None:
            name, seconds = self._keep
            if seconds + compiled.statistics["seconds"] > kept.WORTH:
                kept.save(name, compiled)

    @property
    def answers(self) -> tuple[str, ...]:
        """The atoms that are asked, in the order of the numbers."""
        shown = dict(self.ground.shown)
        return tuple(show_atom(term, shown) for term, _ in self.ground.queries)

    @property
    def terms(self) -> tuple[Term, ...]:
        """The same as terms."""
        return tuple(term for term, _ in self.ground.queries)

    @property
    def networks(self) -> dict[str, list[int]]:
        """The choices of each network, in the order of its inputs."""
        found: dict[str, list[int]] = {}
        for number, choice in enumerate(self.ground.choices):
            if choice.network is not None:
                found.setdefault(choice.network[0], []).append(number)
        return found

    @property
    def shape(self) -> tuple[int, int]:
        """V choices and D, the most values of one."""
        return len(self.ground.choices), self.width

    @property
    def width(self) -> int:
        """The most values that a choice has, D."""
        return max((choice.size for choice in self.ground.choices), default=1)

    def inputs(self, network: str) -> list[tuple[Any, ...]]:
        """What a network reads, one entry for each row of its log-probabilities.

        Raises:
          ProgramError: if the query asks no network of this name.
        """
        if network not in self.networks:
            raise ProgramError(_no_network(network, self.networks))
        chosen = [self.ground.choices[c].network for c in self.networks[network]]
        return [tuple(map(to_python, own[1])) for own in chosen if own is not None]

    def values(self, network: str) -> int:
        """How many values a network has, K."""
        return self.ground.choices[self.networks[network][0]].size

    def terms_of(self, network: str) -> tuple[Any, ...]:
        """What the values of a network stand for: those of nn/4, else 0 and 1, or true and false.

        Raises:
          ProgramError: if the query asks no network of this name.
        """
        if network not in self.networks:
            raise ProgramError(_no_network(network, self.networks))
        return self.ground.choices[self.networks[network][0]].labels

    @property
    def groups(self) -> dict[str, list[int]]:
        """The choices of each learnable clause, by its "LINE:COLUMN"."""
        found: dict[str, list[int]] = {}
        for number, choice in enumerate(self.ground.choices):
            if choice.group is not None:
                found.setdefault(choice.group, []).append(number)
        return found

    def initial_parameters(self) -> dict[str, jax.Array]:
        """Log-probabilities float32[K] of each learnable clause, where learning starts."""
        import jax.numpy as jnp

        return {
            group: jnp.asarray(_logs(self.ground.choices[own[0]].probabilities), jnp.float32)
            for group, own in self.groups.items()
        }

    def probabilities(self, **networks: Any) -> dict[str, float]:
        """The probability of each answer given the evidence, by Python alone, in doubles.

        Args:
          **networks: log-probabilities ``[N, K]`` of each network.

        Raises:
          ProgramError: a network is missing or has another shape, or the evidence has probability
            zero.
        """
        weights = self.plain_weights(**networks)
        flat = [x for own in weights for x in own]
        totals = log_totals(self.compiled.graph, flat)
        return dict(zip(self.answers, map(math.exp, self.conditioned(totals)), strict=True))

    def log_probabilities(self, **networks: Any) -> dict[str, float]:
        """The same as logarithms."""
        flat = [x for own in self.plain_weights(**networks) for x in own]
        totals = log_totals(self.compiled.graph, flat)
        return dict(zip(self.answers, self.conditioned(totals), strict=True))

    def conditioned(self, totals: Sequence[float]) -> list[float]:
        """Log-probabilities of the queries given the evidence, from those of all roots.

        Raises:
          ProgramError: if that of the evidence is zero.
        """
        evidence = totals[-1] if self.ground.evidence else 0.0
        if evidence == -math.inf:
            raise ProgramError(
                "the evidence is inconsistent: its probability is 0 under these weights"
            )
        return [min(x - evidence, 0.0) for x in totals[: self.compiled.queries]]

    def plain_choices(self) -> list[list[float]]:
        """The probabilities of the values of each choice.

        Raises:
          ProgramError: if the question asks a network.
        """
        self._check_networks({})
        return [list(choice.probabilities) for choice in self.ground.choices]

    def plain_weights(self, **networks: Any) -> list[list[float]]:
        """Log-weights ``[V, D]`` as lists; -inf beyond the values of a choice."""
        self._check_networks(networks)
        width = self.width
        found = [
            _logs(choice.probabilities) + [-math.inf] * (width - choice.size)
            for choice in self.ground.choices
        ]
        for name, rows in self.networks.items():
            table = networks[name]
            self._check_shape(name, tuple(getattr(table, "shape", ())), batch=False)
            for row, own in zip(rows, table, strict=True):
                found[row][: len(own)] = [float(x) for x in own]
        return found

    @functools.cached_property
    def circuit(self) -> Circuit:
        """The graph as a circuit over weights ``[V, D]``, one row for each choice."""
        return self._circuit(self.compiled.graph)

    def weights(
        self, *, parameters: Mapping[str, jax.Array] | None = None, **networks: jax.Array
    ) -> jax.Array:
        """Log-weights float32[V, D] of all choices, of one instance; jit and grad pass through."""
        import jax.numpy as jnp
        import numpy as np

        self._check_networks(networks)
        count, width = self.shape
        own = self.networks
        if len(own) == 1:
            ((name, rows),) = own.items()
            if rows == list(range(count)) and networks[name].shape[-1] == width:
                return jnp.asarray(networks[name])
        table = [
            _logs(choice.probabilities) + [-math.inf] * (width - choice.size)
            for choice in self.ground.choices
        ]
        flat = [jnp.asarray(np.asarray(table, np.float32).reshape(-1))]
        places = np.arange(count * width).reshape(count, width)
        start = count * width
        for name, rows in own.items():
            given = jnp.asarray(networks[name])
            size = given.shape[-1]
            flat.append(given.reshape(-1))
            for n, row in enumerate(rows):
                places[row, :size] = start + n * size + np.arange(size)
            start += len(rows) * size
        for group, rows in self.groups.items():
            if parameters is None:
                continue
            if group not in parameters:
                raise ProgramError(f"there are no parameters for the clause at {group}")
            given = jnp.asarray(parameters[group])
            flat.append(given)
            for row in rows:
                places[row, : given.shape[0]] = start + np.arange(given.shape[0])
            start += given.shape[0]
        return jnp.concatenate([x.astype(jnp.float32) for x in flat])[places]

    def __call__(
        self,
        *,
        semiring: Semiring | str | None = None,
        parameters: Mapping[str, jax.Array] | None = None,
        **networks: jax.Array,
    ) -> Any:
        """The value of each answer.

        Args:
          semiring: LOG by default; a value, or a name such as "max_times" or "top_k_proofs:3".
            LOG and REAL give probabilities given the evidence. A semiring that is idempotent,
            counts or breaks a law reads proofs (`readings` has what that means; ADD_MULT is cut at
            1 at every sum, not only at the last).
          parameters: log-probabilities ``float[K]`` of learnable clauses.
          **networks: log-probabilities ``float[..., N, K]``; all have the same leading axes.

        Returns:
          Elements ``[..., Q]``; Q is 0 where nothing answers the query.

        Raises:
          ProgramError: a network is missing, is not asked, or has another number of outputs.
        """
        import jax

        chosen = self._semiring(semiring)
        self._check_networks(networks)
        lead: tuple[int, ...] = ()
        for name, given in networks.items():
            shape = self._check_shape(name, tuple(given.shape), batch=True)
            lead = shape[:-2]

        def one(tables: dict[str, jax.Array]) -> Any:
            return self._answer(self.weights(parameters=parameters, **tables), chosen)

        if not lead:
            return one(networks)
        flat = {name: x.reshape(-1, *x.shape[len(lead) :]) for name, x in networks.items()}
        found = jax.vmap(one)(flat)
        return jax.tree.map(lambda x: x.reshape(*lead, *x.shape[1:]), found)

    def _answer(self, log_weights: jax.Array, semiring: Semiring) -> Any:
        import jax.numpy as jnp

        from neurosym.semirings.algebra import provenance
        from neurosym.semirings.algebra.elements import at, dtype, full

        if semiring.name.startswith("top_k_proofs"):
            assert isinstance(semiring, provenance.Provenance)
            if len(log_weights):
                weights: Any = provenance.facts(semiring, log_weights)
            else:  # all is certain, and proofs are over at least one variable
                weights = full(semiring, log_weights.shape, semiring.zero, log_weights.dtype)
        elif semiring.from_log is None:
            raise ProgramError(f"semiring {semiring.name} does not read log-probabilities")
        else:
            weights = semiring.from_log(log_weights)
        if reads_proofs(semiring):
            if not self.ground.queries:  # a circuit has at least one root
                return full(semiring, (0,), semiring.zero, dtype(semiring, weights))
            return self.proofs_circuit.totals(weights, semiring=semiring)
        totals = self.circuit.totals(weights, semiring=semiring)
        own = at(totals, (slice(0, len(self.ground.queries)),))
        if not self.ground.evidence or semiring.divide is None:
            return own
        possible = totals[-1] != semiring.zero
        safe = jnp.where(possible, totals[-1], semiring.one)
        return jnp.where(possible, semiring.divide(own, safe), semiring.zero)

    @functools.cached_property
    def proofs_circuit(self) -> Circuit:
        """The proofs of each answer, with the evidence, as a circuit over the same weights."""
        from neurosym.programs.readings import ProofReader

        reader = ProofReader(self)
        width = self.width
        numbers = {
            choice: range(choice * width + 1, choice * width + 1 + own.size)
            for choice, own in enumerate(self.ground.choices)
        }
        graph = reader.proofs.graph(
            reader.families, self.terms, numbers, len(self.ground.choices) * width
        )
        return self._circuit(graph)

    def _circuit(self, graph: Graph) -> Circuit:
        import jax

        from neurosym.circuits.building import circuit_of

        width = self.width
        places = {
            choice * width + value + 1: choice * width + value
            for choice, own in enumerate(self.ground.choices)
            for value in range(own.size)
        }
        names = tuple(choice.name for choice in self.ground.choices)
        shape = (len(self.ground.choices), width)
        with jax.ensure_compile_time_eval():  # also where it is first asked inside of a trace
            return circuit_of(graph, places, shape, deterministic=True, names=names)

    def _semiring(self, semiring: Semiring | str | None) -> Semiring:
        from neurosym.semirings.algebra.instances import LOG
        from neurosym.semirings.algebra.names import semiring_by_name
        from neurosym.semirings.algebra.provenance import TOP_K_PROOFS

        if not isinstance(semiring, str):
            return LOG if semiring is None else semiring
        name, _, number = semiring.partition(":")
        if name == "top_k_proofs" and number.isdigit():
            return TOP_K_PROOFS(int(number), max(1, len(self.ground.choices)))
        return semiring_by_name(semiring)

    def _check_networks(self, networks: Mapping[str, Any]) -> None:
        for name in self.networks:
            if name not in networks:
                raise ProgramError(
                    f"the network {name} is missing: give its log-probabilities as {name}=..."
                )
        for name in networks:
            if name not in self.networks:
                raise ProgramError(_no_network(name, self.networks))

    def _check_shape(self, name: str, shape: tuple[int, ...], *, batch: bool) -> tuple[int, ...]:
        rows, values = len(self.networks[name]), self.values(name)
        if len(shape) < 2 or shape[-2:] != (rows, values) or (len(shape) > 2 and not batch):
            lead = "..., " if batch else ""
            raise ProgramError(
                f"the network {name} has {values} outputs for each of {rows} inputs, so its "
                f"log-probabilities are [{lead}{rows}, {values}], not {list(shape)}"
            )
        return shape


def reads_proofs(semiring: Semiring) -> bool:
    """Whether a semiring is read over proofs, and not over worlds."""
    counts = semiring.dtype == "int32"
    return semiring.idempotent or counts or bool(semiring.broken_laws)


def _logs(probabilities: Sequence[float]) -> list[float]:
    return [
        math.nan if math.isnan(p) else math.log(p) if p > 0 else -math.inf for p in probabilities
    ]


def _no_network(name: str, known: Mapping[str, Any]) -> str:
    there = ", ".join(known) or "none"
    return f"the query asks no network {name!r}; there are: {there}"
