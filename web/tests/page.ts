/** As much of a browser's page as Preact needs, so that what is seen, pressed and focused can be tested without a browser. */
import { type ComponentChild, type ContainerNode, render } from "preact";
import { act } from "preact/test-utils";
import { vi } from "vitest";

export class FakeNode extends EventTarget {
  parentNode: FakeNode | null = null;
  childNodes: FakeNode[] = [];
  readonly attributes = new Map<string, string>();
  readonly style = { setProperty: () => undefined, removeProperty: () => undefined };
  value = "";
  readonly classes = new Set<string>();
  readonly classList = {
    add: (name: string) => void this.classes.add(name),
    remove: (name: string) => void this.classes.delete(name),
    toggle: (name: string, on: boolean) => void (on ? this.classes.add(name) : this.classes.delete(name)),
  };
  readonly nodeType: number;
  disabled = false;

  constructor(
    readonly localName: string | null,
    public data = "",
  ) {
    super();
    this.nodeType = localName === null ? 3 : 1;
  }

  get nextSibling(): FakeNode | null {
    const siblings = this.parentNode?.childNodes ?? [];
    return siblings[siblings.indexOf(this) + 1] ?? null;
  }

  get firstChild(): FakeNode | null {
    return this.childNodes[0] ?? null;
  }

  get isConnected(): boolean {
    return this === page.body || (this.parentNode?.isConnected ?? false);
  }

  get textContent(): string {
    return this.data + this.childNodes.map((one) => one.textContent).join("");
  }

  insertBefore(node: FakeNode, before: FakeNode | null): FakeNode {
    node.remove();
    const at = before === null ? this.childNodes.length : this.childNodes.indexOf(before);
    this.childNodes.splice(at, 0, node);
    node.parentNode = this;
    page.changed(this);
    return node;
  }

  removeChild(node: FakeNode): FakeNode {
    node.remove();
    return node;
  }

  remove(): void {
    const parent = this.parentNode;
    if (parent === null) return;
    parent.childNodes = parent.childNodes.filter((one) => one !== this);
    this.parentNode = null;
    page.changed(parent);
    if (!page.activeElement.isConnected) page.activeElement = page.body;
  }

  contains(other: FakeNode | null): boolean {
    return other === this || (other !== null && this.contains(other.parentNode));
  }

  setAttribute(name: string, value: unknown): void {
    this.attributes.set(name, String(value));
  }

  removeAttribute(name: string): void {
    this.attributes.delete(name);
  }

  getAttribute(name: string): string | null {
    return this.attributes.get(name) ?? null;
  }

  focus(): void {
    page.activeElement = this;
    const event = new Event("focusin");
    Object.defineProperty(event, "target", { value: this });
    page.dispatchEvent(event);
  }

  /** Of tags alone: `textarea, input`. */
  closest(selector: string): FakeNode | null {
    const found = this.localName !== null && selector.split(", ").includes(this.localName);
    return found ? this : (this.parentNode?.closest(selector) ?? null);
  }

  scrollIntoView(): void {
    page.scrolledTo = this;
  }

  showModal(): void {
    this.setAttribute("open", "");
  }

  close(): void {
    this.removeAttribute("open");
  }

  *all(): Generator<FakeNode> {
    yield this;
    for (const child of this.childNodes) yield* child.all();
  }
}

class FakePage extends EventTarget {
  title = "";
  visibilityState = "visible";
  scrolledTo: FakeNode | null = null;
  readonly body = new FakeNode("body");
  activeElement: FakeNode = this.body;
  readonly documentElement = new FakeNode("html");
  private readonly watched = new Map<FakeNode, number>();

  createElementNS(_namespace: string, name: string): FakeNode {
    return new FakeNode(name);
  }

  createTextNode(text: string): FakeNode {
    return new FakeNode(null, text);
  }

  /** Of a tag and an attribute: `dialog[open]`. */
  querySelector(selector: string): FakeNode | null {
    const [name, attribute] = selector.split(/[[\]]/) as [string, string];
    return [...this.body.all()].find((one) => one.localName === name && one.getAttribute(attribute) !== null) ?? null;
  }

  /** From now on, how often children came to or went from `node`. */
  watch(node: FakeNode): () => number {
    this.watched.set(node, 0);
    return () => this.watched.get(node) ?? 0;
  }

  changed(node: FakeNode): void {
    const count = this.watched.get(node);
    if (count !== undefined) this.watched.set(node, count + 1);
  }
}

export const page = new FakePage();

/** Call before each test: what a browser has everywhere. */
export function openPage(): void {
  vi.stubGlobal("document", page);
  vi.stubGlobal("Element", FakeNode);
  vi.stubGlobal("navigator", {});
  vi.stubGlobal("scrollTo", () => undefined);
  vi.stubGlobal("matchMedia", () => ({ matches: false }));
  vi.stubGlobal("visualViewport", Object.assign(new EventTarget(), { scale: 1 }));
  const listeners = new EventTarget();
  vi.stubGlobal("addEventListener", listeners.addEventListener.bind(listeners));
  vi.stubGlobal("removeEventListener", listeners.removeEventListener.bind(listeners));
  vi.stubGlobal("dispatchEvent", listeners.dispatchEvent.bind(listeners));
}

/** Call after each test. */
export async function closePage(): Promise<void> {
  await show(null);
  page.activeElement = page.body;
  page.scrolledTo = null;
  vi.unstubAllGlobals();
}

export function show(what: ComponentChild): Promise<void> {
  return act(() => render(what, page.body as unknown as ContainerNode));
}

export function maybe(testId: string): FakeNode | undefined {
  return [...page.body.all()].find((one) => one.getAttribute("data-testid") === testId);
}

export function find(testId: string): FakeNode {
  const found = maybe(testId);
  if (found === undefined) throw new Error(`no ${testId} on the page`);
  return found;
}

/** A press as a thumb does it: the button has the focus, then is clicked. */
export function press(testId: string): Promise<void> {
  const button = find(testId);
  return act(async () => {
    button.focus();
    button.dispatchEvent(new Event("click", { cancelable: true }));
  });
}

/** Types into a field, which afterwards holds these words and no others. */
export function write(testId: string, words: string): Promise<void> {
  const field = find(testId);
  return act(async () => {
    field.value = words;
    field.dispatchEvent(new Event("input"));
  });
}

export { act };
