/** A QR code drawn on this phone. The encoder is fetched only when a code is to be shown. */
import { useEffect, useState } from "preact/hooks";
import { afterFailure, reloadOnceIn } from "../missing-file";
import { useStrings } from "../store";
import { Button } from "./Button";

interface Drawing {
  size: number;
  path: string;
}

async function draw(text: string): Promise<Drawing> {
  const { encode } = await import("uqr");
  // The quiet zone of the standard; what a screen shows is never worn, and larger squares are found sooner.
  const { data, size } = encode(text, { ecc: "L", border: 4 });
  const path = data
    .flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : "")))
    .filter(Boolean)
    .join("");
  return { size, path };
}

export function Qr({ text, label }: { text: string; label: string }) {
  const [drawing, setDrawing] = useState<Drawing | null>(null);
  const [failed, setFailed] = useState(false);
  const { waiting, actions } = useStrings();
  useEffect(() => {
    let shown = true;
    const keepDrawing = async () => {
      for (let failures = 1; shown; failures++) {
        const one = await draw(text).catch(() => null);
        if (!shown) return;
        setFailed(one === null);
        setDrawing(one);
        if (one !== null) return;
        await afterFailure(failures, null);
      }
    };
    void keepDrawing();
    return () => {
      shown = false;
    };
  }, [text]);
  if (failed) {
    return (
      <div class="qr-failed" data-testid="qr-failed">
        <p>{waiting.qrFailed}</p>
        <Button testId="qr-retry" onClick={() => void reloadOnceIn(0)}>
          {actions.retry}
        </Button>
      </div>
    );
  }
  const size = drawing?.size ?? 37;
  return (
    <svg
      class="qr"
      viewBox={`0 0 ${size} ${size}`}
      role="img"
      aria-label={label}
      data-testid="join-qr"
      data-drawn={drawing !== null}
      shape-rendering="crispEdges"
    >
      <rect class="qr-paper" width={size} height={size} />
      {drawing && <path class="qr-ink" d={drawing.path} />}
    </svg>
  );
}
