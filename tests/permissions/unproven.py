"""Permissions whose absence the local AWS cannot show, each with the reason; tried all the same, where it is called."""

from fnmatch import fnmatchcase

TRACES = "tracing: X-Ray is not emulated"
FUNCTION_LOGS = "the local Lambda keeps its functions' logs by itself"
GONE = (
    "S3 answers 403 instead of 404 for what is not there without it; the local S3 always answers 404 "
    "(GetObject, 'If the object you request doesn't exist')"
)
DESTROYED = "the custom resource empties the bucket when the stack is deleted: tests/end_to_end/test_destroy.py"
SERVICE_KEY = (
    "the local AWS asks for the key of S3 only; Lambda (for a function's environment), DynamoDB and SNS do so on AWS"
)
DESTINATION = "the local Lambda sends what failed to its destination by itself"
LOG_DELIVERY = "the Step Functions guide lists it for logging to CloudWatch; the local AWS needs three of the eight"
ATHENA = "the Athena guide lists it for a query and its results; the local one needs less"
CRAWLER = "a crawler of AWS may call it to add or refresh partitions; its code is closed and the local one needs less"
FIREHOSE_READS = "the local Firehose is handed the records of the stream and reads no shard"
FIREHOSE_WRITES = "the Firehose guide lists it for writing to S3; the local one puts whole objects"
STREAM_OF_FUNCTION = "the local Lambda reads a function's stream by itself"
DEVICES = "the local IoT has no action into a stream, and puts into queues by itself"

REASONS: tuple[tuple[str, str, str], ...] = (
    # role, action (and a part of its resource's name), reason
    ("*", "xray:*", TRACES),
    ("CrawlerRole", "glue:GetTables", CRAWLER),
    ("CrawlerRole", "glue:UpdateTable", CRAWLER),
    ("CrawlerRole", "glue:*GetPartition", CRAWLER),
    ("CrawlerRole", "glue:*CreatePartition", CRAWLER),
    ("CrawlerRole", "glue:*UpdatePartition", CRAWLER),
    ("CrawlerRole", "logs:*", "the local crawler writes its log with fewer resources named"),
    ("EtlStateMachineRole", "logs:*", LOG_DELIVERY),
    ("CleanJobRole", "cloudwatch:PutMetricData", "the local Glue job has no metrics of Spark's"),
    ("*", "logs:*", FUNCTION_LOGS),
    ("ValidateRole", "s3:ListBucket*", GONE),
    ("CleanRole", "s3:ListBucket*", GONE),
    ("CompleteRole", "s3:ListBucket*", GONE),
    ("RemoveReplacedRole", "s3:ListBucket* rawbucket", GONE),
    ("RecoverRole", "s3:ListBucket* rawbucket", GONE),
    *(
        (role, "s3:ListBucket lakebucket", GONE)
        for role in (
            "PublishRole",
            "CommitRole",
            "UndoRole",
            "PlanCheckRole",
            "CheckRole",
            "RemoveReplacedRole",
            "RecoverRole",
        )
    ),
    ("SetupRole", "s3:Delete*", DESTROYED),
    ("SetupRole", "s3:ListBucketVersions", DESTROYED),
    ("DeliveryRole", "lambda:GetFunctionConfiguration", "the Firehose guide lists it for a transformation by Lambda"),
    ("*", "kms:*", SERVICE_KEY),
    ("DeliveryRole", "kinesis:*", FIREHOSE_READS),
    ("DeliveryRole", "s3:AbortMultipartUpload", FIREHOSE_WRITES),
    ("DeliveryRole", "s3:GetBucketLocation", FIREHOSE_WRITES),
    ("DeliveryRole", "s3:List*", FIREHOSE_WRITES),
    ("WindowRole", "kinesis:*", STREAM_OF_FUNCTION),
    ("DeviceRole", "kinesis:PutRecord", DEVICES),
    ("DeviceRole", "sqs:SendMessage", DEVICES),
    ("RecoverRole", "sqs:SendMessage", DESTINATION),
    ("DescribeRole", "sqs:SendMessage", DESTINATION),
    ("WatchRole", "sqs:SendMessage DeadLetterQueue", DESTINATION),
    ("VerifyRole", "sqs:SendMessage", DESTINATION),
    ("DescribeRole", "s3:ListBucket", GONE),
    ("EtlStateMachineRole", "glue:GetJobRuns", "the Step Functions guide lists it for startJobRun.sync"),
    ("EtlStateMachineRole", "athena:StopQueryExecution", "a local query ends before a run can be stopped"),
    ("EtlStateMachineRole", "athena:GetDataCatalog", ATHENA),
    ("EtlStateMachineRole", "glue:*GetPartition", ATHENA),
    (
        "EtlStateMachineRole",
        "glue:GetDatabase default",
        "Athena checks the default database too; the local one does not",
    ),
    ("EtlStateMachineRole", "s3:GetBucketLocation", ATHENA),
    ("EtlStateMachineRole", "s3:AbortMultipartUpload", ATHENA),
    ("EtlStateMachineRole", "s3:ListMultipartUploadParts", ATHENA),
    ("EtlStateMachineRole", "s3:ListBucket workbucket", ATHENA),
    ("EtlStateMachineRole", "s3:GetObject athena", ATHENA),
    ("CheckRole", "s3:GetObject athena", "Athena reads a result with the rights of who asks; the local one does not"),
)


def reason_of(role: str, action: str, resource: str) -> str:
    """Why the lack of a permission goes unnoticed here, or an empty text."""
    for of_role, of_action, reason in REASONS:
        wanted, _, part = of_action.partition(" ")
        if fnmatchcase(role, of_role) and fnmatchcase(action, wanted) and part in resource:
            return reason
    return ""
