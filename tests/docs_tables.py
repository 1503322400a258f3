"""The tables of the documents."""

from pathlib import Path


def rows_of(page: Path, header: str) -> list[list[str]]:
    """Return the cells of the table with this header, without the header."""
    table = page.read_text().partition(f"{header}\n|---")[2].partition("\n\n")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()[1:]
    ]
    assert rows, f"no table {header}"
    return rows
