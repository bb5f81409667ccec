"""What can go wrong on the way to AWS; each error is one sentence for who sits at the terminal."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AuthorizationError",
    "Forbidden",
    "403",
}
UNKNOWN_CALLER = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}


class DeployError(Exception):
    """The command cannot go on; the message is what to say, and what to do."""


class Refused(DeployError):
    """A check failed, before anything was touched."""


class Interrupted(DeployError):
    """A step failed half-way; the same command goes on from there."""


def explain(error: BotoCoreError | ClientError) -> str:
    """AWS's refusal in one sentence."""
    if not isinstance(error, ClientError):
        return f"AWS does not answer: {one_line(str(error))}"
    code, message = code_of(error), one_line(error.response["Error"].get("Message", ""))
    call = error.operation_name
    if code in UNKNOWN_CALLER:
        return f"AWS does not know these credentials ({code}): sign in again."
    if code in DENIED:
        return (
            f"These credentials may not call {call}: grant it to the deploying role"
            f" (README, Operating, lists what it needs). AWS says: {message}"
        )
    return f"AWS refused {call} ({code}): {message}"


def code_of(error: ClientError) -> str:
    return str(error.response["Error"].get("Code", ""))


def one_line(text: str) -> str:
    return " ".join(text.split())
