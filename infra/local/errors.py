"""What can go wrong: at the desk (said to the operator) and in the gateway (said to the caller)."""

from __future__ import annotations


class LocalError(Exception):
    """Base of every error that infra.local raises by itself."""


class DeskError(LocalError):
    """The desk cannot start or go on; the message is one line for the person at the terminal."""


class GatewayError(LocalError):
    """A refusal in API Gateway's own words: HTTP status, error type and message."""

    status = 500
    kind = "InternalServerErrorException"
    message = "Internal server error"


class IntegrationFailed(GatewayError):
    """The handler raised."""


class IntegrationTimedOut(GatewayError):
    """The handler still runs after the integration limit."""

    status = 504
    kind = "GatewayTimeoutException"
    message = "Endpoint request timed out"


class NoRoute(GatewayError):
    """The application has no handler for this route."""

    status = 403
    kind = "ForbiddenException"
    message = "Forbidden"


class Forbidden(GatewayError):
    """The caller may not use the management API."""

    status = 403
    kind = "ForbiddenException"
    message = "Forbidden"


class Unsigned(GatewayError):
    """The call carries no AWS signature, so it does not come from an AWS client."""

    status = 403
    kind = "MissingAuthenticationTokenException"
    message = "Missing Authentication Token"


class BadConnectionId(GatewayError):
    """No connection id looks like this."""

    status = 400
    kind = "BadRequestException"
    message = "Invalid connectionId"


class Gone(GatewayError):
    """The connection is closed, was never there, or is not open yet."""

    status = 410
    kind = "GoneException"
    message = "410"


class PayloadTooLarge(GatewayError):
    """More data than one message may have."""

    status = 413
    kind = "PayloadTooLargeException"
    message = "Request Too Long"


class LimitExceeded(GatewayError):
    """The client does not read as fast as it is written to."""

    status = 429
    kind = "LimitExceededException"
    message = "Too Many Requests"
