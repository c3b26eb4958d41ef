"""What the pages and the README say is so: their Python runs, their commands and names exist.

The Python blocks of a page run in their order in one namespace and in an empty folder; commands of
shell blocks are run where a marker says so (`markdown_blocks`), and are read against the command
line's own flags and configs where none does.
"""

import configparser
import doctest
import importlib
import re
import shlex
import sys
from pathlib import Path

import pytest
from markdown_blocks import blocks_of, inline_code

import neurosym
from neurosym.cli.command import command_flags, parse_flags
from neurosym.cli.main import _COMMANDS, main

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted(
        page
        for page in (ROOT / "docs").rglob("*.md")
        # The pages of notebooks are made by running these: tests/test_examples.py.
        if not {"_build", "results", "examples"} & set(page.relative_to(ROOT / "docs").parts[:-1])
    ),
]
LANGUAGES = {"python", "shell", "text", "latex", ""}
NOT_OURS = {"cd", "export", "git", "mkdir", "optuna-dashboard", "source", "tensorboard"}
EXACT = doctest.OutputChecker()
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def name_of(page):
    return page.relative_to(ROOT).as_posix() if page.is_relative_to(ROOT) else page.name


def commands_of(text):
    """The commands of a shell block as lists of words, comments left out, long lines joined."""
    lines = text.replace("\\\n", " ").splitlines()
    return [words for words in (shlex.split(line, comments=True) for line in lines) if words]


def check_command(words):
    """Raises, or fails, if a command is not one that a user could give."""
    program, *arguments = words
    if program.startswith("scripts/"):
        assert (ROOT / program).is_file(), f"there is no {program}"
    elif program in ("pip", ".venv/bin/pip"):
        _check_extras(arguments)
    elif program in ("neurosym", ".venv/bin/neurosym"):
        _check_neurosym(arguments)
    else:
        assert program in NOT_OURS, f"{program} is not known to this test"


def _check_extras(arguments):
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    for extra in re.findall(r"\[([\w,-]+)\]", " ".join(arguments)):
        for name in extra.split(","):
            assert name in setup["options.extras_require"], f"there is no extra {name}"


def _check_neurosym(arguments):
    if arguments[0] == "COMMAND":
        return
    if "--help" in arguments:
        arguments = [word for word in arguments if word != "--help"][:1]
    assert arguments[0] in _COMMANDS, f"there is no command {arguments[0]!r}"
    command = importlib.import_module(f"neurosym.cli.commands.{_COMMANDS[arguments[0]][0]}").COMMAND
    if command.passes_through:
        _check_benchmark(arguments[1:])
        return
    values = command_flags(command)
    (command.parse or parse_flags)(values, arguments[1:])


def _check_benchmark(arguments):
    if not arguments:
        return
    source = ROOT / "scripts" / "benchmarks" / f"{arguments[0]}.py"
    assert source.is_file(), f"there is no benchmark {arguments[0]!r}"
    for word in arguments[1:]:
        if word.startswith("--"):
            flag = word.split("=")[0]
            assert f'"{flag}"' in source.read_text(), f"benchmark {arguments[0]} has no {flag}"


def run_shell(text, flags):
    for words in commands_of(text):
        check_command(words)
        assert words[0] == "neurosym", f"only neurosym is run, not {words[0]}"
        assert main([*words[1:], *flags]) == 0, f"{shlex.join(words)} failed"


def is_slow(block):
    return block.marker.startswith("run slowly")


def run_page(page, capsys, *, slow=False):
    names = {"__name__": "__main__"}
    for block in blocks_of(page):
        where = f"{name_of(page)}:{block.line}"
        try:
            if block.marker.startswith("not run, "):
                continue
            if block.marker.startswith("file "):
                Path(block.marker.removeprefix("file ")).write_text(block.text)
            elif re.match(r"run( with|$)", block.marker) or (slow and is_slow(block)):
                run_shell(block.text, shlex.split(block.marker.partition(" with ")[2]))
            elif block.marker and not is_slow(block):
                raise ValueError(f"{block.marker!r} is not a marker")
            elif block.language == "shell":
                for words in commands_of(block.text):
                    check_command(words)
            elif block.language == "python":
                capsys.readouterr()
                # So many lines before it, so that a traceback tells the line of the page.
                code = "\n" * (block.line - 1) + block.text
                exec(compile(code, name_of(page), "exec"), names)
                printed = capsys.readouterr().out
                if block.output is not None:
                    same = EXACT.check_output(block.output, printed, FLAGS)
                    assert same, f"it prints {printed!r}, not {block.output!r}"
        except Exception as error:
            error.add_note(f"in the block at {where}")
            raise


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working directory, whose modules are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    # What commands compile is not to be left in the cache of whoever runs the tests.
    monkeypatch.setenv("JAX_ENABLE_COMPILATION_CACHE", "false")
    before = set(sys.modules)
    try:
        yield tmp_path
    finally:
        for name in set(sys.modules) - before:
            source = getattr(sys.modules[name], "__file__", None)
            if source and Path(source).is_relative_to(tmp_path):
                del sys.modules[name]


def trains(page):
    """Whether a model is trained by what runs of a page."""
    return any(
        re.search(r"\boptax\b|\btrain\(|neurosym (train|sweep)\b", block.text)
        for block in blocks_of(page)
        if re.match(r"run( with|$)", block.marker)
        or (block.language == "python" and not block.marker)
    )


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=pytest.mark.trains if trains(page) else ()) for page in PAGES],
    ids=name_of,
)
def test_every_block_of_a_page_runs(page, folder, capsys):
    run_page(page, capsys)


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(map(is_slow, blocks_of(page)))], ids=name_of
)
def test_blocks_that_take_longer_run_too(page, folder, capsys):
    run_page(page, capsys, slow=True)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_blocks_are_in_languages_that_are_tested(page):
    for block in blocks_of(page):
        directive = block.language.startswith("{")
        assert directive or block.language in LANGUAGES, (name_of(page), block.language)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_names_in_the_text_exist(page):
    for span in inline_code(page):
        if match := re.match(r"ns((?:\.\w+)+)", span):
            value = neurosym
            for part in match[1].strip(".").split("."):
                assert hasattr(value, part), f"{name_of(page)}: {span}"
                value = getattr(value, part)
        if match := re.match(r"neurosym (\w+)", span):
            assert match[1] in {*_COMMANDS, "COMMAND"}, f"{name_of(page)}: {span}"
        folders = r"(neurosym|experiments|configs|docs|examples|scripts|tests)/[\w./]*"
        if re.fullmatch(folders, span):
            assert (ROOT / span).exists(), f"{name_of(page)}: {span}"


def test_every_extra_is_on_the_page_on_installation():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    page = (ROOT / "docs" / "install.md").read_text()
    assert [x for x in setup["options.extras_require"] if f"`{x}`" not in page] == []


def test_few_blocks_are_left_untested():
    markers = [block.marker for page in PAGES for block in blocks_of(page)]
    assert len(markers) > 50
    assert sum(marker.startswith("not run") for marker in markers) <= 3


@pytest.mark.parametrize(
    "command",
    [
        "neurosym trian --config=configs/digits_addition.py",
        "neurosym train --config=configs/digits_addition.py --wrkdir=x",
        "neurosym train --config=configs/digits_additions.py --workdir=x",
        "neurosym train --config=configs/digits_addition.py:n9 --workdir=x",
        "neurosym train --config=configs/digits_addition.py --workdir=x --config.train.epoch=1",
        "neurosym train --config=configs/digits_addition.py --workdir=x --config.train.epochs=a",
        "neurosym bench nothing",
        "neurosym bench encoder --no_such_flag",
        "pip install -e '.[cuda99]'",
        "scripts/nothing",
        "rm -rf /",
    ],
)
def test_wrong_commands_are_noticed(command):
    with pytest.raises((AssertionError, ValueError)):
        check_command(shlex.split(command))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```python\nprint(1 + 1)\n```\n\n```output\n3\n```\n", r"it prints '2\\n', not '3\\n'"),
        ("```python\nraise KeyError('x')\n```\n", "x"),
        ("```shell\nneurosym trian\n```\n", "no command"),
        ("Text:\n\n    neurosym trian\n", "no command"),
        ("<!-- test: rnu -->\n```shell\nneurosym list\n```\n", "not a marker"),
        ("<!-- test: run -->\n```shell\nneurosym solve nothing.txt\n```\n", "failed"),
    ],
)
def test_a_page_that_is_wrong_is_noticed(tmp_path, monkeypatch, capsys, text, message):
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises((AssertionError, KeyError, ValueError), match=message):
        run_page(page, capsys)
