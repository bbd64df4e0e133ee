// What became of requests: found by what is known of them, and the way of one, hop by hop. Never what was in them.
import { useState } from "preact/hooks";
import { address, at } from "../api";
import { plural, span, when } from "../format";
import { useLoad } from "../hooks";
import { go, link, type Place, setQuery } from "../router";
import type { Hop, Row, Trace } from "../types";
import { Badge, Card, Check, Choice, type Column, Empty, Facts, Field, Filters, Page, Show, Table } from "../ui";

interface Found {
  rows: Row[];
  cursor: string | null;
  complete?: boolean;
}

const spans: [string, string][] = [
  ["15m", "the last 15 minutes"],
  ["1h", "the last hour"],
  ["1d", "the last day"],
  ["7d", "the last 7 days"],
];

function End({ success, code }: { success: boolean; code: string | null }) {
  return <Badge tone={success ? "good" : "bad"}>{success ? "ok" : (code ?? "failed")}</Badge>;
}

const columns: Column<Row>[] = [
  { name: "Time", cell: (row) => when(row.time) },
  {
    name: "Request",
    cell: (row) => (
      <>
        <a class="code id" href={link("requests", row.request_id)}>
          {row.request_id}
        </a>
        {row.publisher && <div class="quiet more wrap">{row.publisher}</div>}
      </>
    ),
  },
  { name: "Publisher", less: true, cell: (row) => row.publisher },
  { name: "By", less: true, cell: (row) => `${row.by}, ${row.message_type}` },
  { name: "Target", less: true, cell: (row) => row.target ?? row.topic },
  { name: "Took", number: true, less: true, cell: (row) => span(row.took_us) },
  { name: "End", cell: (row) => <End success={row.success} code={row.code} /> },
];

function List({ path, older, newer }: { path: string; older: (cursor: string) => void; newer: (() => void) | null }) {
  const found = useLoad<Found>(path);
  return (
    <Card
      title="Found"
      aside={
        <button type="button" class="small" onClick={found.again}>
          Look again
        </button>
      }
    >
      <Show of={found} what="requests">
        {(data) => (
          <>
            {data.complete === false && <div class="state warn">Some rows of that time are known to be missing, or wait to be written.</div>}
            <Table
              caption="Requests that were found"
              columns={columns}
              rows={data.rows}
              id={(row, i) => `${row.request_id} ${row.at_us} ${i}`}
              empty="Nothing was found. Look over a longer time, or with fewer conditions."
            />
            <div class="actions">
              {newer && (
                <button type="button" onClick={newer}>
                  The newest
                </button>
              )}
              {data.cursor && (
                <button type="button" onClick={() => data.cursor && older(data.cursor)}>
                  Older ones
                </button>
              )}
            </div>
          </>
        )}
      </Show>
    </Card>
  );
}

const isId = (text: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);

function Find({ place }: { place: Place }) {
  const [id, setId] = useState("");
  const [publisher, setPublisher] = useState(place.query.get("publisher") ?? "");
  const [since, setSince] = useState(place.query.get("since") ?? "1h");
  const [failed, setFailed] = useState(place.query.get("failed") === "true");
  const [cursor, setCursor] = useState<string | null>(null);
  const [asked, setAsked] = useState({ publisher, since, failed });
  const search = () => {
    setCursor(null);
    setAsked({ publisher: publisher.trim(), since, failed });
    setQuery({ publisher: publisher.trim(), since, failed: failed ? "true" : "" });
  };
  return (
    <Page title="Requests" about="The way of a request: every hop, when, how long, with what end. Never what was in it.">
      <Card title="By its id">
        <Filters label="Show its way" main ready={isId(id.trim())} find={() => go(link("requests", id.trim().toLowerCase()))}>
          <Field label="Request id" value={id} onValue={setId} placeholder="0b9f3c66-5f0b-4a44-9c57-6d3b7a1f2e10" required />
        </Filters>
      </Card>
      <Card title="By what is known of it">
        <Filters label="Find" find={search}>
          <Field label="Publisher" value={publisher} onValue={setPublisher} placeholder="any" />
          <Choice label="Since" value={since} onValue={setSince} options={spans} />
          <Check label="Failed only" checked={failed} onChecked={setFailed} />
        </Filters>
      </Card>
      <List path={address("/v1/traces", { ...asked, limit: 50, cursor })} older={setCursor} newer={cursor ? () => setCursor(null) : null} />
    </Page>
  );
}

function Bar({ hop, first, all }: { hop: Hop; first: number; all: number }) {
  const start = ((hop.start_us - first) / all) * 100;
  const width = Math.max(0.6, ((hop.took_us ?? all - (hop.start_us - first)) / all) * 100);
  return (
    <svg viewBox="0 0 100 16" preserveAspectRatio="none" aria-hidden="true">
      <rect class="rail" width={100} height={16} rx={1} />
      <rect class={hop.end} x={Math.min(start, 99.4)} y={2} width={Math.min(width, 100 - Math.min(start, 99.4))} height={12} rx={0.5} />
    </svg>
  );
}

function Waterfall({ hops }: { hops: Hop[] }) {
  const first = Math.min(...hops.map((hop) => hop.start_us));
  const last = Math.max(...hops.map((hop) => hop.start_us + (hop.took_us ?? 0)));
  const all = Math.max(1, last - first);
  return (
    <div class="table waterfall" role="group" aria-label="Hops" tabIndex={0}>
      <table>
        <caption class="unseen">Each hop: who had the request, from when, for how long</caption>
        <thead>
          <tr>
            <th scope="col">Who</th>
            <th scope="col">From → to</th>
            <th scope="col" class="number less">
              Start
            </th>
            <th scope="col" class="bar less">
              {span(all)} in all
            </th>
            <th scope="col" class="number">
              Took
            </th>
            <th scope="col">End</th>
          </tr>
        </thead>
        <tbody>
          {hops.map((hop, i) => (
            <tr key={i}>
              <td>{hop.by}</td>
              <td class="code wrap">{[hop.from, hop.to].filter(Boolean).join(" → ")}</td>
              <td class="number less">{span(hop.start_us - first)}</td>
              <td class="bar less">
                <Bar hop={hop} first={first} all={all} />
              </td>
              <td class="number">{span(hop.took_us)}</td>
              <td>
                <Badge tone={hop.end === "ok" ? "good" : hop.end === "open" ? "warn" : "bad"}>
                  {hop.end === "failed" ? (hop.code ?? "failed") : hop.end}
                </Badge>
                {hop.error && <div class="quiet wrap">{hop.error}</div>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Way({ trace }: { trace: Trace }) {
  const [first] = trace.rows;
  if (!first) return <Empty>Nobody has noted anything about this request.</Empty>;
  const publisher = trace.rows.find((row) => row.publisher)?.publisher ?? null;
  const letters = trace.hops.some((hop) => hop.end === "failed");
  return (
    <>
      <Facts
        rows={[
          ["Request", <span class="code">{trace.request_id}</span>],
          ["Publisher", publisher && <a href={link("routes", publisher)}>{publisher}</a>],
          ["Began", when(first.time)],
          ["Hops", plural(trace.hops.length, "hop")],
        ]}
      />
      {!trace.complete && <div class="state warn">Rows of that time are known to be missing, or wait to be written; hops may be among them.</div>}
      <Waterfall hops={trace.hops} />
      {letters && (
        <p>
          <a href={`${link("letters")}?request=${at(trace.request_id)}`}>Dead letters of this request</a>
        </p>
      )}
    </>
  );
}

export function Requests({ place }: { place: Place }) {
  const [id] = place.rest;
  const trace = useLoad<Trace>(id ? `/v1/traces/${at(id)}` : null);
  if (!id) return <Find key={place.query.get("publisher") ?? ""} place={place} />;
  return (
    <Page
      title="Request"
      about="A bar is the time that a program had it. Each host's own clock tells its times."
      actions={
        <>
          <a class="button" href={link("requests")}>
            Find another
          </a>
          <button type="button" onClick={trace.again}>
            Look again
          </button>
        </>
      }
    >
      <Card title="Its way">
        <Show of={trace} what="its way">
          {(data) => <Way trace={data} />}
        </Show>
      </Card>
    </Page>
  );
}
