/** The signs that the view is drawn with. */
export interface Glyphs {
  readonly branch: string;
  readonly last: string;
  readonly through: string;
  readonly gap: string;
  readonly full: string;
  readonly empty: string;
  readonly error: string;
  readonly link: string;
  /** Where a text is cut off. */
  readonly ellipsis: string;
}

const UNICODE: Glyphs = {
  branch: "├─ ",
  last: "└─ ",
  through: "│  ",
  gap: "   ",
  full: "█",
  empty: "░",
  error: "✗",
  link: "↪",
  ellipsis: "…",
};

const ASCII: Glyphs = {
  branch: "|- ",
  last: "`- ",
  through: "|  ",
  gap: "   ",
  full: "#",
  empty: ".",
  error: "x",
  link: "->",
  ellipsis: "~",
};

/** The same in narrower branches, for narrow terminals. */
export function compact(glyphs: Glyphs): Glyphs {
  const { branch, last, through, gap } = glyphs;
  return {
    ...glyphs,
    branch: narrow(branch),
    last: narrow(last),
    through: narrow(through),
    gap: narrow(gap),
  };
}

function narrow(branch: string): string {
  return `${branch[0] ?? ""} `;
}

/** ASCII where the locale is named and is not UTF-8; in a container it mostly is not named. */
export function glyphsFor(env: Readonly<Record<string, string | undefined>>): Glyphs {
  const locale = env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"] || "";
  return locale === "" || /utf-?8/i.test(locale) ? UNICODE : ASCII;
}
