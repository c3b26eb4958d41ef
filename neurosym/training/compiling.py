"""A program that compiles while something else is done.

    step = Compilation(lower_step)               traced here, then a thread compiles it
    evaluation = Compilation(lower_evaluation)   traced here while the thread compiles the step
    step.program()                               waits for the thread, and raises what it met
    evaluation.program()                         compiled while the first steps are made

One thread compiles one program after another, so that the first of them is there first.
Tracing is Python and stays in the thread of the caller; XLA compiles without Python. On
accelerators, and among several processes, a program is compiled when it is wanted: there the
compiler times kernels on the device, and all processes must come to a program in one order.
"""

import concurrent.futures
import functools
import time
from collections.abc import Callable

import jax


class Compilation:
    """A traced program, and what XLA makes of it.

    Args:
      lower: traces and lowers the program; called once, at once.

    Attributes:
      seconds: for which the caller has waited so far.

    Raises:
      Exception: what `lower` raises.
    """

    def __init__(self, lower: Callable[[], jax.stages.Lowered]) -> None:
        began = time.perf_counter()
        self._lowered: jax.stages.Lowered | None = lower()
        self._program: jax.stages.Compiled | None = None
        self._future: concurrent.futures.Future[jax.stages.Compiled] | None = None
        self.seconds = time.perf_counter() - began
        if jax.default_backend() == "cpu" and jax.process_count() == 1:
            self._future = _thread().submit(self._lowered.compile)

    @property
    def goes_on(self) -> bool:
        """Whether the thread has yet to finish it."""
        return self._future is not None and not self._future.done()

    def program(self) -> jax.stages.Compiled:
        """The compiled program; raises what the compiler raised."""
        if self._program is None:
            began = time.perf_counter()
            assert self._lowered is not None
            self._program = self._future.result() if self._future else self._lowered.compile()
            self._lowered = self._future = None
            self.seconds += time.perf_counter() - began
        return self._program


@functools.cache
def _thread() -> concurrent.futures.ThreadPoolExecutor:
    return concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="compiling")
