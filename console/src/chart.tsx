// Lines over time as a picture: one scale from zero, the newest at the right edge.
import { useId } from "preact/hooks";
import { useWidth } from "./hooks";

export interface Line {
  name: string;
  /** 1 to 3: its colour. */
  kind: 1 | 2 | 3;
  values: (number | null)[];
}

const height = 150;
const top = 10;
const bottom = 6;

/** 1, 2 or 5 of a power of ten, at least n. */
function roundUp(n: number): number {
  if (n <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(n));
  return power * ([1, 2, 5].find((step) => step * power >= n) ?? 10);
}

function path(values: (number | null)[], x: (i: number) => number, y: (value: number) => number): string {
  let pen = "M";
  let out = "";
  values.forEach((value, i) => {
    if (value === null) return void (pen = "M");
    out += `${pen}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = "L";
  });
  return out;
}

function Legend({ lines, text }: { lines: Line[]; text: (n: number) => string }) {
  return (
    <ul class="legend">
      {lines.map((line) => {
        const last = line.values[line.values.length - 1];
        return (
          <li key={line.name}>
            <span class={`dot line-${line.kind}`} aria-hidden="true" />
            {line.name} <strong>{last == null ? "–" : text(last)}</strong>
          </li>
        );
      })}
    </ul>
  );
}

/** As many values as this take the whole width, more as well. */
const least = 30;

export function Chart({ about, lines, text }: { about: string; lines: Line[]; text: (n: number) => string }) {
  const { ref, width } = useWidth<HTMLDivElement>();
  const id = useId();
  const empty = lines.every((line) => line.values.every((value) => value === null));
  const highest = roundUp(Math.max(0, ...lines.flatMap((line) => line.values.filter((value) => value !== null))));
  const length = Math.max(0, ...lines.map((line) => line.values.length));
  const x = (i: number) => width - ((length - 1 - i) * width) / (Math.max(least, length) - 1);
  const y = (value: number) => top + (1 - value / highest) * (height - top - bottom);
  return (
    <div class="chart" ref={ref}>
      <Legend lines={lines} text={text} />
      <svg width={width} height={height} role="img" aria-labelledby={id}>
        <title id={id}>{about}</title>
        {[0, 0.5, 1].map((part) => (
          <g key={part}>
            <line class="grid" x1={0} x2={width} y1={y(part * highest)} y2={y(part * highest)} />
            {part > 0 && !empty && (
              <text class="scale" x={2} y={y(part * highest) + 13}>
                {text(part * highest)}
              </text>
            )}
          </g>
        ))}
        {empty && (
          <text class="nothing" x={width / 2} y={height / 2 - 8} text-anchor="middle">
            nothing to be measured yet
          </text>
        )}
        {lines.map((line) => (
          <path key={line.name} class={`line line-${line.kind}`} d={path(line.values, x, y)} />
        ))}
      </svg>
    </div>
  );
}
