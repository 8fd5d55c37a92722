import type { ResourceEntry } from "../../results/run-report.ts";
import { yamlText } from "../../yaml.ts";
import { shellQuoted } from "../shell.ts";
import { grouped, significant } from "../text/wording.ts";
import { html, type Markup } from "./markup.ts";

/** What is needed to get a result again. */
export interface Reproduction {
  readonly schema: string;
  /** Sentences and command lines, one after the other. */
  readonly steps: readonly Step[];
  /** Configurations by the names of the files they are to be saved as. */
  readonly configurations: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  readonly digest: string | null;
  readonly floatBackend: string | null;
  readonly resources: ResourceEntry;
}

export interface Step {
  readonly sentence: string;
  readonly command: string;
}

/** Command line, configuration, schema, digest. */
export function reproduction(of: Reproduction): Markup {
  const { schema, steps, configurations, digest, floatBackend, resources } = of;
  const facts = [
    `schema ${schema}`,
    ...(floatBackend === null ? [] : [`float reference ${floatBackend}`]),
    `took ${significant(resources.seconds)} s, peak memory ${grouped(resources.peakMemoryBytes / 2 ** 20)} MiB`,
  ];
  return html`<h3>To reproduce it</h3>
${steps.map(({ sentence, command }) => html`<p>${sentence}</p>\n<pre><code>${command}</code></pre>\n`)}
${[...configurations].map(
  ([name, configuration]) => html`<details><summary>${name}</summary>
<pre><code>${yamlText(configuration)}</code></pre></details>
`,
)}
${digest === null ? null : html`<p class="note">Digest of the output: <code>${digest}</code></p>`}
<p class="note">${facts.join(" · ")}</p>`;
}

/** How a command with one configuration is run again: from its result file, or from the configuration that the page shows. */
export function configuredStep(
  command: string,
  file: string | null,
  request: Readonly<Record<string, unknown>> | null,
): Step {
  const flags = request === null ? "" : flagsText(request);
  const source = file === null ? "configuration.yaml" : shellQuoted(file);
  const sentence =
    file === null
      ? "Save the configuration below as configuration.yaml beside this page, then:"
      : "The result file holds its configuration, which stands below as well:";
  return { sentence, command: `npx macroscope ${command} --config ${source}${flags}` };
}

/** ` --word-lengths 4..16:2` for `{ wordLengths: "4..16:2" }`: what was written on the command line; nothing for what is no flag. */
function flagsText(request: Readonly<Record<string, unknown>>): string {
  return Object.entries(request)
    .filter(([, value]) => typeof value === "string" || typeof value === "number")
    .map(([key, value]) => {
      const flag = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      return ` --${shellQuoted(flag)} ${shellQuoted(String(value))}`;
    })
    .join("");
}
