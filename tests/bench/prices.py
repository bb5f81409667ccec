"""List prices, and the arithmetic from messages to dollars."""

from __future__ import annotations

from dataclasses import dataclass

MONTH = 30 * 24 * 60  # minutes


@dataclass(frozen=True)
class Price:
    dollars: float
    per: float
    source: str

    @property
    def each(self) -> float:
        return self.dollars / self.per


_GATEWAY = "aws.amazon.com/api-gateway/pricing, us-east-1 (anchors.md section 5)"
_LAMBDA = (
    "aws.amazon.com/lambda/pricing, us-east-1, as quoted by cloudchipr.com/blog/aws-lambda-pricing"
)
_DYNAMODB = (
    "aws.amazon.com/dynamodb/pricing/on-demand, us-east-1, as quoted by"
    " airbyte.com/data-engineering-resources/dynamodb-pricing"
)
MESSAGE = Price(1.00, 1e6, _GATEWAY + "; up to 1 billion a month, metered per 32 KB")
MESSAGE_ABOVE = Price(0.80, 1e6, _GATEWAY + "; beyond 1 billion a month")
MINUTE = Price(0.25, 1e6, _GATEWAY + "; connection minutes")
REQUEST = Price(0.20, 1e6, _LAMBDA + "; requests")
GB_SECOND = Price(0.0000133334, 1, _LAMBDA + "; arm64, first tier")
WRITE = Price(0.625, 1e6, _DYNAMODB + "; 1 KB")
READ = Price(0.125, 1e6, _DYNAMODB + "; 4 KB, consistent")
LISTED = {
    "gateway message": MESSAGE,
    "gateway message, above 1 billion": MESSAGE_ABOVE,
    "connection minute": MINUTE,
    "Lambda request": REQUEST,
    "Lambda GB-second": GB_SECOND,
    "DynamoDB write unit": WRITE,
    "DynamoDB read unit": READ,
}
_TIER = 1e9


def messages(count: float) -> float:
    """Dollars for so many gateway messages in one month."""
    return min(count, _TIER) * MESSAGE.each + max(0.0, count - _TIER) * MESSAGE_ABOVE.each


def million_set_ups(billed: float, minutes: float = 0.0) -> float:
    """Dollars at the gateway for a million set-ups, each of so many messages and minutes."""
    return billed * 1e6 * MESSAGE.each + minutes * 1e6 * MINUTE.each


def month_connected(people: int) -> float:
    """Dollars for the connection minutes of people who never leave."""
    return people * MONTH * MINUTE.each


def month_of_heartbeats(people: int, every_seconds: float, messages_each: float) -> float:
    """Dollars for their heartbeats at the gateway."""
    return messages(people * MONTH * 60 / every_seconds * messages_each)
