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


class RowsLost(SluiceError):
    """Rows in are not rows published plus quarantined plus discarded."""
