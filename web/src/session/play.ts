/**
 * The game inside the picture: where the cards lie, who wishes what, who has answered. The same fold as the server's
 * `play/domain/decider.evolve`, seen by a phone: what was answered is not in the events until both have answered.
 */
import type { Answer, Card, Context, DeckPlace, LogEvent, Play, Want, Wish } from "../api/types";

/** How far the deck of each context is, as far as this phone knows. A deck that was left goes on where it was. */
export type Decks = Readonly<Partial<Record<Context, Card | "finished">>>;

export interface Game {
  context: Context | null;
  play: Play;
  decks: Decks;
}

type Data = Record<string, unknown>;

export const NEW_PLAY: Play = {
  ready: [],
  both_ready: false,
  mature_opt_in: [],
  question: null,
  finished: false,
  wishes: [],
  answered: [],
  answers: [],
  revealed: false,
};

const text = (data: Data, name: string): string => (typeof data[name] === "string" ? (data[name] as string) : "");
const count = (data: Data, name: string): number => Number(data[name]) || 0;

const added = (ids: readonly string[], id: string): string[] => [...ids.filter((one) => one !== id), id].sort();
const without = (ids: readonly string[], id: string): string[] => ids.filter((one) => one !== id);
const kept = (ids: readonly string[], present: ReadonlySet<string>): string[] => ids.filter((id) => present.has(id));

/** Another card lies open, or none: what belonged to the one before is over. */
function turned(game: Game, decks: Decks): Game {
  const deck = game.context === null ? undefined : decks[game.context];
  return {
    ...game,
    decks,
    play: {
      ...game.play,
      question: deck === undefined || deck === "finished" ? null : { ...deck, hint_revealed: false },
      finished: deck === "finished",
      wishes: [],
      answered: [],
      answers: [],
      revealed: false,
    },
  };
}

function cardOf(data: Data): Card {
  return {
    question_id: text(data, "question_id"),
    position: count(data, "position"),
    size: count(data, "size"),
    context: text(data, "context") as Context,
    set_version: count(data, "set_version"),
    round: count(data, "round"),
    hint_revealed: false,
  };
}

function contextChosen(game: Game, context: Context): Game {
  const { both_ready, ready } = game.play;
  const play = { ...NEW_PLAY, both_ready, ready: both_ready ? ready : [] };
  return turned({ ...game, context, play }, game.decks);
}

function wished(game: Game, participantId: string, wish: Wish | null): Game {
  const others = game.play.wishes.filter((one) => one.participant_id !== participantId);
  return { ...game, play: { ...game.play, wishes: wish === null ? others : [...others, wish] } };
}

function answerGiven(game: Game, participantId: string): Game {
  const { play } = game;
  return {
    ...game,
    play: {
      ...play,
      answered: added(play.answered, participantId),
      // What a snapshot told is of no worth any more: this answer may be another one.
      answers: play.answers.filter((one) => one.participant_id !== participantId),
    },
  };
}

function answersRevealed(game: Game, data: Data): Game {
  const answers = (Array.isArray(data["answers"]) ? data["answers"] : []) as Answer[];
  const answered = answers.map((one) => one.participant_id).sort();
  return { ...game, play: { ...game.play, answers, answered, revealed: true } };
}

/** The game after one of its events; null for an event that is not the game's. */
export function evolveGame(game: Game, event: LogEvent): Game | null {
  const { data } = event;
  const { play } = game;
  const who = text(data, "participant_id");
  switch (event.type) {
    case "context_chosen":
      return contextChosen(game, text(data, "context") as Context);
    case "mature_opted_in":
      return { ...game, play: { ...play, mature_opt_in: added(play.mature_opt_in, who) } };
    case "ready_changed":
      return {
        ...game,
        play: { ...play, ready: data["ready"] === true ? added(play.ready, who) : without(play.ready, who) },
      };
    case "both_ready":
      return { ...game, play: { ...play, both_ready: true } };
    case "question_shown": {
      const card = cardOf(data);
      return turned(game, { ...game.decks, [card.context]: card });
    }
    case "deck_finished":
      return turned(game, { ...game.decks, [text(data, "context")]: "finished" });
    case "question_advanced":
    case "started_afresh":
      // The card that follows ends the wishes: taken off before it, they would seem to have been taken back.
      return game;
    case "next_requested":
      return wished(game, who, { participant_id: who, wish: text(data, "wish") as Want, context: null });
    case "change_requested": {
      const context = (text(data, "context") || null) as Context | null;
      return wished(game, who, { participant_id: who, wish: text(data, "change") as Want, context });
    }
    case "next_withdrawn":
    case "change_withdrawn":
      return wished(game, who, null);
    case "hint_revealed":
      return play.question === null
        ? game
        : { ...game, play: { ...play, question: { ...play.question, hint_revealed: true } } };
    case "answer_given":
      return answerGiven(game, who);
    case "answers_revealed":
      return answersRevealed(game, data);
    default:
      return null;
  }
}

/** A phone joined: the ritual starts over; the decks and the opt-ins of those still here stay. */
export function withNewcomer(game: Game, present: ReadonlySet<string>): Game {
  const play = { ...NEW_PLAY, mature_opt_in: kept(game.play.mature_opt_in, present) };
  return turned({ ...game, play }, game.decks);
}

/** A phone left: nobody is left to agree to a wish. A game that has begun goes on. */
export function withoutLeaver(game: Game, present: ReadonlySet<string>): Game {
  const { play } = game;
  return {
    ...game,
    play: {
      ...play,
      mature_opt_in: kept(play.mature_opt_in, present),
      ready: play.both_ready ? kept(play.ready, present) : [],
      wishes: [],
      answered: kept(play.answered, present),
      answers: play.answers.filter((one) => present.has(one.participant_id)),
    },
  };
}

/** A snapshot speaks of other decks than the present context's only to the phone that the session began with. */
export function decksOf(context: Context | null, play: Play, places: readonly DeckPlace[]): Decks {
  const decks: Partial<Record<Context, Card | "finished">> = {};
  for (const { position, size, ...deck } of places)
    decks[deck.context] = position > size ? "finished" : { ...deck, position, size, hint_revealed: false };
  if (play.question !== null) decks[play.question.context] = { ...play.question, hint_revealed: false };
  else if (play.finished && context !== null) decks[context] = "finished";
  return decks;
}

/** Cards are on the table: a question lies open, or the deck has come to its end. */
export function isDealt(play: Play): boolean {
  return play.question !== null || play.finished;
}

type Table = { context: Context | null; play: Play };

/** Both have just become ready, or another context was chosen in a running game: the card that comes with it is not here yet. */
export function awaitsCard(before: Table, now: Table): boolean {
  if (isDealt(now.play)) return false;
  return (!before.play.both_ready && now.play.both_ready) || (isDealt(before.play) && before.context !== now.context);
}

export function wishOf(play: Play, participantId: string | undefined): Wish | undefined {
  return play.wishes.find((one) => one.participant_id === participantId);
}

/** Whether this phone did something between the two: then it is there, whatever is said of its socket. */
export function hasActed(before: Play, after: Play, participantId: string): boolean {
  const [had, has] = [wishOf(before, participantId), wishOf(after, participantId)];
  const newly = (was: readonly string[], now: readonly string[]) =>
    now.includes(participantId) && !was.includes(participantId);
  const wished = has !== undefined && (has.wish !== had?.wish || has.context !== had?.context);
  return wished || newly(before.answered, after.answered) || newly(before.ready, after.ready);
}

/** Moving on and skipping both leave the card behind, so one agrees with the other. */
export function agree(one: Wish, other: Wish): boolean {
  const forward = (wish: Wish) => wish.wish === "next" || wish.wish === "skip";
  return (one.wish === other.wish && one.context === other.context) || (forward(one) && forward(other));
}
