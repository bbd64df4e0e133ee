// The events of the gateway, as they come. Read from the body of an answer, since an EventSource hears only events whose names it
// was told before, and can send no key but in an address. After a cut it goes on from where it was.
import { address, Refusal, stream } from "./api";

export interface LiveEvent {
  id: string;
  name: string;
  data: string;
  at: number;
}

export type State = "connecting" | "live" | "away" | "refused";

export interface Told {
  state: (state: State, why?: string) => void;
  event: (event: LiveEvent) => void;
}

/** What has been read of an event, and what holds for those to come. */
export class Reader {
  lastId = "";
  againMs = 3000;
  private rest = "";
  private name = "";
  private data: string[] = [];

  constructor(private readonly heard: (event: LiveEvent) => void) {}

  take(text: string): void {
    const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? "";
    for (const line of lines) this.line(line);
  }

  /** An event that was cut off is none. */
  cut(): void {
    this.rest = this.name = "";
    this.data = [];
  }

  private line(line: string): void {
    if (line === "") return this.end();
    const [, field = "", value = ""] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (field === "data") this.data.push(value);
    else if (field === "event") this.name = value;
    else if (field === "id" && !value.includes("\0")) this.lastId = value;
    else if (field === "retry" && /^\d+$/.test(value)) this.againMs = Math.min(Number(value), 60_000);
  }

  private end(): void {
    if (this.data.length) this.heard({ id: this.lastId, name: this.name || "message", data: this.data.join("\n"), at: Date.now() });
    this.name = "";
    this.data = [];
  }
}

/** Answers that would be the same the next time. */
const final = [400, 401, 403, 404];

export function listen(channels: string, told: Told): () => void {
  const stop = new AbortController();
  const reader = new Reader(told.event);
  let timer = 0;

  const read = async () => {
    const headers: Record<string, string> = { accept: "text/event-stream" };
    if (reader.lastId) headers["last-event-id"] = reader.lastId;
    const body = await stream(address("/kafka/events", { channels }), { headers, signal: stop.signal });
    told.state("live");
    const text = body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await text.read(); !part.done; part = await text.read()) reader.take(part.value);
  };
  const open = async () => {
    told.state("connecting");
    try {
      await read();
    } catch (error) {
      if (error instanceof Refusal && final.includes(error.status)) return told.state("refused", error.message);
    }
    if (stop.signal.aborted) return;
    reader.cut();
    told.state("away");
    timer = window.setTimeout(open, reader.againMs);
  };

  void open();
  return () => {
    stop.abort();
    clearTimeout(timer);
  };
}
