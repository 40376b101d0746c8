/** Problem documents (RFC 9457) with their stable codes, plus the three that only a phone can have. */

export const PROBLEM_CODES = [
  "already_paired",
  "code_expired",
  "code_invalid",
  "credential_expired",
  "credential_invalid",
  "idempotency_in_progress",
  "idempotency_mismatch",
  "invalid_field",
  "invalid_request",
  "line_conflict",
  "location_closed",
  "mode_unavailable",
  "not_a_participant",
  "not_allowed",
  "pairing_disabled",
  "qr_expired",
  "qr_invalid",
  "qr_revoked",
  "question_set_not_found",
  "rate_limited",
  "seq_conflict",
  "session_closed",
  "session_expired",
  "session_not_found",
  "table_disabled",
  "table_mismatch",
  "table_not_found",
  "table_session_limit",
  "too_many_attempts",
  "unavailable",
  "unknown_command",
  // Made on the phone: no network, an answer nobody can read, a command whose answer never came.
  "offline",
  "unexpected",
  "unanswered",
] as const;

/** Why the rules of the game refuse something now (`reason` of `not_allowed`). `partner_back` is this phone's own. */
export const REFUSALS = [
  "already_revealed",
  "already_started",
  "another_question",
  "context_missing",
  "context_not_mature",
  "deck_finished",
  "first_question",
  "host_ends_session",
  "mature_opt_in_missing",
  "no_hint",
  "no_question_yet",
  "no_questions",
  "no_such_choice",
  "not_ready",
  "partner_back",
  "partner_missing",
] as const;

export type RefusalReason = (typeof REFUSALS)[number];

export type ProblemCode = (typeof PROBLEM_CODES)[number];

const KNOWN = new Set<string>(PROBLEM_CODES);

/** Codes that say nothing about the request itself: the same request may well succeed a moment later. */
const TRANSIENT = new Set<ProblemCode>([
  "unavailable",
  "rate_limited",
  "idempotency_in_progress",
  "offline",
  "unanswered",
]);

export class Problem extends Error {
  override readonly name = "Problem";

  constructor(
    readonly code: ProblemCode,
    readonly status: number,
    /** Seconds the server asks to wait, from Retry-After. */
    readonly retryAfter: number | null = null,
    /** For support only: never holds a secret. */
    readonly traceId: string | null = null,
    /** The server's own `reason` (of `not_allowed`), where there is one. */
    readonly reason: string | null = null,
  ) {
    super(code);
  }

  /** The reason of a refusal, where this app has words for it. */
  get refusal(): RefusalReason | null {
    const known = this.code === "not_allowed" && REFUSALS.find((one) => one === this.reason);
    return known || null;
  }

  get transient(): boolean {
    return TRANSIENT.has(this.code);
  }

  /** Nobody knows what became of the request, and it may well have taken effect: asking again needs the same key. */
  get inconclusive(): boolean {
    return this.transient || this.code === "unexpected";
  }
}

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/** Reads a problem document. What cannot be read becomes `unavailable` (gateway errors) or `unexpected`. */
export function readProblem(status: number, body: unknown, retryAfterHeader: string | null = null): Problem {
  const fields = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const named = text(fields["code"]);
  const fallback: ProblemCode =
    status === 429 ? "rate_limited" : status === 502 || status === 503 || status === 504 ? "unavailable" : "unexpected";
  const code = named !== null && KNOWN.has(named) ? (named as ProblemCode) : fallback;
  const seconds = Number.parseInt(retryAfterHeader ?? String(fields["retry_after"] ?? ""), 10);
  return new Problem(
    code,
    status,
    Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, 86_400) : null,
    text(fields["trace_id"]),
    text(fields["reason"]),
  );
}

export function asProblem(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem("unexpected", 0);
}
