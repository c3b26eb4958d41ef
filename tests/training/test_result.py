"""The outcome of a run, and the revision of its source."""

import subprocess

from neurosym.training import result


def git(folder, *arguments):
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def repository(folder):
    (folder / "neurosym" / "training").mkdir(parents=True)
    git(folder, "init")
    git(folder, "commit", "--allow-empty", "-m", folder.name)
    return git(folder, "rev-parse", "HEAD").strip()


def test_the_revision_is_the_packages_else_that_of_the_working_directory(tmp_path, monkeypatch):
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    my_revision, their_revision = repository(mine), repository(theirs)
    monkeypatch.chdir(mine)
    monkeypatch.setattr(result, "__file__", str(theirs / "neurosym" / "training" / "result.py"))
    assert result.revision() == their_revision
    # Installed into a folder of somebody's repository, the package has no revision of its own.
    installed = theirs / "site-packages" / "neurosym" / "training" / "result.py"
    monkeypatch.setattr(result, "__file__", str(installed))
    assert result.revision() == my_revision
