"""Messages of errors that come from AWS or from this machine's files, with advice on what to do."""

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_UNKNOWN = {"InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "SignatureDoesNotMatch"}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}

type ExternalError = BotoCoreError | ClientError | OSError


def advised(error: ExternalError) -> str:
    """Return the message of an error of boto3 or of the file system, with advice where there is any."""
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{(error.strerror or str(error)).lower()}"
    return f"{error}{_advice(error)}"


def code(error: BotoCoreError | ClientError) -> str:
    """Return the code of an error of AWS, or the name of boto3's own error."""
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else type(error).__name__


def _advice(error: BotoCoreError | ClientError) -> str:
    if isinstance(error, ClientError):
        if code(error) in _EXPIRED:
            return ". Sign in again (aws sso login, or new keys)"
        if code(error) in _UNKNOWN:
            return ". AWS does not know these credentials: check them with aws configure list"
        return ". sluice doctor lists the permissions that these credentials lack" if code(error) in _DENIED else ""
    if isinstance(error, NoRegionError):
        return " Use --region, or set AWS_REGION"
    if isinstance(error, NoCredentialsError):
        return ". Use --profile, or sign in (aws configure, aws sso login)"
    if isinstance(error, ProfileNotFound):
        return ". aws configure list-profiles lists the profiles"
    if isinstance(error, EndpointConnectionError):
        return ". Is the region right, and this machine online?"
    if isinstance(error, SSOError | TokenRetrievalError):
        return ". Sign in again: aws sso login"
    return ""
