import fc from "fast-check";
import { expect, test } from "vitest";
import {
  caretInCode,
  codeLetters,
  formatCode,
  hasForeignLetters,
  localJoinUrl,
  readJoinFragment,
  spellCode,
} from "../src/pairing/code";

const SESSION = "5e551011-0000-4000-8000-000000000003";
const SECRET = "abcdefghijklmnopqrst-_";

test("case, spaces and dashes in what a guest types do not matter", () => {
  const code = fc.array(fc.constantFrom(..."BCDFGHJKLMNPQRSTVWXZ"), { minLength: 6, maxLength: 6 });
  const noise = fc.array(fc.constantFrom("", " ", "-", "–", ".", "\t"), { minLength: 6, maxLength: 6 });
  fc.assert(
    fc.property(code, noise, fc.boolean(), (letters, gaps, small) => {
      const typed = letters.map((letter, index) => (small ? letter.toLowerCase() : letter) + gaps[index]).join("");
      expect(codeLetters(typed)).toBe(letters.join(""));
      expect(hasForeignLetters(typed)).toBe(false);
    }),
  );
});

test("what a code cannot hold is left out, and noticed", () => {
  expect(codeLetters("krAt7mxqzz")).toBe("KRTMXQ");
  expect(hasForeignLetters("kra")).toBe(true);
  expect(hasForeignLetters("kr7")).toBe(true);
});

test("codes are shown in two threes and spelled letter by letter", () => {
  expect(formatCode("KRT")).toBe("KRT");
  expect(formatCode("KRTM")).toBe("KRT-M");
  expect(spellCode("KRT-MXQ")).toBe("K R T, M X Q");
});

test("a join link is read from the fragment, and only from a whole one", () => {
  expect(readJoinFragment(`#join=${SESSION}.${SECRET}`)).toEqual({ sessionId: SESSION, secret: SECRET });
  for (const broken of ["", "#", "#join=", `#join=${SESSION}`, `#join=x.${SECRET}`, `#join=${SESSION}.a b`, "#menu"]) {
    expect(readJoinFragment(broken)).toBeNull();
  }
});

test("the link names the origin that this phone reached", () => {
  expect(localJoinUrl(`http://127.0.0.1:8080/t/tok#join=${SESSION}.${SECRET}`, "http://192.168.1.20:8080")).toBe(
    `http://192.168.1.20:8080/t/tok#join=${SESSION}.${SECRET}`,
  );
});

test.each<[string, string, number, number]>([
  ["the fourth letter is typed at the end", "BCDF", 4, 5],
  ["a letter is put in the middle", "BXCD-F", 2, 2],
  ["a letter behind the dash is deleted", "BCD-G", 4, 4],
  ["the dash is deleted", "BCDF", 3, 3],
  ["a vowel is typed in the middle", "BaCD-F", 2, 1],
  ["the code is pasted", "bcd fgh", 7, 7],
])("the caret stays where the guest corrects: %s", (_, typed, caret, kept) => {
  expect(caretInCode(typed, caret)).toBe(kept);
});
