/** Python source as lines of coloured pieces. */

import { classHighlighter, highlightCode } from "@lezer/highlight";
import { parser } from "@lezer/python";

/** A piece of a line; `name` is a class such as `tok-keyword`, or empty. */
export interface Piece {
  readonly text: string;
  readonly name: string;
}

/** The lines of a program, each in coloured pieces without its line break. */
export function colouredLines(source: string): readonly (readonly Piece[])[] {
  const lines: Piece[][] = [[]];
  highlightCode(
    source,
    parser.parse(source),
    classHighlighter,
    (text, name) => lines.at(-1)?.push({ text, name }),
    () => lines.push([]),
  );
  return lines;
}
