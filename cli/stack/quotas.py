"""The account's quotas that bound how many files an hour can be published, for `sluice doctor`."""

from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from cli.stack.connection import Stack
from cli.stack.diagnose import NOTE, OK, Finding

FUNCTION_SECONDS = 12
"""For which a small file keeps functions busy, with cold starts (docs/cost.md, one file of 10 MB)."""
QUERY_SECONDS = 10
"""For which a run's check keeps a query of Athena active."""
FEW_FUNCTIONS = 100
"""A new account often may run 10; the default quota is 1,000."""


def quotas(stack: Stack) -> list[Finding]:
    """Return what Lambda, Athena and Glue allow this account in this region, and for how many files or runs an hour."""
    described = stack.client("cloudformation").describe_stacks(StackName=stack.name)["Stacks"][0]
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in described.get("Parameters", [])}
    found = [_asked("quota of Lambda", lambda: _lambda(stack, parameters))]
    if stack.local:  # which has no other limits
        return found
    return [
        *found,
        _asked("quota of Athena", lambda: _athena(_applied(stack, "athena"))),
        _asked("quota of Glue", lambda: _glue(_applied(stack, "glue"), parameters)),
    ]


def _asked(what: str, ask: Callable[[], tuple[str, str]]) -> Finding:
    try:
        return Finding(what, *ask())
    except (ClientError, BotoCoreError) as error:
        return Finding(what, NOTE, f"unknown: {error}")


def _lambda(stack: Stack, parameters: dict[str, str]) -> tuple[str, str]:
    limit = int(stack.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"])
    detail = f"{limit:,} functions at a time: about {limit * 3600 // FUNCTION_SECONDS:,} small files an hour"
    validating = int(parameters.get("ValidationConcurrency", 0))
    if validating > limit / 2:
        detail += f"; ValidationConcurrency={validating} leaves the runs too few of them"
    elif limit >= FEW_FUNCTIONS:
        return OK, f"{detail}, {validating} validated at a time"
    return NOTE, f"{detail}; a burst is published all the same, later. Ask for more: Service Quotas, AWS Lambda"


def _athena(applied: dict[str, float]) -> tuple[str, str]:
    queries = _named(applied, "active dml queries")
    if queries is None:
        return NOTE, "unknown: Service Quotas lists no active DML queries"
    return OK, f"{queries:,} active queries: about {queries * 3600 // QUERY_SECONDS:,} runs an hour, of up to 100 files"


def _glue(applied: dict[str, float], parameters: dict[str, str]) -> tuple[str, str]:
    runs, dpus = _named(applied, "concurrent job runs per account"), _named(applied, "task dpus per account")
    jobs = int(parameters.get("GlueMaxConcurrentRuns", 0))
    wanted = jobs * int(parameters.get("GlueWorkers", 0)) * _dpus(parameters.get("GlueWorkerType", "G.1X"))
    if runs is None or dpus is None:
        return NOTE, "unknown: Service Quotas lists no concurrent job runs or task DPUs"
    detail = f"{runs:,} job runs and {dpus:,} DPUs at a time; this stack's large files take up to {jobs} and {wanted}"
    return (OK if jobs <= runs and wanted <= dpus else NOTE), detail


def _dpus(worker_type: str) -> int:
    """DPUs of a worker: a G.1X is one, a G.4X four."""
    return int(worker_type.removeprefix("G.").removesuffix("X"))


def _applied(stack: Stack, service: str) -> dict[str, float]:
    pages = stack.client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode=service)
    return {quota["QuotaName"].lower(): quota["Value"] for page in pages for quota in page["Quotas"]}


def _named(applied: dict[str, float], part: str) -> int | None:
    return next((int(value) for name, value in applied.items() if part in name), None)
