"""Text of others, such as the names of files, made safe to show."""


def printable(text: str) -> str:
    r"""Return the text without characters that shape the text around it: control and direction characters become
    `\uXXXX`."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)
