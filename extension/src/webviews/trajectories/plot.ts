/** A number over the steps of an episode: a line as it was observed, points as it was predicted. */

import { scaleLinear } from "d3-scale";
import { select } from "d3-selection";
import { line } from "d3-shape";

import { element } from "../common/dom";
import { visible } from "../common/words";
import { number, type Scalar, text } from "./parts";

const MARGIN = { top: 6, right: 8, bottom: 6, left: 8 } as const;
const SIZE = { width: 300, height: 74 } as const;

export interface Plot {
  readonly element: HTMLElement;
  /** Marks the step that is looked at, counted from the first that is shown. */
  readonly mark: (at: number) => void;
}

/**
 * Draws one.
 *
 * @param count Steps that are shown.
 * @param onStep Told of the step that was clicked, counted from the first that is shown.
 */
export function plot(row: Scalar, count: number, onStep: (at: number) => void): Plot {
  const steps = Array.from({ length: count }, (_, step) => step);
  const values = steps.flatMap((step) => [number(row.expected(step)), number(row.predicted(step))]);
  const known = values.filter((value) => value !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const x = scaleLinear([0, Math.max(count - 1, 1)], [MARGIN.left, SIZE.width - MARGIN.right]);
  const y = scaleLinear([low, high], [SIZE.height - MARGIN.bottom, MARGIN.top]);
  const figure = element("figure", { class: "plot" });
  const svg = select(figure)
    .append("svg")
    .attr("viewBox", `0 0 ${SIZE.width} ${SIZE.height}`)
    .attr("role", "img")
    .attr("aria-label", `${visible(row.name)} over the steps, from ${text(low, 4)} to ${text(high, 4)}`);
  const now = svg.append("line").attr("class", "now").attr("y1", 0).attr("y2", SIZE.height);
  const path = line<number>(
    (step) => x(step),
    (step) => y(number(row.expected(step)) ?? low),
  ).defined((step) => number(row.expected(step)) !== null);
  svg.append("path").attr("class", "observed").attr("d", path(steps));
  const shown = steps.filter((step) => number(row.predicted(step)) !== null && (row.wrong(step) || count <= 120));
  svg
    .selectAll("circle")
    .data(shown)
    .join("circle")
    .attr("class", (step) => (row.wrong(step) ? "predicted wrong" : "predicted"))
    .attr("cx", (step) => x(step))
    .attr("cy", (step) => y(number(row.predicted(step)) ?? low))
    .attr("r", (step) => (row.wrong(step) ? 3 : 1.6));
  figure.addEventListener("click", (event) => {
    const box = figure.getBoundingClientRect();
    const step = Math.round(x.invert(((event.clientX - box.left) / box.width) * SIZE.width));
    onStep(Math.min(Math.max(step, 0), count - 1));
  });
  const wrong = steps.filter(row.wrong).length;
  figure.prepend(
    element(
      "figcaption",
      {},
      element("code", {}, visible(row.name)),
      element("span", { class: "range" }, low === high ? text(low, 4) : `${text(low, 4)} to ${text(high, 4)}`),
      wrong > 0 && element("span", { class: "wrong-count" }, `wrong ${wrong}\u00d7`),
    ),
  );
  return { element: figure, mark: (at) => now.attr("x1", x(at)).attr("x2", x(at)) };
}
