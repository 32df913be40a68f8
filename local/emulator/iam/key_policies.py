"""A service of AWS uses a key only where the key's policy admits it; MiniStack asks no key.

Admitted must be EventBridge, to put an event into an encrypted queue (SQS guide, "Amazon SQS key management"),
CloudWatch, for an alarm into an encrypted topic (SNS guide, "Key management"), and Logs, to encrypt a log group
(CloudWatch Logs guide, "Encrypt log data using AWS KMS"). Each sends KMS the condition keys that it has here:
EventBridge none of its source (SNS guide, of topics; it is taken to be so of queues too).
DynamoDB asks for its caller's rights, not for a service's.
"""

import logging
from typing import Any

from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch, eventbridge, kms, sns, sqs
from ministack.services.cloudformation import provisioners

DATA_KEYS = ("kms:GenerateDataKey", "kms:Decrypt")
LOG_DATA = ("kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey")
ACTION_LISTS = ("AlarmActions", "OKActions", "InsufficientDataActions")

logger = logging.getLogger(__name__)


class KeyNotAllowed(Exception):
    """The policy of a key does not admit the service that is to use it."""


def admits(key: str | None, service: str, actions: tuple[str, ...] = DATA_KEYS, **sent: str) -> bool:
    """Whether a key's policy allows a service all actions; True without a key, and for a key of AWS.

    sent: condition keys that the service sends to KMS, in small letters.
    """
    found = kms._resolve_key(key)
    if not found:
        return True

    def allows(action: str) -> bool:
        context = EvalContext(
            principal_arn=service,
            principal_type="Service",
            principal_account=get_account_id(),
            action=action,
            resource_arn=found["Arn"],
            region=get_region(),
            service_context=sent,
        )
        return bool(evaluate_resource_policy(found["Policy"], context, service).decision == "Allow")

    if all(map(allows, actions)):
        return True
    logger.warning("the policy of key %s does not admit %s", key, service)
    return False


def takes_alarm(topic_arn: str, alarm: dict[str, Any]) -> bool:
    """Whether CloudWatch may publish an alarm to a topic, as far as the topic's key decides."""
    topic = sns._topic_by_arn_any_scope(topic_arn) or {"attributes": {}}
    sent = {"aws:sourceaccount": get_account_id(), "aws:sourcearn": alarm["AlarmArn"]}
    sent["kms:encryptioncontext:aws:sns:topicarn"] = topic_arn
    return admits(topic["attributes"].get("KmsMasterKeyId"), "cloudwatch.amazonaws.com", **sent)


def patch() -> None:
    handlers = provisioners._RESOURCE_HANDLERS
    dispatch, act = eventbridge._dispatch_to_sqs, cloudwatch._dispatch_alarm_actions
    create_topic, create_group = handlers["AWS::SNS::Topic"]["create"], handlers["AWS::Logs::LogGroup"]["create"]

    def dispatch_if_admitted(spec: Any, payload: str, *rest: Any) -> None:
        queue = sqs._queue_by_arn(str(spec)) or {"attributes": {}}
        if admits(queue["attributes"].get("KmsMasterKeyId"), "events.amazonaws.com"):
            dispatch(spec, payload, *rest)

    def act_if_admitted(alarm: dict[str, Any], *rest: Any) -> None:
        lists = {name: [arn for arn in alarm.get(name) or [] if takes_alarm(arn, alarm)] for name in ACTION_LISTS}
        act(alarm | lists, *rest)

    def create_topic_with_key(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        made = create_topic(logical_id, properties, stack)
        if key := properties.get("KmsMasterKeyId"):  # which MiniStack drops
            sns._topics[made[0]]["attributes"]["KmsMasterKeyId"] = key
        return made

    def create_group_if_admitted(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        made = create_group(logical_id, properties, stack)
        group = made[1]["Arn"].removesuffix(":*")
        sent = {"kms:encryptioncontext:aws:logs:arn": group}
        if not admits(properties.get("KmsKeyId"), f"logs.{get_region()}.amazonaws.com", LOG_DATA, **sent):
            handlers["AWS::Logs::LogGroup"]["delete"](made[0], properties)
            raise KeyNotAllowed(f"The specified KMS key does not exist or is not allowed to be used with Arn '{group}'")
        return made

    eventbridge._dispatch_to_sqs = dispatch_if_admitted
    cloudwatch._dispatch_alarm_actions = act_if_admitted
    handlers["AWS::SNS::Topic"] = handlers["AWS::SNS::Topic"] | {"create": create_topic_with_key}
    handlers["AWS::Logs::LogGroup"] = handlers["AWS::Logs::LogGroup"] | {"create": create_group_if_admitted}
