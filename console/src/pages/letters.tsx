// What could not be done: why, whose it was, and sending it again. The records stay sealed.
import { useEffect, useState } from "preact/hooks";
import { address, ask, at } from "../api";
import { bytes, count, plural, when } from "../format";
import { useAction, useLoad } from "../hooks";
import { link, type Place, setQuery } from "../router";
import type { Letter } from "../types";
import { Badge, Card, Choice, type Column, Dialog, Facts, Failure, Field, Page, Show, Table, Typed } from "../ui";

interface Found {
  letters: Letter[];
  cursor: string | null;
}

interface Counted {
  letters: number;
  [name: string]: string | number | null;
}

interface Tally {
  letters: number;
  by_reason: Counted[];
  by_publisher: Counted[];
  by_topic: Counted[];
}

/** What is asked for, as the query of each call has it. */
interface Filter {
  [name: string]: string;
  reason: string;
  publisher: string;
  topic: string;
  request: string;
  since: string;
}

const noFilter: Filter = { reason: "", publisher: "", topic: "", request: "", since: "" };
const spans: [string, string][] = [
  ["", "any time"],
  ["1h", "the last hour"],
  ["1d", "the last day"],
  ["7d", "the last 7 days"],
];

const columns: Column<Letter>[] = [
  { name: "Time", cell: (one) => when(one.time) },
  { name: "Why", cell: (one) => <Badge tone="bad">{one.code ?? "unknown"}</Badge> },
  { name: "Publisher", cell: (one) => one.publisher },
  { name: "Came from", less: true, cell: (one) => <span class="code wrap">{one.source.topic ?? "–"}</span> },
  { name: "Since then", less: true, cell: (one) => one.status },
  { name: "Tries", number: true, less: true, cell: (one) => count(one.attempts) },
  {
    name: "Letter",
    cell: (one) => <a class="code" href={link("letters", String(one.partition), String(one.offset))}>{`${one.partition}/${one.offset}`}</a>,
  },
];

function filterOf(place: Place): Filter {
  return Object.fromEntries(Object.keys(noFilter).map((name) => [name, place.query.get(name) ?? ""])) as Filter;
}

// ---- sending again ----

interface Plan {
  send: number;
  topics: Record<string, number>;
  sent?: number;
  failed?: number;
  [left: string]: unknown;
}

const leftOut: [string, string][] = [
  ["with_others", "are of the same records, which go once: they count as sent with those"],
  ["sent_before", "were sent again before"],
  ["dismissed", "were dismissed"],
  ["truncated", "are not whole: what was cut off is gone"],
  ["nowhere", "do not say where they came from, or that is no topic for requests, or not there"],
  ["circling", "have come back too often"],
  ["later", "are left for another run"],
];

function PlanText({ plan }: { plan: Plan }) {
  const left = leftOut.filter(([name]) => Number(plan[name]) > 0);
  return (
    <div class={plan.send ? "state" : "state warn"} role="status">
      <strong>{plan.send ? `${plural(plan.send, "letter")} would be sent again` : "There is nothing to send"}</strong>
      <ul>
        {Object.entries(plan.topics).map(([topic, n]) => (
          <li key={topic}>
            {count(n)} to <code>{topic}</code>
          </li>
        ))}
        {left.map(([name, text]) => (
          <li key={name}>
            {count(Number(plan[name]))} {text}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Redrive({ what, body, close }: { what: string; body: Record<string, unknown>; close: (sent: boolean) => void }) {
  const [plan, setPlan] = useState<Plan | null>(null);
  const [sent, setSent] = useState<Plan | null>(null);
  const [typed, setTyped] = useState("");
  const call = (how: { dry_run: boolean; expect?: number }) => ask<Plan>("/v1/dead-letters/redrive", { method: "POST", body: { ...body, ...how } });
  const look = useAction(async () => setPlan(await call({ dry_run: true })));
  const send = useAction(async () => setSent(await call({ dry_run: false, expect: plan?.send ?? 0 })));
  useEffect(() => void look.run(), []);
  const word = String(plan?.send ?? "");
  return (
    <Dialog title="Send dead letters again" onClose={() => close(sent !== null)}>
      <p class="quiet">{what} They go back to where they came from, as they came and still sealed; nobody waits for their answers any more.</p>
      {look.busy && (
        <div class="state" role="status" aria-busy="true">
          Looking what would be sent; nothing is sent yet…
        </div>
      )}
      <Failure text={look.error} />
      {plan && !sent && <PlanText plan={plan} />}
      {plan && plan.send > 0 && !sent && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void send.run();
          }}
        >
          <Typed word={word} value={typed} onValue={setTyped} />
          <Failure text={send.error} />
          <div class="actions">
            <button type="submit" class="main" disabled={send.busy || typed !== word}>
              {send.busy ? "Sending…" : `Send ${word} again`}
            </button>
            <button type="button" onClick={() => close(false)}>
              Cancel
            </button>
          </div>
        </form>
      )}
      {sent && (
        <div class={sent.failed ? "state warn" : "state good"} role="status">
          {plural(sent.sent ?? 0, "letter")} sent again{sent.failed ? `, ${count(sent.failed)} not` : ""}.
        </div>
      )}
      {(sent || plan?.send === 0 || look.error) && (
        <div class="actions">
          <button type="button" onClick={() => close(sent !== null)}>
            Close
          </button>
        </div>
      )}
    </Dialog>
  );
}

// ---- the list ----

function Tallied({ tally }: { tally: Tally }) {
  const groups = [
    { by: "reason", rows: tally.by_reason },
    { by: "publisher", rows: tally.by_publisher },
    { by: "topic", rows: tally.by_topic },
  ];
  return (
    <div class="cards three">
      {groups.map(({ by, rows }) => (
        <Card key={by} title={`By ${by}`}>
          <Table
            caption={`Dead letters by ${by}`}
            columns={[
              { name: by[0]?.toUpperCase() + by.slice(1), cell: (row) => <span class="wrap">{row[by] ?? "not told"}</span> },
              { name: "Share", cell: (row) => <Meter part={row.letters / tally.letters} /> },
              { name: "Letters", number: true, cell: (row) => count(row.letters) },
            ]}
            rows={rows.slice(0, 5)}
            id={(row) => String(row[by])}
            empty="None."
          />
        </Card>
      ))}
    </div>
  );
}

function Meter({ part }: { part: number }) {
  return (
    <svg class="meter" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect class="rail" width={100} height={8} />
      <rect class="part" width={100 * part} height={8} />
    </svg>
  );
}

function All({ place }: { place: Place }) {
  const [asked, setAsked] = useState(() => filterOf(place));
  const [typed, setTyped] = useState(asked);
  const [cursor, setCursor] = useState<string | null>(null);
  const [redriving, redrive] = useState(false);
  const found = useLoad<Found>(address("/v1/dead-letters", { ...asked, limit: 50, cursor }));
  const tally = useLoad<Tally>(address("/v1/dead-letters/stats", asked));
  const set = (name: string) => (value: string) => setTyped({ ...typed, [name]: value });
  const search = (filter: Filter) => {
    setCursor(null);
    setTyped(filter);
    setAsked(filter);
    setQuery(filter);
  };
  const narrowed = Object.values(asked).some(Boolean);
  return (
    <Page
      title="Dead letters"
      about="Requests that could not be done, kept as they came, with the reason."
      actions={
        <button type="button" class="main" disabled={!tally.data?.letters} onClick={() => redrive(true)}>
          Send {narrowed ? "these" : "all"} again…
        </button>
      }
    >
      <Card title="Which">
        <form
          class="filters"
          onSubmit={(event) => {
            event.preventDefault();
            search(typed);
          }}
        >
          <Field label="Reason" value={typed.reason} onValue={set("reason")} placeholder="any" />
          <Field label="Publisher" value={typed.publisher} onValue={set("publisher")} placeholder="any" />
          <Field label="Came from topic" value={typed.topic} onValue={set("topic")} placeholder="any" />
          <Field label="Request id" value={typed.request} onValue={set("request")} placeholder="any" />
          <Choice label="Failed" value={typed.since} onValue={set("since")} options={spans} />
          <div class="buttons">
            <button type="submit">Find</button>
            {narrowed && (
              <button type="button" onClick={() => search(noFilter)}>
                All
              </button>
            )}
          </div>
        </form>
      </Card>
      {tally.data && tally.data.letters > 0 && <Tallied tally={tally.data} />}
      <Card title="Letters" aside={tally.data && plural(tally.data.letters, "letter")}>
        <Show of={found} what="dead letters">
          {(data) => (
            <>
              <Table
                caption="Dead letters"
                columns={columns}
                rows={data.letters}
                id={(one) => `${one.partition}/${one.offset}`}
                empty={narrowed ? "No dead letter is like that." : "There are no dead letters: everything could be done."}
              />
              {(data.cursor || cursor) && (
                <div class="actions">
                  {cursor && (
                    <button type="button" onClick={() => setCursor(null)}>
                      From the beginning
                    </button>
                  )}
                  {data.cursor && (
                    <button type="button" onClick={() => setCursor(data.cursor)}>
                      More
                    </button>
                  )}
                </div>
              )}
            </>
          )}
        </Show>
      </Card>
      {redriving && (
        <Redrive
          what={narrowed ? "Those that the filter finds." : "All of them."}
          body={Object.fromEntries(Object.entries(asked).filter(([, value]) => value))}
          close={(sent) => {
            redrive(false);
            if (sent) found.again();
          }}
        />
      )}
    </Page>
  );
}

// ---- one ----

function One({ partition, offset }: { partition: string; offset: string }) {
  const letter = useLoad<Letter>(`/v1/dead-letters/${at(partition)}/${at(offset)}`);
  const [redriving, redrive] = useState(false);
  return (
    <Page
      title={`Dead letter ${partition}/${offset}`}
      about="Its payload stays sealed here. With the key: pouch dlq show --payload."
      actions={
        <>
          <a class="button" href={link("letters")}>
            All dead letters
          </a>
          <button type="button" class="main" disabled={!letter.data} onClick={() => redrive(true)}>
            Send again…
          </button>
        </>
      }
    >
      <Card title="What is known of it">
        <Show of={letter} what="the letter">
          {(one) => (
            <Facts
              rows={[
                ["Failed", when(one.time)],
                ["Why", <Badge tone="bad">{one.code ?? "unknown"}</Badge>],
                ["Reason", one.reason],
                ["Meaning", one.meaning],
                ["Next step", one.next_step],
                [
                  "Request",
                  one.request_id && (
                    <a class="code" href={link("requests", one.request_id)}>
                      {one.request_id}
                    </a>
                  ),
                ],
                ["Publisher", one.publisher],
                [
                  "Came from",
                  one.source.topic && <span class="code">{`${one.source.topic} ${one.source.partition ?? ""}/${one.source.offset ?? ""}`}</span>,
                ],
                ["Target", one.target && <span class="code">{one.target}</span>],
                ["Given up by", one.group && <span class="code">{one.group}</span>],
                ["Tries", one.attempts],
                ["Tenant", one.tenant],
                ["Written by", one.written_by],
                ["Size", one.truncated_from ? `${bytes(one.bytes)} of ${bytes(one.truncated_from)}: the rest was cut off` : bytes(one.bytes)],
              ]}
            />
          )}
        </Show>
      </Card>
      {redriving && <Redrive what="This one." body={{ partition: Number(partition), offset: Number(offset) }} close={() => redrive(false)} />}
    </Page>
  );
}

export function DeadLetters({ place }: { place: Place }) {
  const [partition, offset] = place.rest;
  return partition && offset ? <One partition={partition} offset={offset} /> : <All key={place.query.toString()} place={place} />;
}
