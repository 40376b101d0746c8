/** The one polite voice for screen readers. It stands at the root: a region that came with its words would not be read. */
import { useEffect, useRef } from "preact/hooks";
import { cardKey } from "../session/dealt";
import { current, update, useApp } from "../store";

export function say(text: string): void {
  update({ announcement: { key: current().announcement.key + 1, text } });
}

/** Says `text` when it comes up or changes, but not what was there from the start. */
export function useSaid(text: string | null): void {
  const before = useRef(text);
  useEffect(() => {
    if (before.current === text) return;
    before.current = text;
    if (text !== null) say(text);
  }, [text]);
}

export function Voice() {
  const { announcement, picture, route } = useApp();
  const question = picture?.play.question ?? null;
  const place = `${route.name}/${question && cardKey(question)}`;
  const before = useRef({ place, key: announcement.key, over: -1 });
  const { current: seen } = before;
  // What was said of another card or screen is not read again by whoever comes past it here.
  const over = seen.place !== place && seen.key === announcement.key ? announcement.key : seen.over;
  before.current = { place, key: announcement.key, over };
  return (
    <div class="visually-hidden" aria-live="polite" data-testid="announcement">
      {announcement.key !== over && <p key={announcement.key}>{announcement.text}</p>}
    </div>
  );
}
