"""Errors with names: the state machine catches them by name, people are told what, where and what to do."""


class SluiceError(Exception):
    """Something went wrong that Sluice has a name for."""


class ContractInvalid(SluiceError):
    """A dataset's contract contradicts itself."""


class UnknownDataset(SluiceError):
    """No module in datasets/ declares a dataset of this name."""


class UnknownKey(SluiceError):
    """The key of an object follows no dataset's naming convention."""


class FileRejected(SluiceError):
    """A whole file cannot be accepted.

    reason: the check's name, a fact that does not hold (`file_is_utf_8`).
    message: what is wrong, where in the file, and what to do about it.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message

    def __reduce__(self) -> tuple[type["FileRejected"], tuple[str, str]]:
        # Spark's workers send it to the driver pickled, which by default keeps only the joined text.
        return type(self), (self.reason, self.message)


class RowsLost(SluiceError):
    """Rows in are not rows published plus quarantined plus discarded."""


class UnexpectedEvent(SluiceError):
    """An event that no upload into our raw bucket can have caused."""


class SourceBusy(SluiceError):
    """Another live run works on the same key; trying again later is right."""


class ClaimRefused(SluiceError):
    """The ledger does not let this run work on the source."""


class LeaseLost(SluiceError):
    """The run no longer holds the source: another may have taken it over, so nothing may be changed."""


class ManifestRefused(SluiceError):
    """A manifest is not the account of this source by this run, or names files that are not its own."""


class TableDisagrees(SluiceError):
    """The table in the catalog is partitioned otherwise than the contract says."""


class CannotRestore(SluiceError):
    """An object version that readers were promised is gone."""


class NoticeNotSent(SluiceError):
    """EventBridge did not take an event."""


class HashKeyMissing(SluiceError):
    """A contract publishes a personal column hashed, and no key is configured."""


class NotCleaned(SluiceError):
    """A run has no manifest for a source: its cleaning did not get to the end."""


class NotValidated(SluiceError):
    """There is no report of the gate on a source, so its rows cannot be accounted for."""


class ObjectGone(SluiceError):
    """The very object version no longer exists."""
