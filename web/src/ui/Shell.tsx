/** What every screen stands in: the stage with the table on top, the screen below. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { setLanguage } from "../actions";
import { wakeUp } from "../following";
import { LANGUAGES, type Language } from "../i18n";
import { useApp, useStrings } from "../store";
import { Button } from "./Button";
import { useLastHeir } from "./focus";
import { type Seat, TableTop } from "./TableTop";
import { useSaid } from "./voice";

export interface Stage {
  left: Seat;
  right: Seat;
  lit?: boolean;
  /** A smaller picture, where the screen below needs the room. */
  compact?: boolean;
  /** No picture at all: the cards need the room. */
  slim?: boolean;
}

function LanguageSwitch() {
  const { language, strings } = useApp();
  return (
    <label class="language">
      <span class="visually-hidden">{strings.language}</span>
      <select
        data-testid="language"
        value={language}
        onChange={(event) => void setLanguage(event.currentTarget.value as Language)}
      >
        {Object.entries(LANGUAGES).map(([tag, name]) => (
          <option key={tag} value={tag} lang={tag}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function ConnectionState() {
  const { connection, strings, route, online } = useApp();
  const inSession = route.name === "session";
  const shown = inSession ? connection : online ? null : "offline";
  // Of another tab `ElsewhereNote` tells, with the way on.
  const well = shown === null || shown === "live" || shown === "ended" || shown === "replaced";
  // Inside a session `WatchNetwork` says what is lost.
  useSaid(shown === "replaced" || (shown === "offline" && !inSession) ? strings.connection[shown] : null);
  return (
    <p
      id="connection-state"
      class={`connection connection-${shown ?? "none"}${well ? " visually-hidden" : ""}`}
      data-testid="connection-state"
      data-state={shown ?? "none"}
    >
      {shown !== null && shown !== "ended" && (
        <>
          <span class="dot" aria-hidden="true" />
          <span>{strings.connection[shown]}</span>
        </>
      )}
    </p>
  );
}

/** Another tab has the session: nothing here can be pressed but this. */
function ElsewhereNote() {
  const { connection, strings, route } = useApp();
  if (route.name !== "session" || connection !== "replaced") return null;
  return (
    <section class="aside" data-testid="elsewhere">
      <p class="aside-title">{strings.connection.replaced}</p>
      <Button testId="use-here" kind="primary" onClick={wakeUp}>
        {strings.connection.useHere}
      </Button>
    </section>
  );
}

interface ShellProps {
  stage: Stage;
  /** Stands in the bar, beside the language. */
  menu?: ComponentChildren;
  children: ComponentChildren;
}

export function Shell({ stage, menu, children }: ShellProps) {
  const { compact, slim, ...seats } = stage;
  const { table, picture, strings } = useApp();
  const number = picture?.table_number ?? table?.table.number;
  return (
    <>
      <header class={slim ? "stage slim" : compact ? "stage compact" : "stage"}>
        <div class="bar">
          <span class="brand">Twotop</span>
          <span class="bar-end">
            <LanguageSwitch />
            {menu}
          </span>
        </div>
        {table && (
          <p class="place" data-testid="place">
            <span data-testid="location-name">{table.location.name}</span>
            <span class="place-table" data-testid="table-number">
              {strings.tableLabel} {number}
            </span>
          </p>
        )}
        {!slim && <TableTop number={number} {...seats} />}
        <ConnectionState />
      </header>
      <main class="screen">
        <ElsewhereNote />
        {children}
      </main>
    </>
  );
}

interface HeadingProps {
  children: string;
  testId?: string;
  /** What the browser's history and the list of open apps show, where that is not for everybody's eyes. */
  title?: string;
  /** False where a field takes the focus instead. */
  focused?: boolean;
}

/** A screen's heading. It takes the focus when its screen appears, so that nobody has to search for what changed. */
export function Heading({ children, testId, title = children, focused = true }: HeadingProps) {
  const ref = useRef<HTMLHeadingElement>(null);
  const { table } = useApp();
  const place = table?.location.name ?? "Twotop";
  useEffect(() => {
    if (focused) ref.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, []);
  useEffect(() => {
    document.title = `${title} · ${place}`;
  }, [title, place]);
  useLastHeir(ref);
  return (
    <h1 ref={ref} tabIndex={-1} data-testid={testId}>
      {children}
    </h1>
  );
}

export function Back({ onClick }: { onClick: () => void }) {
  const { actions } = useStrings();
  return (
    <button type="button" class="back" data-testid="back" onClick={onClick}>
      <svg viewBox="0 0 24 24" aria-hidden="true" focusable="false">
        <path d="M15 5l-7 7 7 7" />
      </svg>
      {actions.back}
    </button>
  );
}
