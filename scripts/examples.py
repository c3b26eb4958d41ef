"""Executes the notebooks of `examples/`, each from scratch, and writes pages with their outputs.

    python scripts/examples.py                      # all, into docs/examples
    python scripts/examples.py soft_and_hard        # some, by name
    python scripts/examples.py --notebooks=build    # as files for Jupyter and Colab, too

Each runs in a process of its own, as a script does from top to bottom. A cell shows what it prints,
then the value of its last line, as in Jupyter; pictures are files beside the page. The seconds that
each took go to standard error.
"""

import argparse
import ast
import base64
import contextlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES, PAGES = ROOT / "examples", ROOT / "docs" / "examples"
sys.path.insert(0, str(ROOT))

from neurosym.cli.notebooks import cells_of, notebook_of  # noqa: E402

# The first cell of each installs what it needs; a page has no use for it.
INSTALLS = "# Installs"


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="of examples; all without any")
    parser.add_argument("--pages", type=Path, default=PAGES, help="where pages are written")
    parser.add_argument("--notebooks", type=Path, help="where notebooks with outputs are written")
    parser.add_argument("--execute", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.execute:
        source = (EXAMPLES / f"{options.names[0]}.py").read_text(encoding="utf-8")
        json.dump(execute(source), sys.stdout)
        return 0
    names = options.names or sorted(path.stem for path in EXAMPLES.glob("*.py"))
    for name in names:
        began = time.monotonic()
        outputs = executed(name)
        print(f"{name}: {time.monotonic() - began:.1f} s", file=sys.stderr)
        source = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
        write_page(name, source, outputs, options.pages)
        if options.notebooks:
            options.notebooks.mkdir(parents=True, exist_ok=True)
            notebook = json.dumps(with_outputs(source, outputs), indent=1, ensure_ascii=False)
            (options.notebooks / f"{name}.ipynb").write_text(notebook + "\n", encoding="utf-8")
    return 0


def executed(name: str) -> list[dict[str, str]]:
    """The outputs of an example's cells, which a fresh process runs."""
    command = [sys.executable, __file__, "--execute", name]
    environment = {"JAX_PLATFORMS": "cpu", **os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, check=True)
    found: list[dict[str, str]] = json.loads(done.stdout)
    return found


def execute(source: str) -> list[dict[str, str]]:
    """Runs the cells of a notebook; returns the output of each.

    Returns:
      For each cell its "text", and "png" in base64 where its last line is a picture; empty for
      cells of words.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    outputs = []
    for kind, text in cells_of(source):
        output: dict[str, str] = {}
        if kind == "code":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                value = _run(text, names)
            output["text"] = printed.getvalue()
            if hasattr(value, "save") and hasattr(value, "convert"):  # a picture of Pillow
                content = io.BytesIO()
                # Few colours keep the pages small; images of digits and boards need no more.
                value.convert("RGB").quantize(96).save(content, "PNG", optimize=True)
                output["png"] = base64.b64encode(content.getvalue()).decode()
            elif value is not None:
                output["text"] += f"{value!r}\n"
        outputs.append(output)
    return outputs


def write_page(name: str, source: str, outputs: Sequence[dict[str, str]], folder: Path) -> Path:
    """Writes the page of an example and its pictures; returns the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    parts, pictures = [], 0
    for (kind, text), output in zip(cells_of(source), outputs, strict=True):
        if kind == "markdown":
            parts.append(text)
            continue
        if not text.startswith(INSTALLS):
            parts.append(f"```python\n{text.strip()}\n```")
        if output["text"]:
            parts.append(f"```output\n{output['text'].rstrip()}\n```")
        if "png" in output:
            pictures += 1
            picture = folder / f"{name}-{pictures}.png"
            picture.write_bytes(base64.b64decode(output["png"]))
            parts.append(f"![What the cell above shows]({picture.name})")
    title, *rest = parts
    heading, _, words = title.partition("\n")
    made = f"<!-- Made by scripts/examples.py from examples/{name}.py; edits are lost. -->"
    path = folder / f"{name}.md"
    path.write_text("\n\n".join([heading, made, words.strip(), *rest]) + "\n", encoding="utf-8")
    return path


def with_outputs(source: str, outputs: Sequence[dict[str, str]]) -> dict[str, Any]:
    """The notebook of an example as Jupyter opens it, with what its cells showed."""
    notebook = notebook_of(source)
    for cell, output in zip(notebook["cells"], outputs, strict=True):
        if output.get("text"):
            shown = {"output_type": "stream", "name": "stdout"}
            cell["outputs"].append({**shown, "text": output["text"].splitlines(keepends=True)})
        if "png" in output:
            data = {"image/png": output["png"]}
            shown = {"output_type": "display_data", "metadata": {}}
            cell["outputs"].append({**shown, "data": data})
    return notebook


def _run(text: str, names: dict[str, Any]) -> Any:
    """Runs a cell; returns the value of its last line where that is an expression."""
    tree = ast.parse(text)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<cell>", "exec"), names)
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)


if __name__ == "__main__":
    sys.exit(main())
