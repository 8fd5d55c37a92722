/** HTML put together from texts of results: whatever is not markup by its type is escaped. */
import { escapeXml } from "../charts/svg.ts";

/** Text that is HTML already. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Content = Markup | string | number | null | readonly Content[];

/** A template whose values are escaped, unless they are markup; null writes nothing. */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(parts.map((part, index) => part + contentText(values[index] ?? null)).join(""));
}

function contentText(content: Content): string {
  if (content === null) return "";
  if (content instanceof Markup) return content.text;
  return typeof content === "object" ? content.map(contentText).join("") : escapeXml(String(content));
}
