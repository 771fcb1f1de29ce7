/** Chats as the editor's language models take them: these know no system messages. */
import type { ChatMessage } from "../shared/messages";

export interface Said {
  readonly role: "user" | "assistant";
  readonly content: string;
}

/** The same chat with what the system says put in front of what the user says first. */
export function asOneSpeaker(messages: readonly ChatMessage[]): readonly Said[] {
  const system = messages.filter(({ role }) => role === "system").map(({ content }) => content);
  const others: Said[] = messages.flatMap(({ role, content }) => (role === "system" ? [] : [{ role, content }]));
  const first = others.findIndex(({ role }) => role === "user");
  if (!system.length) return others;
  if (first < 0) return [{ role: "user", content: system.join("\n\n") }, ...others];
  return others.map((message, index) =>
    index === first ? { ...message, content: [...system, message.content].join("\n\n") } : message,
  );
}
