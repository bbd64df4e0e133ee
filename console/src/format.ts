// Numbers and times as people read them. What is not known is an en dash.

export const unknown = "–";

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export function count(n: number | null | undefined): string {
  return n == null ? unknown : grouped.format(n);
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** Three digits: 0.04, 1.23, 12.4, 340, 12,400. */
export function digits(n: number): string {
  const size = Math.abs(n);
  return size >= 100 ? grouped.format(n) : n.toFixed(size >= 10 ? 1 : 2).replace(/\.0+$/, "");
}

export function rate(n: number | null | undefined): string {
  return n == null ? unknown : `${digits(n)}/s`;
}

export function span(us: number | null | undefined): string {
  if (us == null || us < 0) return unknown;
  if (us < 1000) return `${Math.round(us)} µs`;
  if (us < 1_000_000) return `${digits(us / 1000)} ms`;
  return us < 120_000_000 ? `${digits(us / 1_000_000)} s` : `${grouped.format(us / 60_000_000)} min`;
}

export function bytes(n: number | null | undefined): string {
  if (n == null) return unknown;
  if (n < 1024) return `${n} B`;
  return n < 1024 * 1024 ? `${digits(n / 1024)} KiB` : `${digits(n / 1024 / 1024)} MiB`;
}

export function uptime(ms: number | null | undefined): string {
  if (ms == null) return unknown;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return `${Math.floor(ms / 1000)} s`;
  if (minutes < 120) return `${minutes} min`;
  return minutes < 2880 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1440)} days`;
}

const sameDay = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const otherDay = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });

export function when(time: string | number | null | undefined): string {
  if (time == null) return unknown;
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return unknown;
  return (date.toDateString() === new Date().toDateString() ? sameDay : otherDay).format(date);
}
