// Calls to the gateway that served this page. The key is kept for this tab alone, and goes in a header, never in an address.

const storage = "pouch.key";

export const key = {
  get: () => sessionStorage.getItem(storage),
  set: (value: string) => sessionStorage.setItem(storage, value),
  forget: () => sessionStorage.removeItem(storage),
};

/** What the gateway said instead of an answer. Status 0: it did not answer at all. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly code: string | null = null,
  ) {
    super(message);
  }
}

let signedOut: (refused: Refusal) => void = () => {};

/** Called whenever the gateway does not know who is asking, or no longer. */
export function onSignedOut(then: (refused: Refusal) => void): void {
  signedOut = then;
}

export interface Call {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

function init(call: Call): RequestInit {
  const headers: Record<string, string> = { accept: "application/json", ...call.headers };
  const secret = key.get();
  if (secret) headers["authorization"] = `Bearer ${secret}`;
  if (call.body !== undefined) headers["content-type"] = "application/json";
  const made: RequestInit = { method: call.method ?? "GET", headers, credentials: "same-origin" };
  if (call.body !== undefined) made.body = JSON.stringify(call.body);
  if (call.signal) made.signal = call.signal;
  return made;
}

async function send(path: string, call: Call): Promise<Response> {
  try {
    return await fetch(path, init(call));
  } catch (error) {
    if (call.signal?.aborted) throw error;
    throw new Refusal(0, "The gateway does not answer. It may be restarting; this page goes on trying.");
  }
}

async function refusal(response: Response): Promise<Refusal> {
  const said: unknown = await response.json().catch(() => null);
  const problem = said && typeof said === "object" ? (said as Record<string, unknown>) : {};
  const text = [problem["detail"], problem["message"], problem["title"]].find((value) => typeof value === "string" && value);
  const code = typeof problem["code"] === "string" ? problem["code"] : null;
  return new Refusal(response.status, typeof text === "string" ? text : `The gateway answered ${response.status}.`, code);
}

async function answered(path: string, call: Call): Promise<Response> {
  const response = await send(path, call);
  if (response.ok) return response;
  const refused = await refusal(response);
  if (refused.status === 401) signedOut(refused);
  throw refused;
}

/** The body of an answer that has no end. */
export async function stream(path: string, call: Call): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const { body } = await answered(path, call);
  if (!body) throw new Refusal(0, "The gateway's answer has no body.");
  return body;
}

export async function ask<T>(path: string, call: Call = {}): Promise<T> {
  const response = await answered(path, call);
  return response.status === 204 ? (undefined as T) : ((await response.json()) as T);
}

/** A path with parameters that are not empty. */
export function address(path: string, parameters: Record<string, string | number | boolean | null | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters))
    if (value !== null && value !== undefined && value !== "" && value !== false) query.set(name, String(value));
  return query.size ? `${path}?${query}` : path;
}

export const at = encodeURIComponent;
