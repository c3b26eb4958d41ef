"""Tables of text as Markdown, LaTeX and CSV."""

import csv
import dataclasses
import io
from collections.abc import Sequence

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "≥": r"$\ge$",
    "≤": r"$\le$",
    "→": r"$\to$",
    "–": "--",
}


@dataclasses.dataclass(frozen=True)
class Sheet:
    """A table of text.

    Attributes:
      header: names of the columns.
      rows: cells, as many a row as there are columns.
      notes: sentences that stand below.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(
                    f"a row has {len(row)} cells, the table {len(self.header)} columns: {row}"
                )


def markdown_text(sheet: Sheet) -> str:
    """A table of GitHub's Markdown, its notes below.

    >>> print(markdown_text(Sheet(["a", "b|c"], [["1", "2"]], ["Of one seed."])), end="")
    | a | b\\|c |
    | --- | --- |
    | 1 | 2 |
    <BLANKLINE>
    Of one seed.
    """
    lines = [_markdown_row(sheet.header), _markdown_row(["---"] * len(sheet.header))]
    lines += [_markdown_row(row) for row in sheet.rows]
    for note in sheet.notes:
        lines += ["", note]
    return "\n".join(lines) + "\n"


def latex_text(sheet: Sheet) -> str:
    """A `tabular` with booktabs' rules; what LaTeX reads as commands is escaped."""
    columns = "l" + "r" * (len(sheet.header) - 1)
    lines = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", _latex_row(sheet.header), r"\midrule"]
    lines += [_latex_row(row) for row in sheet.rows]
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += [f"% {' '.join(note.split())}" for note in sheet.notes]
    return "\n".join(lines) + "\n"


def csv_text(sheet: Sheet) -> str:
    """Comma-separated values (RFC 4180, but lines end as Unix does), without the notes.

    >>> csv_text(Sheet(["a", "b"], [["1,5", "x"]]))
    'a,b\\n"1,5",x\\n'
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(sheet.header)
    writer.writerows(sheet.rows)
    return text.getvalue()


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", r"\|") for cell in cells) + " |"


def _latex_row(cells: Sequence[str]) -> str:
    escaped = ("".join(_LATEX.get(c, c) for c in " ".join(cell.split())) for cell in cells)
    return " & ".join(escaped) + r" \\"
