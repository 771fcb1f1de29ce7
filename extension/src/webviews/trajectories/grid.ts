/** Arrays as grids, before, expected and predicted beside each other, and pictures the same way. */

import { interpolateCividis } from "d3-scale-chromatic";

import type { Cell, Field, Image } from "../../shared/trajectories";
import { element } from "../common/dom";
import { visible } from "../common/words";
import { luminance } from "../searchTree/colours";
import { gridShape, number, text } from "./parts";

const MOST_CELLS = 4096;
type Range = readonly [low: number, high: number];

const COLUMNS = ["before", "expected", "predicted"] as const;

/** The grids of a field at a step. */
export function gridsOf(field: Field, at: number): HTMLElement {
  const wrong = new Set(field.wrong[at]);
  const all = COLUMNS.map((name) => cellsOf(field[name]?.[at]));
  const numbers = all.flatMap((cells) => (cells ?? []).map(number)).filter((value) => value !== null);
  const range: Range = [Math.min(...numbers), Math.max(...numbers)];
  const tables = COLUMNS.map((name, index) => {
    const cells = all[index];
    return cells ? captioned(name, table(field, name, cells, name === "predicted" ? wrong : new Set(), range)) : null;
  });
  return section(field.name, wrong.size, tables);
}

/** A picture at a step. */
export function imagesOf(image: Image): HTMLElement {
  const canvases = COLUMNS.map((name) => {
    const bytes = image[name];
    return bytes === null ? null : captioned(name, canvas(image, bytes, `${image.name}, ${name}`));
  });
  return section(image.name, 0, canvases);
}

function section(name: string, wrong: number, parts: readonly (HTMLElement | null)[]): HTMLElement {
  return element(
    "section",
    { class: "array" },
    element(
      "h3",
      {},
      element("code", {}, visible(name)),
      wrong > 0 && element("span", { class: "wrong-count" }, ` ${wrong} wrong`),
    ),
    element("div", { class: "side-by-side" }, ...parts),
  );
}

function captioned(caption: string, content: HTMLElement): HTMLElement {
  return element("figure", { class: "array-part" }, element("figcaption", {}, caption), content);
}

function cellsOf(entry: Cell | readonly Cell[] | null | undefined): readonly Cell[] | null {
  return Array.isArray(entry) ? (entry as readonly Cell[]) : null;
}

function table(
  field: Field,
  name: string,
  cells: readonly Cell[],
  wrong: ReadonlySet<number>,
  [low, high]: Range,
): HTMLElement {
  const { rows, columns, depth } = gridShape(field);
  if (rows * columns > MOST_CELLS) return element("p", {}, `${rows} \u00d7 ${columns} is too large to show`);
  const body = Array.from({ length: rows }, (_, row) =>
    element(
      "tr",
      {},
      ...Array.from({ length: columns }, (__, column) => {
        const first = (row * columns + column) * depth;
        const parts = cells.slice(first, first + depth);
        const isWrong = parts.some((___, index) => wrong.has(first + index));
        const words = parts.map((part) => text(part, 3)).join(",");
        const made = element("td", { class: isWrong ? "wrong" : null }, visible(words));
        const value = number(parts[0]);
        if (value !== null && depth === 1 && high > low) colour(made, (value - low) / (high - low));
        return made;
      }),
    ),
  );
  return element("table", { class: "grid", "aria-label": name }, element("tbody", {}, ...body));
}

function colour(cell: HTMLElement, fraction: number): void {
  const fill = interpolateCividis(fraction);
  cell.style.background = fill;
  cell.style.color = luminance(fill) > 0.179 ? "#000000" : "#ffffff";
}

function canvas(image: Image, bytes: string, label: string): HTMLElement {
  const [height, width, channels] = image.shape;
  const made = element("canvas", { width, height, role: "img", "aria-label": visible(label) });
  const context = made.getContext("2d");
  const raw = Uint8Array.from(atob(bytes), (character) => character.codePointAt(0) ?? 0);
  const pixels = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    for (let channel = 0; channel < 4; channel += 1) {
      const from = channels === 1 ? 0 : channel;
      pixels.data[pixel * 4 + channel] = channel === 3 && channels < 4 ? 255 : (raw[pixel * channels + from] ?? 255);
    }
  }
  context?.putImageData(pixels, 0, 0);
  return made;
}
