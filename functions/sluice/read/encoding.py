"""Checks the first bytes of a file: is it text, and in the declared encoding?"""

import codecs

from sluice.errors import FileRejected

_BOMS = (
    (codecs.BOM_UTF32_LE, "UTF-32LE"),
    (codecs.BOM_UTF32_BE, "UTF-32BE"),
    (codecs.BOM_UTF16_LE, "UTF-16LE"),
    (codecs.BOM_UTF16_BE, "UTF-16BE"),
)

_MAGIC = (
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook (.xlsx)"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Office document (.xls)"),
    (b"%PDF-", "a PDF document"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x1f\x8b", "a gzip file inside the compressed one"),
    (b"\x28\xb5\x2f\xfd", "a zstd file inside the compressed one"),
    (b"BZh91AY&SY", "a bzip2 file, which is not supported (gzip and zstd are)"),
    (b"\xfd7zXZ\x00", "an xz file, which is not supported (gzip and zstd are)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x04\x22\x4d\x18", "an lz4 file, which is not supported (gzip and zstd are)"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x7fELF", "a program (ELF)"),
)

# These could begin a CSV header as well: they count only together with control characters.
_TEXTUAL_MAGIC = (
    (b"PAR1", "a Parquet file"),
    (b"ORC", "an ORC file"),
    (b"Obj\x01", "an Avro file"),
    (b"ARROW1", "an Arrow file"),
    (b"GIF8", "a GIF image"),
)

_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\r\f")
_NOT_CONTROLS = bytes(code for code in range(256) if code not in _CONTROLS)


def check_name(encoding: str) -> str:
    """The check that undecodable rows and files fail: `row_is_{...}`, `file_is_{...}` without the prefix."""
    return "is_" + encoding.replace("-", "_")


def refuse_other_than_text(head: bytes, encoding: str, wanted: str = "CSV") -> int:
    """Return the length of the byte order mark.

    head: the first Limits.head_bytes of the text, or all of it; wanted: what to call the text.
    Raises FileRejected: file_is_not_empty, file_is_text, file_is_utf_8 (or the declared encoding's name).
    """
    if not head:
        raise FileRejected("file_is_not_empty", "the file has no bytes; send it with a header line at least")
    if wide := _wide_encoding(head):
        raise FileRejected(
            f"file_{check_name(encoding)}",
            f"the file is {wide}, {encoding} is declared. Save it as {encoding}, "
            f"for instance: iconv -f {wide} -t {encoding} in.csv > out.csv",
        )
    if kind := _binary_kind(head):
        raise FileRejected(
            "file_is_text", f"the file is {kind}, not {wanted} text. Export it as {wanted} and send that"
        )
    if not head.startswith(codecs.BOM_UTF8):
        return 0
    if encoding != "utf-8":
        raise FileRejected(
            f"file_{check_name(encoding)}",
            f"the file begins with the mark of UTF-8, {encoding} is declared. Save it as {encoding}, "
            "or declare utf-8 in the contract",
        )
    return len(codecs.BOM_UTF8)


def _wide_encoding(head: bytes) -> str | None:
    for bom, name in _BOMS:
        if head.startswith(bom):
            return name
    head = head[: len(head) // 4 * 4]
    if not head:
        return None
    zeros = [head[lane::4].count(0) / (len(head) // 4) for lane in range(4)]
    # ASCII letters of UTF-16 and UTF-32 have zero bytes at regular offsets.
    pattern = tuple(share > 0.7 for share in zeros)
    if any(0.1 < share <= 0.7 for share in zeros):
        return None
    patterns: dict[tuple[bool, ...], str] = {
        (False, True, True, True): "UTF-32LE",
        (True, True, True, False): "UTF-32BE",
        (False, True, False, True): "UTF-16LE",
        (True, False, True, False): "UTF-16BE",
    }
    return patterns.get(pattern)


def _binary_kind(head: bytes) -> str | None:
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    controls = len(head.translate(None, _NOT_CONTROLS))
    for magic, kind in _TEXTUAL_MAGIC:
        if controls and head.startswith(magic):
            return kind
    # Random bytes have 11 % of them. A few in a short file are damaged rows, not a binary file.
    return "binary data" if controls >= 16 and controls > len(head) / 20 else None
