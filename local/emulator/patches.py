"""The list of all patches, in the order in which they are applied: a later one wraps an earlier one."""

from local.emulator import calls, persistence, sizes
from local.emulator.athena import queries
from local.emulator.cloudformation import bucket_deletion, custom_resource_failures, number_parameters
from local.emulator.cloudwatch import alarms, metrics
from local.emulator.glue import catalog, crawlers, jobs, security_configuration
from local.emulator.iam import key_policies, resources, secure_transport
from local.emulator.lambdas import environments, errors, packages, queue_permissions, rule_targets, throttling
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
    bucket_deletion,
    secure_transport,
    resources,
    kms,
    key_policies,
    queue_permissions,
    throttling,
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
    sizes,
    calls,
    persistence,
)


def apply() -> None:
    """Patch everything. Called once, before MiniStack serves."""
    for module in PATCHES:
        module.patch()
