/** The drawing of a search tree: to be panned and zoomed, clicked, and walked with the arrow keys. */

import { select, type Selection } from "d3-selection";
import { curveBumpX, curveStep, link as linkOf } from "d3-shape";
import { zoom, type ZoomBehavior, zoomIdentity, zoomTransform } from "d3-zoom";

import type { SearchNode, SearchTree } from "../../shared/searchTree";
import { element } from "../common/dom";
import { share } from "../common/words";
import { paint } from "./colours";
import { ancestry, type Layout, layOut, neighbour, NODE, type Placed, type PlacedLink } from "./layout";

const SMALLEST_TO_READ = 0.42;
const TALL = 1500;
const ZOOMS: readonly [number, number] = [0.02, 2.5];

export class Drawing {
  readonly element: HTMLElement;
  private readonly svg: Selection<SVGSVGElement, unknown, null, undefined>;
  private readonly stage: Selection<SVGGElement, unknown, null, undefined>;
  private readonly zoom: ZoomBehavior<SVGSVGElement, unknown>;
  private layout: Layout = layOut([]);
  private selected: number | null = null;
  private best: number | null = null;
  private moved = false;

  /** @param onSelect Told of the program that was clicked or walked to. */
  constructor(private readonly onSelect: (id: number) => void) {
    this.element = element("div", { class: "drawing" });
    this.svg = select(this.element).append("svg").attr("role", "tree").attr("aria-label", "Search tree");
    this.stage = this.svg.append("g");
    this.stage.append("g").attr("class", "links").attr("aria-hidden", "true");
    this.stage.append("g").attr("class", "nodes").attr("role", "presentation");
    this.zoom = zoom<SVGSVGElement, unknown>()
      .scaleExtent([...ZOOMS])
      .on("zoom", (event: { readonly transform: { toString(): string }; readonly sourceEvent: unknown }) => {
        this.stage.attr("transform", event.transform.toString());
        if (event.sourceEvent) this.moved = true;
      });
    this.svg.call(this.zoom).on("dblclick.zoom", null);
    this.element.addEventListener("keydown", (event) => this.walk(event));
    new ResizeObserver(() => this.resized()).observe(this.element);
  }

  /** Draws a tree; the view stays where it was if somebody has moved it. */
  show(tree: SearchTree): void {
    this.layout = layOut(tree.nodes);
    this.best = tree.best;
    const path = ancestry(tree.nodes, tree.best);
    const overwritten = new Set(tree.nodes.map((node) => node.replaces));
    // Steep curves side by side become a blot, steps become one line.
    const curve = linkOf(this.layout.bounds.height > TALL ? curveStep : curveBumpX);
    this.stage
      .select<SVGGElement>(".links")
      .selectAll<SVGPathElement, PlacedLink>("path")
      .data(this.layout.links.toSorted((a, b) => Number(leads(path, a)) - Number(leads(path, b))))
      .join<SVGPathElement>("path")
      .attr("class", (link) => (leads(path, link) ? "link to-best" : "link"))
      .attr("d", (link) => curve({ source: rightEdge(link.source), target: [link.target.y, link.target.x] }));
    this.stage
      .select(".nodes")
      .selectAll<SVGGElement, Placed>("g")
      .data(this.layout.nodes, (node) => node.id ?? "")
      .join((entering) => entering.append("g").each(build))
      .each((node, index, groups) => {
        const group = groups[index];
        if (group) this.paint(group, node, overwritten);
      })
      .on("click", (_, node) => node.data && this.onSelect(node.data.id));
    this.select(this.selected);
    if (!this.moved) this.fit();
  }

  /** Marks a program as the one that is looked at. */
  select(id: number | null): void {
    this.selected = id;
    this.stage
      .selectAll<SVGGElement, Placed>(".node")
      .classed("selected", (node) => node.data?.id === id)
      .attr("aria-selected", (node) => String(node.data?.id === id))
      .attr("tabindex", (node) => (node.data?.id === (id ?? this.best ?? 1) ? 0 : -1));
  }

  /** Moves a program into view and gives it the keyboard. */
  reveal(id: number, focus: boolean): void {
    const [at, group] = [this.layout.byId.get(id), this.group(id)];
    if (!at || !group) return;
    const [frame, box] = [this.element.getBoundingClientRect(), group.getBoundingClientRect()];
    const inside =
      box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom;
    if (!inside || this.scale < SMALLEST_TO_READ) this.centre(at, Math.max(this.scale, SMALLEST_TO_READ));
    if (focus) group.focus({ preventScroll: true });
  }

  /** Shows the whole tree; where it would be too small to read, the best program at a readable size. */
  fit(whole = false): void {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (!width || !height || this.layout.byId.size === 0) return;
    const { bounds } = this.layout;
    const scale = Math.min(width / bounds.width, height / bounds.height, 1);
    const best = this.best === null ? undefined : this.layout.byId.get(this.best);
    if (!whole && scale < SMALLEST_TO_READ && best) {
      this.centre(best, 0.8);
      return;
    }
    const x = (width - bounds.width * scale) / 2 - bounds.left * scale;
    const y = (height - bounds.height * scale) / 2 - bounds.top * scale;
    this.svg.call(
      this.zoom.transform,
      zoomIdentity.translate(Math.min(x, NODE.height - bounds.left * scale), y).scale(scale),
    );
  }

  zoomBy(factor: number): void {
    this.moved = true;
    this.svg.call(this.zoom.scaleBy, factor);
  }

  private get scale(): number {
    const svg = this.svg.node();
    return svg ? zoomTransform(svg).k : 1;
  }

  private centre(at: Placed, scale: number): void {
    this.svg.call(this.zoom.scaleTo, scale);
    this.svg.call(this.zoom.translateTo, at.y + NODE.width / 2, at.x);
  }

  private group(id: number): SVGGElement | null {
    return this.element.querySelector<SVGGElement>(`[data-node="${id}"]`);
  }

  private resized(): void {
    this.svg.attr("width", this.element.clientWidth).attr("height", this.element.clientHeight);
    if (!this.moved) this.fit();
  }

  private walk(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "+" || event.key === "=") this.zoomBy(1.25);
    else if (event.key === "-") this.zoomBy(0.8);
    else if (event.key === "0") this.fit(true);
    else {
      const target = neighbour(this.layout, this.selected ?? this.best ?? 1, event.key);
      if (target === null) return;
      this.onSelect(target);
      this.reveal(target, true);
    }
    event.preventDefault();
  }

  private paint(group: SVGGElement, placed: Placed, overwritten: ReadonlySet<number | null>): void {
    const { data } = placed;
    const selection = select(group).attr("transform", `translate(${placed.y},${placed.x})`);
    if (!data) return;
    const { fill, text } = paint(data.accuracy);
    selection
      .attr(
        "class",
        ["node", data.buggy && "buggy", data.id === this.best && "best", overwritten.has(data.id) && "old"]
          .filter(Boolean)
          .join(" "),
      )
      .attr("aria-level", placed.depth)
      .attr("aria-label", spoken(data, data.id === this.best));
    selection.select(".box").attr("fill", fill);
    selection
      .select(".made")
      .text(`${data.id} ${data.action ?? "start"}`)
      .attr("fill", text);
    selection.select(".value").text(value(data)).attr("fill", text);
  }
}

function build(this: SVGGElement, placed: Placed): void {
  const group = select(this);
  if (!placed.data) {
    group.attr("class", "start").attr("aria-hidden", "true").append("circle").attr("r", 5);
    return;
  }
  const top = -NODE.height / 2;
  group.attr("role", "treeitem").attr("data-node", placed.data.id);
  const box = (name: string, grow: number): void => {
    group
      .append("rect")
      .attr("class", name)
      .attr("x", -grow)
      .attr("y", top - grow)
      .attr("width", NODE.width + 2 * grow)
      .attr("height", NODE.height + 2 * grow)
      .attr("rx", 6 + grow);
  };
  box("ring", 4);
  box("box", 0);
  const middle = NODE.width / 2;
  group.append("text").attr("class", "made").attr("x", middle).attr("y", -5).attr("text-anchor", "middle");
  group.append("text").attr("class", "value").attr("x", middle).attr("y", 12).attr("text-anchor", "middle");
}

/** The number on a node. */
function value(node: SearchNode): string {
  if (node.program === null) return "none";
  return node.buggy ? "fails" : share(node.accuracy);
}

function spoken(node: SearchNode, best: boolean): string {
  const made = node.action ? `made by ${node.action}` : "the program the search began with";
  const state =
    node.program === null
      ? "no program"
      : `${share(node.accuracy)} right${node.buggy ? ", raises or does not run" : ""}`;
  return `Program ${node.id}, ${made}, ${state}${best ? ", the best" : ""}`;
}

function leads(path: ReadonlySet<number>, link: PlacedLink): boolean {
  return link.target.data !== null && path.has(link.target.data.id);
}

/** Where the links to its children leave a node. */
function rightEdge(node: Placed): [number, number] {
  return [node.y + (node.data ? NODE.width : 0), node.x];
}
