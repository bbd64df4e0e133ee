// Who is routed where: as a picture, as a table, and what can be done to a route.
import { useState } from "preact/hooks";
import { ask, at } from "../api";
import { count, digits, plural, span, when } from "../format";
import { useAction, useLoad } from "../hooks";
import { go, link, type Place } from "../router";
import { may } from "../scopes";
import type { Change, Route, View } from "../types";
import { Asking, Badge, Card, Check, type Column, Dialog, Facts, Failure, Field, Page, Searched, Show, Table } from "../ui";
import { mostShown, RouteMap } from "./routemap";

interface Routes {
  routes: Route[];
}

const pathOf = (publisher: string) => `/v1/routes/${at(publisher)}`;
/** The version that was seen: what somebody else has changed meanwhile is not overwritten. */
const asSeen = (route: Route) => ({ "if-match": `"${route.version}"` });

/** As they are edited: "orders.new 10", or without a weight. */
function linesOf(route: Route): string {
  return route.targets.map((target) => [target, route.weights?.[target]].filter((word) => word !== undefined).join(" ")).join("\n");
}

function readLines(text: string): { targets: string[]; weights?: Record<string, number> } {
  const lines = text
    .split(/[\n,]+/)
    .map((line) => line.trim().split(/\s+/))
    .filter(([target]) => target);
  const targets = lines.map(([target]) => target ?? "");
  if (lines.every(([, weight]) => weight === undefined)) return { targets };
  return { targets, weights: Object.fromEntries(lines.map(([target, weight]) => [target, Number(weight ?? 0)])) };
}

function targetsOf({ targets, weights }: Route): string {
  if (!weights) return targets.join(", ");
  const all = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  return targets.map((target) => `${target} ${digits((100 * (weights[target] ?? 0)) / all)} %`).join(", ");
}

function Edit({ route, done, close }: { route: Route | null; done: () => void; close: () => void }) {
  const [publisher, setPublisher] = useState(route?.publisher ?? "");
  const [targets, setTargets] = useState(route ? linesOf(route) : "");
  const [service, setService] = useState(route?.service ?? "");
  const [enabled, setEnabled] = useState(route?.enabled ?? true);
  const save = () => {
    const body = { publisher, ...readLines(targets), service: service || null, enabled };
    return route
      ? ask(pathOf(route.publisher), { method: "PUT", body, headers: asSeen(route) })
      : ask("/v1/routes", { method: "POST", body });
  };
  return (
    <Dialog title={route ? `Route of ${route.publisher}` : "New route"} onClose={close}>
      <Asking label={route ? "Save" : "Add"} act={save} done={done} close={close}>
        <Field
          label="Publisher"
          value={publisher}
          onValue={setPublisher}
          required
          readOnly={route !== null}
          hint="The name that requests are routed by"
        />
        <div class="field">
          <label for="targets">Targets, one a line</label>
          <textarea
            id="targets"
            rows={4}
            value={targets}
            required
            aria-describedby="targets-hint"
            onInput={(event) => setTargets(event.currentTarget.value)}
          />
          <small id="targets-hint" class="quiet">
            Each gets every request. With a number behind each, such as “orders.new 10”, a request goes to one of them, by these weights.
          </small>
        </div>
        <Field label="Service (may be empty)" value={service} onValue={setService} />
        <Check label="Enabled: requests are routed by it" checked={enabled} onChecked={setEnabled} />
      </Asking>
    </Dialog>
  );
}

function Remove({ route, done, close }: { route: Route; done: () => void; close: () => void }) {
  return (
    <Dialog title={`Remove the route of ${route.publisher}?`} onClose={close}>
      <p>
        Requests of this publisher are then answered with <code>no_route</code>. Its history stays, and it can be rolled back from there.
      </p>
      <Asking
        label="Remove"
        danger
        word={route.publisher}
        act={() => ask(pathOf(route.publisher), { method: "DELETE", headers: asSeen(route) })}
        done={done}
        close={close}
      />
    </Dialog>
  );
}

function Switch({ route, done }: { route: Route; done: () => void }) {
  const change = useAction(() =>
    ask(`${pathOf(route.publisher)}/${route.enabled ? "disable" : "enable"}`, { method: "POST", headers: asSeen(route) }),
  );
  return (
    <>
      <button
        type="button"
        disabled={change.busy}
        onClick={async () => (await change.run()) && done()}
        aria-label={`${route.enabled ? "Disable" : "Enable"} the route of ${route.publisher}`}
      >
        {route.enabled ? "Disable" : "Enable"}
      </button>
      <Failure text={change.error} />
    </>
  );
}

function what(change: Change): string {
  if (!change.before) return "added";
  if (!change.after) return "removed";
  const names = Object.keys(change.after).filter((name) => JSON.stringify(change.after?.[name]) !== JSON.stringify(change.before?.[name]));
  return (
    names.map((name) => `${name}: ${JSON.stringify(change.before?.[name] ?? null)} → ${JSON.stringify(change.after?.[name])}`).join("; ") || "nothing"
  );
}

/** now is null where the route was removed. */
function Back({ publisher, now, change, done }: { publisher: string; now: Route | null; change: Change; done: () => void }) {
  const [asked, set] = useState(false);
  return (
    <>
      <button type="button" class="small" onClick={() => set(true)} aria-label={`Roll back to version ${change.version}`}>
        Roll back
      </button>
      {asked && (
        <Dialog title={`Roll back to version ${change.version}?`} onClose={() => set(false)}>
          <p>The route becomes again what it was in that version. That is a change as any other, and centers follow within a second.</p>
          <Asking
            label="Roll back"
            act={() =>
              ask(`${pathOf(publisher)}/rollback`, {
                method: "POST",
                headers: now ? asSeen(now) : { "if-none-match": "*" },
                body: { to: change.version },
              })
            }
            done={() => {
              set(false);
              done();
            }}
            close={() => set(false)}
          />
        </Dialog>
      )}
    </>
  );
}

function One({ publisher }: { publisher: string }) {
  const route = useLoad<Route>(pathOf(publisher), 10_000);
  const history = useLoad<{ changes: Change[] }>(`${pathOf(publisher)}/history`);
  const [open, set] = useState<"edit" | "remove" | null>(null);
  const mine = may("write.routes", publisher);
  const changed = () => {
    set(null);
    route.again();
    history.again();
  };
  const columns: Column<Change>[] = [
    { name: "Version", cell: (one) => one.version },
    { name: "When", cell: (one) => when(one.at) },
    { name: "Who", less: true, cell: (one) => one.who },
    { name: "What", cell: (one) => <span class="wrap code">{what(one)}</span> },
    { name: "Back", cell: (one) => one.after && <Back publisher={publisher} now={route.data} change={one} done={changed} /> },
  ];
  return (
    <Page
      title={publisher}
      about="A route: who asks, and who is asked."
      actions={
        <>
          <a class="button" href={link("routes")}>
            All routes
          </a>
          {route.data && mine && (
            <>
              <button type="button" onClick={() => set("edit")}>
                Edit
              </button>
              <Switch route={route.data} done={changed} />
              <button type="button" class="danger" onClick={() => set("remove")}>
                Remove
              </button>
            </>
          )}
        </>
      }
    >
      <Card title="Route">
        <Show of={route} what="the route">
          {(one) => (
            <Facts
              rows={[
                ["State", <Badge tone={one.enabled ? "good" : "warn"}>{one.enabled ? "enabled" : "disabled"}</Badge>],
                ["Targets", <span class="code">{targetsOf(one)}</span>],
                ["Service", one.service && <a href={link("services", one.service)}>{one.service}</a>],
                ["Id", <span class="code">{one.id}</span>],
                ["Version", one.version],
                ["Changed", when(one.updated_at)],
                ["Requests", <a href={`${link("requests")}?publisher=${at(one.publisher)}`}>those of this publisher</a>],
              ]}
            />
          )}
        </Show>
      </Card>
      <Card title="History">
        <Show of={history} what="its history">
          {(data) => (
            <Table
              caption={`Changes of the route of ${publisher}`}
              columns={columns.filter((column) => column.name !== "Back" || mine)}
              rows={[...data.changes].reverse()}
              id={(one) => String(one.version)}
              empty="Nothing is known of its changes."
            />
          )}
        </Show>
      </Card>
      {open === "edit" && route.data && <Edit route={route.data} done={changed} close={() => set(null)} />}
      {open === "remove" && route.data && <Remove route={route.data} done={() => go(link("routes"))} close={() => set(null)} />}
    </Page>
  );
}

function busiest(routes: Route[], view: View | null): Route[] {
  const rates = new Map(view?.publishers.map((one) => [one.publisher, one.rate ?? 0]));
  const chosen = [...routes].sort((a, b) => (rates.get(b.publisher) ?? 0) - (rates.get(a.publisher) ?? 0)).slice(0, mostShown);
  return chosen.sort((a, b) => a.publisher.localeCompare(b.publisher));
}

function List({ routes, view, changed }: { routes: Route[]; view: View | null; changed: () => void }) {
  const columns: Column<Route>[] = [
    {
      name: "Publisher",
      cell: (one) => (
        <a class="wrap" href={link("routes", one.publisher)}>
          {one.publisher}
        </a>
      ),
    },
    { name: "State", less: true, cell: (one) => <Badge tone={one.enabled ? "good" : "warn"}>{one.enabled ? "enabled" : "disabled"}</Badge> },
    { name: "Targets", cell: (one) => <span class="code wrap">{targetsOf(one)}</span> },
    { name: "Routed", number: true, less: true, cell: (one) => count(one.stats?.count) },
    { name: "Failed", number: true, less: true, cell: (one) => count(one.stats?.failure) },
    { name: "p99", number: true, less: true, cell: (one) => span(one.stats?.p99_us) },
    {
      name: "Change",
      cell: (one) =>
        may("write.routes", one.publisher) && (
          <div class="buttons small">
            <Switch route={one} done={changed} />
          </div>
        ),
    },
  ];
  const most = routes.length > mostShown;
  return (
    <>
      {routes.length > 0 && (
        <Card
          title="Map"
          aside={
            most ? `the ${mostShown} busiest of ${plural(routes.length, "route")}; all of them are in the table` : plural(routes.length, "route")
          }
        >
          <RouteMap routes={busiest(routes, view)} view={view} />
        </Card>
      )}
      <Card title="All routes">
        <Searched
          label="Find by publisher, target or service"
          caption="Routes"
          columns={columns.filter((column) => column.name !== "Change" || may("write.routes"))}
          rows={routes}
          id={(one) => one.id}
          words={(one) => [one.publisher, one.service ?? "", ...one.targets]}
          empty="There are no routes yet. Add one, or use pouch route add."
        />
      </Card>
    </>
  );
}

export function Routes({ place }: { place: Place }) {
  const [publisher] = place.rest;
  return publisher ? <One key={publisher} publisher={publisher} /> : <All />;
}

function All() {
  const routes = useLoad<Routes>("/v1/routes?stats=1h", 10_000);
  const view = useLoad<View>("/v1/stats", 2000);
  const [adding, add] = useState(false);
  return (
    <Page
      title="Routes"
      about="Which publisher's requests go to which targets, and what goes over each way now."
      actions={
        may("write.routes") && (
          <button type="button" class="main" onClick={() => add(true)}>
            Add a route
          </button>
        )
      }
    >
      <Show of={routes} what="the routes">
        {(data) => <List routes={data.routes} view={view.data} changed={routes.again} />}
      </Show>
      {adding && (
        <Edit
          route={null}
          close={() => add(false)}
          done={() => {
            add(false);
            routes.again();
          }}
        />
      )}
    </Page>
  );
}
