/** Which of the open documents are models. */
import { Uri, workspace, type TextDocument } from "vscode";
import { looksLikeModel, names } from "./modelFiles";

/** Whether a document is the file of a world model, by its text or because the configuration names it. */
export async function isModel(document: TextDocument): Promise<boolean> {
  if (document.languageId !== "python" || !["file", "untitled"].includes(document.uri.scheme)) return false;
  return looksLikeModel(document.getText()) || (await isNamed(document));
}

async function isNamed(document: TextDocument): Promise<boolean> {
  const folder = workspace.getWorkspaceFolder(document.uri);
  const file = document.uri.path.split("/").at(-1);
  if (!folder || !file) return false;
  const texts = ["cwm.toml", "pyproject.toml"].map(async (name) => {
    const bytes = await workspace.fs.readFile(Uri.joinPath(folder.uri, name)).then(undefined, () => undefined);
    return bytes && names(Buffer.from(bytes).toString("utf8"), file);
  });
  return (await Promise.all(texts)).some(Boolean);
}
