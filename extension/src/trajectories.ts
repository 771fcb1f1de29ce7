/** *Show Trajectories*: the viewer, fed by the server, following every check of its file. */

import { type ExtensionContext, Uri } from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";

import { modelFile, running, whyNot } from "./commands/guard";
import type { Server } from "./server/server";
import {
  CHECK,
  type CheckParams,
  type CheckResult,
  DATASET,
  type DatasetParams,
  type DatasetResult,
  EPISODE,
  type EpisodeParams,
  type EpisodeResult,
  IMAGES,
  type ImagesParams,
  type ImagesResult,
} from "./shared/messages";
import type { Dataset, Episode, Image } from "./shared/trajectories";
import type { Status } from "./status/status";
import { placeOf } from "./trajectoryPlaces";
import { Trajectories, type TrajectorySource } from "./webviews/host/trajectories";

export function registerTrajectories(
  context: ExtensionContext,
  server: Server,
  status: Status,
  command: (id: string, run: (...args: unknown[]) => unknown) => void,
): void {
  const trajectories = new Trajectories(context.extensionUri, sourceOf(server));
  context.subscriptions.push(
    trajectories,
    status.onDidChange(({ uri, state }) =>
      state === "checking" ? trajectories.checking(uri) : trajectories.checked(uri, whyNot(state)),
    ),
  );
  command("showTrajectories", async (request) => {
    const document = await modelFile(isRequest(request) ? request.uri : request);
    if (document && (await running(server))) trajectories.show(document.uri, placeOf(request));
  });
}

/** What a lens or a test says: at least the file. */
function isRequest(value: unknown): value is { readonly uri: unknown } {
  return typeof value === "object" && value !== null && !(value instanceof Uri) && "uri" in value;
}

function sourceOf(server: Server): TrajectorySource {
  const connected = async (): Promise<LanguageClient> => {
    const client = await server.ensure({ asked: false });
    if (!client) throw new Error("The language server is not running.");
    return client;
  };
  return {
    async dataset(file, model, mayCheck) {
      const client = await connected();
      const params: DatasetParams = { uri: file.toString(), model };
      const ask = (): Promise<DatasetResult> => client.sendRequest<DatasetResult>(DATASET, params);
      const checked = async (): Promise<DatasetResult> => {
        const check: CheckParams = { uri: file.toString() };
        const { outcome } = await client.sendRequest<CheckResult>(CHECK, check);
        const reason = whyNot(outcome);
        if (reason !== undefined) throw new Error(reason);
        return ask();
      };
      const { models, dataset } = await (mayCheck ? ask().catch(checked) : ask());
      return { models, dataset: dataset as unknown as Dataset };
    },
    async episode(file, model, episode, start) {
      const params: EpisodeParams = { uri: file.toString(), model, episode, start };
      const client = await connected();
      return (await client.sendRequest<EpisodeResult>(EPISODE, params)).episode as unknown as Episode;
    },
    async images(file, model, episode, step) {
      const params: ImagesParams = { uri: file.toString(), model, episode, step };
      const client = await connected();
      return (await client.sendRequest<ImagesResult>(IMAGES, params)).images as unknown as readonly Image[];
    },
  };
}
