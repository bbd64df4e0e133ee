// Where one is lies behind the "#": the gateway serves one page, and nothing of it is sent anywhere.
import { useEffect, useState } from "preact/hooks";

export interface Place {
  page: string;
  rest: string[];
  query: URLSearchParams;
}

function read(): Place {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [page = "", ...rest] = path.split("/").map(decode);
  return { page: page || "overview", rest, query: new URLSearchParams(query) };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

export function link(page: string, ...rest: string[]): string {
  return `#/${[page, ...rest].map(encodeURIComponent).join("/")}`;
}

export function go(to: string): void {
  location.hash = to;
}

/** Keeps a filter in the address without a step back for each key that is pressed. */
export function setQuery(values: Record<string, string>): void {
  const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== ""));
  const path = location.hash.split("?")[0] || "#/";
  history.replaceState(null, "", query.size ? `${path}?${query}` : path);
}

export function usePlace(): Place {
  const [place, set] = useState(read);
  useEffect(() => {
    const changed = () => set(read());
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return place;
}
