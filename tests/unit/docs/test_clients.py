"""The table of clients has what the tests of clients try, with the versions that are pinned."""

from __future__ import annotations

from tests.clients import cases


def test_the_table_of_clients_is_current() -> None:
    table = cases.TABLE.read_text()
    assert cases.rows_of_page(table) == cases.rows(cases.all_cases()), "run: make clients"
    assert table.endswith((cases.HERE / "remarks.md").read_text()), "run: make clients"


def test_every_test_of_clients_is_in_the_table() -> None:
    declared = {each.test for each in cases.all_cases()}
    files = [*cases.HERE.glob("test_*.py"), *cases.HERE.glob(f"{cases.LONG_FORM}*.py")]
    found = {
        f"tests/clients/{path.name}::{line.split('(')[0].removeprefix('def ')}"
        for path in files
        for line in path.read_text().splitlines()
        if line.startswith("def test_")
    }
    assert found == declared
