"""Makes text of others harmless to print: words of AWS and Kubernetes, tags, files, log lines, the state.

On a terminal nothing of it moves the cursor, colours, hides or turns around what is beside it, or begins a line of its
own; in a log of GitHub Actions nothing of it is a command of the runner; in Markdown none of it is markup. What cannot
be shown is written as its number, and what is in JSON keeps its value.
Sources: Unicode, "Bidirectional Algorithm" and general categories; GitHub, "Workflow commands" and actions/runner,
ActionCommand.cs; GitHub Flavored Markdown, "Code spans".
"""

from __future__ import annotations

import re
import unicodedata

#: control characters, those that join, turn or hide (bidi and zero width), line separators, halves of characters
_CATEGORIES = {"Cc", "Cf", "Zl", "Zp", "Cs"}
_KEPT = "\n\t"
_BREAKS = re.compile(r"[ \t]*(?:\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029])+[ \t]*")
#: the runner takes ``::name …::`` after blanks at the start of a line, which wrapping can make of any word, and
#: ``##[name]`` anywhere
_COMMAND = re.compile(r"(?<!\S)::(?=[A-Za-z][^\n]*::)")
_OLD_COMMAND = re.compile(r"##(?=\[)")
_MARKUP = re.compile(r"([\\`*_\[\]<>|~])")


class _Shown(dict[int, str]):
    """What is written for each character."""

    def __missing__(self, code: int) -> str:
        shown = chr(code)
        if shown not in _KEPT and unicodedata.category(shown) in _CATEGORIES:
            shown = f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
        self[code] = shown
        return shown


_SHOWN = _Shown()


def text(given: str) -> str:
    """Some lines of text."""
    shown = given if given.isascii() and given.isprintable() else given.translate(_SHOWN)
    return _OLD_COMMAND.sub("## ", _COMMAND.sub(": :", shown))


def line(given: str) -> str:
    """One line of it, whatever line breaks it has."""
    return text(_BREAKS.sub(" ", given.strip("\r\n")))


def escape(given: str) -> str:
    """One line as a part of rich's markup, in which none of it is markup."""
    from rich import markup

    return markup.escape(line(given))


def json(given: str) -> str:
    """JSON that is the same to a parser, and only text to a terminal and a runner."""
    shown = re.sub(r"[^\x20-\x7e\n\t]", _json_number, given)
    return shown.replace("##[", "##\\u005b")


def _json_number(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def code(given: str) -> str:
    """One line as a code span of Markdown, also in a cell of a table: no links, no names that are told, no HTML."""
    shown = line(given).replace("`", "'").replace("|", "\\|").strip()
    return f"`{shown or ' '}`"


def prose(given: str) -> str:
    """One line as a part of a sentence in Markdown."""
    return _MARKUP.sub(r"\\\1", line(given))


def parameter(given: str) -> str:
    """As the text of a workflow command."""
    return text(given).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def title(given: str) -> str:
    """As the value of a property of a workflow command."""
    return parameter(line(given)).replace(":", "%3A").replace(",", "%2C")
