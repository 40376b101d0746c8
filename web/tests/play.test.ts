import { describe, expect, test } from "vitest";
import type { Card, Context, LogEvent, Play, SessionState, Want } from "../src/api/types";
import { company } from "../src/screens/company";
import { agree, hasActed, isDealt, NEW_PLAY } from "../src/session/play";
import { evolve, fromSnapshot, type SessionPicture } from "../src/session/state";

const A = "aaaaaaaa-0000-4000-8000-00000000000a";
const B = "bbbbbbbb-0000-4000-8000-00000000000b";
const C = "cccccccc-0000-4000-8000-00000000000c";

type Told = [type: string, data?: Record<string, unknown>];

/** A pair at the table, and what happened then. */
function evening(...told: Told[]): LogEvent[] {
  const all: Told[] = [
    ["session_created", { session_id: "s", mode: "dual", context: "exploring", participant_id: A, role: "A" }],
    ["partner_joined", { participant_id: B, role: "B", replaces: null }],
    ["ready_changed", { participant_id: A, ready: true }],
    ["ready_changed", { participant_id: B, ready: true }],
    ["both_ready"],
    ...told,
  ];
  return all.map(([type, data = {}], index) => ({
    seq: index + 1,
    type,
    data,
    at: "2026-01-01T20:00:00Z",
    by: A,
    command_id: null,
  }));
}

function tableAfter(...told: Told[]): SessionPicture {
  const picture = evening(...told).reduce<SessionPicture | null>(evolve, null);
  if (picture === null) throw new Error("nothing was told");
  return picture;
}

function card(position: number, change: Partial<Card> = {}): Card {
  return {
    question_id: `q${position}`,
    position,
    size: 3,
    context: "exploring",
    set_version: 1,
    round: 1,
    hint_revealed: false,
    ...change,
  };
}

function shown(position: number, change: Partial<Card> = {}): Told {
  const { hint_revealed: _, ...data } = card(position, change);
  return ["question_shown", data];
}

const asks = (id: string, wish: Want): Told => ["next_requested", { participant_id: id, wish }];
const asksFor = (id: string, context: Context): Told => [
  "change_requested",
  { participant_id: id, change: "context", context },
];
const answers = (id: string): Told => ["answer_given", { participant_id: id, question_id: "q1" }];
const advanced: Told = ["question_advanced", { question_id: "q1", direction: "next", alone: false }];

const PLAYING: Play = { ...NEW_PLAY, ready: [A, B], both_ready: true };

describe("the fold gives what a snapshot says", () => {
  test.each<[string, Told[], Partial<Play>]>([
    ["the first card", [shown(1)], { question: card(1) }],
    ["a wish", [shown(1), asks(A, "next")], { question: card(1), wishes: [wish(A, "next")] }],
    [
      "a wish in the place of another",
      [shown(1), asks(A, "next"), asksFor(A, "established")],
      { question: card(1), wishes: [{ participant_id: A, wish: "context", context: "established" }] },
    ],
    [
      "a wish taken back",
      [shown(1), asks(A, "skip"), ["next_withdrawn", { participant_id: A }]],
      { question: card(1) },
    ],
    [
      "a change taken back",
      [shown(1), asksFor(B, "mature"), ["change_withdrawn", { participant_id: B }]],
      { question: card(1) },
    ],
    ["a hint", [shown(1), ["hint_revealed", { question_id: "q1" }]], { question: card(1, { hint_revealed: true }) }],
    ["one answer, unseen", [shown(1), answers(B)], { question: card(1), answered: [B] }],
    [
      "both answers",
      [shown(1), answers(B), answers(A), revealed()],
      { question: card(1), answered: [A, B], answers: bothAnswers(), revealed: true },
    ],
    [
      "the next card, with everything of the old one gone",
      [shown(1), ["hint_revealed", { question_id: "q1" }], answers(B), asks(A, "next"), advanced, shown(2)],
      { question: card(2) },
    ],
    [
      "the end",
      [shown(3), advanced, ["deck_finished", { context: "exploring", round: 1, size: 3 }]],
      { finished: true },
    ],
    [
      "a new round",
      [
        ["deck_finished", { context: "exploring", round: 1, size: 3 }],
        ["started_afresh", { context: "exploring", round: 2 }],
        shown(1, { round: 2 }),
      ],
      { question: card(1, { round: 2 }) },
    ],
    [
      "back from the end",
      [["deck_finished", { context: "exploring", round: 1, size: 3 }], shown(3)],
      { question: card(3) },
    ],
  ])("%s", (_, told, play) => {
    expect(tableAfter(...told).play).toEqual({ ...PLAYING, ...play });
  });

  test("a deck that was left goes on where it was", () => {
    const left: Told[] = [shown(1), shown(2), ["context_chosen", { context: "established" }]];
    expect(tableAfter(...left).play).toEqual({ ...PLAYING, question: null });
    const other = shown(1, { context: "established" });
    const back = tableAfter(...left, other, ["context_chosen", { context: "exploring" }]);
    expect(back.play).toEqual({ ...PLAYING, question: card(2) });
  });

  test("events after a snapshot lead where the whole log leads", () => {
    const told: Told[] = [shown(1), answers(A), asks(B, "next"), advanced, shown(2), answers(B)];
    const events = evening(...told);
    const end = tableAfter(...told);
    for (let at = 6; at < events.length; at++) {
      const {
        pairing_ended: _,
        decks: __,
        ...state
      } = events.slice(0, at).reduce<SessionPicture | null>(evolve, null) as SessionPicture;
      const later = events.slice(at).reduce<SessionPicture | null>(evolve, fromSnapshot(state));
      expect(later?.play).toEqual(end.play);
    }
  });
});

describe("company", () => {
  test("a game goes on when one leaves: the wishes are over, the answer goes along", () => {
    const left = tableAfter(shown(1), asks(A, "next"), answers(A), answers(B), [
      "participant_left",
      { participant_id: B },
    ]);
    expect(left.play).toEqual({ ...PLAYING, ready: [A], question: card(1), answered: [A] });
  });

  test("a newcomer starts the ritual over; the card stays", () => {
    const joined = tableAfter(shown(1), asks(A, "next"), [
      "partner_joined",
      { participant_id: C, role: "B", replaces: B },
    ]);
    expect(joined.play).toEqual({ ...NEW_PLAY, question: card(1) });
    expect(isDealt(joined.play)).toBe(true);
  });

  test("what this phone answered is known from what it sent, and from a snapshot", () => {
    const picture = tableAfter(shown(1), answers(A));
    const seen = {
      picture,
      me: { participant_id: A } as never,
      presence: {},
      sent: null,
      connection: null,
      table: null,
      unheard: false,
    };
    expect(company(seen)).toMatchObject({ iAnswered: true, theyAnswered: false, myAnswer: undefined });
    expect(company({ ...seen, sent: { card: card(1), answer: "the sea" } }).myAnswer).toBe("the sea");
    expect(company({ ...seen, sent: { card: card(2), answer: "the sea" } }).myAnswer).toBeUndefined();
    const told: SessionState = {
      ...picture,
      play: { ...picture.play, answers: [{ participant_id: A, answer: "map" }] },
    };
    expect(company({ ...seen, picture: fromSnapshot(told) }).myAnswer).toBe("map");
  });

  test("a changed answer is no longer what the snapshot said", () => {
    const told = tableAfter(shown(1), answers(A));
    const known = fromSnapshot({ ...told, play: { ...told.play, answers: [{ participant_id: A, answer: "map" }] } });
    const changed = evolve(known, { ...(evening(answers(A)).at(-1) as LogEvent), seq: 9 });
    expect(changed?.play.answers).toEqual([]);
  });

  test("both answers and who gave them", () => {
    const picture = tableAfter(shown(1), answers(B), answers(A), revealed());
    const seen = {
      picture,
      me: { participant_id: B } as never,
      presence: {},
      sent: null,
      connection: null,
      table: null,
      unheard: false,
    };
    expect(company(seen)).toMatchObject({ myAnswer: "b", theirAnswer: "a" });
  });
});

test("moving on and skipping agree; going back, another round and another context only with themselves", () => {
  expect(agree(wish(A, "next"), wish(B, "skip"))).toBe(true);
  expect(agree(wish(A, "previous"), wish(B, "next"))).toBe(false);
  const to = (context: Context) => ({ participant_id: A, wish: "context" as const, context });
  expect(agree(to("mature"), to("mature"))).toBe(true);
  expect(agree(to("mature"), to("exploring"))).toBe(false);
});

test("a phone that polls is heard of by what it does", () => {
  const before = tableAfter(shown(1)).play;
  const now = (...told: Told[]) => tableAfter(shown(1), ...told).play;
  expect(hasActed(before, now(asks(B, "next")), B)).toBe(true);
  expect(hasActed(before, now(answers(B)), B)).toBe(true);
  expect(hasActed(before, now(asks(A, "next"), answers(A)), B)).toBe(false);
  expect(hasActed(now(asks(B, "next")), before, B)).toBe(false);
});

test("a snapshot of an earlier server has no cards", () => {
  const { question: _, wishes: __, ...older } = NEW_PLAY;
  const picture = fromSnapshot({ ...tableAfter(), play: older as Play });
  expect(picture.play.question).toBeNull();
  expect(picture.play.wishes).toEqual([]);
});

function wish(participant_id: string, wanted: Want) {
  return { participant_id, wish: wanted, context: null };
}

function bothAnswers() {
  return [
    { participant_id: A, answer: "a" },
    { participant_id: B, answer: "b" },
  ];
}

function revealed(): Told {
  return ["answers_revealed", { question_id: "q1", answers: bothAnswers() }];
}
