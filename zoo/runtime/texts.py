"""Decodes text files, in training and afterwards: one encoding for all, byte order marks recognised."""

import codecs
from pathlib import Path

from zoo.errors import DataError, UsageError
from zoo.runtime.contents import read_content

TEXT_SUFFIX = ".txt"
AUTO = "auto"
_UTF_8 = "utf-8"
_NEWLINE = b"\n"
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def read_text(path: Path, encoding: str = AUTO) -> str:
    r"""The text of a whole file, with ``\n`` for whatever ends its lines.

    Args:
        path: The file.
        encoding: As for ``decode_file``.

    Raises:
        DataError: The file cannot be read, is no text, or has another encoding; names the byte.
        UsageError: There is no such encoding.
    """
    text = decode_file(path, encoding)
    if "\0" in text:
        raise DataError(
            f"{path} line {_line(text, text.index(chr(0)))}: holds a NUL character",
            fix="is it a text file? see data.encoding",
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def decode_file(path: Path, encoding: str = AUTO) -> str:
    """The text of a whole file as it stands there, without a byte order mark.

    Args:
        path: The file.
        encoding: Python's name of the text encoding, or ``"auto"``: UTF-8, or UTF-16 where the file
            begins with its byte order mark.

    Raises:
        DataError: The file cannot be read, or has another encoding; names line and byte.
        UsageError: There is no such encoding.
    """
    given = _UTF_8 if encoding == AUTO else _known(encoding)
    content = read_content(path)
    mark = next((name for mark, name in _MARKS if content.startswith(mark)), "")
    name = mark if encoding == AUTO and mark else "utf-8-sig" if given == _UTF_8 else given
    try:
        return content.decode(name)
    except UnicodeDecodeError as error:
        # In UTF-16 the byte of a line end may be half of another character.
        line = "" if name.startswith("utf-16") else f" line {content.count(_NEWLINE, 0, error.start) + 1}"
        shown = name.removesuffix("-sig") if encoding == AUTO else encoding
        other = "utf-16" if mark == "utf-16" and name != mark else "latin-1"
        raise DataError(
            f"{path}{line}: byte {error.start} (0x{content[error.start]:02x}) is not {shown}",
            fix=f"data.encoding={other}, or whatever the file was written in",
        ) from error


def _known(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        "a".encode(name)  # Python also has codecs of bytes and of text alone, such as base64 and rot13
    except (LookupError, ValueError) as error:
        raise UsageError(
            f"data.encoding={encoding}: unknown text encoding", fix="for example utf-8, latin-1 or utf-16"
        ) from error
    return name


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1
