/** Language of the page: what the guest chose, else the phone's, else the restaurant's, else English. */
import { en } from "./en";
import type { Strings } from "./strings";

export type { Strings } from "./strings";

export const LANGUAGES = { en: "English", vi: "Tiếng Việt", es: "Español", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

const CHOSEN = "twotop.language";

const loaders: Record<Language, () => Promise<Strings>> = {
  en: async () => en,
  vi: async () => (await import("./vi")).vi,
  es: async () => (await import("./es")).es,
  de: async () => (await import("./de")).de,
};

export function asLanguage(tag: string | null | undefined): Language | null {
  const base = (tag ?? "").toLowerCase().split("-")[0] ?? "";
  return Object.hasOwn(LANGUAGES, base) ? (base as Language) : null;
}

export function chosenLanguage(): Language | null {
  try {
    return asLanguage(localStorage.getItem(CHOSEN));
  } catch {
    return null;
  }
}

export function rememberLanguage(language: Language): void {
  try {
    localStorage.setItem(CHOSEN, language);
  } catch {
    // A private window: the choice lasts as long as the page.
  }
}

/** `location` is the restaurant's language, which only counts when the phone speaks none of ours. */
export function pickLanguage(phone: readonly string[], location: string | null): Language {
  for (const tag of phone) {
    const language = asLanguage(tag);
    if (language !== null) return language;
  }
  return asLanguage(location) ?? "en";
}

/** Raises when the file of the language cannot be fetched now. */
export async function loadStrings(language: Language): Promise<Strings> {
  return loaders[language]();
}

export const builtIn: Strings = en;
