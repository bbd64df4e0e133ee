// Tenants: which of the topics that each is to have are there.
import { count, plural } from "../format";
import { useLoad } from "../hooks";
import { link } from "../router";
import { Badge, Card, type Column, Page, Searched, Show, type Tone } from "../ui";

interface Tenant {
  tenant_id: string;
  /** By what stands for them in the catalogue. */
  topics: Record<string, string>;
  missing: string[];
  state: "complete" | "partial" | "orphan";
}

const states: Record<Tenant["state"], [Tone, string]> = {
  complete: ["good", ""],
  partial: ["warn", "Some of its topics are missing: pouch tenant create makes them."],
  orphan: ["bad", "It has topics, and the catalogue does not list it."],
};

const columns: Column<Tenant>[] = [
  { name: "Tenant", cell: (one) => <span class="code wrap">{one.tenant_id}</span> },
  {
    name: "State",
    cell: (one) => {
      const [tone, why] = states[one.state];
      return (
        <>
          <Badge tone={tone}>{one.state}</Badge>
          {why && <div class="quiet">{why}</div>}
        </>
      );
    },
  },
  {
    name: "Topics",
    number: true,
    cell: (one) => <a href={`${link("topics")}?topic=.${encodeURIComponent(one.tenant_id)}`}>{count(Object.keys(one.topics).length)}</a>,
  },
  { name: "Missing", less: true, cell: (one) => (one.missing.length ? <span class="code wrap">{one.missing.join(", ")}</span> : null) },
];

export function Tenants() {
  const tenants = useLoad<{ tenants: Tenant[] }>("/v1/tenants", 30_000);
  return (
    <Page title="Tenants" about="Who shares the cluster, and whether each has the topics that the catalogue says.">
      <Card title="Tenants" aside={tenants.data && plural(tenants.data.tenants.length, "tenant")}>
        <Show of={tenants} what="the tenants">
          {(data) => (
            <Searched
              label="Find by name"
              caption="Tenants"
              columns={columns}
              rows={data.tenants}
              id={(one) => one.tenant_id}
              words={(one) => [one.tenant_id]}
              ails={(one) => one.state !== "complete"}
              empty="There are no tenants. pouch tenant create makes the topics of one."
            />
          )}
        </Show>
      </Card>
    </Page>
  );
}
