"""Fetching one file from the first mirror that delivers the right content.

Bytes go from a mirror into `FILE.part` beside the target, which a later call continues; only a
whole and verified file is renamed to its place.
"""

import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from neurosym.datasets.idx import CorruptDataError
from neurosym.datasets.locate import read_verified

Progress = Callable[[str, int, int | None], None]
"""Called with the file's name, the bytes that are here, and the bytes of the whole if known."""

_CHUNK = 1 << 16


class DownloadError(OSError):
    """No mirror delivered a file; the message lists what each of them answered."""


def fetch(
    mirrors: Sequence[str],
    target: Path,
    *,
    md5: str,
    attempts: int = 3,
    timeout: float = 30.0,
    progress: Progress | None = None,
) -> Path:
    """Fetches a file and puts it in place once it is whole and right.

    A connection that breaks is continued where it broke. Content with a wrong checksum is thrown
    away, and fetched anew or from the next mirror.

    Args:
      mirrors: Addresses of folders that hold a file of the target's name, tried in turn.
      target: Where the file goes; a file that is there is replaced.
      md5: The md5 of the *uncompressed* content, in hex.
      attempts: How often one mirror is tried.
      timeout: Seconds without an answer after which an attempt has failed.
      progress: Called after every piece.

    Returns:
      The target.

    Raises:
      DownloadError: No mirror delivered the file. What was received and may be continued stays in
        `FILE.part`.
      OSError: The folder cannot be made.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    failures = []
    for mirror in mirrors:
        address = mirror.rstrip("/") + "/" + target.name
        for _ in range(attempts):
            resumed = part.exists() and part.stat().st_size > 0
            try:
                _transfer(address, part, timeout, progress)
                read_verified(part, md5)
            except CorruptDataError as error:
                part.unlink()
                failure = str(error)
                if not resumed:
                    break  # The mirror has other content; asking again will not change it.
            except urllib.error.HTTPError as error:
                failure = f"HTTP {error.code} {error.reason}"
                error.close()
                if error.code < 500:
                    break
            except (OSError, http.client.HTTPException) as error:
                failure = str(getattr(error, "reason", error)) or type(error).__name__
            else:
                os.replace(part, target)
                return target
        failures.append(f"  {address}: {failure}")
    raise DownloadError(
        "\n".join(
            [
                f"{target.name} could not be fetched from any of {len(failures)} mirrors:",
                *failures,
                f"check the connection and try again, or put the file into {target.parent}",
            ]
        )
    )


def _transfer(address: str, part: Path, timeout: float, progress: Progress | None) -> None:
    """Appends what `part` still lacks of the file at an address."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(address, headers={"User-Agent": "neurosym"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        if have and error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            error.close()
            return  # Nothing is left to fetch; the checksum decides whether it is the file.
        raise
    with response:
        if have and response.status == http.client.PARTIAL_CONTENT:
            declared = response.headers.get("Content-Range", "")
            if not declared.startswith(f"bytes {have}-"):
                raise ConnectionError(f"asked for the bytes from {have} on, was sent {declared!r}")
        else:
            have = 0  # The mirror does not continue files and sends the whole.
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        with part.open("ab" if have else "wb") as file:
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                have += len(chunk)
                if progress:
                    progress(part.stem, have, total)
    if total is not None and have < total:
        raise ConnectionError(f"the connection broke after {have:,} of {total:,} bytes")
