"""The flags by which several processes become one run."""

import dataclasses

from absl import flags

from neurosym.cli.command import UsageError


@dataclasses.dataclass(frozen=True)
class Processes:
    """How this process finds the others.

    Attributes:
      detect: find them by what the cluster says (SLURM, Open MPI, Kubernetes: JAX knows them).
      coordinator: host:port of the first process, or None.
      count: of all processes, or None.
      index: of this one, or None.
    """

    detect: bool = False
    coordinator: str | None = None
    count: int | None = None
    index: int | None = None

    @property
    def several(self) -> bool:
        """Whether there is anything to join."""
        return self.detect or self.coordinator is not None


def define_process_flags(values: flags.FlagValues) -> None:
    """Defines the flags."""
    flags.DEFINE_boolean(
        "distributed",
        False,
        "join the other processes of this job, found by SLURM, Open MPI or Kubernetes",
        flag_values=values,
    )
    flags.DEFINE_string(
        "coordinator", None, "host:port of the first process of several", flag_values=values
    )
    flags.DEFINE_integer(
        "num_processes", None, "how many processes", lower_bound=1, flag_values=values
    )
    flags.DEFINE_integer(
        "process_id", None, "which of them this is, from 0", lower_bound=0, flag_values=values
    )


def process_options(values: flags.FlagValues) -> Processes:
    """The values of the flags.

    Raises:
      UsageError: some are missing, or do not go together.
    """
    given = (values.coordinator, values.num_processes, values.process_id)
    if all(value is None for value in given):
        return Processes(detect=values.distributed)
    if values.distributed:
        raise UsageError("--distributed finds the others itself; leave out --coordinator and so on")
    names = ("--coordinator=HOST:PORT", "--num_processes=N", "--process_id=I")
    missing = [name for name, value in zip(names, given, strict=True) if value is None]
    if missing:
        raise UsageError(f"several processes need {', '.join(missing)} as well")
    host, _, port = values.coordinator.rpartition(":")
    if not host or not port.isdigit():
        raise UsageError(f"--coordinator must be HOST:PORT, got {values.coordinator!r}")
    if values.process_id >= values.num_processes:
        raise UsageError(
            f"--process_id must be below --num_processes ({values.num_processes}), "
            f"got {values.process_id}"
        )
    return Processes(False, values.coordinator, values.num_processes, values.process_id)
