// The gateways: how each is, as it has told the others.
import { count, plural, when } from "../format";
import { useLoad } from "../hooks";
import { Badge, Card, type Column, Page, Show, Table } from "../ui";

interface Gateway {
  instance: string;
  at: number;
  listen: string;
  healthy: boolean;
  reasons: string[];
  kafka: { pendingRequests: number };
  sse: { totalClients: number; clientsByChannel: Record<string, number> };
}

interface Gateways {
  /** They share a Redis. */
  shared: boolean;
  gateways: Gateway[];
}

function busiest(channels: Record<string, number>): string {
  const names = Object.keys(channels).sort((a, b) => (channels[b] ?? 0) - (channels[a] ?? 0));
  const shown = names.slice(0, 3).map((name) => `${name} ${count(channels[name])}`);
  return [...shown, names.length > 3 && `${plural(names.length - 3, "more channel")}`].filter(Boolean).join(", ");
}

const columns: Column<Gateway>[] = [
  { name: "Gateway", cell: (one) => <span class="code wrap">{one.instance}</span> },
  {
    name: "State",
    cell: (one) => (
      <>
        <Badge tone={one.healthy ? "good" : "bad"}>{one.healthy ? "healthy" : "not ready"}</Badge>
        {one.reasons.length > 0 && <div class="quiet wrap">{one.reasons.join("; ")}</div>}
      </>
    ),
  },
  { name: "Listens on", less: true, cell: (one) => <span class="code wrap">{one.listen}</span> },
  { name: "Waiting", number: true, cell: (one) => count(one.kafka.pendingRequests) },
  {
    name: "Streams",
    number: true,
    cell: (one) => <span title={busiest(one.sse.clientsByChannel)}>{count(one.sse.totalClients)}</span>,
  },
  { name: "Told", less: true, cell: (one) => when(one.at) },
];

export function Gateways() {
  const gateways = useLoad<Gateways>("/v1/gateways", 5000);
  return (
    <Page title="Gateways" about="What serves HTTP: how each instance is, and what waits there.">
      <Card title="Gateways" aside={gateways.data && plural(gateways.data.gateways.length, "gateway")}>
        <Show of={gateways} what="the gateways">
          {(data) => (
            <>
              {!data.shared && <p class="quiet">Without Redis a gateway knows of itself alone, so this is the one that answers here.</p>}
              <Table
                caption="Gateways"
                columns={columns}
                rows={[...data.gateways].sort((a, b) => a.instance.localeCompare(b.instance))}
                id={(one) => one.instance}
                empty="No gateway has told of itself within the last 30 seconds."
              />
            </>
          )}
        </Show>
      </Card>
    </Page>
  );
}
