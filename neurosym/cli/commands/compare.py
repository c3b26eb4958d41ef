"""`neurosym compare`: what differs between runs."""

from absl import flags

from neurosym.cli.command import Command, UsageError


def _define_flags(values: flags.FlagValues) -> None:
    flags.DEFINE_string(
        "picture", None, "PNG to draw the learning curves of all of them into", flag_values=values
    )
    flags.DEFINE_string(
        "metric", None, "whose curve is drawn; else the first on validation", flag_values=values
    )


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    if len(arguments) < 2:
        raise UsageError("two runs or more are needed: neurosym compare runs/a runs/b")
    from neurosym.cli.places import here_or_shipped
    from neurosym.cli.tables import print_table
    from neurosym.reports.differences import compare, read_side

    sides = [read_side(here_or_shipped(argument)) for argument in arguments]
    for title, sheet in compare(sides):
        if sheet.rows:
            print_table(title, sheet.header, sheet.rows)
        else:
            print(f"{title}: nothing")
        for note in sheet.notes:
            print(note)
    if values.picture:
        from neurosym.plots import learning_bands

        curves = {side.name: [side.curves] for side in sides if side.curves}
        metrics = [
            name
            for of_seeds in curves.values()
            for name in of_seeds[0].get("validation", {})
            if name not in ("step", "epoch")
        ]
        # Without validation there is the loss alone, whatever the metric is called.
        metric = values.metric or next(iter(metrics), "loss")
        if values.metric and values.metric not in metrics:
            known = ", ".join(dict.fromkeys(metrics)) or "none"
            raise UsageError(
                f"no run has the validation metric {values.metric!r}; there are: {known}"
            )
        print(f"picture: {learning_bands(curves, values.picture, metric=metric)}")
    return 0


COMMAND = Command(
    name="compare",
    usage="compare RUN RUN... [--picture=FILE.png] [--metric=NAME]",
    description=(
        "Prints the differences between runs, each compared with the first one: fields of the "
        "config, metrics, steps, times, device, revision and versions, and the ends and best "
        "points of their learning curves. Workdirs and records may stand side by side. Of a run "
        "that is not finished, config and curves are compared."
    ),
    examples=(
        "neurosym compare runs/a runs/b",
        "neurosym compare runs/a runs/b runs/c --picture=curves.png --metric=sum_accuracy",
    ),
    define_flags=_define_flags,
    run=_run,
)
