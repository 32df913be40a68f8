"""The list of all rebindings, in the order in which they are applied."""

from local.adapter import (
    athena_queries,
    calls,
    glue_catalog,
    glue_crawlers,
    glue_jobs,
    iam_resources,
    lambda_errors,
    s3_events,
    security_configuration,
    states_calls,
    states_lifecycle,
    states_sync,
)

REBINDINGS = (
    security_configuration,
    iam_resources,
    s3_events,
    lambda_errors,
    states_calls,
    states_sync,
    states_lifecycle,
    glue_jobs,
    glue_catalog,
    glue_crawlers,
    athena_queries,
    calls,
)


def apply() -> None:
    """Rebind everything. Called once, before MiniStack serves."""
    for module in REBINDINGS:
        module.rebind()
