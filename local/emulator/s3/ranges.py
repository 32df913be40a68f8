"""A GET of one version honours Range; MiniStack returns the whole object."""

from typing import Any

from ministack.services import s3

WHOLE_OBJECT = "x-amz-checksum-"  # a checksum of the whole object says nothing of a part


def patch() -> None:
    get_object = s3._get_object

    def get_object_part(
        bucket: str, key: str, headers: dict[str, str], query_params: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, str], Any]:
        answer = get_object(bucket, key, headers, query_params)
        asked = headers.get("range", "")
        status, found, body = answer
        if status != 200 or not asked.startswith("bytes="):
            return answer
        span = s3._parse_range(asked, len(body))
        if span is None:
            refused = {"Content-Type": "application/xml", "Content-Range": f"bytes */{len(body)}"}
            return 416, refused, s3._xml_body(s3._range_error_xml(bucket, key))
        start, end = span
        part = {name: value for name, value in found.items() if not name.lower().startswith(WHOLE_OBJECT)}
        part["Content-Range"] = f"bytes {start}-{end}/{len(body)}"
        part["Content-Length"] = str(end - start + 1)
        return 206, part, body[start : end + 1]

    s3._get_object = get_object_part
