"""What the demonstration prints: headings with the time that has passed, lines, and tables."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table


class Show:
    """Prints to the terminal, or plain lines to a file."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
        self._started = time.monotonic()

    @property
    def live(self) -> bool:
        """Whether what is printed can be changed afterwards."""
        return self.console.is_terminal

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._started

    def heading(self, text: str) -> None:
        """A step begins."""
        self.console.print(f"\n[bold]{text}[/]  [dim]{self.seconds:.0f} s[/]")

    def line(self, text: str) -> None:
        """A line of what happens."""
        self.console.print(f"  {text}", markup=False)

    def table(self, title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
        """A table; the last column's numbers stand at the right."""
        made = Table(title=title, title_justify="left", box=None, pad_edge=False)
        for column in columns:
            made.add_column(column, justify="right" if column == columns[-1] else "left")
        for row in rows:
            made.add_row(*row)
        self.console.print(made)
