"""Checks a section of a config at once: a fault in it could else show after hours of training."""

import difflib
from collections.abc import Mapping

import ml_collections


def check_fields(
    section: ml_collections.ConfigDict, fields: Mapping[str, int | None], *, task: str, name: str
) -> None:
    """Raises ValueError for a field of a section that is unknown, missing or too small.

    Args:
      section: `config.<name>`.
      fields: the names of its fields, with the least value of each number.
      task: what to call the task in a message.
      name: of the section.
    """
    for field in section:
        if field not in fields:
            near = difflib.get_close_matches(field, fields, n=2)
            hint = f"; near matches: {', '.join(near)}" if near else ""
            raise ValueError(f"{task} has no field config.{name}.{field}{hint}")
    for field, least in fields.items():
        if field not in section:
            raise ValueError(f"{task} needs the field config.{name}.{field}")
        if least is not None and section[field] < least:
            raise ValueError(
                f"config.{name}.{field} must be at least {least}, not {section[field]}"
            )
