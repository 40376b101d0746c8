/** The choices of a card where none can be made: to be talked about, or read again. */
import type { Question } from "../../api/types";

export function ChoicesRead({ question, lang }: { question: Question; lang: string }) {
  if (question.choices.length === 0) return null;
  return (
    <ul class="choices choices-read" data-testid="choices-read" lang={lang}>
      {question.choices.map((one) => (
        <li key={one.id}>{one.text}</li>
      ))}
    </ul>
  );
}
