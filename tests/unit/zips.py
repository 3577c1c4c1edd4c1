"""Zips that look whole until they are unpacked."""

from __future__ import annotations

import io
import zipfile


def encrypted() -> bytes:
    """A zip that says of its file that it is encrypted."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("file", "x")
    changed = bytearray(content.getvalue())
    # The flags stand 6 bytes into a file's own header, and 8 bytes into its entry in the directory.
    changed[changed.index(b"PK\x03\x04") + 6] |= 1
    changed[changed.index(b"PK\x01\x02") + 8] |= 1
    return bytes(changed)


def one_path_below_another() -> bytes:
    """A zip with the files `file` and `file/below`."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("file", "x")
        archive.writestr("file/below", "x")
    return content.getvalue()
