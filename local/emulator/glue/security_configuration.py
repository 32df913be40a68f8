"""CloudFormation creates AWS::Glue::SecurityConfiguration; MiniStack's refuses the type, though its Glue API has it."""

from typing import Any

from ministack.services import glue
from ministack.services.cloudformation import provisioners

TYPE = "AWS::Glue::SecurityConfiguration"

Properties = dict[str, Any]


def create(logical_id: str, properties: Properties, stack: str) -> tuple[str, dict[str, Any]]:
    name = properties.get("Name") or provisioners._physical_name(stack, logical_id, max_len=255)
    encryption = dict(properties["EncryptionConfiguration"])
    if "S3Encryptions" in encryption:  # the one name in which the template and the API differ
        encryption["S3Encryption"] = encryption.pop("S3Encryptions")
    wanted = {"Name": name, "EncryptionConfiguration": encryption}
    provisioners._glue_call(glue._create_security_configuration, wanted, TYPE, "create")
    return name, {}


def delete(physical_id: str, properties: Properties) -> None:
    glue._delete_security_configuration({"Name": physical_id})


def patch() -> None:
    provisioners._RESOURCE_HANDLERS[TYPE] = {"create": create, "delete": delete}
