"""A dictionary on disk, for more texts than should be held in memory."""

import sqlite3
from collections.abc import Iterable, Iterator

_CACHE_KIB = 32_768


class DiskDictionary:
    """Texts by path. SQLite keeps them in a private temporary file, which it deletes at the end."""

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")  # nothing is ever rolled back
        self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._database.execute("CREATE TABLE texts (path BLOB PRIMARY KEY, text TEXT) WITHOUT ROWID")
        self._database.execute("BEGIN")
        self._insert("INSERT OR REPLACE INTO texts VALUES (?, ?)", items)

    @classmethod
    def of_unique(cls, items: Iterable[tuple[str, str]]) -> "DiskDictionary":
        """Return a dictionary in which a path that comes up more than once has no text."""
        dictionary = cls()
        dictionary._insert("INSERT INTO texts VALUES (?, ?) ON CONFLICT DO UPDATE SET text = NULL", items)
        return dictionary

    def __len__(self) -> int:
        (count,) = self._database.execute("SELECT count(*) FROM texts").fetchone()
        return int(count)

    def get(self, path: str) -> str | None:
        """Return a path's text; None when it has none."""
        row = self._database.execute("SELECT text FROM texts WHERE path = ?", (_key(path),)).fetchone()
        return str(row[0]) if row and row[0] is not None else None

    def take(self, path: str) -> str | None:
        """Return a path's text and forget it; None when it has none."""
        text = self.get(path)
        if text is not None:
            self._database.execute("DELETE FROM texts WHERE path = ?", (_key(path),))
        return text

    def texts(self) -> Iterator[str]:
        """Yield what is left, in the order of the paths."""
        for (text,) in self._database.execute("SELECT text FROM texts ORDER BY path"):
            yield text

    def close(self) -> None:
        self._database.close()

    def _insert(self, statement: str, items: Iterable[tuple[str, str]]) -> None:
        self._database.executemany(statement, ((_key(path), text) for path, text in items))


def _key(path: str) -> bytes:
    # Names of files may hold bytes that are no UTF-8, which SQLite's texts refuse.
    return path.encode("utf-8", "surrogatepass")
