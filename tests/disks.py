"""A small disk for tests: an ext4 in a file, mounted by a loop device, that can be filled and emptied."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

BLOCK = 4096


class SmallDisk:
    """Mounted at `place`; without mkfs or loop devices (some containers) it is a tmpfs of the same size."""

    def __init__(self, directory: Path, mib: int) -> None:
        self.place = directory / "disk"
        self.place.mkdir()
        self._ballast = self.place / "ballast"
        if not self._mount_loop(directory / "disk.ext4", mib):
            options = ["-t", "tmpfs", "-o", f"size={mib}m", "tmpfs"]
            subprocess.run(["mount", *options, str(self.place)], check=True, capture_output=True)

    def _mount_loop(self, image: Path, mib: int) -> bool:
        program = shutil.which("mkfs.ext4", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        if program is None:
            return False
        image.touch()
        os.truncate(image, mib << 20)
        # Nothing is kept back for root, who else would have room where nobody has.
        subprocess.run([program, "-q", "-F", "-m", "0", str(image)], check=True, capture_output=True)
        mount = ["mount", "-o", "loop", str(image), str(self.place)]
        return subprocess.run(mount, check=False, capture_output=True).returncode == 0

    @property
    def free(self) -> int:
        """Bytes that are left."""
        found = os.statvfs(self.place)
        return found.f_bavail * found.f_frsize

    def fill(self, room: int = 0) -> None:
        """Leave only that many bytes."""
        with self._ballast.open("ab") as ballast:
            while (wanted := self.free - room) >= BLOCK:
                try:
                    os.posix_fallocate(ballast.fileno(), ballast.seek(0, os.SEEK_END), max(BLOCK, wanted * 9 // 10))
                except OSError:
                    # The file system's own needs: the last blocks are not to be had.
                    return

    def empty(self) -> None:
        """Take away what filled it."""
        self._ballast.unlink(missing_ok=True)

    def remove(self) -> None:
        """Unmount it."""
        subprocess.run(["umount", "--lazy", str(self.place)], check=True)
