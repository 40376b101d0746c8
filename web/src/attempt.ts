/** One thing the guest asked for, and what becomes of a refusal. */
import { asProblem } from "./api/problems";
import { type Busy, current, type Pressed, update } from "./store";

/** Counts what was asked for: what was given up meanwhile must not end what was asked for after it. */
let asked = 0;

/** Runs one thing the guest asked for; a refusal becomes the problem on the screen, to be tried again. False when refused. */
export async function attempt(busy: Busy, action: () => Promise<void>): Promise<boolean> {
  if (current().busy !== null) return false;
  update({ busy });
  const mine = ++asked;
  const done = await allowed(action, () => void attempt(busy, action));
  if (mine === asked) update({ busy: null });
  return done;
}

/** The same at the card: one press at a time, and what is pressed while another press is on its way is not meant. */
export async function press(pressed: Pressed, action: () => Promise<void>): Promise<boolean> {
  if (current().pressed !== null) return false;
  update({ pressed });
  const done = await allowed(action, () => void press(pressed, action));
  update({ pressed: null });
  return done;
}

async function allowed(action: () => Promise<void>, again: () => void): Promise<boolean> {
  const { route } = current();
  update({ problem: null, retry: null });
  try {
    await action();
    return true;
  } catch (error) {
    // A guest who went elsewhere meanwhile wants it no more.
    update({ problem: asProblem(error), retry: current().route === route ? again : null });
    return false;
  }
}
