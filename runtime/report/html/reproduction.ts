import { stringify } from "yaml";
import { grouped, significant } from "../wording.ts";
import { html, type Markup } from "./markup.ts";

/** What is needed to get a result again. */
export interface Reproduction {
  readonly schema: string;
  /** `run`, `sweep` … */
  readonly command: string;
  readonly file: string | null;
  readonly configuration: Readonly<Record<string, unknown>>;
  /** What else the command line said; null where the configuration has all. */
  readonly request: Readonly<Record<string, unknown>> | null;
  readonly digest: string | null;
  readonly floatBackend: string | null;
  readonly seconds: number;
  readonly peakMemoryBytes: number;
}

/** Configuration, command line, schema, digest. */
export function reproduction(of: Reproduction): Markup {
  const { command, file, configuration, request, schema, digest, floatBackend, seconds, peakMemoryBytes } = of;
  const source = file === null ? "configuration.yaml" : shellQuoted(file);
  const how =
    file === null
      ? html`<p>Save the configuration below as <code>configuration.yaml</code>, then:</p>`
      : html`<p>The result file holds its configuration:</p>`;
  const asked =
    request === null
      ? null
      : html`<p>What was asked for besides, to be said with the flags of <code>macroscope ${command}</code>:</p>
<pre><code>${stringify(request, { aliasDuplicateObjects: false })}</code></pre>`;
  const facts = [
    `schema ${schema}`,
    ...(floatBackend === null ? [] : [`float reference ${floatBackend}`]),
    `took ${significant(seconds)} s, peak memory ${grouped(peakMemoryBytes / 2 ** 20)} MiB`,
  ];
  return html`<h3>To reproduce it</h3>
${how}
<pre><code>npx macroscope ${command} --config ${source}</code></pre>
${asked}<details><summary>Configuration (YAML)</summary>
<pre><code>${stringify(configuration, { aliasDuplicateObjects: false })}</code></pre></details>
${digest === null ? null : html`<p class="note">Digest of the output: <code>${digest}</code></p>`}
<p class="note">${facts.join(" · ")}</p>`;
}

/** A path as a shell reads it. */
function shellQuoted(path: string): string {
  return /^[A-Za-z0-9_./+-]+$/.test(path) && !path.startsWith("-") ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
