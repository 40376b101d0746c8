/** Whether what a guest asked for at one moment can still be meant at a later one. Pure. */
import type { GameCommand, Play } from "../api/types";
import { cardKey } from "./dealt";
import type { SessionPicture } from "./state";

type Table = Pick<SessionPicture, "context" | "play">;

/** What lies open: a card, the end of a deck, or nothing yet. */
function placeOf({ context, play }: Table): string {
  return play.question === null ? `${context}/${play.finished}` : cardKey(play.question);
}

function roundOf(play: Play): number | null {
  return play.question?.round ?? null;
}

/** True when the table has moved on: sent now, the command would be about something that the guest never saw. */
export function isOver(command: GameCommand, given: Table | null, now: Table | null): boolean {
  if (given === null || now === null) return false;
  switch (command.type) {
    case "request_next":
    case "previous":
    case "skip":
    case "withdraw_next":
    case "reveal":
      return placeOf(given) !== placeOf(now);
    case "start_afresh":
      return given.context !== now.context || roundOf(given.play) !== roundOf(now.play);
    case "choose_context":
      return given.context !== now.context;
    default:
      return false;
  }
}
