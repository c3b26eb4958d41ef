"""Reports and downloads, against servers on this machine that behave well and badly."""

import dataclasses
import gzip
import hashlib
import http.server
import random
import threading

import pytest

from neurosym.datasets import DownloadError, describe, download
from neurosym.datasets.locate import Source
from neurosym.datasets.sources import download_source, inspect

# Random, so that zipping makes them no shorter and they come in several pieces.
TINY_FILES = {
    "images-idx3-ubyte": b"\0\0\x08\x01\0\0\x03\xe8" + random.Random(0).randbytes(1000),
    "labels-idx1-ubyte": b"\0\0\x08\x01\0\0\x01\x00" + random.Random(1).randbytes(256),
}


class Mirror:
    """A server of the tiny files. Counts requests; breaks or lies as told."""

    def __init__(self, *, cut_first=None, garbage=False, status=None, ranges=True):
        self.cut_first = cut_first  # How many bytes the first answer sends of what it promises.
        self.garbage = garbage
        self.status = status
        self.ranges = ranges
        self.requests = []

    def answer(self, handler):
        self.requests.append((handler.path, handler.headers.get("Range")))
        if self.status:
            handler.send_error(self.status)
            return
        content = zipped(handler.path.rsplit("/", 1)[1].removesuffix(".gz"))
        if self.garbage:
            content = gzip.compress(b"not what was asked for")
        start = 0
        if self.ranges and (wanted := handler.headers.get("Range")):
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                handler.send_error(416)
                return
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            handler.send_response(200)
        handler.send_header("Content-Length", str(len(content) - start))
        handler.end_headers()
        rest = content[start:]
        if self.cut_first is not None:
            rest, self.cut_first = rest[: self.cut_first], None
        handler.wfile.write(rest)


def zipped(name):
    return gzip.compress(TINY_FILES[name], mtime=0)


@pytest.fixture
def serve(monkeypatch):
    """A function from a mirror to its address; the servers stop with the test."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    servers = []

    def start(mirror):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                mirror.answer(self)

            def log_message(self, *arguments):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/tiny/"

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def own_folders(monkeypatch, tmp_path):
    monkeypatch.delenv("NEUROSYM_DATA_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def source(*mirrors):
    md5 = {name: hashlib.md5(content).hexdigest() for name, content in TINY_FILES.items()}
    return Source("tiny", md5, tuple(mirrors))


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


WHOLE = sorted(f"{name}.gz" for name in TINY_FILES)


def test_download_fills_the_folder_and_reports(serve, tmp_path):
    mirror = Mirror()
    tiny = source(serve(mirror))
    before = inspect(tiny, str(tmp_path))
    assert not before.present
    assert {status for _, status in before.files} == {"missing"}
    assert f"neurosym data tiny --download --data_dir={tmp_path}" in before.hint
    seen = []
    report = download_source(
        tiny, str(tmp_path), progress=lambda name, have, total: seen.append((name, have, total))
    )
    assert report.present
    assert report.hint == ""
    assert report.where == str(tmp_path / "tiny")
    assert report.files == tuple((name, "verified") for name in TINY_FILES)
    assert names_in(tmp_path / "tiny") == WHOLE
    assert {name for name, _, _ in seen} == set(WHOLE)
    for name in WHOLE:
        last = [entry for entry in seen if entry[0] == name][-1]
        assert last[1] == last[2] == len(zipped(name.removesuffix(".gz")))
    download_source(tiny, str(tmp_path))
    assert len(mirror.requests) == len(WHOLE), "what is there and right is not fetched again"


def test_a_broken_connection_is_continued_where_it_broke(serve, tmp_path):
    mirror = Mirror(cut_first=100)
    report = download_source(source(serve(mirror)), str(tmp_path))
    assert report.present
    assert [wanted for _, wanted in mirror.requests] == [None, "bytes=100-", None]


def test_a_later_call_continues_too_and_from_another_mirror(serve, tmp_path):
    first = Mirror(cut_first=100)
    with pytest.raises(DownloadError, match="broke after 100 of"):
        download_source(source(serve(first)), str(tmp_path), attempts=1)
    assert names_in(tmp_path / "tiny") == [next(iter(TINY_FILES)) + ".gz.part"]
    second = Mirror()
    assert download_source(source(serve(second)), str(tmp_path)).present
    assert second.requests[0][1] == "bytes=100-"
    assert names_in(tmp_path / "tiny") == WHOLE


def test_a_mirror_that_cannot_continue_sends_the_whole(serve, tmp_path):
    mirror = Mirror(cut_first=100, ranges=False)
    assert download_source(source(serve(mirror)), str(tmp_path)).present


@pytest.mark.parametrize("extra", [b"", b"too much"])
def test_a_part_file_that_is_whole_or_too_long(serve, tmp_path, extra):
    name = next(iter(TINY_FILES))
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / f"{name}.gz.part").write_bytes(zipped(name) + extra)
    mirror = Mirror()
    assert download_source(source(serve(mirror)), str(tmp_path)).present
    asked = sum(path.endswith(f"{name}.gz") for path, _ in mirror.requests)
    assert asked == (2 if extra else 1)
    assert names_in(tmp_path / "tiny") == WHOLE


def test_a_part_file_of_something_else_is_thrown_away(serve, tmp_path):
    name = next(iter(TINY_FILES))
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / f"{name}.gz.part").write_bytes(b"x" * 50)
    assert download_source(source(serve(Mirror())), str(tmp_path)).present


def test_a_mirror_with_other_content_is_left_for_the_next(serve, tmp_path):
    bad, gone, good = Mirror(garbage=True), Mirror(status=404), Mirror()
    report = download_source(source(serve(bad), serve(gone), serve(good)), str(tmp_path))
    assert report.present
    assert len(bad.requests) == len(gone.requests) == len(good.requests) == len(WHOLE)
    assert all(wanted is None for _, wanted in good.requests), "nothing of the bad file is kept"
    assert names_in(tmp_path / "tiny") == WHOLE


def test_when_all_mirrors_fail_one_error_says_how_and_nothing_is_in_place(serve, tmp_path):
    addresses = [serve(Mirror(garbage=True)), serve(Mirror(status=503)), "http://127.0.0.1:9/tiny"]
    with pytest.raises(DownloadError) as caught:
        download_source(source(*addresses), str(tmp_path), timeout=5)
    message = str(caught.value)
    assert "could not be fetched from any of 3 mirrors" in message
    assert "is not the original file" in message
    assert "HTTP 503" in message
    assert "refused" in message
    assert all(address.rstrip("/") in message for address in addresses)
    assert names_in(tmp_path / "tiny") == []


def test_a_corrupt_file_is_reported_and_replaced(serve, tmp_path):
    tiny = source(serve(Mirror()))
    download_source(tiny, str(tmp_path))
    broken = tmp_path / "tiny" / WHOLE[0]
    broken.write_bytes(broken.read_bytes()[:-20])
    report = inspect(tiny, str(tmp_path))
    assert not report.present
    assert "cut short" in dict(report.files)[WHOLE[0].removesuffix(".gz")]
    assert download_source(tiny, str(tmp_path)).present


def test_a_corrupt_uncompressed_file_no_longer_counts_once_the_right_one_is_there(serve, tmp_path):
    name = next(iter(TINY_FILES))
    (tmp_path / name).write_bytes(b"junk")
    tiny = source(serve(Mirror()))
    report = download_source(tiny, str(tmp_path))
    assert report.present
    assert report.where == str(tmp_path), "the folder that holds a file already is the one"


def test_without_a_given_folder_it_goes_to_the_environments_or_the_cache(
    serve, monkeypatch, tmp_path
):
    tiny = source(serve(Mirror()))
    assert download_source(tiny).where == str(tmp_path / "cache/neurosym/tiny")
    monkeypatch.setenv("NEUROSYM_DATA_DIR", str(tmp_path / "environment"))
    assert download_source(tiny).where == str(tmp_path / "cache/neurosym/tiny"), "it is there"
    other = dataclasses.replace(tiny, name="other")
    assert download_source(other).where == str(tmp_path / "environment/other")


def test_describe_knows_all_data_sets():
    reports = {report.name: report for report in describe()}
    assert set(reports) == {"digits", "mnist", "symbols"}
    assert reports["digits"].present
    assert not reports["mnist"].present
    assert "neurosym data mnist --download" in reports["mnist"].hint


def test_download_by_name():
    assert download("digits").present
    with pytest.raises(ValueError, match=r"'mnits'; there are: digits, mnist, symbols"):
        download("mnits")
