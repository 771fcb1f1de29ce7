/** Where trajectories go: beside the model they are for, under its name, where every front door finds them. */
import { basename, dirname, join } from "node:path";

/** The file for the data of a model, or of an environment where there is no model. */
export function dataFile(model: string | undefined, environment: string, root: string): string {
  if (model !== undefined) return join(dirname(model), "trajectories", `${basename(model, ".py")}.sqlite`);
  return join(root, "trajectories", `${fileName(environment)}.sqlite`);
}

/** An environment's id as a file may be named: `ALE/Pong-v5` is `ale_pong`. */
export function fileName(environment: string): string {
  const name = environment.replace(/^.*:/, "").replace(/-v\d+$/, "");
  return (
    name
      .replaceAll(/(?<=[a-z\d])(?=[A-Z])/g, "_")
      .replaceAll(/[^\w]+/g, "_")
      .toLowerCase() || "trajectories"
  );
}
