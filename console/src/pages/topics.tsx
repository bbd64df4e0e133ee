// The cluster: topics and what ails them, groups and how far behind they are, brokers.
import { count, digits, plural, when } from "../format";
import { useLoad } from "../hooks";
import type { Place } from "../router";
import { setQuery } from "../router";
import type { Broker, GroupLag, Health, Topic } from "../types";
import { Badge, Card, type Column, Page, Searched, Show, Table } from "../ui";
import { healthTone, Reasons } from "./overview";

interface Topics {
  total: number;
  healthy: number;
  unhealthy: number;
  topics: Topic[];
}

interface Lag {
  alert?: number;
  groups: GroupLag[] | null;
  error?: string | null;
}

const brokerColumns: Column<Broker>[] = [
  { name: "Broker", cell: (one) => one.id },
  { name: "Where", cell: (one) => <span class="code wrap">{one.host ? `${one.host}:${one.port}` : "–"}</span> },
  {
    name: "State",
    cell: (one) => (
      <>
        <Badge tone={one.healthy ? "good" : "bad"}>{one.healthy ? "answers" : "does not answer"}</Badge>
        {one.error && <div class="quiet wrap">{one.error}</div>}
      </>
    ),
  },
  { name: "Latency", number: true, cell: (one) => (one.latency_ms === null ? null : `${digits(one.latency_ms)} ms`) },
  { name: "Leads", number: true, less: true, cell: (one) => count(one.leads) },
  { name: "Copies", number: true, less: true, cell: (one) => count(one.replicas) },
  { name: "Lagging", number: true, less: true, cell: (one) => count(one.lagging) },
];

const topicColumns: Column<Topic>[] = [
  { name: "Topic", cell: (one) => <span class="code wrap">{one.name}</span> },
  {
    name: "Health",
    cell: (one) => (
      <>
        <Badge tone={one.healthy ? "good" : "warn"}>{one.healthy ? "healthy" : "ails"}</Badge>
        {one.issues.map((issue) => (
          <div key={issue} class="quiet wrap">
            {issue}
          </div>
        ))}
      </>
    ),
  },
  { name: "Partitions", number: true, cell: (one) => count(one.partitions) },
  { name: "Copies", number: true, less: true, cell: (one) => count(one.replication_factor) },
];

function lagColumns(alert: number | undefined): Column<GroupLag>[] {
  return [
    { name: "Group", cell: (one) => <span class="code wrap">{one.group}</span> },
    { name: "State", cell: (one) => <Badge tone={one.members ? "good" : "plain"}>{one.state.toLowerCase()}</Badge> },
    { name: "Members", number: true, less: true, cell: (one) => count(one.members) },
    {
      name: "Topics",
      less: true,
      cell: (one) => <span class="code wrap">{[...new Set(one.partitions.map((row) => row.topic))].join(", ") || "–"}</span>,
    },
    {
      name: "Behind",
      number: true,
      cell: (one) => <Badge tone={alert && one.lag > alert ? "bad" : one.lag ? "warn" : "good"}>{count(one.lag)}</Badge>,
    },
  ];
}

function Groups() {
  const lag = useLoad<Lag>("/v1/lag", 5000);
  return (
    <Card title="Groups" aside="how many records each is behind">
      <Show of={lag} what="the groups">
        {(data) => (
          <>
            {data.error && <div class="state warn">{data.error}</div>}
            <Table
              caption="Consumer groups"
              columns={lagColumns(data.alert)}
              rows={[...(data.groups ?? [])].sort((a, b) => b.lag - a.lag)}
              id={(one) => one.group}
              empty="No group reads anything."
            />
          </>
        )}
      </Show>
    </Card>
  );
}

function Brokers({ health }: { health: Health }) {
  const { details } = health;
  return (
    <>
      <p>
        <Badge tone={healthTone(health.status)}>{health.status}</Badge> <span class="quiet">as of {when(health.timestamp)}</span>
        {details.partitions && (
          <span class="quiet">
            {" · "}
            {plural(details.partitions.total, "partition")}, {count(details.partitions.under_replicated)} lack a copy,{" "}
            {count(details.partitions.offline)} without a leader
          </span>
        )}
      </p>
      <Reasons health={health} />
      {details.error && <div class="state bad">{details.error}</div>}
      <Table caption="Brokers" columns={brokerColumns} rows={details.brokers ?? []} id={(one) => String(one.id)} empty="No broker is known." />
    </>
  );
}

export function Topics({ place }: { place: Place }) {
  const topics = useLoad<Topics>("/v1/topics", 15_000);
  const health = useLoad<Health>("/v1/health", 10_000);
  return (
    <Page title="Topics" about="What Kafka holds, who is behind, and what ails.">
      <Card title="Topics" aside={topics.data && `${plural(topics.data.total, "topic")}, ${count(topics.data.unhealthy)} with something that ails`}>
        <Show of={topics} what="the topics">
          {(data) => (
            <Searched
              key={place.query.get("topic")}
              label="Find by name"
              caption="Topics"
              columns={topicColumns}
              rows={data.topics}
              id={(one) => one.name}
              words={(one) => [one.name]}
              ails={(one) => !one.healthy}
              first={place.query.get("topic") ?? ""}
              onFind={(topic) => setQuery({ topic })}
              empty="There are no topics yet."
            />
          )}
        </Show>
      </Card>
      <Groups />
      <Card title="Brokers">
        <Show of={health} what="the brokers">
          {(data) => <Brokers health={data} />}
        </Show>
      </Card>
    </Page>
  );
}
