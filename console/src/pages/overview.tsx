// How everything does now: what the processes count, and what the cluster looks like.
import { Chart } from "../chart";
import { count, plural, rate, span, uptime } from "../format";
import { type Loaded, useLoad, useSeries } from "../hooks";
import { link } from "../router";
import type { Health, Process, PublisherRate, View } from "../types";
import { Badge, Card, type Column, Empty, Page, Show, Stat, Table, type Tone } from "../ui";

const everyMs = 2000;
const kept = 150; // five minutes

/** Of a role that has processes: the first that stands nearest to whoever asks. */
const order = ["gateway", "center", "worker"];

interface Now {
  rate: number | null;
  failed: number | null;
  p50: number | null;
  p99: number | null;
}

/** A request passes several processes, so rates are those of one role: centers if there are any. */
function leading(processes: Process[]): Process[] {
  const running = processes.filter((one) => !one.error);
  const role = ["center", "gateway", "worker"].find((name) => running.some((one) => one.role === name));
  return running.filter((one) => one.role === role);
}

function sum(values: (number | null | undefined)[]): number | null {
  const known = values.filter((value) => value != null);
  return known.length ? known.reduce((all, value) => all + value, 0) : null;
}

function slowest(values: (number | null | undefined)[]): number | null {
  const known = values.filter((value) => value != null);
  return known.length ? Math.max(...known) : null;
}

function nowOf(view: View): Now {
  const processes = leading(view.processes);
  return {
    rate: sum(processes.map((one) => one.rate)),
    failed: sum(processes.map((one) => one.failed_rate)),
    p50: slowest(processes.map((one) => one.times?.p50_us)),
    p99: slowest(processes.map((one) => one.times?.p99_us)),
  };
}

export function healthTone(status: string): Tone {
  return status === "healthy" ? "good" : status === "degraded" ? "warn" : "bad";
}

function stateOf(one: Process): [Tone, string] {
  if (one.error) return ["bad", "no answer"];
  return one.ready ? ["good", "ready"] : ["warn", one.phase ?? "not ready"];
}

const processColumns: Column<Process>[] = [
  { name: "Process", cell: (one) => <span class="code wrap">{one.process}</span> },
  { name: "Role", less: true, cell: (one) => one.role ?? "–" },
  {
    name: "State",
    cell: (one) => {
      const [tone, text] = stateOf(one);
      const why = one.error ?? [...(one.reasons ?? []), ...(one.notes ?? [])].join("; ");
      return (
        <>
          <Badge tone={tone}>{text}</Badge>
          {why && <div class="quiet wrap">{why}</div>}
        </>
      );
    },
  },
  { name: "Rate", number: true, cell: (one) => rate(one.rate) },
  { name: "Failed", number: true, cell: (one) => rate(one.failed_rate) },
  { name: "p50", number: true, less: true, cell: (one) => span(one.times?.p50_us) },
  { name: "p99", number: true, less: true, cell: (one) => span(one.times?.p99_us) },
  { name: "In flight", number: true, less: true, cell: (one) => count(one.in_flight) },
  { name: "Up for", number: true, less: true, cell: (one) => uptime(one.uptime_ms) },
];

const publisherColumns: Column<PublisherRate>[] = [
  {
    name: "Publisher",
    cell: (one) => (
      <a class="wrap" href={`${link("requests")}?publisher=${encodeURIComponent(one.publisher)}`}>
        {one.publisher || "others"}
      </a>
    ),
  },
  { name: "Rate", number: true, cell: (one) => rate(one.rate) },
  { name: "Failed", number: true, cell: (one) => rate(one.failed_rate) },
  { name: "Routed", number: true, less: true, cell: (one) => count(one.routed) },
];

function Live({ view, series }: { view: View; series: Now[] }) {
  const now = nowOf(view);
  return (
    <>
      <Card title="Requests a second" aside="while this page is open, five minutes at most">
        <Chart
          about={`Requests a second over the last minutes; now ${rate(now.rate)}, of these failed ${rate(now.failed)}`}
          text={rate}
          lines={[
            { name: "routed", kind: 1, values: series.map((one) => one.rate) },
            { name: "failed", kind: 3, values: series.map((one) => one.failed) },
          ]}
        />
      </Card>
      <Card title="How long they take" aside="the slowest process">
        <Chart
          about={`How long requests took over the last minutes; now half of them ${span(now.p50)} at most, 99 of 100 ${span(now.p99)}`}
          text={span}
          lines={[
            { name: "p50", kind: 1, values: series.map((one) => one.p50) },
            { name: "p99", kind: 2, values: series.map((one) => one.p99) },
          ]}
        />
      </Card>
      <Card title="Processes" wide aside={`${view.processes.length} looked at`}>
        <Table
          caption="Processes"
          columns={processColumns}
          rows={[...view.processes].sort((a, b) => order.indexOf(a.role ?? "") - order.indexOf(b.role ?? ""))}
          id={(one) => one.process}
          empty={
            <>
              No process is looked at. Name those of centers and workers that run with <code>--listen</code> in the setting{" "}
              <code>gateway.processes</code>.
            </>
          }
        />
      </Card>
      <Card title="Busiest publishers" wide>
        <Table
          caption="Busiest publishers"
          columns={publisherColumns}
          rows={view.publishers.slice(0, 10)}
          id={(one) => one.publisher}
          empty="Nothing has been routed since these processes were started."
        />
      </Card>
    </>
  );
}

function Kafka({ health }: { health: Loaded<Health> }) {
  if (!health.data) return <Stat name="Kafka" value="–" note={health.error ? health.error.message : "being asked"} />;
  const brokers = health.data.details.brokers ?? [];
  const up = brokers.filter((one) => one.healthy).length;
  return (
    <Stat name="Kafka" value={health.data.status} tone={healthTone(health.data.status)} note={`${up} of ${plural(brokers.length, "broker")} up`} />
  );
}

export function Reasons({ health }: { health: Health }) {
  if (!health.reasons.length) return null;
  return (
    <div class="state warn" role="status">
      <ul>
        {health.reasons.map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
      </ul>
    </div>
  );
}

export function Overview() {
  const stats = useLoad<View>("/v1/stats", everyMs);
  const health = useLoad<Health>("/v1/health", 15_000);
  const series = useSeries(stats.data && nowOf(stats.data), stats.at, kept);
  const now = stats.data && nowOf(stats.data);
  return (
    <Page title="Overview" about="What the processes of this system count, every two seconds.">
      <dl class="stats">
        <Stat name="Requests" value={rate(now?.rate)} />
        <Stat name="Failed" value={rate(now?.failed)} tone={now?.failed ? "bad" : "plain"} />
        <Stat name="p50" value={span(now?.p50)} />
        <Stat name="p99" value={span(now?.p99)} />
        <Kafka health={health} />
      </dl>
      {health.data && <Reasons health={health.data} />}
      <Show of={stats} what="what goes on">
        {(view) => (
          <div class="cards">
            <Live view={view} series={series} />
          </div>
        )}
      </Show>
      {stats.data && !leading(stats.data.processes).length && <Empty>No process answers, so nothing is known of rates and times.</Empty>}
    </Page>
  );
}
