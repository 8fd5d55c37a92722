import { html, type Markup } from "./markup.ts";

/** A number that is to be seen at once, with a remark below it. */
export interface KeyFigure {
  readonly name: string;
  readonly value: string;
  readonly remark: string;
}

export function keyFigures(figures: readonly KeyFigure[]): Markup {
  const items = figures.map(
    ({ name, value, remark }) => html`<div><dt>${name}</dt><dd>${value}<small>${remark}</small></dd></div>`,
  );
  return html`<dl class="figures">${items}</dl>`;
}
