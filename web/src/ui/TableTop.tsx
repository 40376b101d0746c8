/** The table from above, with a seat for each phone: the app's picture of who is here and who is ready. Decorative. */
export type Seat = "free" | "expected" | "here" | "away" | "ready";

interface Props {
  number?: string | undefined;
  left: Seat;
  right: Seat;
  lit?: boolean;
}

const chair = (side: "left" | "right") => (side === "left" ? "M66 58c-18 24-18 60 0 84" : "M254 58c18 24 18 60 0 84");

function Place({ side, seat }: { side: "left" | "right"; seat: Seat }) {
  const x = side === "left" ? 112 : 208;
  return (
    <g class={`seat seat-${seat}`}>
      <path class="chair" d={chair(side)} />
      <circle class="plate" cx={x} cy="100" r="24" />
      <circle class="plate-rim" cx={x} cy="100" r="16" />
      {seat === "ready" && <path class="tick" d={`M${x - 8} 101l6 6 11-13`} />}
    </g>
  );
}

export function TableTop({ number, left, right, lit = false }: Props) {
  return (
    <svg class={lit ? "tabletop lit" : "tabletop"} viewBox="0 0 320 200" aria-hidden="true" focusable="false">
      <defs>
        <radialGradient id="candlelight">
          <stop class="light-near" offset="45%" />
          <stop class="light-far" offset="100%" />
        </radialGradient>
      </defs>
      <circle class="glow" cx="160" cy="100" r="170" fill="url(#candlelight)" />
      <circle class="cloth" cx="160" cy="100" r="84" />
      <circle class="hem" cx="160" cy="100" r="77" />
      <Place side="left" seat={left} />
      <Place side="right" seat={right} />
      {lit ? (
        <g class="candle">
          <circle class="candle-dish" cx="160" cy="100" r="14" />
          <path class="flame" d="M160 84c7 8 10 13 10 18a10 10 0 0 1-20 0c0-5 3-10 10-18z" />
        </g>
      ) : (
        <text class="table-number" x="160" y="111" text-anchor="middle">
          {number}
        </text>
      )}
    </svg>
  );
}
