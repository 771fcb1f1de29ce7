/** The page that `cwm show --html` writes: the view of a search that stands in the page as JSON. */

import { SCHEMA, type SearchTree } from "../../shared/searchTree";
import { SearchTreeView } from "./view";

import "./view.css";

const tree = JSON.parse(document.getElementById("search-tree")?.textContent ?? "null") as SearchTree | null;
if (tree?.schema === SCHEMA) new SearchTreeView(document.body).show(tree);
else document.body.textContent = "This page holds no search tree that it can show.";
