"""A failed step of the smoke test stops only those that need it, and no step shows the account's number."""

from botocore.exceptions import ClientError

from cli.smoke.steps import FAILED, PASSED, SKIPPED, NotPossible, Steps, Unexpected, markdown
from sluice.errors import ClaimRefused

ACCOUNT = "123456789012"


def raising(error: Exception):
    def do() -> str:
        raise error

    return do


def states(steps: Steps) -> dict[str, str]:
    return {step.name: step.state for step in steps.done}


def test_a_failed_step_stops_only_those_that_need_it():
    shown = []
    steps = Steps(hidden=ACCOUNT, show=shown.append)
    steps.run("upload", "two files", raising(Unexpected("one file", "upload again")))
    steps.run("rows", "two rows", lambda: "two rows", needs=("upload",))
    steps.run("more rows", "two rows", lambda: "two rows", needs=("rows",))
    steps.run("alarms", "none", lambda: "none")
    assert states(steps) == {"upload": FAILED, "rows": SKIPPED, "more rows": SKIPPED, "alarms": PASSED}
    assert (steps.done[0].found, steps.done[0].advice) == ("one file", "upload again")
    assert steps.done[1].found == "needs upload"
    assert shown == steps.done


def test_an_error_of_aws_or_of_the_ledger_fails_its_step_and_what_cannot_be_tried_is_skipped():
    steps = Steps(hidden=ACCOUNT, show=lambda _: None)
    steps.run(
        "tags", "", raising(ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObjectTagging"))
    )
    steps.run("redrive", "", raising(ClaimRefused("it has not failed")))
    steps.run("roles", "", raising(NotPossible("IAM cannot be asked")))
    assert states(steps) == {"tags": FAILED, "redrive": FAILED, "roles": SKIPPED}
    assert "sluice doctor" in steps.done[0].found


def test_no_step_and_no_report_shows_the_account():
    steps = Steps(hidden=ACCOUNT, show=lambda _: None)
    arn = f"arn:aws:iam::{ACCOUNT}:role/x"
    steps.run("roles", arn, raising(Unexpected(arn, f"delete {arn}")))
    assert ACCOUNT not in str(steps.done) + markdown(steps.done, "smoke")
    assert steps.done[0].found == "arn:aws:iam::ACCOUNT:role/x"


def test_a_report_is_one_table_row_a_step_whatever_its_cells_hold():
    steps = Steps(hidden=ACCOUNT, show=lambda _: None)
    steps.run("odd", "a|b", raising(Unexpected("<b>\n|", "do `this`")))
    lines = markdown(steps.done, "smoke").splitlines()
    assert [line for line in lines if line.startswith("| failed")] == [r"| failed | odd | a\|b | \<b> \| | 0.0 |"]
    assert r"**odd**: do \`this\`" in lines
