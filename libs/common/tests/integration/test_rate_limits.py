"""Rate limits on a real Redis, without one, and in this process."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis
from starlette.requests import Request

from twotop_common.service_defaults.problems import Problem
from twotop_common.service_defaults.rate_limits import (
    ADDRESS,
    ADDRESS_JOIN,
    CREATE,
    JOIN,
    PARTICIPANT,
    QR_VALIDATE,
    WINDOW_S,
    MovingWindow,
    RateLimiter,
    RateLimitRule,
    client_of,
)

KEY = "a-secret"


async def refusal(limiter: RateLimiter, rule: RateLimitRule, *parts: object) -> Problem | None:
    try:
        await limiter.hit(rule, *parts)
    except Problem as problem:
        return problem
    return None


async def hits(limiter: RateLimiter, rule: RateLimitRule, *parts: object, at_most: int = 700) -> int:
    """How many requests are allowed before the first refusal."""
    for number in range(at_most):
        problem = await refusal(limiter, rule, *parts)
        if problem is not None:
            assert problem.status == 429
            assert problem.code == "rate_limited"
            assert 1 <= int(problem.headers["Retry-After"]) <= 61
            return number
    return at_most


@pytest.mark.integration
@pytest.mark.parametrize(
    ("rule", "limit"),
    [(PARTICIPANT, 60), (CREATE, 10), (QR_VALIDATE, 10), (JOIN, 5), (ADDRESS, 600), (ADDRESS_JOIN, 60)],
)
async def test_each_rule_allows_what_it_says(redis_url: str, rule: RateLimitRule, limit: int) -> None:
    limiter = RateLimiter(redis_url, KEY)
    assert await hits(limiter, rule, "127.0.0.7", "table") == limit
    assert await hits(limiter, rule, "127.0.0.8", "table", at_most=1) == 1
    await limiter.close()


@pytest.mark.integration
async def test_shared_rules_count_over_all_instances_and_the_participants_does_not(redis_url: str) -> None:
    first, second = RateLimiter(redis_url, KEY), RateLimiter(redis_url, KEY)
    assert await hits(first, JOIN, "a") == 5
    assert await hits(second, JOIN, "a") == 0
    assert await hits(first, PARTICIPANT, "a") == 60
    assert await hits(second, PARTICIPANT, "a") == 60
    await first.close()
    await second.close()


@pytest.mark.integration
async def test_keys_are_hashed_and_short_lived(redis_url: str) -> None:
    limiter = RateLimiter(redis_url, KEY)
    await limiter.hit(JOIN, "127.0.0.7", "table")
    await limiter.close()
    client = Redis.from_url(redis_url, decode_responses=True)
    keys = [str(key) for key in await client.keys()]
    assert len(keys) == 1
    assert "127.0.0.7" not in keys[0]
    assert 0 < await client.ttl(keys[0]) <= WINDOW_S + 1
    await client.aclose()


@pytest.mark.integration
async def test_parts_cannot_flow_into_each_other(redis_url: str) -> None:
    limiter = RateLimiter(redis_url, KEY)
    assert await hits(limiter, JOIN, "ab", "c") == 5
    assert await hits(limiter, JOIN, "a", "bc") == 5
    await limiter.close()


async def test_without_redis_each_instance_limits_by_itself_and_nothing_fails() -> None:
    limiter = RateLimiter("redis://127.0.0.1:1/0", KEY)
    assert await hits(limiter, JOIN, "a") == 5
    other = RateLimiter("redis://127.0.0.1:1/0", KEY)
    assert await hits(other, JOIN, "a") == 5
    await limiter.close()
    await other.close()


@pytest.mark.integration
async def test_redis_is_asked_again_when_it_is_back(redis_url: str) -> None:
    limiter = RateLimiter(redis_url, KEY)
    limiter._redis_away_until = float("inf")
    assert await hits(limiter, JOIN, "a") == 5
    limiter._redis_away_until = 0.0
    assert await hits(limiter, JOIN, "a") == 5
    await limiter.close()


async def test_switched_off_nothing_is_counted() -> None:
    limiter = RateLimiter("redis://127.0.0.1:1/0", KEY, enabled=False)
    assert await hits(limiter, JOIN, "a", at_most=100) == 100


def test_the_window_moves() -> None:
    window = MovingWindow()
    assert [window.hit("k", 2, at) for at in (0.0, 30.0)] == [None, None]
    assert window.hit("k", 2, 59.0) == pytest.approx(1.0)
    assert window.hit("k", 2, 60.0) is None
    assert window.hit("k", 2, 60.0) == pytest.approx(30.0)


def test_the_window_forgets_what_is_over_and_never_grows_without_bound() -> None:
    window = MovingWindow(max_keys=10)
    for number in range(50):
        window.hit(str(number), 5, number / 100)
    assert len(window._hits) <= 10
    window.hit("new", 5, 1_000.0)
    assert list(window._hits) == ["new"]


def test_the_clients_address_comes_from_the_gateways_header_only() -> None:
    headers = [(b"x-forwarded-for", b"6.6.6.6"), (b"x-twotop-client", b"127.0.0.7")]
    assert client_of(Request({"type": "http", "headers": headers})) == "127.0.0.7"
    assert client_of(Request({"type": "http", "headers": headers[:1], "client": ("6.6.6.6", 1)})) == "unknown"
