/** A table with cards on it, as a phone sees it. */
import type { Card, Play, Question, Wish } from "../src/api/types";
import type { SavedSession } from "../src/session/credentials";
import { NEW_PLAY } from "../src/session/play";
import type { SessionPicture } from "../src/session/state";
import { type AppState, update } from "../src/store";
import { act } from "./page";

export const CARD: Card = {
  question_id: "lost-key",
  position: 3,
  size: 64,
  context: "exploring",
  set_version: 1,
  round: 1,
  hint_revealed: false,
};
export const EARLIER: Card = { ...CARD, question_id: "earlier", position: 2 };

const question = (id: string): Question =>
  ({
    question_id: id,
    kind: "open",
    text: `What of ${id}?`,
    hint: "Think of a door.",
    choices: [],
  }) as unknown as Question;

export const wish = (who: string, want: Wish["wish"]): Wish => ({ participant_id: who, wish: want, context: null });

export function picture(play: Partial<Play> = {}, change: Partial<SessionPicture> = {}): SessionPicture {
  return {
    session_id: "s",
    table_number: "7",
    mode: "dual",
    state: "browsing",
    dual_status: "paired",
    context: "exploring",
    members: [
      { participant_id: "a", role: "A", nickname: null, present: true },
      { participant_id: "b", role: "B", nickname: null, present: true },
    ],
    play: { ...NEW_PLAY, both_ready: true, question: CARD, ...play },
    decks: {},
    pairing: null,
    end_reason: null,
    pairing_ended: null,
    ...change,
  };
}

export const NOT_READY = { both_ready: false, question: null };
export const GONE = { a: "gone", b: "gone" } as const;
export const ALONE = { mode: "single", dual_status: "none", members: picture().members.slice(0, 1) } as const;
export const absentPartner = () => picture().members.map((one) => ({ ...one, present: one.role === "A" }));

export const PHONE_A: SavedSession = {
  table_token: "t",
  session_id: "s",
  participant_id: "a",
  role: "A",
  credential: "secret",
  expires_at: "",
};
export const PHONE_B: SavedSession = { ...PHONE_A, participant_id: "b", role: "B" };

/** Phone A of two that are at a card, with this and that otherwise. */
export function sitDown(change: Partial<AppState> = {}): void {
  update({
    route: { name: "session" },
    me: PHONE_A,
    picture: picture(),
    connection: "live",
    table: null,
    presence: { b: "online" },
    unheard: false,
    sets: {
      "exploring/1/en": {
        context: "exploring",
        version: 1,
        language: "en",
        languages: ["en"],
        questions: [question(CARD.question_id), question(EARLIER.question_id)],
      },
    } as unknown as AppState["sets"],
    dealt: [EARLIER, CARD],
    announcement: { key: 0, text: "" },
    problem: null,
    pressed: null,
    busy: null,
    sent: null,
    offer: null,
    ...change,
  });
}

/** While the phone shows it. */
export const happens = (change: Partial<AppState>) => act(() => update(change));
