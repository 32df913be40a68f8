"""The list of all patches, in the order in which they are applied: a later one wraps an earlier one."""

from local.emulator import calls
from local.emulator.athena import queries
from local.emulator.cloudformation import custom_resource_failures, number_parameters
from local.emulator.cloudwatch import alarms, metrics
from local.emulator.glue import catalog, crawlers, jobs, security_configuration
from local.emulator.iam import resources, secure_transport
from local.emulator.lambdas import environments, errors, packages, queue_permissions, rule_targets
from local.emulator.s3 import configuration, copies, events, kms, ranges
from local.emulator.stepfunctions import calls as state_calls
from local.emulator.stepfunctions import language, lifecycle, logs, sync
from local.emulator.streams import firehose, tumbling_windows

PATCHES = (
    security_configuration,
    configuration,
    events,
    copies,
    ranges,
    number_parameters,
    secure_transport,
    resources,
    kms,
    queue_permissions,
    rule_targets,
    errors,
    packages,
    environments,
    metrics,
    alarms,
    custom_resource_failures,
    state_calls,
    sync,
    lifecycle,
    language,
    logs,
    jobs,
    catalog,
    crawlers,
    queries,
    firehose,
    tumbling_windows,
    calls,
)


def apply() -> None:
    """Patch everything. Called once, before MiniStack serves."""
    for module in PATCHES:
        module.patch()
