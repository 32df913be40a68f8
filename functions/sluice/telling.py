"""Sends notices: to EventBridge for machines, to the alerts topic for people."""

import json
from typing import Any

from sluice.errors import NoticeNotSent
from sluice.notices import EVENT_SOURCE, Notice


def put_event(events: Any, bus: str, notice: Notice) -> None:
    """Put the notice's event on the bus. Raises NoticeNotSent."""
    entry = {
        "Source": EVENT_SOURCE,
        "DetailType": notice.detail_type,
        "Detail": json.dumps(notice.detail, ensure_ascii=False),
        "EventBusName": bus,
    }
    answer = events.put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        failed = answer["Entries"][0]
        raise NoticeNotSent(f"{notice.detail_type}: {failed.get('ErrorCode')} {failed.get('ErrorMessage')}")


def alert(sns: Any, topic_arn: str, notice: Notice) -> None:
    """Send the notice's text to the people who subscribed to the topic."""
    sns.publish(TopicArn=topic_arn, Subject=notice.subject, Message=notice.text)
