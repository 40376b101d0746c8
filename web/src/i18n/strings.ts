import type { ProblemCode, RefusalReason } from "../api/problems";
import type { Move, Want } from "../api/types";

export interface Words {
  title: string;
  body: string;
}

/** Every text of the guest app. A language that misses one does not pass the type check. */
export interface Strings {
  /** BCP 47 tag for dates and times. */
  locale: string;
  language: string;
  tableLabel: string;
  landing: Words;
  loading: string;
  status: Record<
    "closedTitle" | "disabledTitle" | "disabledBody" | "unknownTitle" | "unknownBody" | "lookAgain",
    string
  > & { closedBody(opensAt: string | null): string };
  decide: Record<
    | "title"
    | "body"
    | "two"
    | "twoHint"
    | "one"
    | "oneHint"
    | "join"
    | "joinHint"
    | "playOff"
    | "dualOff"
    | "resumeTitle"
    | "resumeBody"
    | "resume"
    | "startNew"
    | "chooseTitle",
    string
  >;
  context: Record<
    | "title"
    | "body"
    | "exploring"
    | "exploringHint"
    | "established"
    | "establishedHint"
    | "mature"
    | "matureHint"
    | "matureTitle"
    | "matureBody"
    | "matureBodyOnePhone"
    | "matureYes"
    | "matureNo",
    string
  >;
  waiting: Record<
    | "title"
    | "body"
    | "codeLabel"
    | "copy"
    | "copied"
    | "notCopied"
    | "share"
    | "scan"
    | "qrLabel"
    | "qrFailed"
    | "expiredTitle"
    | "expiredBody"
    | "withdrawnTitle"
    | "withdrawnBody"
    | "hiddenTitle"
    | "hiddenBody"
    | "newCode"
    | "alone"
    | "haveCode"
    | "perhapsBack",
    string
  > & { expiresIn(time: string): string };
  join: Record<
    "title" | "body" | "label" | "hint" | "foreign" | "own" | "submit" | "joining" | "joiningBody" | "notJoined",
    string
  > & {
    /** Of a link that was scanned, nobody has typed a letter. */
    linkInvalid: Words;
  };
  ready: Record<
    | "title"
    | "body"
    | "you"
    | "partner"
    | "ready"
    | "notReady"
    | "isReady"
    | "isHere"
    | "isAway"
    | "isGone"
    | "isLeft"
    | "waitingForPartner"
    | "partnerWaits"
    | "goesOn"
    | "absentTitle"
    | "absentBody"
    | "absentBodyNoInvite"
    | "leftTitle"
    | "leftBody"
    | "leftBodyNoInvite"
    | "inviteAgain",
    string
  >;
  both: Words;
  single: Words & { invite: string };
  /** The cards. A wish is what one of two phones has asked for and the other has not agreed to yet. */
  game: Record<Move, string> &
    Record<
      | "first"
      | "moves"
      | "cardLoading"
      | "cardMissing"
      | "hint"
      | "answers"
      | "writeAnswer"
      | "changeAnswer"
      | "answerLabel"
      | "answerHint"
      | "sendAnswer"
      | "iAnswered"
      | "theyAnswered"
      | "waiting"
      | "waitingGone"
      | "takeBack"
      | "goneBody"
      | "leftBody"
      | "finishedTitle"
      | "finishedBody"
      | "afresh"
      | "afreshTitle"
      | "afreshBody"
      | "otherContext"
      | "contextNeedsBoth"
      | "contextGoesOn"
      | "lastCard"
      | "menu"
      | "toCards"
      | "aloneTitle"
      | "aloneBody"
      | "inviting"
      | "noNetwork"
      | "offlineTitle"
      | "offlineBody"
      | "offlineFirst"
      | "leaf"
      | "dealtNote",
      string
    > & {
      progress(position: number, size: number): string;
      cardTitle(position: number, size: number): string;
      bothChose(choice: string): string;
      mine: Record<Want, string> & { wishContext(name: string): string };
      theirs: Record<Want, string> & { wishContext(name: string): string };
      grant: Record<Want, string>;
    };
  session: Record<
    | "end"
    | "leave"
    | "endTitle"
    | "endTitleOnePhone"
    | "leaveTitle"
    | "endBody"
    | "endBodyOnePhone"
    | "leaveBody"
    | "keep"
    | "again"
    | "toTable",
    string
  >;
  ended: Record<
    "closedTitle" | "closedBody" | "expiredTitle" | "expiredBody" | "pairingBody" | "leftTitle" | "leftBody",
    string
  >;
  connection: Record<
    "connecting" | "live" | "polling" | "reconnecting" | "offline" | "replaced" | "useHere" | "ended",
    string
  >;
  announce: Record<
    | "joined"
    | "left"
    | "partnerReady"
    | "partnerNotReady"
    | "bothReady"
    | "codeExpired"
    | "newCode"
    | "partnerBack"
    | "partnerAway"
    | "wishWithdrawn"
    | "partnerAnswered"
    | "answersRevealed"
    | "hintShown",
    string
  > & { wishes: Record<Want, string> };
  actions: Record<
    | "back"
    | "retry"
    | "reload"
    | "startOver"
    | "otherCode"
    | "correctCode"
    | "onePhone"
    | "joinInstead"
    | "close"
    | "notNow",
    string
  > & {
    retryIn(time: string): string;
  };
  problems: Record<ProblemCode, Words>;
  /** `not_allowed`, where the rules say why. */
  refusals: Record<RefusalReason, Words>;
}
