"""CloudFormation deletes an empty bucket only, as S3 does; MiniStack deletes any, with its objects.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
"""

from typing import Any

from ministack.services import s3
from ministack.services.cloudformation import provisioners


class BucketNotEmpty(Exception):
    """The bucket has objects or versions of objects."""


def patch() -> None:
    handlers = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    delete = handlers["delete"]

    def delete_empty(physical_id: str, props: dict[str, Any]) -> None:
        bucket = s3._buckets.get(physical_id)
        if bucket and (bucket["objects"] or s3._bucket_has_versions(physical_id)):
            raise BucketNotEmpty(f"The bucket you tried to delete is not empty: {physical_id}")
        delete(physical_id, props)

    provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"] = handlers | {"delete": delete_empty}
