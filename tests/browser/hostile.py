"""Texts that would be more than text on a page that took them as they are."""

HOSTILE = (
    "<script>ran = 1</script>",
    '"><img src=x onerror=ran=1>',
    "'><svg onload=ran=1>",
    "</style><style>body{display:none}</style>",
    "abc\u202egnp.exe\u2066\u200f",
)
