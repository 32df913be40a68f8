"""The intake of one uploaded file, from its event to the start of its run.

The writes are ordered so that a second delivery of the event repairs a crash between any two of them, and
changes nothing when all were done.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sluice.aws.object_keys import report_key, run_key
from sluice.aws.object_version import ObjectVersion
from sluice.aws.s3 import S3Source, get_json, put_json
from sluice.aws.telemetry import count, logger
from sluice.clean.result import TOO_MANY
from sluice.contract import registry
from sluice.errors import ObjectGone, UnknownKey
from sluice.ingest import object_tags, upload_event
from sluice.ledger import runs
from sluice.ledger.ledger import RECEIVED, Ledger
from sluice.notify.messages import file_rejected
from sluice.notify.send import alert, put_event
from sluice.runtime import code
from sluice.validate import validator
from sluice.validate.report import ValidationReport


@dataclass(frozen=True)
class Intake:
    """Validates uploads and starts their runs. s3, sns, events, stepfunctions: clients."""

    s3: Any
    sns: Any
    events: Any
    stepfunctions: Any
    ledger: Ledger
    raw_bucket: str
    work_bucket: str
    state_machine_arn: str
    alerts_topic_arn: str
    event_bus: str

    def receive(self, body: str) -> None:
        """Validate the upload that an S3 event (JSON text) reports, and start its run when it is accepted.

        Raises UnexpectedEvent for what is no upload into the raw bucket.
        """
        source = upload_event.parse(body, bucket=self.raw_bucket)
        logger.append_keys(source_id=source.id, key=source.key)
        if source.key.endswith("/") and source.size == 0:
            logger.info("folder marker ignored")
            return
        status = self.ledger.receive(source)
        if status != RECEIVED:
            logger.info("event known", status=status)
            return
        report = self._report_on(source)
        if report.accepted:
            self._accept(source, report)
        else:
            self._reject(source, report)

    def _report_on(self, source: ObjectVersion) -> ValidationReport:
        """Validate the version, unless an earlier delivery of its event has: by the same code and contracts."""
        key = report_key(source)
        if self.ledger.entry(source).get("validated_by") == code.digest():
            logger.info("validation report reused")
            return ValidationReport.from_dict(get_json(self.s3, self.work_bucket, key))
        report = self.validate(source)
        put_json(self.s3, self.work_bucket, key, {**report.to_dict(), "source": source.to_dict()})
        if not report.accepted:
            count({"dataset": report.dataset}, FilesRejected=1)
        if TOO_MANY in report.reasons:
            count(FilesAboveQuarantineLimit=1)
        self.ledger.note_validation(source, by=code.digest())
        logger.info("file validated", result=report.result, rows=report.rows, reasons=report.reasons)
        return report

    def validate(self, source: ObjectVersion) -> ValidationReport:
        """Return the validation report; also on a file of no dataset, or one that is gone."""
        file = S3Source(self.s3, source.bucket, source.key, source.version_id)
        dataset, version = "unknown", 0
        try:
            dataset = registry.match(source.key).dataset
            contract = registry.load(dataset)
            version = contract.version
            return validator.check(contract, file, source.key)
        except UnknownKey as error:
            reason, problem = validator.KEY_FOLLOWS_NAMING_RULE, str(error)
        except ObjectGone as error:
            reason, problem = "object_version_exists", str(error)
        return ValidationReport("rejected", dataset, version, reasons={reason: 1}, problems=[problem])

    def _accept(self, source: ObjectVersion, report: ValidationReport) -> None:
        """Start the source's run, unless a newer version of the key was accepted before, or it is held for a batch."""
        put_by, held_until = self.ledger.put_of(source)
        origin = {"origin": put_by} if put_by else {}
        attempt = int(self.ledger.entry(source)["attempt"])
        # The batch starts the first attempt only; a redrive asks for another one, which is not held.
        if attempt == 1 and time.time() < held_until:
            self._tag(source, report)
            self.ledger.accept(source, **origin, held_until=held_until, **_facts(source, report))
            logger.info("file held for a batch")
            return
        run = runs.Run.of(report.dataset, [source], attempt=attempt)
        self._tag(source, report, run_id=run.run_id)
        put_json(self.s3, self.work_bucket, run_key(run.run_id), run.to_dict())
        if not self.ledger.accept(source, run_id=run.run_id, **origin, **_facts(source, report)):
            logger.info("file superseded")
            return
        started = runs.start(self.stepfunctions, self.state_machine_arn, run)
        logger.info("run started", run_id=run.run_id, first_time=started)

    def _reject(self, source: ObjectVersion, report: ValidationReport) -> None:
        """Notify, then record the rejection: notified twice is better than not at all."""
        self._tag(source, report)
        notice = file_rejected(source, report.to_dict(), work_bucket=self.work_bucket)
        put_event(self.events, self.event_bus, notice)
        alert(self.sns, self.alerts_topic_arn, notice)
        self.ledger.reject(source, problems=report.problems, **_facts(source, report))

    def _tag(self, source: ObjectVersion, report: ValidationReport, **more: str) -> None:
        values = {
            "validation": report.result,
            "dataset": report.dataset,
            "contract_version": report.contract_version,
            "rows": report.rows,
            "processed": datetime.now(UTC).date(),
            **more,
        }
        try:
            object_tags.tag(self.s3, source, **values)
        except ObjectGone:
            logger.info("object version gone, not tagged")


def _facts(source: ObjectVersion, report: ValidationReport) -> dict[str, Any]:
    return {
        "dataset": report.dataset,
        "contract_version": report.contract_version,
        "rows": report.rows,
        "would_quarantine": report.would_quarantine,
        "reasons": report.reasons,
        "bytes_text": int(report.facts.get("bytes_text", source.size)),
    }
