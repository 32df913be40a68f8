"""Errors by name: the state machine catches the name; the message says what is wrong, where, and what to do."""


class SluiceError(Exception):
    """An error that Sluice raises itself."""


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
    """An event that is no upload into our raw bucket."""


class SourceBusy(SluiceError):
    """Another run holds the lease of the key; worth a retry later."""


class ClaimRefused(SluiceError):
    """The ledger does not let this run work on the source."""


class LeaseLost(SluiceError):
    """The run no longer holds the lease of the source, so it may change nothing: another run may hold it."""


class ManifestRefused(SluiceError):
    """A manifest is not the account of this source by this run, or names files that are not its own."""


class TableDisagrees(SluiceError):
    """The table in the catalog is not as the contract says, and cannot become so."""


class CommitConflict(SluiceError):
    """Other commits to an Iceberg table came between each attempt of one; worth a retry later."""


class ManifestMissing(SluiceError):
    """A lake manifest that the ledger names is gone, so nobody knows which objects it named."""


class NoticeNotSent(SluiceError):
    """EventBridge did not take an event."""


class HashKeyMissing(SluiceError):
    """A contract publishes a personal column hashed, and no key is configured."""


class NotCleaned(SluiceError):
    """A run has no manifest for a source: its cleaning did not finish."""


class NotValidated(SluiceError):
    """A source has no validation report, so its rows cannot be accounted for."""


class ObjectGone(SluiceError):
    """The object version no longer exists."""


class SetupFailed(SluiceError):
    """A deployment cannot be prepared, or what it left cannot be emptied."""
