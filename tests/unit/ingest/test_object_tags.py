import re
import string

from hypothesis import given
from hypothesis import strategies as st

from sluice.ingest.object_tags import allowed, merged, tag
from tests.unit.cloud import RAW, Cloud

TEXTS = st.text(max_size=300)


def test_tags_of_the_user_are_kept(cloud: Cloud):
    source = cloud.put("a.csv", b"x")
    place = {"Bucket": RAW, "Key": "a.csv", "VersionId": source.version_id}
    cloud.s3.put_object_tagging(**place, Tagging={"TagSet": [{"Key": "owner", "Value": "Ada"}]})
    tag(cloud.s3, source, validation="accepted", rows=7)
    tag(cloud.s3, source, rows=8)
    found = {each["Key"]: each["Value"] for each in cloud.s3.get_object_tagging(**place)["TagSet"]}
    assert found == {"owner": "Ada", "sluice:validation": "accepted", "sluice:rows": "8"}


def test_of_ours_the_last_ones_give_way_when_there_are_more_than_ten():
    users = {f"user{number}": "x" for number in range(8)}
    tags = merged(users, {"validation": "accepted", "dataset": "sales", "rows": 7})
    assert tags == {**users, "sluice:validation": "accepted", "sluice:dataset": "sales"}


def test_ten_tags_of_the_user_leave_no_place():
    users = {f"user{number}": "x" for number in range(10)}
    assert merged(users, {"validation": "accepted"}) == users


def test_what_s3_does_not_allow_becomes_an_underscore():
    assert allowed("a(b)*c,d\n") == "a_b__c_d_"
    assert allowed("2025-03-05 s3://x@y=z+é_.") == "2025-03-05 s3://x@y=z+é_."


@given(TEXTS)
def test_any_text_becomes_a_legal_value(text: str):
    value = allowed(text)
    assert len(value) <= 256
    assert all(char.isalnum() or char.isspace() or char in "_.:/=+-@" or re.match(r"\w", char) for char in value)
    assert not set(value) & set(string.punctuation) - set("_.:/=+-@")
