/** Addresses of language models. */

export const OPENAI = "https://api.openai.com/v1";

/** An address as it is used: without a slash at the end, OpenAI's where none is given. */
export function address(endpoint: string): string {
  return endpoint.trim().replace(/\/+$/, "") || OPENAI;
}

/** What is wrong with an address, in words; undefined if nothing is. */
export function problemOf(endpoint: string): string | undefined {
  let url: URL;
  try {
    url = new URL(endpoint.trim());
  } catch {
    return "An address like https://api.openai.com/v1 or http://127.0.0.1:8080/v1";
  }
  if (url.username || url.password) return "Without a name or password; the key is asked for next";
  if (url.protocol === "https:" || (url.protocol === "http:" && isLocal(url.hostname))) return undefined;
  return "https, unless it is on this machine: the key would be readable on the way";
}

export function isLocal(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127(\.\d+){3}$/.test(host);
}
