"""Networks of one shape, as a batch."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

import neurosym as ns


def shapes(network: ns.Network) -> tuple:
    """What programs are compiled for: the shapes of the arrays, and static facts."""
    arrays, structure = jax.tree.flatten(network.replace(structure=None))
    return structure, tuple((x.shape, x.dtype) for x in arrays)


def stacked(networks: Sequence[ns.Network]) -> ns.Network:
    """Networks of one shape as a batch of networks, with the names and values of the first."""
    plain = [jax.tree.map(np.asarray, n.replace(structure=None)) for n in networks]
    with jax.enable_x64(True):
        batch = jax.tree.map(lambda *x: jnp.asarray(np.stack(x)), *plain)
    return batch.replace(structure=networks[0].structure)
