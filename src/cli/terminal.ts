/** What is written for people: colours only where a terminal shows them and nobody declined them. */

import { styleText } from "node:util";
import type { WriteStream } from "node:tty";

type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** Whether to colour what goes to this stream. NO_COLOR declines, as no-color.org has it. */
export function hasColours(stream: NodeJS.WriteStream | WriteStream): boolean {
  const { NO_COLOR, TERM } = process.env;
  return stream.isTTY && (NO_COLOR === undefined || NO_COLOR === "") && TERM !== "dumb";
}

/** Gives text a style if the stream shows colours. */
export function styled(stream: NodeJS.WriteStream, style: Style, text: string): string {
  return hasColours(stream) ? styleText(style, text) : text;
}

/** The width of the stream's terminal, or 80. */
export function columnsOf(stream: NodeJS.WriteStream): number {
  return stream.isTTY && stream.columns > 0 ? stream.columns : 80;
}

/** `1234567` as `1,234,567`. */
export function groupDigits(value: number): string {
  return value.toLocaleString("en-US");
}

/** `1 entry`, `2,000 entries`. */
export function countOf(value: number, singular: string, plural = `${singular}s`): string {
  return `${groupDigits(value)} ${value === 1 ? singular : plural}`;
}

/** The entries `[firstIndex, nextIndex)`: `20 entries (index 1 to 20)`. */
export function entriesOf(firstIndex: number, nextIndex: number): string {
  const count = countOf(nextIndex - firstIndex, "entry", "entries");
  return nextIndex > firstIndex ? `${count} (index ${firstIndex} to ${nextIndex - 1})` : count;
}

/** Control characters of a payload must not steer the terminal that shows it. */
export function escapeControls(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\x${code.toString(16).padStart(2, "0")}`;
  });
}
