/** The chart of accuracy over calls. */

import { scaleLinear } from "d3-scale";
import { select, type Selection } from "d3-selection";
import { curveStepAfter, line } from "d3-shape";

import type { SearchNode } from "../../shared/searchTree";
import { element } from "../common/dom";
import { share } from "../common/words";
import { paint } from "./colours";
import { type Point, progressOf } from "./progress";

const MARGIN = { top: 10, right: 16, bottom: 30, left: 48 } as const;
const HEIGHT = 150;
const CROWD = 150;

export class Chart {
  readonly element: HTMLElement;
  private readonly svg: Selection<SVGSVGElement, unknown, null, undefined>;
  private nodes: readonly SearchNode[] = [];
  private selected: number | null = null;

  /** @param onSelect Told of the program whose point was clicked. */
  constructor(private readonly onSelect: (id: number) => void) {
    this.element = element("figure", { class: "chart" });
    this.svg = select(this.element).append("svg").attr("height", HEIGHT).attr("role", "img");
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  show(nodes: readonly SearchNode[], selected: number | null): void {
    this.nodes = nodes;
    this.selected = selected;
    this.draw();
  }

  private draw(): void {
    const width = Math.max(this.element.clientWidth, 160);
    const { unit, points } = progressOf(this.nodes);
    const last = points.at(-1);
    const x = scaleLinear([0, Math.max(last?.x ?? 0, 1)], [MARGIN.left, width - MARGIN.right]);
    const y = scaleLinear([0, 1], [HEIGHT - MARGIN.bottom, MARGIN.top]);
    const svg = this.svg.attr("viewBox", `0 0 ${width} ${HEIGHT}`).attr("width", width);
    svg.attr("aria-label", `Accuracy over ${unit}: the best of ${points.length} is ${share(last?.best ?? null)}`);
    svg.selectAll("*").remove();
    const axes = svg.append("g").attr("class", "axes");
    for (const tick of [0, 0.25, 0.5, 0.75, 1]) {
      axes
        .append("line")
        .attr("x1", MARGIN.left)
        .attr("x2", width - MARGIN.right)
        .attr("y1", y(tick))
        .attr("y2", y(tick));
      if (tick % 0.5 === 0) label(axes, MARGIN.left - 8, y(tick) + 4, `${tick * 100} %`, "end");
    }
    const ticks = x.ticks(Math.min(Math.floor(width / 80), x.domain()[1] ?? 1)).filter(Number.isInteger);
    for (const tick of ticks) label(axes, x(tick), HEIGHT - MARGIN.bottom + 15, tick.toLocaleString("en-US"), "middle");
    label(axes, (MARGIN.left + width - MARGIN.right) / 2, HEIGHT - 3, unit, "middle");
    const best = line<Point>(
      (point) => x(point.x),
      (point) => y(point.best),
    ).curve(curveStepAfter);
    const radius = points.length > CROWD ? 2.5 : 4;
    svg
      .append("g")
      .selectAll("circle")
      .data(points)
      .join("circle")
      .attr("class", (point) => (point.id === this.selected ? "point selected" : "point"))
      .attr("cx", (point) => x(point.x))
      .attr("cy", (point) => y(point.accuracy))
      .attr("r", (point) => (point.id === this.selected ? 6 : radius))
      .attr("fill", (point) => paint(point.accuracy).fill)
      .on("click", (_, point) => this.onSelect(point.id))
      .append("title")
      .text((point) => `Program ${point.id}: ${share(point.accuracy)}`);
    svg
      .append("path")
      .attr("class", "best-so-far")
      .attr("d", best([...points]));
  }
}

function label(
  parent: Selection<SVGGElement, unknown, null, undefined>,
  x: number,
  y: number,
  text: string,
  anchor: "middle" | "end",
): void {
  parent.append("text").attr("x", x).attr("y", y).attr("text-anchor", anchor).text(text);
}
