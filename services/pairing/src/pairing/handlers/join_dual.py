"""A second phone joins: by the code its guest types, or by the secret in the join link."""

from __future__ import annotations

from pairing.errors import pairing_disabled
from pairing.handlers.join_by_code import join_by_code
from pairing.handlers.join_by_link import join_by_link
from pairing.handlers.surroundings import Surroundings, within_patience
from pairing.schemas import JoinDual, Joined
from twotop_common.hashed_codes import normalise_code
from twotop_common.service_defaults.feature_flags import DUAL_PAIRING_CODE_ENABLED
from twotop_common.service_defaults.problems import unavailable


async def join_dual(surroundings: Surroundings, request: JoinDual, idempotency_key: str | None) -> Joined:
    """Participant B with its credential, once for each code; the same again for the same key and body.

    Raises Problem: ``code_invalid``, ``code_expired``, ``already_paired``, ``pairing_disabled``, ``too_many_attempts``,
    ``session_closed``, ``session_expired``, ``idempotency_mismatch``, ``idempotency_in_progress``, ``unavailable``.
    """
    if not surroundings.flags.enabled(DUAL_PAIRING_CODE_ENABLED):
        raise pairing_disabled()
    if surroundings.refusing():
        raise unavailable()
    typed = None if request.code is None else request.code.get_secret_value()
    secret = None if request.join_secret is None else request.join_secret.get_secret_value()
    key = surroundings.request_key(
        "join-dual",
        idempotency_key,
        {
            "table_token": request.table_token,
            "locations": sorted(request.locations()),
            # The same code typed with other spaces is the same request.
            "code": None if typed is None else normalise_code(typed) or typed,
            "join_secret": secret,
            # What the phone leaves is no part of what it asks for.
        },
    )
    async with within_patience():
        if secret is not None:
            return await join_by_link(surroundings, request, secret, key)
        return await join_by_code(surroundings, request, typed or "", key)
