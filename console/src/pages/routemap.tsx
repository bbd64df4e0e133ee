// The routes as a picture: publishers, the center, targets. An edge is as wide as what goes over it.
import { useState } from "preact/hooks";
import { rate } from "../format";
import { useWidth } from "../hooks";
import { link } from "../router";
import type { Route, View } from "../types";

/** A picture of more is none. */
export const mostShown = 30;

interface Node {
  name: string;
  y: number;
  rate: number;
  failed: number;
}

const row = 44;
const box = 30;
const margin = 12;

function column(names: string[], rates: Map<string, { rate: number; failed: number }>, height: number): Map<string, Node> {
  const step = Math.max(row, height / Math.max(1, names.length));
  const first = (height - step * names.length) / 2 + step / 2;
  return new Map(
    names.map((name, i) => [name, { name, y: margin + first + i * step, rate: rates.get(name)?.rate ?? 0, failed: rates.get(name)?.failed ?? 0 }]),
  );
}

/** 1.5 for none, a little more for each doubling. */
function widthOf(perSecond: number): number {
  return 1.5 + Math.min(7, Math.log2(1 + perSecond) * 0.9);
}

function curve(x1: number, y1: number, x2: number, y2: number): string {
  const bend = (x2 - x1) / 2;
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

/** As much of a name as has room; the whole is in the title. */
function fit(name: string, width: number): string {
  const most = Math.max(4, Math.floor((width - 16) / 7.4));
  return name.length <= most ? name : `${name.slice(0, most - 1)}…`;
}

function Edge({ path, at, faded, off }: { path: string; at: { rate: number; failed: number }; faded: boolean; off: boolean }) {
  const kind = [at.rate > 0 ? "busy" : "", at.failed > 0 ? "failing" : "", off ? "off" : "", faded ? "faded" : ""].join(" ");
  return (
    <>
      <path class={`edge ${kind}`} d={path} stroke-width={widthOf(at.rate)} />
      {at.rate > 0 && !faded && <path class="flow" d={path} />}
    </>
  );
}

interface BoxProps {
  node: Node;
  x: number;
  width: number;
  href: string;
  about: string;
  kind: string;
  onLook: (looked: boolean) => void;
}

function Box({ node, x, width, href, about, kind, onLook }: BoxProps) {
  return (
    <a
      class={kind}
      href={href}
      aria-label={about}
      onFocus={() => onLook(true)}
      onBlur={() => onLook(false)}
      onMouseEnter={() => onLook(true)}
      onMouseLeave={() => onLook(false)}
    >
      <title>{about}</title>
      <rect class="box" x={x} y={node.y - box / 2} width={width} height={box} rx={7} />
      <text x={x + 9} y={node.y + (node.rate > 0 ? -1 : 4)}>
        {fit(node.name, width)}
      </text>
      {node.rate > 0 && (
        <text class="quiet" x={x + 9} y={node.y + 11}>
          {rate(node.rate)}
          {node.failed > 0 && width > 150 && `, failed ${rate(node.failed)}`}
        </text>
      )}
    </a>
  );
}

function ratesOf(view: View | null) {
  const flow = (one: { rate: number | null; failed_rate: number | null }) => ({ rate: one.rate ?? 0, failed: one.failed_rate ?? 0 });
  return {
    publishers: new Map(view?.publishers.map((one) => [one.publisher, flow(one)])),
    targets: new Map(view?.targets.map((one) => [one.target, flow(one)])),
    stalled: new Set(view?.targets.filter((one) => one.stalled).map((one) => one.target)),
  };
}

export function RouteMap({ routes, view }: { routes: Route[]; view: View | null }) {
  const { ref, width } = useWidth<HTMLDivElement>();
  const [looked, look] = useState<string | null>(null);
  const rates = ratesOf(view);
  const targetNames = [...new Set(routes.flatMap((route) => route.targets))];
  const height = row * Math.max(2, routes.length, targetNames.length);
  const publishers = column(
    routes.map((route) => route.publisher),
    rates.publishers,
    height,
  );
  const targets = column(targetNames, rates.targets, height);

  const side = Math.min(240, width * 0.38);
  const middle = width >= 560 ? 90 : 16;
  const left = (width - middle) / 2;
  const enabled = new Set(routes.filter((route) => route.enabled).flatMap((route) => route.targets));
  const lit = (route: Route, end: string) => looked === null || route.publisher === looked || (looked === end && route.targets.includes(end));
  const watch = (name: string) => (on: boolean) => look((old) => (on ? name : old === name ? null : old));

  return (
    <div class="map" ref={ref}>
      {width > 0 && (
        <svg width={width} height={height + 2 * margin} role="group" aria-label="Publishers, the center, and the targets that requests go to">
          {routes.map((route) => {
            const node = publishers.get(route.publisher);
            if (!node) return null;
            const faded = !route.targets.some((target) => lit(route, target));
            return (
              <Edge
                key={route.id}
                path={curve(side, node.y, left, margin + height / 2 + (node.y - margin - height / 2) * 0.4)}
                at={node}
                faded={faded}
                off={!route.enabled}
              />
            );
          })}
          {[...targets.values()].map((node) => {
            const faded = !routes.some((route) => route.targets.includes(node.name) && lit(route, node.name));
            return (
              <Edge
                key={node.name}
                path={curve(left + middle, margin + height / 2 + (node.y - margin - height / 2) * 0.4, width - side, node.y)}
                at={node}
                faded={faded}
                off={!enabled.has(node.name)}
              />
            );
          })}
          <g class="center">
            <rect class="box" x={left} y={margin + height * 0.25} width={middle} height={height * 0.5} rx={9} />
            {middle > 60 && (
              <text x={left + middle / 2} y={margin + height / 2 + 4} text-anchor="middle">
                center
              </text>
            )}
          </g>
          {routes.map((route) => {
            const node = publishers.get(route.publisher);
            if (!node) return null;
            const about = `${route.publisher}, ${route.enabled ? "enabled" : "disabled"}, to ${route.targets.join(", ")}, ${rate(node.rate)}, failed ${rate(node.failed)}`;
            return (
              <Box
                key={route.id}
                node={node}
                x={1}
                width={side - 1}
                href={link("routes", route.publisher)}
                about={about}
                kind={route.enabled ? "" : "off"}
                onLook={watch(route.publisher)}
              />
            );
          })}
          {[...targets.values()].map((node) => {
            const stalled = rates.stalled.has(node.name);
            const about = `${node.name}, ${rate(node.rate)}, failed ${rate(node.failed)}${stalled ? ", takes nothing at the moment" : ""}`;
            return (
              <Box
                key={node.name}
                node={node}
                x={width - side}
                width={side - 1}
                href={`${link("topics")}?topic=${encodeURIComponent(node.name)}`}
                about={about}
                kind={stalled ? "stalled" : enabled.has(node.name) ? "" : "off"}
                onLook={watch(node.name)}
              />
            );
          })}
        </svg>
      )}
    </div>
  );
}
