"""The list of all rebindings, in the order in which they are applied."""

from local.adapter import (
    glue_jobs,
    lambda_errors,
    loopback_is_tls,
    queue_concurrency,
    s3_events,
    security_configuration,
    states_calls,
    states_lifecycle,
    states_sync,
)

REBINDINGS = (
    loopback_is_tls,
    security_configuration,
    s3_events,
    queue_concurrency,
    lambda_errors,
    states_calls,
    states_sync,
    states_lifecycle,
    glue_jobs,
)


def apply() -> None:
    """Rebind everything. Called once, before MiniStack serves."""
    for module in REBINDINGS:
        module.rebind()
