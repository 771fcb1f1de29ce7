/** The trajectory viewer in VS Code. */

import type { TrajectoryMessage, TrajectoryNews } from "../../shared/webviews";
import { Host } from "../common/host";
import { TrajectoryView } from "./view";

import "./view.css";

const host = new Host<TrajectoryNews, TrajectoryMessage>((news) => {
  if (news.type === "dataset") view.showDataset(news.file, news.models, news.dataset, news.at);
  else if (news.type === "episode") view.showEpisode(news.episode);
  else if (news.type === "images") view.showImages(news.episode, news.step, news.images);
  else if (news.type === "stale") view.stale();
  else view.problem(news.message);
});
const view = new TrajectoryView(document.body, {
  model: (model) => host.post({ type: "model", model }),
  episode: (episode, start) => host.post({ type: "episode", episode, start }),
  images: (episode, step) => host.post({ type: "images", episode, step }),
  debug: (episode, step) => host.post({ type: "debug", episode, step }),
});
host.post({ type: "ready" });
