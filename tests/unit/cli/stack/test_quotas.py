"""The doctor shows the quotas that bound the throughput, and what they allow."""

from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from cli.stack.connection import Stack
from cli.stack.quotas import quotas

PARAMETERS = {"ValidationConcurrency": "4", "GlueMaxConcurrentRuns": "3", "GlueWorkers": "10", "GlueWorkerType": "G.2X"}
APPLIED = {
    "athena": {"Active DML queries": 150.0, "DML query timeout": 30.0},
    "glue": {"Max concurrent job runs per account": 30.0, "Max task DPUs per account": 50.0},
}


class Account:
    """The clients of an account with these quotas."""

    def __init__(self, *, functions: int, listed: bool = True) -> None:
        self.functions, self.listed = functions, listed

    def client(self, service: str, **_: Any) -> Any:
        pairs = [{"ParameterKey": key, "ParameterValue": value} for key, value in PARAMETERS.items()]
        return {
            "cloudformation": SimpleNamespace(describe_stacks=lambda **_: {"Stacks": [{"Parameters": pairs}]}),
            "lambda": SimpleNamespace(
                get_account_settings=lambda: {"AccountLimit": {"ConcurrentExecutions": self.functions}}
            ),
            "service-quotas": SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=self.pages)),
        }[service]

    def pages(self, *, ServiceCode: str) -> Any:  # noqa: N803 (botocore's name)
        if not self.listed:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "denied"}}, "ListServiceQuotas")
        yield {"Quotas": [{"QuotaName": name, "Value": value} for name, value in APPLIED[ServiceCode].items()]}


def found(account: Account) -> dict[str, tuple[str, str]]:
    findings = quotas(Stack("sluice", account, {}, local=False))
    return {each.what.removeprefix("quota of "): (each.state, each.detail) for each in findings}


def test_a_new_account_s_ten_functions_are_named_with_the_files_that_they_allow():
    state, detail = found(Account(functions=10))["Lambda"]
    assert state == "note"
    assert detail.startswith("10 functions at a time: about 3,000 small files an hour")


def test_a_full_account_is_in_order_and_its_queries_are_counted_as_runs():
    shown = found(Account(functions=1000))
    assert shown["Lambda"][0] == "ok"
    assert shown["Athena"] == ("ok", "150 active queries: about 54,000 runs an hour, of up to 100 files")


def test_a_stack_whose_jobs_may_want_more_than_glue_gives_is_noted():
    state, detail = found(Account(functions=1000))["Glue"]
    assert (state, detail.rsplit("up to ", 1)[1]) == ("note", "3 and 60")
    assert "30 job runs and 50 DPUs" in detail


def test_quotas_that_may_not_be_read_are_unknown_and_no_problem():
    shown = found(Account(functions=1000, listed=False))
    assert {state for state, _ in (shown["Athena"], shown["Glue"])} == {"note"}
    assert "AccessDenied" in shown["Athena"][1]
