// What could not be done: why, and whose it was. The records stay sealed.
import { useState } from "preact/hooks";
import { address, at } from "../api";
import { bytes, count, plural, when } from "../format";
import { useLoad } from "../hooks";
import { link, type Place, setQuery } from "../router";
import { may } from "../scopes";
import type { Letter } from "../types";
import { Badge, Card, Choice, type Column, Facts, Field, Filters, Page, Show, Table } from "../ui";
import { type DeedName, DeedDialog } from "./letterdeeds";

interface Found {
  letters: Letter[];
  cursor: string | null;
  /** False: looking took too long, and the cursor goes on from there. */
  complete: boolean;
}

interface Counted {
  letters: number;
  [name: string]: string | number | null;
}

interface Tally {
  letters: number;
  /** False: they are of the newest letters, since counting took too long. */
  complete: boolean;
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
  const [deed, setDeed] = useState<DeedName | null>(null);
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
  const these = narrowed ? "these" : "all";
  return (
    <Page
      title="Dead letters"
      about="Requests that could not be done, kept as they came, with the reason."
      actions={
        <>
          {may("write.letters", "*") && (
            <button type="button" class="danger" disabled={!tally.data?.letters} onClick={() => setDeed("purge")}>
              Delete old ones…
            </button>
          )}
          {may("write.letters", asked.topic || "*") && (
            <>
              <button type="button" disabled={!tally.data?.letters} onClick={() => setDeed("dismiss")}>
                Dismiss {these}…
              </button>
              <button type="button" class="main" disabled={!tally.data?.letters} onClick={() => setDeed("redrive")}>
                Send {these} again…
              </button>
            </>
          )}
        </>
      }
    >
      <Card title="Which">
        <Filters
          label="Find"
          find={() => search(typed)}
          more={
            narrowed && (
              <button type="button" onClick={() => search(noFilter)}>
                All
              </button>
            )
          }
        >
          <Field label="Reason" value={typed.reason} onValue={set("reason")} placeholder="any" />
          <Field label="Publisher" value={typed.publisher} onValue={set("publisher")} placeholder="any" />
          <Field label="Came from topic" value={typed.topic} onValue={set("topic")} placeholder="any" />
          <Field label="Request id" value={typed.request} onValue={set("request")} placeholder="any" />
          <Choice label="Failed" value={typed.since} onValue={set("since")} options={spans} />
        </Filters>
      </Card>
      {tally.data && tally.data.letters > 0 && <Tallied tally={tally.data} />}
      <Card title="Letters" aside={tally.data && `${tally.data.complete ? "" : "the newest: "}${plural(tally.data.letters, "letter")}`}>
        <Show of={found} what="dead letters">
          {(data) => (
            <>
              {!data.complete && <div class="state warn">Looking through the older ones takes long; More goes on from here.</div>}
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
      {deed && (
        <DeedDialog
          name={deed}
          which={narrowed ? "Those that the filter finds." : "All of them."}
          body={Object.fromEntries(Object.entries(asked).filter(([, value]) => value))}
          changed={() => {
            found.again();
            tally.again();
          }}
          close={() => setDeed(null)}
        />
      )}
    </Page>
  );
}

// ---- one ----

function One({ partition, offset }: { partition: string; offset: string }) {
  const letter = useLoad<Letter>(`/v1/dead-letters/${at(partition)}/${at(offset)}`);
  const [deed, setDeed] = useState<DeedName | null>(null);
  return (
    <Page
      title={`Dead letter ${partition}/${offset}`}
      about="Its payload stays sealed here. With the key: pouch dlq show --payload."
      actions={
        <>
          <a class="button" href={link("letters")}>
            All dead letters
          </a>
          {may("write.letters", "*") && (
            <>
              <button type="button" disabled={!letter.data} onClick={() => setDeed("dismiss")}>
                Dismiss…
              </button>
              <button type="button" class="main" disabled={!letter.data} onClick={() => setDeed("redrive")}>
                Send again…
              </button>
            </>
          )}
        </>
      }
    >
      <Card title="What is known of it">
        <Show of={letter} what="the letter">
          {(one) => (
            <Facts
              rows={[
                ["Failed", when(one.time)],
                ["Since then", one.status],
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
      {deed && (
        <DeedDialog
          name={deed}
          which="This one."
          body={{ partition: Number(partition), offset: Number(offset) }}
          changed={letter.again}
          close={() => setDeed(null)}
        />
      )}
    </Page>
  );
}

export function DeadLetters({ place }: { place: Place }) {
  const [partition, offset] = place.rest;
  return partition && offset ? <One partition={partition} offset={offset} /> : <All key={place.query.toString()} place={place} />;
}
