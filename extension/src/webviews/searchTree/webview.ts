/** The search tree in VS Code: what is shown comes from the extension, and what is asked for goes there. */

import { merge, type SearchNode, type SearchTree } from "../../shared/searchTree";
import type { SearchMessage, ShowSearch } from "../../shared/webviews";
import { element } from "../common/dom";
import { Host } from "../common/host";
import { SearchTreeView } from "./view";

import "./view.css";

let known: SearchTree | null = null;
let usable = false;

const stop = element("button", { type: "button", class: "stop" }, "Stop");
const host = new Host<ShowSearch, SearchMessage>((message) => {
  known = merge(known, message.tree);
  usable = message.usable;
  stop.hidden = !message.running;
  view.show(known, message.running);
});
const hasProgram = (node: SearchNode): boolean => node.program !== null;
const view = new SearchTreeView(document.body, {
  tools: [stop],
  actions: [
    { label: "Open diff", offered: hasProgram, run: (node) => host.post({ type: "diff", node: node.id }) },
    {
      label: "Use this candidate",
      offered: (node) => usable && hasProgram(node),
      run: (node) => host.post({ type: "use", node: node.id }),
    },
  ],
});
stop.addEventListener("click", () => {
  stop.hidden = true;
  host.post({ type: "stop" });
});
host.post({ type: "ready" });
