/** Chromium without a window, told what to do over a pipe (DevTools protocol); for tests that look at pages. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

const PLACES = [process.env.CHROMIUM ?? "", "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The program, or null where it is not installed. */
export const CHROMIUM: string | null = PLACES.find((place) => place !== "" && existsSync(place)) ?? null;

/** How a page is looked at. */
export interface View {
  readonly width: number;
  readonly scheme: "light" | "dark";
  readonly media: "screen" | "print";
}

/** What a page made the browser say and fetch, and what `measure` returned there. */
export interface Look<T> {
  /** Console messages, violated policies, exceptions. */
  readonly complaints: readonly string[];
  /** Addresses of everything that was requested. */
  readonly requests: readonly string[];
  readonly measured: T;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly sessionId?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

export class Browser {
  readonly #child: ChildProcess;
  readonly #profile: string;
  readonly #input: Writable;
  readonly #answers = new Map<number, (message: Message) => void>();
  readonly #listeners = new Set<(message: Message) => void>();
  #last = 0;
  #rest = "";

  constructor(program: string) {
    this.#profile = mkdtempSync(join(tmpdir(), "macroscope-chromium-"));
    const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"];
    this.#child = spawn(
      program,
      [...flags, `--user-data-dir=${this.#profile}`, "--remote-debugging-pipe", "about:blank"],
      {
        stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
      },
    );
    const [, , , input, output] = this.#child.stdio;
    this.#input = input as Writable;
    (output as Readable).setEncoding("utf8").on("data", (part: string) => this.#receive(part));
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("close", resolve));
    this.#send("Browser.close", {}).catch(() => undefined);
    await ended;
    rmSync(this.#profile, { recursive: true, force: true });
  }

  /** Opens a page, evaluates `expression` in it (a policy against scripts does not bind us), and closes it. */
  async look<T>(url: string, { width, scheme, media }: View, expression: string): Promise<Look<T>> {
    const { targetId } = await this.#send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.#send("Target.attachToTarget", { targetId, flatten: true });
    const session = String(sessionId);
    const complaints: string[] = [];
    const requests: string[] = [];
    let loaded = (): void => undefined;
    const load = new Promise<void>((resolve) => {
      loaded = resolve;
    });
    const listen = (message: Message): void => {
      if (message.sessionId !== session) return;
      const { method, params = {} } = message;
      if (method === "Page.loadEventFired") loaded();
      if (method === "Network.requestWillBeSent") requests.push((params.request as { url: string }).url);
      if (method === "Log.entryAdded") complaints.push((params.entry as { text: string }).text);
      if (method === "Runtime.consoleAPICalled" || method === "Runtime.exceptionThrown") {
        complaints.push(JSON.stringify(params).slice(0, 500));
      }
    };
    this.#listeners.add(listen);
    try {
      for (const domain of ["Page", "Log", "Runtime", "Network"]) await this.#send(`${domain}.enable`, {}, session);
      await this.#send(
        "Emulation.setDeviceMetricsOverride",
        { width, height: 900, deviceScaleFactor: 1, mobile: width < 600 },
        session,
      );
      const features = [{ name: "prefers-color-scheme", value: scheme }];
      await this.#send("Emulation.setEmulatedMedia", { media, features }, session);
      await this.#send("Page.navigate", { url }, session);
      await load;
      const evaluated = await this.#send(
        "Runtime.evaluate",
        { expression, returnByValue: true, awaitPromise: true },
        session,
      );
      if (evaluated.exceptionDetails !== undefined) throw new Error(JSON.stringify(evaluated.exceptionDetails));
      return { complaints, requests, measured: (evaluated.result as { value: T }).value };
    } finally {
      this.#listeners.delete(listen);
      await this.#send("Target.closeTarget", { targetId });
    }
  }

  #send(method: string, params: object, sessionId?: string): Promise<Record<string, unknown>> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#answers.set(id, ({ result, error }) => {
        if (error === undefined) resolve(result ?? {});
        else reject(new Error(`${method}: ${error.message}`));
      });
      this.#input.write(
        `${JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) })}\0`,
      );
    });
  }

  #receive(part: string): void {
    const messages = (this.#rest + part).split("\0");
    this.#rest = messages.pop() ?? "";
    for (const text of messages) {
      const message = JSON.parse(text) as Message;
      if (message.id === undefined) for (const listener of this.#listeners) listener(message);
      else {
        this.#answers.get(message.id)?.(message);
        this.#answers.delete(message.id);
      }
    }
  }
}
