"""Reading JSON that people write: every field checked, every message with the file and the place.

whole = Fields.of_file(path, "published figures")
whole.text("title"), [column.text("name") for column in whole.objects("columns", ("name",))]
"""

import json
from pathlib import Path
from typing import Any, Self


class Fields:
    """A JSON object with its place in a file.

    The readers raise `ValueError` with file and place where a field is not of the kind that was
    asked for. A field that is absent reads as empty, but `text`, `whole_number` and `objects` must
    be there unless a default is given.

    Args:
      content: what was read.
      file: its name.
      place: where in it, "" for the whole.

    Raises:
      ValueError: the content is not an object.
    """

    def __init__(self, content: Any, file: str, place: str = "") -> None:
        self._file, self._place = file, place
        if not isinstance(content, dict):
            raise self.wrong("", f"must hold fields, got {content!r}")
        self.content: dict[str, Any] = content

    @classmethod
    def of_file(cls, path: Path, what: str) -> Self:
        """The object that a file holds, which is to be read as `what`.

        Raises:
          ValueError: there is no such file, or it holds no JSON object.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ValueError(f"{path} cannot be read as {what}: {error}") from error
        return cls(content, str(path))

    def wrong(self, field: str, what: str) -> ValueError:
        """An error that says file, place and field."""
        place = ".".join(part for part in (self._place, field) if part) or "the file"
        return ValueError(f"{self._file}: {place} {what}")

    def only(self, known: tuple[str, ...]) -> None:
        """Refuses fields of other names."""
        for name in self.content:
            if name not in known:
                raise self.wrong(name, f"is not a field; the fields are {', '.join(known)}")

    def text(self, field: str, default: str | None = None) -> str:
        """A text that is not blank, or the default."""
        value = self.content.get(field, default)
        if not isinstance(value, str) or (not value.strip() and default is None):
            raise self.wrong(field, f"must be a text, got {value!r}")
        return value

    def whole_number(self, field: str, default: int | None = None) -> int:
        """A whole number from 1."""
        value = self.content.get(field, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self.wrong(field, f"must be a whole number from 1, got {value!r}")
        return value

    def texts(self, field: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self.content.get(field, [])
        if not isinstance(value, list) or not all(isinstance(x, str) for x in value):
            raise self.wrong(field, f"must be a list of texts, got {value!r}")
        return tuple(value)

    def mapping(self, field: str) -> dict[str, Any]:
        """An object, whatever is in it."""
        value = self.content.get(field, {})
        if not isinstance(value, dict):
            raise self.wrong(field, f"must hold fields, got {value!r}")
        return value

    def text_mapping(self, field: str) -> dict[str, str]:
        """An object of texts."""
        inner = Fields(self.mapping(field), self._file, self._at(field))
        return {name: inner.text(name) for name in inner.content}

    def numbers(self, field: str) -> dict[str, float]:
        """An object of numbers."""
        for key, value in self.mapping(field).items():
            if not is_number(value):
                raise self.wrong(f"{field}.{key}", f"must be a number, got {value!r}")
        return self.mapping(field)

    def objects(self, field: str, known: tuple[str, ...]) -> list["Fields"]:
        """A list of objects with no other fields than `known`."""
        value = self.content.get(field)
        if not isinstance(value, list):
            raise self.wrong(field, f"must be a list, got {value!r}")
        found = [Fields(x, self._file, f"{self._at(field)}[{i}]") for i, x in enumerate(value)]
        for fields in found:
            fields.only(known)
        return found

    def objects_by_name(self, field: str, known: tuple[str, ...]) -> dict[str, "Fields"]:
        """An object of objects with no other fields than `known`."""
        found = {
            name: Fields(value, self._file, f"{self._at(field)}.{name}")
            for name, value in self.mapping(field).items()
        }
        for fields in found.values():
            fields.only(known)
        return found

    def _at(self, field: str) -> str:
        return f"{self._place}.{field}" if self._place else field


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number; true and false are not numbers."""
    return isinstance(value, int | float) and not isinstance(value, bool)
