"""What stops a command and is no fault of its own, in words that say what to do next."""

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

type Fault = BotoCoreError | ClientError | OSError


def told(fault: Fault) -> str:
    """Return what a fault of AWS's client or of this machine's files is, and how to get on."""
    if isinstance(fault, OSError):
        where = f"{fault.filename}: " if fault.filename else ""
        return f"{where}{(fault.strerror or str(fault)).lower()}"
    return f"{fault}{_advice(fault)}"


def _advice(fault: BotoCoreError | ClientError) -> str:
    if isinstance(fault, ClientError):
        code = fault.response.get("Error", {}).get("Code", "")
        if code in _EXPIRED:
            return ". Sign in again (aws sso login, or new keys)"
        if code in _UNKNOWN:
            return ". AWS does not know these credentials: look at them with aws configure list"
        return ". sluice doctor lists what these credentials may and may not do" if code in _DENIED else ""
    if isinstance(fault, NoRegionError):
        return " Say --region, or set AWS_REGION"
    if isinstance(fault, NoCredentialsError):
        return ". Say --profile, or sign in (aws configure, aws sso login)"
    if isinstance(fault, ProfileNotFound):
        return ". aws configure list-profiles names those that there are"
    if isinstance(fault, EndpointConnectionError):
        return ". Is the region right, and this machine online?"
    if isinstance(fault, SSOError | TokenRetrievalError):
        return ". Sign in again: aws sso login"
    return ""
