/** What pip says while it installs. */

/** What a line of pip's output says about how far it is, for people; undefined if nothing. */
export function progressOf(line: string): string | undefined {
  const [, verb, what] = /^\s*(Collecting|Downloading|Installing collected packages:)\s+(\S+)/.exec(line) ?? [];
  if (verb === "Collecting") return `looking for ${what?.replace(/[<>=!~;[(].*$/, "")}`;
  if (verb === "Downloading") return `downloading ${what?.split("/").at(-1)?.split("-")[0]}`;
  return verb ? "installing" : undefined;
}
