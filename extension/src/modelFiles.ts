/** Which Python files are worth a server: a cheap look at the text, since every Python file passes here. */

const METHOD = /^[ \t]+(?:async[ \t]+)?def[ \t]+(set_state|step)[ \t]*\(/gm;
const FUNCTION = /^def[ \t]+(transition|reward)[ \t]*\(/gm;

/** Whether a text looks like a world model: a class that has `set_state` and `step`, or the function `transition`. */
export function looksLikeModel(text: string): boolean {
  const methods = new Set([...text.matchAll(METHOD)].map((match) => match[1]));
  if (methods.has("set_state") && methods.has("step")) return true;
  return [...text.matchAll(FUNCTION)].some((match) => match[1] === "transition");
}

/** The files that a `cwm.toml` or `pyproject.toml` names as models, as they are written: these may still be empty. */
export function configuredFiles(configuration: string): readonly string[] {
  const entries = configuration.matchAll(/^[ \t]*file[ \t]*=[ \t]*(?:"([^"\n]+)"|'([^'\n]+)')/gm);
  return [...entries].map(([, double, single]) => (double ?? single ?? "").replace(/::.*$/, ""));
}
