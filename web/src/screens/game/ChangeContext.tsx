/** Another deck in the middle of the evening. With two phones it is a wish until the other agrees. */
import type { Context } from "../../api/types";
import { changeContext } from "../../playing";
import { useApp } from "../../store";
import { ChooseContext } from "../ChooseContext";
import { type Company, seats } from "../company";

export function ChangeContext({ us, onDone }: { us: Company; onDone: () => void }) {
  const { strings, picture } = useApp();
  const words = strings.game;
  const change = async (context: Context) => {
    const done = await changeContext(context);
    if (done) onDone();
    return done;
  };
  return (
    <ChooseContext
      stage={{ ...seats(us), compact: true }}
      present={picture?.context ?? null}
      title={words.otherContext}
      body={us.partner ? words.contextNeedsBoth : words.contextGoesOn}
      onBack={onDone}
      onChoose={change}
    />
  );
}
