import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ask, Refusal } from "./api";

export interface Loaded<T> {
  data: T | null;
  error: Refusal | null;
  /** When `data` came. */
  at: number;
  again: () => void;
}

/** What a path answers; asked again every so often while the page is seen. null: nothing is asked. */
export function useLoad<T>(path: string | null, everyMs = 0): Loaded<T> {
  const [state, set] = useState<{ path: string | null; data: T | null; error: Refusal | null; at: number }>({ path, data: null, error: null, at: 0 });
  const [turn, next] = useState(0);
  const again = useCallback(() => next((n) => n + 1), []);

  useEffect(() => {
    if (path === null) return;
    const stop = new AbortController();
    let timer = 0;
    const load = async () => {
      if (document.hidden && everyMs) return void (timer = window.setTimeout(load, everyMs));
      try {
        const data = await ask<T>(path, { signal: stop.signal });
        set({ path, data, error: null, at: Date.now() });
      } catch (error) {
        if (stop.signal.aborted) return;
        const refused = error instanceof Refusal ? error : new Refusal(0, String(error));
        set((old) => ({ path, data: old.path === path ? old.data : null, error: refused, at: old.at }));
      }
      if (everyMs && !stop.signal.aborted) timer = window.setTimeout(load, everyMs);
    };
    void load();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [path, everyMs, turn]);

  const mine = state.path === path;
  return { data: mine ? state.data : null, error: mine ? state.error : null, at: state.at, again };
}

/** Something that is done once when asked for, and what came of it. */
export function useAction<A extends unknown[]>(act: (...words: A) => Promise<unknown>) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const run = async (...words: A): Promise<boolean> => {
    setBusy(true);
    setError(null);
    try {
      await act(...words);
      return true;
    } catch (failed) {
      setError(failed instanceof Error ? failed.message : String(failed));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, run };
}

/** The newest values of something that is looked at again and again. */
export function useSeries<T>(value: T | null, at: number, most: number): T[] {
  const kept = useRef<{ at: number; values: T[] }>({ at: 0, values: [] });
  if (value !== null && at !== kept.current.at) kept.current = { at, values: [...kept.current.values, value].slice(-most) };
  return kept.current.values;
}

export function useWidth<E extends Element>() {
  const ref = useRef<E>(null);
  const [width, set] = useState(0);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => entry && set(Math.round(entry.contentRect.width)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return { ref, width };
}
