"""The text of a file as the parser can read it, and the way back from the parser's marks to the file."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import Any, Final

from automations.errors import Location, Problem

MAX_BYTES: Final = 256 * 1024
_BARE: Final = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
"""What a file may not hold as it is: controls, surrogates, and the line breaks that only YAML 1.1 knows."""
_JSON_PAIR: Final = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|\\.")
_PAIR_WIDTH: Final = len(r"\ud83d\ude00")


class Refusal(Exception):
    """The rest of the file cannot be read; carries the located problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class Source:
    """Built from a file's content; Refusal where that is too large or no text. `text` is what the parser gets.

    JSON writes a character beyond U+FFFF as a pair of escapes, which YAML does not know: in a `.json` file each
    pair becomes its character, and `place` allows for the columns that this takes away.
    """

    def __init__(self, content: str | bytes, file: str) -> None:
        self.file = file
        self._pairs: list[int] = []
        text = self._decoded(content)
        found = _BARE.search(text)
        if found is not None:
            raise Refusal(_bare(found[0], self._place_of(text, found.start())))
        self.text = _JSON_PAIR.sub(self._joined, text) if file.endswith(".json") else text

    def place(self, mark: Any) -> Location:
        """Return the place in the file of a mark in `text`."""
        start = mark.index - mark.column
        before = bisect_left(self._pairs, mark.index) - bisect_left(self._pairs, start)
        return Location(self.file, mark.line + 1, mark.column + 1 + before * (_PAIR_WIDTH - 1))

    def line(self, number: int) -> str:
        """Return a line of `text`, counted from 1; empty where there is none."""
        lines = self.text.split("\n", number)
        return lines[number - 1] if number <= len(lines) else ""

    def _decoded(self, content: str | bytes) -> str:
        raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
        if len(raw) > MAX_BYTES:
            message = f"the file is larger than {MAX_BYTES // 1024} KiB"
            raise Refusal(Problem("too-large", message, Location(self.file), "divide it into several files"))
        if isinstance(content, str):
            return content.removeprefix("\ufeff")
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            good = content[: error.start].decode("utf-8-sig")
            where = self._place_of(good, len(good))
            raise Refusal(Problem("bad-text", "the file is not UTF-8", where, "save it as UTF-8")) from None

    def _place_of(self, text: str, offset: int) -> Location:
        line = text.count("\n", 0, offset) + 1
        return Location(self.file, line, offset - text.rfind("\n", 0, offset))

    def _joined(self, found: re.Match[str]) -> str:
        if found[1] is None:  # any other escape is taken whole: r"\\ud83d" is no half of a pair
            return found[0]
        self._pairs.append(found.start() - len(self._pairs) * (_PAIR_WIDTH - 1))
        high, low = int(found[1], 16), int(found[2], 16)
        return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def _bare(character: str, where: Location) -> Problem:
    code = f"{ord(character):04x}"
    mend = f'write "\\u{code}" in double quotes' if character in "\x85\u2028\u2029" else "remove it"
    return Problem("bad-text", f"the character U+{code.upper()} must not stand in a file", where, mend)
