/** Pairing codes and join links as people type, read aloud and scan them. */

const ALPHABET = "BCDFGHJKLMNPQRSTVWXZ";
export const CODE_LENGTH = 6;

/** Letters of a code in what a guest typed; case, spaces, dashes and anything else do not matter. At most six. */
export function codeLetters(typed: string): string {
  return Array.from(typed.toUpperCase())
    .filter((letter) => ALPHABET.includes(letter))
    .join("")
    .slice(0, CODE_LENGTH);
}

/** Latin letters that no code contains (vowels and Y): typing one means a misheard letter, so it is worth saying. */
export function hasForeignLetters(typed: string): boolean {
  return /[^\s\-–—._]/.test(
    Array.from(typed.toUpperCase())
      .filter((letter) => !ALPHABET.includes(letter))
      .join(""),
  );
}

export function formatCode(letters: string): string {
  return letters.length > 3 ? `${letters.slice(0, 3)}-${letters.slice(3)}` : letters;
}

/** Where the caret stands in the clean code when it stood at `caret` in what was typed: correcting a letter keeps it there. */
export function caretInCode(typed: string, caret: number): number {
  const typedBefore = typed.slice(0, caret);
  const before = codeLetters(typedBefore).length;
  // Whoever deletes the dash comes to stand before it, to delete the letter next.
  const behindDash = before > 3 || (before === 3 && typedBefore.includes("-"));
  return behindDash && codeLetters(typed).length > 3 ? before + 1 : before;
}

/** What a screen reader should say: letter by letter, with a pause in the middle. */
export function spellCode(code: string): string {
  const letters = codeLetters(code);
  return [letters.slice(0, 3), letters.slice(3)].map((half) => half.split("").join(" ")).join(", ");
}

export interface JoinLink {
  sessionId: string;
  secret: string;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Reads `#join={session_id}.{secret}`; null when the fragment is anything else. */
export function readJoinFragment(fragment: string): JoinLink | null {
  const match = /^#?join=([^.]+)\.([A-Za-z0-9_-]{8,128})$/.exec(fragment);
  if (match === null || match[1] === undefined || match[2] === undefined || !UUID.test(match[1])) return null;
  return { sessionId: match[1].toLowerCase(), secret: match[2] };
}

/** The join link on the origin this phone itself reached: the partner's phone surely reaches that one too. */
export function localJoinUrl(joinUrl: string, origin: string): string {
  try {
    const url = new URL(joinUrl);
    return `${origin}${url.pathname}${url.hash}`;
  } catch {
    return joinUrl;
  }
}
