import stringWidth from "string-width";

/**
 * Text that a terminal shows as it stands. What comes in spans is anybody's: a control character in
 * a name could move the cursor, set the window's title or write to the clipboard.
 */
export function printable(text: string): string {
  // Controls, line and paragraph separators, and what turns the direction of writing.
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "�");
}

/** How many columns a text takes: two for East Asian wide characters and most emoji. */
export function width(text: string): number {
  return stringWidth(text);
}

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** A text in at most `columns`, with an ellipsis where something was cut off. */
export function fit(text: string, columns: number, ellipsis = "…"): string {
  if (width(text) <= columns) return text;
  if (columns <= 0) return "";
  let kept = "";
  let taken = width(ellipsis);
  for (const { segment } of graphemes.segment(text)) {
    taken += width(segment);
    if (taken > columns) break;
    kept += segment;
  }
  return kept + ellipsis;
}

/** A text in exactly `columns`, filled up with spaces on the right, or on the left. */
export function pad(text: string, columns: number, side: "left" | "right" = "right"): string {
  const fitted = fit(text, columns);
  const spaces = " ".repeat(Math.max(0, columns - width(fitted)));
  return side === "right" ? fitted + spaces : spaces + fitted;
}
