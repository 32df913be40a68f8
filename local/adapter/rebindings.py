"""The list of all rebindings, in the order in which they are applied: a later one wraps an earlier one."""

from local.adapter import (
    alarms,
    athena_queries,
    calls,
    custom_resource_failures,
    firehose_delivery,
    glue_catalog,
    glue_crawlers,
    glue_jobs,
    iam_resources,
    kms_of_s3,
    lambda_environments,
    lambda_errors,
    lambda_metrics,
    lambda_packages,
    loopback_is_tls,
    number_parameters,
    queue_permissions,
    rule_to_lambda,
    s3_configuration,
    s3_events,
    s3_ranges,
    security_configuration,
    states_calls,
    states_language,
    states_lifecycle,
    states_logging,
    states_sync,
    tumbling_windows,
)

REBINDINGS = (
    security_configuration,
    s3_configuration,
    s3_events,
    s3_ranges,
    number_parameters,
    loopback_is_tls,
    iam_resources,
    kms_of_s3,
    queue_permissions,
    rule_to_lambda,
    lambda_errors,
    lambda_packages,
    lambda_environments,
    lambda_metrics,
    alarms,
    custom_resource_failures,
    states_calls,
    states_sync,
    states_lifecycle,
    states_language,
    states_logging,
    glue_jobs,
    glue_catalog,
    glue_crawlers,
    athena_queries,
    firehose_delivery,
    tumbling_windows,
    calls,
)


def apply() -> None:
    """Rebind everything. Called once, before MiniStack serves."""
    for module in REBINDINGS:
        module.rebind()
