"""The code blocks of a Markdown page, and what a marker above a block asks of its test.

A marker is a comment on the line above the fence, which readers do not see:

    <!-- test: file NAME -->          the block is the content of a file; it is written, not run
    <!-- test: run -->                run the shell commands; without it they are only checked
    <!-- test: run with FLAGS -->     the same, with further flags at the end of each command
    <!-- test: run slowly ... -->     the same, in the slow tests; elsewhere they are only checked
    <!-- test: not run, REASON -->    neither run nor checked

An `output` block says what the Python block above it prints.
"""

import dataclasses
import re
from pathlib import Path

FENCE = re.compile(
    r"^(?:<!-- test: (?P<marker>[^\n]*) -->\n)?"
    r"(?P<ticks>`{3,}|:{3,})(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=ticks)[ \t]*$",
    flags=re.DOTALL | re.MULTILINE,
)
INDENTED = re.compile(r"(?<=\n\n)((?: {4}\S[^\n]*\n(?: {4,}[^\n]*\n)*)+)")


@dataclasses.dataclass
class Block:
    """One block of a page.

    Attributes:
      language: of the fence, "" without one; "{name}" is a directive.
      text: between the fences.
      line: of its first line of text, from 1.
      marker: what stands in its marker; "" without one.
      output: of a Python block: what it prints, as far as the page says; else None.
    """

    language: str
    text: str
    line: int
    marker: str = ""
    output: str | None = None


def blocks_of(page: Path) -> list[Block]:
    """The fenced blocks of a page in their order; indented ones of commands count as shell."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(text):
        language = match["language"].strip().split(" ")[0]
        line = text.count("\n", 0, match.start("text")) + 1
        if language == "output":
            if not found or found[-1].language != "python":
                raise ValueError(f"{page.name}:{line}: no Python block stands above this output")
            found[-1].output = match["text"]
        else:
            found.append(Block(language, match["text"], line, match["marker"] or ""))
    for match in INDENTED.finditer(FENCE.sub(lambda m: "\n" * m[0].count("\n"), text)):
        commands = [line.strip() for line in match[0].splitlines()]
        if re.match(r"(neurosym|scripts/)", commands[0]):
            line = text.count("\n", 0, match.start()) + 1
            found.append(Block("shell", "\n".join(commands), line))
    return sorted(found, key=lambda block: block.line)


def inline_code(page: Path) -> list[str]:
    """The code spans of a page outside of its blocks."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return [" ".join(span.split()) for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", text)]
