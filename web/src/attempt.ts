/** One thing the guest asked for, and what becomes of a refusal. */
import { asProblem } from "./api/problems";
import { type Busy, current, type Pressed, update } from "./store";

let latest: () => void = () => undefined;

/** What was refused last, once more. */
export function again(): void {
  latest();
}

/** Runs one thing the guest asked for; a refusal becomes the problem on the screen. False when refused. */
export async function attempt(busy: Busy, action: () => Promise<void>): Promise<boolean> {
  if (current().busy !== null) return false;
  latest = () => void attempt(busy, action);
  update({ busy, problem: null });
  const done = await allowed(action);
  update({ busy: null });
  return done;
}

async function allowed(action: () => Promise<void>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    update({ problem: asProblem(error) });
    return false;
  }
}

/** The same at the card: one press at a time, and what is pressed while another press is on its way is not meant. */
export async function press(pressed: Pressed, action: () => Promise<void>): Promise<boolean> {
  if (current().pressed !== null) return false;
  latest = () => void press(pressed, action);
  update({ pressed, problem: null });
  const done = await allowed(action);
  update({ pressed: null });
  return done;
}
