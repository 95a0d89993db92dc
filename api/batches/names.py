"""File names in an archive: the client's names, made safe on every operating system and unique."""

import re
import unicodedata
from collections import Counter

MAX_BYTES = 200  # of a name without its suffix; file systems allow 255 with it

_UNSAFE = re.compile(r'[<>:"/\\|?*]')
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)", re.IGNORECASE)
"""Names of devices on Windows, with any suffix."""


class FileNames:
    """`taken`: names already used in the archive."""

    def __init__(self, *taken: str) -> None:
        self._taken = {_folded(name) for name in taken}
        self._used = Counter[str]()

    def unique(self, name: str, suffix: str) -> str:
        """A safe file name that differs from all others by more than case."""
        safe = safe_name(name)
        name = safe + suffix
        while _folded(name) in self._taken:
            self._used[_folded(safe)] += 1
            name = f"{safe}-{self._used[_folded(safe)] + 1}{suffix}"
        self._taken.add(_folded(name))
        return name


def safe_name(text: str) -> str:
    """`text` without path separators, device names or control characters, at most `MAX_BYTES` in UTF-8."""
    plain = _UNSAFE.sub("_", unicodedata.normalize("NFC", text))
    shown = "".join(each if each.isprintable() else "_" for each in plain)
    cut = shown.encode("utf-8", "replace")[:MAX_BYTES].decode("utf-8", "ignore")
    name = cut.strip(" .") or "_"
    return f"_{name}" if _DEVICE.match(name) else name


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
